# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of the simulated Macs and of the engines behind them, by their numbers on this machine. No others are ever found."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import typing as t

GUEST = "MACSIM_GUEST="
JOB = "SIMULATED_JOB="
#: Numbers of the users of a simulated Mac: root and the account that runs our VMs.
ROOT, ADMIN = 0, 501
_MACHINE = "/com.apple.Virtualization.VirtualMachine"


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _pids() -> t.Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


@dataclasses.dataclass(frozen=True)
class Process:
    """``started`` in clock ticks since the boot: with the number it is one process for ever."""

    pid: int
    uid: int
    words: list[str]
    started: str

    def has(self, word: str) -> bool:
        return any(word in one for one in self.words)

    def environment(self, name: str) -> str:
        """The value of a variable that begins ``name``, which ends with =."""
        found = [part for part in _read(f"/proc/{self.pid}/environ").split("\0") if part.startswith(name)]
        return found[0][len(name) :] if found else ""


@dataclasses.dataclass(frozen=True)
class Machine:
    """The process of a VM: ``guest`` is darwin or linux, ``memory`` in bytes, ``name`` is the VM's."""

    process: Process
    guest: str
    memory: int
    name: str


def _process(pid: int) -> Process:
    words = _read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")
    after_name = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return Process(pid, _user(pid), words, after_name[19] if len(after_name) > 19 else "")


def _user(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def _living(pids: t.Iterable[int]) -> list[Process]:
    """One that ended while it was read has no start and nobody's user, and is not there any more."""
    return [process for process in map(_process, pids) if process.started and process.uid >= 0]


def of_mac(first: int) -> list[Process]:
    """Of the Mac whose first process this is, without it."""
    inside = _namespace(first)
    return _living(pid for pid in _pids() if pid != first and _namespace(pid) == inside) if inside else []


def of_container(number: str) -> list[Process]:
    """Of the container with this whole id."""
    return _living(pid for pid in _pids() if number in _read(f"/proc/{pid}/cgroup"))


def of_engine(folder: pathlib.Path) -> list[Process]:
    """Of an engine and its containers, without the first process, which starts it again."""
    group = f"/{(folder / 'cgroup').read_text().strip()}"
    daemon = engine(folder)
    inside = _namespace(daemon.pid) if daemon else ""
    found = [pid for pid in _pids() if (inside and _namespace(pid) == inside) or _has_part(pid, group)]
    return [process for process in _living(found) if os.path.basename(process.words[0]) != "bash"]


def _has_part(pid: int, group: str) -> bool:
    return any(f"{line}/".partition(":/")[2].find(f"{group[1:]}/") >= 0 for line in _read(f"/proc/{pid}/cgroup").splitlines())


def engine(folder: pathlib.Path) -> Process | None:
    """The engine whose files are in the folder; None while it is down."""
    data = str(folder / "data")
    for pid in _pids():
        process = _process(pid)
        if os.path.basename(process.words[0]) == "dockerd" and data in process.words:
            return process
    return None


def program(processes: t.Iterable[Process], slot: str) -> list[Process]:
    """The program of a slot."""
    return [one for one in processes if one.words[-2:-1] == ["run"] and one.words[-1].endswith(f"/mac_runners/slots/{slot}")]


def guests(processes: t.Iterable[Process], slot: str) -> list[Process]:
    """What runs in the VM of a slot."""
    return [one for one in processes if one.environment(GUEST).endswith(f"/admin/.tart/vms/mac-runners-{slot}")]


def machines(processes: t.Iterable[Process]) -> list[Machine]:
    """The VMs that are on, ours and others', but for the engine's own."""
    found = [one for one in processes if len(one.words) > 6 and one.words[3].endswith(_MACHINE) and one.words[6] != "colima"]
    return [Machine(one, one.words[4], int(one.words[5]), os.path.basename(one.words[6])) for one in found]


def keepers(processes: t.Iterable[Process], slot: str) -> list[Process]:
    """Tart's own process of the VM of a slot, and those that started it."""
    return [one for one in processes if one.uid in (ROOT, ADMIN) and f"run --no-graphics mac-runners-{slot}" in " ".join(one.words)]


def kill(processes: t.Iterable[Process]) -> int:
    """kill -9, unless the number is another's by now; how many were there."""
    killed = 0
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            if _process(process.pid).started == process.started:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    return killed
