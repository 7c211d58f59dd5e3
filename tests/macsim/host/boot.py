# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots a Mac: a supervisor process on the host, and below it the first process of three new namespaces.

The supervisor lives outside, so that it can clear the host's directory when the Mac or its owner is gone; the Mac's first process
asks the kernel to be killed with the supervisor, and takes every process and mount of the Mac with it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from host import python39, rootfs, syscalls
from host.layout import Instance, MacsimError, alive, cache_dir, mac_dir, read_instance, write_instance
from host.publish import publish_standins

BOOT_TIMEOUT_S = 60.0
_READY = b"ready\n"


@dataclass(frozen=True)
class BootRequest:
    """All that a boot needs to know; ``mac`` is the description that goes to ``mac.json``, ``seed`` what it starts with."""

    name: str
    mac: dict[str, object]
    seed: dict[str, object]
    port: int
    owner_pid: int | None
    docker_socket: str | None
    shares: tuple[str, ...]


def boot(request: BootRequest) -> Instance:
    """Boot a Mac and return when ssh answers; raises MacsimError with the reason when it does not come up."""
    if os.geteuid() != 0:
        raise MacsimError("the simulated Mac needs root: it makes mount, UTS and PID namespaces")
    directory = _claim(request.name)
    try:
        listener = _listen(request.port)
        sources = _prepare(directory, request)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            _become_supervisor(directory, request, sources, listener, writer)
        os.close(writer)
        listener.close()
        answer = _read_answer(reader)
    except BaseException:
        if not (directory / "info.json").exists():
            shutil.rmtree(directory, ignore_errors=True)
        raise
    if not answer.endswith(_READY.decode()):
        time.sleep(0.2)
        shutil.rmtree(directory, ignore_errors=True)
        raise MacsimError(f"Mac {request.name!r} did not boot: {answer.strip() or 'no answer'}")
    return read_instance(request.name)


def _claim(name: str) -> Path:
    directory = mac_dir(name)
    try:
        _make(directory)
    except FileExistsError:
        if _is_stale(directory):
            shutil.rmtree(directory)
            _make(directory)
        else:
            raise MacsimError(f"a Mac {name!r} is already running or booting; stop it first or take another name") from None
    (directory / "boot.pid").write_text(str(os.getpid()))
    return directory


def _make(directory: Path) -> None:
    """Make the Mac's directory; the last Mac that ends takes the one above away, at any moment."""
    while True:
        directory.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        try:
            directory.mkdir(mode=0o700)
            return
        except FileNotFoundError:
            continue


def _is_stale(directory: Path) -> bool:
    """True when neither the Mac of this record nor the process that boots it lives."""
    try:
        record = json.loads((directory / "info.json").read_text())
        return not alive(record["pid"]) and not alive(record["supervisor"])
    except FileNotFoundError:
        pass
    try:
        return not alive(int((directory / "boot.pid").read_text()))
    except (FileNotFoundError, ValueError):
        return True


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise MacsimError(f"port {port} of 127.0.0.1 cannot be used: {error.strerror}") from error
    listener.listen(64)
    return listener


def _prepare(directory: Path, request: BootRequest) -> rootfs.Sources:
    key = directory / "id_ed25519"
    _make_key(key)
    host_key = cache_dir() / "ssh_host_ed25519_key"
    python = python39.prepare()
    if not host_key.exists():
        _make_key(host_key)
    (directory / "root").mkdir()
    if request.docker_socket is not None and not Path(request.docker_socket).is_socket():
        raise MacsimError(f"--docker-socket {request.docker_socket!r} is not a socket")
    return rootfs.Sources(
        python=python, standins=publish_standins(), authorized_key=key.with_suffix(".pub").read_text(), host_key=host_key,
        docker_socket=request.docker_socket, shares=request.shares,
    )


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "macsim", "-f", str(path)], check=True, stdin=subprocess.DEVNULL)


def _read_answer(reader: int) -> str:
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    chunks = b""
    while time.monotonic() < deadline and not chunks.endswith(_READY):
        if select.select([reader], [], [], 0.5)[0]:
            chunk = os.read(reader, 65536)
            if not chunk:
                break
            chunks += chunk
    os.close(reader)
    return chunks.decode(errors="replace")


def _become_supervisor(
    directory: Path, request: BootRequest, sources: rootfs.Sources, listener: socket.socket, writer: int
) -> None:
    """Never returns: detach from the caller, start the Mac, wait for an end, clear up."""
    status = 1
    try:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        owner = os.pidfd_open(request.owner_pid) if request.owner_pid is not None else None
        _redirect_output(directory / "boot.log", keep={writer, listener.fileno(), owner})
        syscalls.unshare(syscalls.CLONE_NEWPID)
        child = os.fork()
        if child == 0:
            _become_first_process(directory, request, sources, listener, writer)
        write_instance(_instance(directory, request, listener, child))
        listener.close()
        os.close(writer)
        _supervise(child, owner)
        status = 0
    except BaseException:
        os.write(writer, traceback.format_exc().encode()) if status else None
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        _remove_if_empty(directory.parent)
        os._exit(status)


def _instance(directory: Path, request: BootRequest, listener: socket.socket, child: int) -> Instance:
    return Instance(
        name=request.name, host="127.0.0.1", port=listener.getsockname()[1], user="admin", key=str(directory / "id_ed25519"), pid=child,
        supervisor=os.getpid(), dir=str(directory),
    )


def _remove_if_empty(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        pass


def _redirect_output(log: Path, keep: set[int | None]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass


def _supervise(child: int, owner: int | None) -> None:
    """Return when the Mac has ended, after ending it when its owner died or somebody asked for it."""
    mac = os.pidfd_open(child)
    wake_reader, wake_writer = os.pipe()
    signal.signal(signal.SIGTERM, lambda number, frame: os.write(wake_writer, b"x"))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waited = [mac, wake_reader] + ([owner] if owner is not None else [])
    select.select(waited, [], [])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _become_first_process(
    directory: Path, request: BootRequest, sources: rootfs.Sources, listener: socket.socket, writer: int
) -> None:
    """Never returns: enter the namespaces, build the Mac, become its launchd."""
    try:
        syscalls.die_with_parent(signal.SIGKILL)
        syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWIPC)
        syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        syscalls.set_hostname(f"{request.name}.local")
        root = directory / "root"
        rootfs.build(root, request.mac, sources)
        (root / "private/var/macsim/seed.json").write_text(json.dumps(request.seed))
        (root / "private/var/macsim/seed.json").chmod(0o600)
        _switch_root(root)
        os.set_inheritable(listener.fileno(), True)
        os.set_inheritable(writer, True)
        hidden = f"/{rootfs.HIDDEN}"
        arguments = [f"{hidden}/python", "-ISB", f"{hidden}/standins/pid1.py", str(listener.fileno()), str(writer)]
        os.execve(arguments[0], arguments, {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
    except BaseException:
        os.write(writer, traceback.format_exc().encode())
        os._exit(1)


def _switch_root(root: Path) -> None:
    syscalls.mount("proc", str(root / rootfs.HIDDEN / "proc"), "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV)
    os.chdir(root)
    os.mkdir("run/old")
    syscalls.pivot_root(".", "run/old")
    os.chroot(".")
    os.chdir("/")
    syscalls.detach("/run/old")
    os.rmdir("/run/old")
    sys.stdout.flush()
