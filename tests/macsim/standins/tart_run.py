# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tart run, exec, stop and suspend: a real process per machine, a real lock, a real process of the virtual machine below it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standins.call import PROC, STATE, Call, Fail
from standins.tart_options import Words, validation, version_of
from standins.tart_store import Home, is_complete, lock_owner, new_mac, parse_remote, read_config, read_traits, state_of, write_config
from standins.virtual_machines import GUEST_MARK, machine_arguments, machine_processes

MAC_GUEST_LIMIT = 2
_KEYCHAIN_MACOS = 15
_EXEC_USAGE = "Usage: tart exec [-i] [-t] <name> <command> ...\n  See 'tart exec --help' for more information.\n"
_GUEST_PROGRAMS = f"{STATE}/guest"
_HERE = os.path.dirname(os.path.abspath(__file__))
_PYTHON = "/System/Library/macsim/python"
#: What the guest's user has in its home when the guest starts for the first time.
_GUEST_HOME = f"{STATE}/guest-home"
_START_FAILED = (
    'Error Domain=VZErrorDomain Code=1 "The virtual machine failed to start." UserInfo={NSLocalizedFailure=Internal Virtualization error., '
    "NSLocalizedFailureReason=The virtual machine failed to start.}\n"
)


def run(call: Call, home: Home, words: Words) -> int:
    """Start the machine and stay until it is off."""
    call.writes()
    name = words.positionals[0]
    directory = _validated(home, name, words)
    config, traits = read_config(directory), read_traits(directory)
    with home.locked():
        if lock_owner(directory) is not None:
            raise Fail(2, f'VM "{name}" is already running!\n')
        config = _own_mac_address(home, name, directory, config)
        _check_start(config, traits)
        with _counted(config["os"], home):
            machine = _start_machine(home, name, directory, config)
            lock = open(directory / "config.json", "r+", encoding="utf-8")
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    call.log(None)
    try:
        return _Running(call, directory, config, traits, machine, words).stay()
    finally:
        machine.kill()
        machine.wait()


def _validated(home: Home, name: str, words: Words) -> Path:
    if words.flag("--vnc") and words.flag("--vnc-experimental"):
        raise validation("run", "--vnc and --vnc-experimental are mutually exclusive")
    softnet = any(words.values.get(key) for key in words.values if key.startswith("--net-softnet"))
    if sum((softnet, words.flag("--net-bridged"), words.flag("--net-host"))) > 1:
        raise validation("run", "--net-bridged, --net-softnet and --net-host are mutually exclusive")
    if words.flag("--graphics") and words.flag("--no-graphics"):
        raise validation("run", "--graphics and --no-graphics are mutually exclusive")
    directory = home.vm_dir(name)
    if not directory.is_dir():
        raise Fail(1, f'Error: the specified VM "{name}" does not exist\n')
    if not is_complete(directory):
        raise Fail(1, "Error: VM is missing some of its files (config.json, disk.img or nvram.bin)\n")
    try:
        os.utime(directory)
    except OSError as error:
        raise Fail(1, f"Error: utimes(2) failed: {error.strerror}\n") from None
    suspendable = words.flag("--suspendable") or (directory / "state.vzvmsave").exists()
    if suspendable and read_config(directory)["os"] != "darwin":
        raise validation("run", "You can only suspend macOS VMs")
    if (softnet or words.flag("--net-host")) and not _softnet():
        raise Fail(1, 'Error: InitializationFailed(why: "softnet not found in PATH")\n')
    return directory


def _softnet() -> str | None:
    for part in os.environ.get("PATH", "").split(":"):
        if os.access(f"{part}/softnet", os.X_OK):
            return f"{part}/softnet"
    return None


def _own_mac_address(home: Home, name: str, directory: Path, config: dict[str, Any]) -> dict[str, Any]:
    for other in home.local_names():
        path = home.vm_dir(other)
        if other != name and lock_owner(path) is not None and read_config(path)["macAddress"] == config["macAddress"]:
            print("There is already a running VM with the same MAC address!\nResetting VM to assign a new MAC address...", flush=True)
            config["macAddress"] = new_mac()
            write_config(directory, config)
            (directory / "state.vzvmsave").unlink(missing_ok=True)
    return config


def _check_start(config: dict[str, Any], traits: dict[str, Any]) -> None:
    """Guests of macOS 15 and later need an unlocked login keychain of the calling user; root has none."""
    if config["os"] != "darwin" or int(traits.get("macos", 0)) < _KEYCHAIN_MACOS:
        return
    keychain = Path(os.path.expanduser("~/Library/Keychains/login.keychain-db"))
    if os.geteuid() == 0 or not keychain.exists() or not json.loads(keychain.read_text()).get("unlocked"):
        raise Fail(1, _START_FAILED)


