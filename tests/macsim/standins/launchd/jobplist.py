# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and checks a job's property list. Raises Refused with launchd's code; the reason goes to launchd's own log."""

from __future__ import annotations

import os
import plistlib
import stat
from typing import Any

from standins.call import append_line

KNOWN_KEYS = frozenset((
    "Label", "Program", "ProgramArguments", "RunAtLoad", "KeepAlive", "UserName", "GroupName", "InitGroups", "WorkingDirectory",
    "EnvironmentVariables", "StandardOutPath", "StandardErrorPath", "StandardInPath", "ThrottleInterval", "ExitTimeOut", "ProcessType",
    "SessionCreate", "Nice", "LowPriorityIO", "LowPriorityBackgroundIO", "SoftResourceLimits", "HardResourceLimits", "AbandonProcessGroup",
    "Umask", "LimitLoadToSessionType", "Disabled", "StartInterval", "StartCalendarInterval", "AssociatedBundleIdentifiers",
    "RootDirectory", "EnableTransactions", "LegacyTimers", "MaterializeDatalessFiles",
))
_KEEP_ALIVE_KEYS = frozenset(("SuccessfulExit", "Crashed", "PathState"))


class Refused(Exception):
    """launchd does not take the job: ``specific`` on newer systems, 5 (EIO) on those that only say that."""

    def __init__(self, specific: int, reason: str) -> None:
        super().__init__(reason)
        self.specific = specific


def read(path: str) -> dict[str, Any]:
    """The checked property list at ``path``; raises Refused."""
    check_file(path)
    try:
        with open(path, "rb") as stream:
            job = plistlib.load(stream)
    except Exception as error:
        raise Refused(109, f"{path}: {error}") from None
    if not isinstance(job, dict):
        raise Refused(109, f"{path}: not a dictionary")
    _check_content(job, path)
    return job


def check_file(path: str) -> None:
    """Owner and mode as launchd wants them for the system domain."""
    try:
        info = os.stat(path)
    except OSError:
        raise Refused(2, f"{path}: no such file") from None
    if not stat.S_ISREG(info.st_mode):
        raise Refused(122, f"{path}: not a regular file")
    if info.st_uid != 0 or info.st_gid != 0 or info.st_mode & 0o022:
        raise Refused(122, f"{path}: has to belong to root:wheel and be writable by root alone")


def _check_content(job: dict[str, Any], path: str) -> None:
    if not isinstance(job.get("Label"), str) or not job["Label"]:
        raise Refused(111, f"{path}: no Label")
    arguments = job.get("ProgramArguments")
    if "Program" not in job and not arguments:
        raise Refused(111, f"{path}: neither Program nor ProgramArguments")
    if arguments is not None and not (isinstance(arguments, list) and all(isinstance(word, str) for word in arguments)):
        raise Refused(109, f"{path}: ProgramArguments has to be an array of strings")
    environment = job.get("EnvironmentVariables", {})
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise Refused(109, f"{path}: EnvironmentVariables has to be a dictionary of strings")
    unknown = sorted(set(job) - KNOWN_KEYS)
    keep_alive = job.get("KeepAlive")
    if isinstance(keep_alive, dict):
        unknown += sorted(set(keep_alive) - _KEEP_ALIVE_KEYS)
    if unknown:
        append_line("unexpected.log", f'{{"tool": "launchd", "argv": ["{path}"], "uid": 0, "why": "unknown keys {unknown}"}}'.replace("'", ""))


def program(job: dict[str, Any]) -> str:
    return job.get("Program") or job["ProgramArguments"][0]


def arguments(job: dict[str, Any]) -> list[str]:
    return job.get("ProgramArguments") or [job["Program"]]


def umask(job: dict[str, Any]) -> int | None:
    """A number is decimal, a string is octal as in C."""
    value = job.get("Umask")
    if isinstance(value, str):
        return int(value, 0) if value.startswith("0x") else int(value, 8)
    return value
