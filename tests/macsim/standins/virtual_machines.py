# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of virtual machines on this Mac, whoever started them: found in the process table, as a person would."""

from __future__ import annotations

import os
from typing import NamedTuple

from standins.call import PROC

PROCESS_NAME = "com.apple.Virtualization.VirtualMachine"
PROCESS_PATH = (
    "/System/Library/Frameworks/Virtualization.framework/Versions/A/XPCServices/"
    f"{PROCESS_NAME}.xpc/Contents/MacOS/{PROCESS_NAME}"
)

#: In the environment of every process of a guest: the directory of its machine.
GUEST_MARK = "MACSIM_GUEST"


class MachineProcess(NamedTuple):
    """One virtual machine's process; ``memory`` in bytes, ``guest`` is darwin, linux or container."""

    pid: int
    uid: int
    guest: str
    memory: int
    owner: str


def machine_processes() -> list[MachineProcess]:
    found = []
    for name in os.listdir(PROC):
        if name.isdigit():
            process = _read(int(name))
            if process is not None:
                found.append(process)
    return sorted(found, key=lambda process: process.pid)


def _read(pid: int) -> MachineProcess | None:
    try:
        with open(f"{PROC}/{pid}/cmdline", "rb") as stream:
            words = stream.read().decode(errors="replace").split("\0")
        uid = os.stat(f"{PROC}/{pid}").st_uid
    except OSError:
        return None
    if len(words) < 7 or words[3] != PROCESS_PATH:
        return None
    return MachineProcess(pid, uid, words[4], int(words[5]), words[6])


def machine_arguments(guest: str, memory: int, owner: str) -> list[str]:
    """Command line of a virtual machine's process; ``owner`` is a word for people, such as the machine's name."""
    here = os.path.dirname(os.path.abspath(__file__))
    return ["/System/Library/macsim/python", "-IS", f"{here}/machine.py", PROCESS_PATH, guest, str(memory), owner]
