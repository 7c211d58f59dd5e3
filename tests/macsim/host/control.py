# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host does with a running Mac: stop, reboot, look, change, run something inside."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path

from host import profiles, syscalls
from host.fault_profiles import PROFILES
from host.layout import Instance, MacsimError, alive, all_names, mac_dir, read_instance, state_dir

_STOP_TIMEOUT_S = 10.0
_REBOOT_TIMEOUT_S = 60.0
_STATE = "private/var/macsim"


def running() -> list[dict[str, object]]:
    """Records of the Macs that live."""
    found = []
    for name in all_names():
        try:
            found.append(read_instance(name).public())
        except MacsimError:
            continue
    return found


def stop(name: str) -> None:
    """End a Mac and wait until nothing of it is left; a dead one's record is cleared."""
    directory = mac_dir(name)
    if not directory.exists():
        raise MacsimError(f"no Mac {name!r} is running (looked in {state_dir()})")
    record = _raw_record(directory)
    for key in ("supervisor", "pid"):
        if alive(record.get(key, 0)) and record.get(key):
            os.kill(record[key], signal.SIGTERM if key == "supervisor" else signal.SIGKILL)
            _wait_gone(directory, record)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        state_dir().rmdir()
    except OSError:
        pass


def _raw_record(directory: Path) -> dict[str, int]:
    try:
        return json.loads((directory / "info.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _wait_gone(directory: Path, record: dict[str, int]) -> None:
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        if not directory.exists() or not (alive(record["supervisor"]) or alive(record["pid"])):
            return
        time.sleep(0.02)


def read_state(name: str, file: str) -> str:
    """Content of one of the files that the stand-ins keep."""
    return (read_instance(name).root / _STATE / file).read_text()


def order_faults(name: str, words: list[str]) -> None:
    """Replace what was ordered before by profiles and files of faults; without any, all is as it was.

    Raises MacsimError for a word that is neither, and for faults that are no list of dictionaries with a tool.
    """
    instance = read_instance(name)
    faults: list[object] = []
    values: dict[str, object] = {}
    for word in words:
        profile = PROFILES.get(word)
        faults += profile.faults if profile else _read_faults(word)
        values.update(profile.values if profile else {})
    _replace_values(instance, values)
    with open(instance.root / _STATE / "faults.json", "r+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.truncate()
        json.dump(faults, stream)


def _read_faults(file: str) -> list[object]:
    if "/" not in file and not file.endswith(".json"):
        raise MacsimError(f"no profile {file!r}; there are {', '.join(PROFILES)}; a file of faults ends in .json")
    try:
        faults = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise MacsimError(f"{file}: {error}") from None
    if not isinstance(faults, list) or not all(isinstance(fault, dict) and "tool" in fault for fault in faults):
        raise MacsimError(f"{file}: faults are a list of dictionaries, each with a tool")
    return faults


def _replace_values(instance: Instance, values: dict[str, object]) -> None:
    """Take back what an earlier profile set, then set these; what they replace is kept beside the Mac's record."""
    kept = instance.directory / "before-faults.json"
    if kept.exists():
        _update(instance, json.loads(kept.read_text()))
        kept.unlink()
    if values:
        mac = _read_description(instance)
        kept.write_text(json.dumps({key: mac[key] for key in values}))
        _update(instance, values)


def change(name: str, assignments: list[str]) -> dict[str, object]:
    """Set values of the Mac's description (JSON, or plain text); returns the whole description."""
    instance = read_instance(name)
    mac = _read_description(instance)
    values = {}
    for assignment in assignments:
        key, separator, text = assignment.partition("=")
        if not separator or key not in mac:
            raise MacsimError(f"{assignment!r}: KEY=JSON with one of {', '.join(sorted(mac))}")
        values[key] = _value(text)
    return _update(instance, values) if values else mac


def _read_description(instance: Instance) -> dict[str, object]:
    return json.loads((instance.root / _STATE / "mac.json").read_text())


def _update(instance: Instance, values: dict[str, object]) -> dict[str, object]:
    mac = {**_read_description(instance), **values}
    if "disk_free" in values:
        _resize_disk(instance, int(mac["disk_free"]))
    state = instance.root / _STATE
    for file, content in (("mac.json", profiles.dump(mac)), ("identity", profiles.identity(mac))):
        (state / f"{file}.new").write_text(content)
        (state / f"{file}.new").rename(state / file)
    (instance.root / "System/Library/CoreServices/SystemVersion.plist").write_text(profiles.version_plist(mac))
    return mac


def _resize_disk(instance: Instance, free: int) -> None:
    """Make the disk as large as what is on it and ``free`` bytes."""
    disk = os.statvfs(instance.root)
    size = (disk.f_blocks - disk.f_bfree) * disk.f_frsize + free
    if os.fork() == 0:
        try:
            syscalls.enter_mounts(instance.pid)
            syscalls.mount("macsim", "/", None, syscalls.MS_REMOUNT, f"size={size}")
        except OSError as error:
            os.write(2, f"macsim: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    if os.wait()[1] != 0:
        raise MacsimError(f"the disk of {instance.name} cannot be made to have {free} bytes left")


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def reboot(name: str) -> None:
    """Ask the Mac's launchd for a reboot and wait for it."""
    instance = read_instance(name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_REBOOT_TIMEOUT_S)
        connection.connect(f"/proc/{instance.pid}/root/private/var/macsim/launchd.sock")
        connection.sendall(json.dumps({"verb": "reboot"}).encode() + b"\n")
        answer = connection.makefile().readline()
    if not answer or json.loads(answer)[0] != 0:
        raise MacsimError(f"Mac {name!r} did not reboot: {answer.strip() or 'no answer'}")


def execute(instance: Instance, words: list[str]) -> None:
    """Become the command inside the Mac, as root; never returns."""
    arguments = [*instance.enter, *words]
    os.execv(arguments[0], arguments)