@contextmanager
def _counted(guest: str, home: Home):
    """The framework's count of macOS guests of the whole Mac, taken while nobody else starts one."""
    with open(f"{STATE}/vm.lock", "r+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = [process for process in machine_processes() if process.guest == "darwin"]
        if guest == "darwin" and len(running) >= MAC_GUEST_LIMIT:
            others = [name for name in home.local_names() if state_of(home.vm_dir(name)) == "running"]
            hint = f" (other running VMs: {', '.join(others)})" if others else ""
            raise Fail(1, f"The number of VMs exceeds the system limit{hint}\n")
        yield


def _start_machine(home: Home, name: str, directory: Path, config: dict[str, Any]) -> subprocess.Popen:
    arguments = machine_arguments(config["os"], config["memorySize"], name)
    process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    note_lease(config["macAddress"])
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and process.pid not in [found.pid for found in machine_processes()]:
        time.sleep(0.005)
    return process


def address_of(mac_address: str) -> str:
    return f"192.168.64.{2 + hashlib.sha256(mac_address.encode()).digest()[0] % 250}"


def note_lease(mac_address: str) -> None:
    """What bootpd does when the guest asks for an address."""
    with open(f"{STATE}/leases.json", "r+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        leases = json.load(stream)
        leases[mac_address] = address_of(mac_address)
        stream.seek(0)
        stream.truncate()
        json.dump(leases, stream)


class _Running:
    """A machine that is on: answers signals, the control socket, and the end of the machine's process."""

    def __init__(self, call: Call, directory: Path, config: dict, traits: dict, machine: subprocess.Popen, words: Words) -> None:
        self.directory = directory
        self.config = config
        self.traits = traits
        self.machine = machine
        self.suspendable = words.flag("--suspendable")
        self.reader, self.writer = os.pipe()
        for descriptor in (self.reader, self.writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self.writer)
        for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda *dummy: None)
        os.chdir(directory)
        self.control = self._open_control(version_of(call.version))
        self.guests: list[socket.socket] = []

    def _open_control(self, version: tuple[int, ...]) -> socket.socket | None:
        """The socket is not removed by releases from 2.30.6 on: the second run has none, or (from 2.36.0) fails."""
        if version < (2, 27):
            return None
        if os.path.exists("control.sock") and version < (2, 30, 6):
            os.unlink("control.sock")
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            control.bind("control.sock")
        except OSError:
            if version >= (2, 36):
                raise Fail(1, "bind(descriptor:ptr:bytes:): Address already in use) (errno: 48)\n") from None
            if version >= (2, 33):
                print("Failed to run control socket: bind(descriptor:ptr:bytes:): Address already in use) (errno: 48)", file=sys.stderr, flush=True)
            return None
        control.listen(16)
        return control

    def stay(self) -> int:
        if (self.directory / ".guest" / "Library" / "LaunchAgents").is_dir():
            _guest_home(self.directory, os.getpid(), self.config["os"])
        if os.path.exists("state.vzvmsave"):
            print("restoring VM state from a snapshot...\nresuming VM...", flush=True)
            os.unlink("state.vzvmsave")
        pidfd = os.pidfd_open(self.machine.pid)
        while True:
            waited = [self.reader, pidfd, *self.guests, *([self.control] if self.control else [])]
            readable, dummy, dummy2 = select.select(waited, [], [])
            if self.reader in readable:
                code = self._signalled(os.read(self.reader, 64))
                if code is not None:
                    return code
            if pidfd in readable:
                print("guest has stopped the virtual machine due to error: Internal Virtualization error.", flush=True)
                return 0
            if self.control in readable:
                self.guests.append(self.control.accept()[0])
                self.guests[-1].sendall(json.dumps(self.traits).encode() + b"\n")
            for guest in [guest for guest in self.guests if guest in readable]:
                if self._guest_wants_off(guest):
                    print("guest has stopped the virtual machine", flush=True)
                    return 0

    def _guest_wants_off(self, guest: socket.socket) -> bool:
        data = guest.recv(64)
        if not data:
            self.guests.remove(guest)
            guest.close()
        return data.startswith(b"off")

    def _signalled(self, numbers: bytes) -> int | None:
        if signal.SIGINT in numbers:
            print("Stopping VM...", flush=True)
            return 0
        if signal.SIGUSR1 in numbers:
            return self._suspend()
        if signal.SIGUSR2 in numbers:
            print("Requesting guest OS to stop...", flush=True)
            if self.config["os"] == "linux":
                print("guest has stopped the virtual machine", flush=True)
                return 0
        return None

    def _suspend(self) -> int:
        print("pausing VM to take a snapshot...", flush=True)
        if not self.suspendable:
            print("Failed to suspend the VM: Invalid virtual machine configuration.", flush=True)
            return 1
        print("creating a snapshot...", flush=True)
        Path("state.vzvmsave").write_text("saved")
        print("snapshot created successfully! shutting down the VM...", flush=True)
        return 0


def stop(call: Call, home: Home, words: Words) -> int:
    call.writes()
    name = words.positionals[0]
    directory = home.open_vm(name)
    state = state_of(directory)
    if state == "suspended":
        (directory / "state.vzvmsave").unlink()
        return 0
    if state == "stopped":
        raise Fail(2, f'VM "{name}" is not running\n')
    deadline = time.monotonic() + words.values.get("--timeout", 30)
    _signal_owner(directory, signal.SIGINT)
    while time.monotonic() < deadline:
        if lock_owner(directory) is None:
            return 0
        time.sleep(0.1)
    _signal_owner(directory, signal.SIGKILL)
    return 0


def _signal_owner(directory: Path, number: int) -> None:
    owner = lock_owner(directory)
    if owner is not None:
        try:
            os.kill(owner, number)
        except ProcessLookupError:
            pass


def suspend(call: Call, home: Home, words: Words) -> int:
    call.writes()
    name = words.positionals[0]
    directory = home.open_vm(name)
    if lock_owner(directory) is None:
        raise Fail(2, f'VM "VM "{name}" is not running" is not running\n')
    _signal_owner(directory, signal.SIGUSR1)
    return 0


def execute(call: Call, home: Home, argv: list[str]) -> int:
    """tart exec [-i] [-t] NAME COMMAND...: the guest's process runs on the Mac, below the machine's life."""
    call.writes()
    interactive = False
    while argv and argv[0].startswith("-"):
        if set(argv[0][1:]) - set("it"):
            raise Fail(64, f"Error: Unknown option '{argv[0]}'\n{_EXEC_USAGE}")
        if "t" in argv[0] and not sys.stdout.isatty():
            os.kill(os.getpid(), signal.SIGTRAP)
        interactive = interactive or "i" in argv[0]
        argv = argv[1:]
    if len(argv) < 2:
        raise Fail(64, f"Error: Missing expected argument '<command> ...'\n{_EXEC_USAGE}")
    name, command = argv[0], argv[1:]
    directory = home.open_vm(name)
    if parse_remote(name) or lock_owner(directory) is None:
        raise Fail(2, f'VM "{name}" is not running\n')
    control = _connect(directory)
    if [word for word in command if word != "sudo"][:1] in (["shutdown"], ["/sbin/shutdown"]):
        control.sendall(b"off")
        return 0
    return _run_in_guest(directory, command, interactive, control)


def _connect(directory: Path) -> socket.socket:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    no_agent = Fail(
        1, "Failed to connect to the VM using its control socket: The operation couldn't be completed. "
        "(GRPC.GRPCConnectionPoolError error 1.), is the Tart Guest Agent running?\n"
    )
    os.chdir(directory)
    try:
        control.connect("control.sock")
        line = control.makefile().readline()
    except OSError:
        raise no_agent from None
    if not line or not json.loads(line).get("agent", True):
        time.sleep(1)
        raise no_agent
    return control


def _guest_environment(directory: Path) -> dict[str, str]:
    return {
        "PATH": f"{_GUEST_PROGRAMS}:{_HERE}/guest_bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(directory / ".guest"), "USER": "admin",
        "LANG": "en_US.UTF-8", GUEST_MARK: str(directory),
    }


def _guest_home(directory: Path, owner: int | None, system: str) -> Path:
    """The home of the guest's user; who uses it first since the start boots the guest: its launchd, and the end of its processes with the machine."""
    home = directory / ".guest"
    with open(directory / ".guest.lock", "a+", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            if os.path.isdir(_GUEST_HOME):
                shutil.copytree(_GUEST_HOME, home, symlinks=True)
            else:
                home.mkdir()
        lock.seek(0)
        if owner is not None and lock.read() != str(owner):
            lock.truncate(0)
            lock.write(str(owner))
            lock.flush()
            null = subprocess.DEVNULL
            words = [_PYTHON, "-IS", f"{_HERE}/guest_end.py", PROC, str(owner), f"{GUEST_MARK}={directory}"]
            subprocess.Popen(words, stdin=null, stdout=null, stderr=null, cwd="/", start_new_session=True)
            if system == "darwin":
                words = [_PYTHON, "-ISB", f"{_HERE}/guest_launchd.py", str(directory)]
                environment = _guest_environment(directory)
                subprocess.Popen(words, stdin=null, stdout=null, stderr=null, cwd="/", env=environment, start_new_session=True)
    return home


def _run_in_guest(directory: Path, command: list[str], interactive: bool, control: socket.socket) -> int:
    home = _guest_home(directory, lock_owner(directory), read_config(directory)["os"])
    program = f"{_GUEST_PROGRAMS}/{os.path.basename(command[0])}"
    if os.access(program, os.X_OK):
        command = [program, *command[1:]]
    try:
        process = subprocess.Popen(
            command, stdin=None if interactive else subprocess.DEVNULL, cwd=home, env=_guest_environment(directory), start_new_session=True
        )
    except OSError:
        raise Fail(1, f'Error: unknown (2): exec: "{command[0]}": executable file not found in $PATH\n') from None
    pidfd = os.pidfd_open(process.pid)
    readable, dummy, dummy2 = select.select([pidfd, control], [], [])
    if pidfd not in readable:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise Fail(1, "Error: unavailable (14): the connection to the guest was lost\n")
    code = process.wait()
    return code if code >= 0 else 255
