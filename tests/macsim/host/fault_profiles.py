# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on Macs, by name: ``macsim fault NAME PROFILE``. README.md has the same table for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Fault = dict[str, Any]


@dataclass(frozen=True)
class Profile:
    """``faults`` as standins/faults.py takes them; ``values`` of the Mac's description, which --clear takes back."""

    text: str
    faults: tuple[Fault, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


def _dscl_error(number: int, name: str) -> str:
    return f"<main> attribute status: {name}\n<dscl_cmd> DS Error: {number} ({name})\n"


def _bootstrap(code: int, text: str) -> Fault:
    return {"tool": "launchctl", "match": ["bootstrap"], "rc": code, "stderr": f"Bootstrap failed: {code}: {text}\n"}


_DELETE_DENIED = "<main> delete status: eDSPermissionError\n<dscl_cmd> DS Error: -14120 (eDSPermissionError)\n"
_SYSADMINCTL_DENIED = "2026-01-01 00:00:00.000 sysadminctl[1:1] ### Error:-14120 File:DSRecord.m Line:563\n"
_ON_CREATE_OF_A_NUMBER = {"tool": "dscl", "match": [".", "-create", "*", "UniqueID"]}

PROFILES = {
    "dscl-delete-denied": Profile(
        "dscl -delete ends with 40, as without Full Disk Access", ({"tool": "dscl", "match": [".", "-delete"], "rc": 40, "stderr": _DELETE_DENIED},)
    ),
    "dscl-create-transient": Profile(
        "dscl -create ends with 140 twice, then works",
        ({"tool": "dscl", "match": [".", "-create"], "times": 2, "rc": 140, "stderr": _dscl_error(-14988, "eNotYetImplemented")},),
    ),
    "dscl-uid-taken": Profile(
        "the number of a new user is refused with 55, as when somebody took it a moment ago",
        ({**_ON_CREATE_OF_A_NUMBER, "rc": 55, "stderr": _dscl_error(-14135, "eDSRecordAlreadyExists")},),
    ),
    "directory-lag": Profile("users and groups are known to the system 3 s after dscl made them", values={"ds_lag": 3}),
    "uid-race": Profile(
        "the next two users get their numbers 3 s late, so that two plays that choose the next free one choose the same",
        ({**_ON_CREATE_OF_A_NUMBER, "times": 2, "delay_s": 3, "effect": "delay"},),
    ),
    "sysadminctl-denied": Profile(
        "sysadminctl does nothing, says so and ends with 0",
        (
            {"tool": "sysadminctl", "match": ["-addUser"], "stderr": _SYSADMINCTL_DENIED},
            {"tool": "sysadminctl", "match": ["-deleteUser"], "stderr": _SYSADMINCTL_DENIED},
        ),
    ),
    "bootstrap-busy": Profile(
        "launchctl bootstrap ends with 5, 37 and 5, then works",
        tuple(_bootstrap(code, text) for code, text in ((5, "Input/output error"), (37, "Operation already in progress"), (5, "Input/output error"))),
    ),
    "bootout-slow": Profile("jobs take 4 s to end: bootout answers 36 (0 on macos14) and the label stays so long", values={"drain_s": 4}),
    "bootout-gone": Profile(
        "launchctl bootout does its work and says 3, as when the job ended a moment ago",
        ({"tool": "launchctl", "match": ["bootout"], "effect": "partial", "rc": 3, "stderr": "Boot-out failed: 3: No such process\n"},),
    ),
    "old-wording": Profile("launchctl and softwareupdate speak as on macOS 14: 113 comes without \"Bad request.\"", values={"messages": "14"}),
    "job-exits-78": Profile("every job that launchd starts ends at once with 78", values={"job_fault": "exits-78"}),
    "job-ignores-term": Profile("every job that launchd starts ignores SIGTERM", values={"job_fault": "ignores-term"}),
    "job-leaves-child": Profile("every job that launchd starts leaves a child in a session of its own", values={"job_fault": "leaves-child"}),
    "disk-full": Profile("1 MiB is left on the disk", values={"disk_free": 1 << 20}),
    "pressure-critical": Profile("memory pressure is critical", values={"pressure_level": 4, "memory_level": 3}),
    "module-killed": Profile(
        "the second call of dscl takes the module along that made it",
        ({"tool": "dscl", "match": [], "skip": 1, "effect": "crash", "kill_caller": True},),
    ),
    "ssh-cut": Profile(
        "the next call of a tool works, and the ssh connection through which it came is cut",
        ({"tool": "*", "match": [], "effect": "delay", "cut_ssh": True},),
    ),
    "system-updated": Profile("another release of macOS, as after an update", values={"product_version": "26.2", "build": "25C56"}),
    "sip-disabled": Profile("System Integrity Protection is off", values={"sip": "disabled"}),
}
