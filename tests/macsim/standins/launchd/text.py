# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What launchctl prints: the error table and the views of services."""

from __future__ import annotations

import os
import signal

from standins.launchd import jobplist
from standins.launchd.job import Job

ERRORS = {
    0: "Success", 1: "Operation not permitted", 2: "No such file or directory", 3: "No such process", 5: "Input/output error",
    36: "Operation now in progress", 37: "Operation already in progress", 64: "Usage", 107: "Malformed bundle", 108: "Invalid path",
    109: "Invalid property list", 110: "Invalid or missing service identifier", 111: "Invalid or missing Program/ProgramArguments",
    112: "Could not find specified domain", 113: "Could not find specified service", 114: "The specified username does not exist",
    115: "The specified group does not exist", 119: "Service is disabled", 122: "Path had bad ownership/permissions",
    124: "Domain is tearing down", 125: "Domain does not support specified action", 133: "Multiple errors were returned; see stderr",
    134: "Service cannot load in requested session", 150: "Operation not permitted while System Integrity Protection is engaged",
    155: "Refusing to execute/trust quarantined program/file", 161: "Service cannot be launched because of BTM policy",
}


def domain_words(domain: str) -> str:
    kind, dummy, uid = domain.partition("/")
    return f"user gui: {uid}" if kind == "gui" else f"uid: {uid}" if kind == "user" else "system"


def print_job(job: Job) -> str:
    """The view of one service; people say it is no API, and so do the tests of a parser."""
    lines = [
        f"{job.domain}/{job.label} = {{",
        f"\tactive count = {1 if job.pid else 0}",
        f"\tpath = {job.path}",
        f"\ttype = {'LaunchDaemon' if job.domain == 'system' else 'LaunchAgent'}",
        f"\tstate = {job.state}",
        "",
        f"\tprogram = {jobplist.program(job.plist)}",
        "\targuments = {",
        *(f"\t\t{word}" for word in jobplist.arguments(job.plist)),
        "\t}",
        "",
        *_paths(job),
        "\tdefault environment = {",
        "\t\tPATH => /usr/bin:/bin:/usr/sbin:/sbin",
        "\t}",
        "",
        "\tenvironment = {",
        *(f"\t\t{key} => {value}" for key, value in job.plist.get("EnvironmentVariables", {}).items()),
        f"\t\tXPC_SERVICE_NAME => {job.label}",
        "\t}",
        "",
        f"\tdomain = {job.domain}",
        *_identity(job),
        f"\tminimum runtime = {int(job.plist.get('ThrottleInterval') or 10)}",
        f"\texit timeout = {int(job.plist.get('ExitTimeOut', 5))}",
        *([f"\tnice = {job.plist['Nice']}"] if "Nice" in job.plist else []),
        f"\truns = {job.runs}",
        *([f"\tpid = {job.pid}"] if job.pid else []),
        "\timmediate reason = speculative",
        "\tforks = 0",
        f"\texecs = {1 if job.pid else 0}",
        *_last_end(job),
        "",
        "\tresource coalition = {",
        "\t\tID = 1231",
        "\t\tstate = active",
        "\t}",
        "",
        f"\tproperties = {_properties(job)}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _paths(job: Job) -> list[str]:
    lines = []
    if "WorkingDirectory" in job.plist:
        lines += [f"\tworking directory = {job.plist['WorkingDirectory']}", ""]
    for key, word in (("StandardOutPath", "stdout path"), ("StandardErrorPath", "stderr path")):
        if key in job.plist:
            lines.append(f"\t{word} = {job.plist[key]}")
    return lines


def _identity(job: Job) -> list[str]:
    lines = [f"\tusername = {job.plist['UserName']}"] if "UserName" in job.plist else []
    return lines + ([f"\tgroup = {job.plist['GroupName']}"] if "GroupName" in job.plist else [])


def _last_end(job: Job) -> list[str]:
    if job.raw_status is None:
        return ["\tlast exit code = (never exited)"]
    if os.WIFSIGNALED(job.raw_status):
        number = os.WTERMSIG(job.raw_status)
        return [f"\tlast terminating signal = {signal.strsignal(number)}: {number}"]
    code = os.waitstatus_to_exitcode(job.raw_status)
    return [f"\tlast exit code = {code}{': EX_CONFIG' if code == 78 else ''}"]


def _properties(job: Job) -> str:
    names = [word for key, word in (("KeepAlive", "keepalive"), ("RunAtLoad", "runatload")) if job.plist.get(key)]
    return " | ".join(names)


def list_all(jobs: list[Job]) -> str:
    rows = [f"{job.pid or '-'}\t{_list_status(job)}\t{job.label}" for job in jobs]
    return "\n".join(["PID\tStatus\tLabel", *rows]) + "\n"


def _list_status(job: Job) -> int:
    if job.raw_status is None:
        return 0
    return os.waitstatus_to_exitcode(job.raw_status)


def list_one(job: Job) -> str:
    lines = ["{"]
    for key, word in (("StandardOutPath", "StandardOutPath"), ("StandardErrorPath", "StandardErrorPath")):
        if key in job.plist:
            lines.append(f'\t"{word}" = "{job.plist[key]}";')
    lines += [
        '\t"LimitLoadToSessionType" = "System";',
        f'\t"Label" = "{job.label}";',
        f'\t"OnDemand" = {"false" if job.plist.get("KeepAlive") else "true"};',
        f'\t"LastExitStatus" = {job.raw_status or 0};',
        *([f'\t"PID" = {job.pid};'] if job.pid else []),
        f'\t"Program" = "{jobplist.program(job.plist)}";',
    ]
    if job.plist.get("ProgramArguments"):
        words = "".join(f'\t\t"{word}";\n' for word in job.plist["ProgramArguments"])
        lines.append(f'\t"ProgramArguments" = (\n{words}\t);')
    return "\n".join([*lines, "};"]) + "\n"


def print_domain(domain: str, jobs: list[Job], disabled: dict[str, bool]) -> str:
    services = "".join(f"\t\t{job.pid or 0:8} {'-' if job.raw_status is None else _list_status(job):>6} \t{job.label}\n" for job in jobs)
    kind = "system" if domain == "system" else "user"
    return (
        f"{domain} = {{\n\ttype = {kind}\n\thandle = 0\n\tactive count = {len(jobs)}\n\n\tservices = {{\n{services}\t}}\n\n"
        + _disabled_block(disabled) + "}\n"
    )


def _disabled_block(disabled: dict[str, bool]) -> str:
    rows = "".join(f'\t\t"{label}" => {"disabled" if off else "enabled"}\n' for label, off in sorted(disabled.items()))
    return f"\tdisabled services = {{\n{rows}\t}}\n"


def print_disabled(disabled: dict[str, bool]) -> str:
    return "\n" + _disabled_block(disabled)
