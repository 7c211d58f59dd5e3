# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Processes that are virtual machines, and which of them no tool has told of."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run

PS = "/bin/ps"
VIRTUALIZATION = "com.apple.Virtualization.VirtualMachine"
QEMU = "qemu-system"

# A path may hold spaces ("Parallels Desktop.app"); a word that starts with a slash or a dash is an argument.
_MACHINE = re.compile(
    r"(?:/(?:[^ ]| (?![/-]))*/)?"
    r"(com\.apple\.Virtualization\.VirtualMachine|qemu-system-[a-z0-9_]+|prl_vm_app|VirtualBoxVM|VBoxHeadless|vmware-vmx(?:-[a-z]+)?)"
    r"(?= |$)"
)
_CONTAINER = re.compile(r"(?:/(?:[^ ]| (?![/-]))*/)?container-runtime-linux(?= |$)")
_CONTAINER_ID = re.compile(r" --uuid[ =]([^ ]+)")
_CONTAINER_ROOT = re.compile(r" --root[ =].*?/containers/([^/ ]+)")
_LINE = re.compile(r"^ *(\d+) +(-?\d+) +(?:\d+) +(?:\d+) +(\d+) +(.*)$")


class Process(t.NamedTuple):
    """A process: ``rss`` in bytes, ``command`` its words joined by spaces."""

    pid: int
    uid: int
    rss: int
    command: str


class Machine(t.NamedTuple):
    """A process that runs a virtual machine."""

    program: str
    process: Process


class Known(t.NamedTuple):
    """A running VM that a tool told of: whose it is, its memory in bytes (None: unknown), and
    whether it may also run in QEMU instead of Virtualization.framework."""

    uid: int
    memory: t.Optional[int] = None
    qemu: bool = False


def read_processes(run: Run, unread: t.List[str]) -> t.List[Process]:
    """All processes, by psutil where it can be imported, else by ps."""
    try:
        return _from_psutil()
    except Exception:  # pylint: disable=broad-exception-caught
        # psutil is a convenience; whatever it does, ps is always there.
        pass
    result = run([PS, "-axo", "pid,uid,ppid,pgid,rss,command"])
    processes = parse_ps(result.stdout)
    if result.rc != 0 or not processes:
        unread.append(f"processes: ps ended with {result.rc}: {result.stderr.strip()[:200] or 'it listed nothing'}")
    return processes


def _from_psutil() -> t.List[Process]:
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "uids", "memory_info", "cmdline", "name"]):
        info = process.info
        words = info["cmdline"] or [info["name"] or ""]
        rss = info["memory_info"].rss if info["memory_info"] else 0
        found.append(Process(info["pid"], info["uids"].effective if info["uids"] else -1, rss, " ".join(words)))
    if not found:
        raise ValueError("psutil lists nothing")
    return found


def parse_ps(text: str) -> t.List[Process]:
    """Lines of ``ps -axo pid,uid,ppid,pgid,rss,command``; rss is in KiB there."""
    matches = (_LINE.match(line) for line in text.splitlines())
    return [Process(int(m.group(1)), int(m.group(2)), int(m.group(3)) * 1024, m.group(4)) for m in matches if m]


def machines(processes: t.Iterable[Process]) -> t.List[Machine]:
    """Those that run a virtual machine, whatever started it."""
    matches = ((_MACHINE.match(process.command), process) for process in processes)
    return [Machine(match.group(1), process) for match, process in matches if match]


def container_processes(processes: t.Iterable[Process]) -> t.List[t.Tuple[str, Process]]:
    """Running containers of Apple's ``container``, of every user: id and process.

    There is one ``container-runtime-linux`` for each, beside the process of its VM.
    """
    return [
        (_container_id(process.command) or f"process {process.pid}", process)
        for process in processes
        if _CONTAINER.match(process.command)
    ]


def _container_id(command: str) -> str:
    found = _CONTAINER_ID.search(command) or _CONTAINER_ROOT.search(command)
    return found.group(1) if found else ""


def unexplained(found: t.Sequence[Machine], known: t.Iterable[Known]) -> t.List[Machine]:
    """The machines that remain when each known VM has taken one process of its user.

    Nothing on a Mac says which process runs which VM: Virtualization.framework starts them
    through launchd. So they are counted: of one user and one framework, as many are explained
    as there are known VMs, and every surplus one is foreign. A known VM takes the largest
    process that is not larger than itself, else the smallest.
    """
    left = sorted(found, key=lambda machine: machine.process.rss)
    # Those that can only be in one framework choose first.
    for vm in sorted(known, key=lambda vm: (vm.qemu, vm.memory or 0)):
        fitting = [machine for machine in left if _can_run(machine, vm)]
        if fitting:
            limit = vm.memory or 0
            below = [machine for machine in fitting if machine.process.rss <= limit]
            left.remove(below[-1] if below else fitting[0])
    return left


def _can_run(machine: Machine, vm: Known) -> bool:
    frameworks = (VIRTUALIZATION, QEMU) if vm.qemu else (VIRTUALIZATION,)
    return machine.process.uid == vm.uid and machine.program.startswith(frameworks)
