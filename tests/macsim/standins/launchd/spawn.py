# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the process of a job. Whatever cannot be set up ends the new process with 78 (EX_CONFIG), as xpcproxy does."""

from __future__ import annotations

import grp
import os
import pwd
import resource
import signal
from typing import Any

from standins.launchd import jobplist

EX_CONFIG = 78
DEFAULT_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_SOFT_FILES = 256
_LIMITS = {
    "Core": resource.RLIMIT_CORE, "CPU": resource.RLIMIT_CPU, "FileSize": resource.RLIMIT_FSIZE, "MemoryLock": resource.RLIMIT_MEMLOCK,
    "NumberOfFiles": resource.RLIMIT_NOFILE, "NumberOfProcesses": resource.RLIMIT_NPROC, "Stack": resource.RLIMIT_STACK,
    # Both limit the address space on a Mac.
    "ResidentSetSize": resource.RLIMIT_AS, "Data": resource.RLIMIT_AS,
}


def start(job: dict[str, Any], default_uid: int = 0, fault: str | None = None) -> int:
    """Fork the job's process and return its pid; ``fault`` is what goes wrong on order: exits-78, ignores-term or leaves-child."""
    pid = os.fork()
    if pid:
        return pid
    try:
        reset_signals()
        os.setsid()
        if fault != "exits-78":
            _become(job, default_uid, fault)
    except BaseException as error:
        os.write(2, f"launchd: {job['Label']}: {error!r}\n".encode())
    os._exit(EX_CONFIG)


def reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)


def _become(job: dict[str, Any], default_uid: int, fault: str | None) -> None:
    user = pwd.getpwnam(job["UserName"]) if "UserName" in job else pwd.getpwuid(default_uid)
    gid = grp.getgrnam(job["GroupName"]).gr_gid if "GroupName" in job else user.pw_gid
    environment = _environment(job, user)
    _redirect(job, user.pw_uid, gid)
    _limit(job)
    os.setpriority(os.PRIO_PROCESS, 0, int(job.get("Nice", 0)))
    if "RootDirectory" in job:
        os.chroot(job["RootDirectory"])
    if job.get("InitGroups", True):
        os.initgroups(user.pw_name, gid)
    os.setgid(gid)
    os.setuid(user.pw_uid)
    os.umask(jobplist.umask(job) if "Umask" in job else 0o022)
    os.chdir(job.get("WorkingDirectory", "/"))
    os.closerange(3, 4096)
    if fault == "ignores-term":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if fault == "leaves-child":
        _leave_child()
    os.execve(_find(jobplist.program(job)), jobplist.arguments(job), environment)


def _leave_child() -> None:
    if os.fork() == 0:
        os.setsid()
        os.execv("/bin/sleep", ["left-behind", "100000"])


def _environment(job: dict[str, Any], user: pwd.struct_passwd) -> dict[str, str]:
    environment = {"PATH": DEFAULT_PATH, "XPC_SERVICE_NAME": job["Label"], "XPC_FLAGS": "0x0"}
    if "UserName" in job:
        environment.update(HOME=user.pw_dir, USER=user.pw_name, LOGNAME=user.pw_name, SHELL=user.pw_shell)
    environment.update(job.get("EnvironmentVariables", {}))
    return environment


def _find(program: str) -> str:
    if "/" in program:
        return program
    return next((f"{part}/{program}" for part in DEFAULT_PATH.split(":") if os.path.exists(f"{part}/{program}")), program)


def _redirect(job: dict[str, Any], uid: int, gid: int) -> None:
    source = os.open(job.get("StandardInPath", os.devnull), os.O_RDONLY)
    os.dup2(source, 0)
    for number, key in ((1, "StandardOutPath"), (2, "StandardErrorPath")):
        os.dup2(_open_output(job.get(key, os.devnull), uid, gid), number)


def _open_output(path: str, uid: int, gid: int) -> int:
    """Missing directories are made as launchd makes them: root's, 0744, of no use to the job's user."""
    parent = os.path.dirname(path)
    missing = []
    while parent and not os.path.isdir(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    for directory in reversed(missing):
        os.mkdir(directory, 0o744)
    is_new = not os.path.lexists(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    if is_new:
        os.fchown(descriptor, uid, gid)
    return descriptor


def _limit(job: dict[str, Any]) -> None:
    soft_files, hard_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_SOFT_FILES, hard_files), hard_files))
    hard_wanted = job.get("HardResourceLimits", {})
    for name, value in job.get("SoftResourceLimits", {}).items():
        hard = resource.getrlimit(_LIMITS[name])[1]
        resource.setrlimit(_LIMITS[name], (_within(value, hard), hard))
    for name, value in hard_wanted.items():
        soft = resource.getrlimit(_LIMITS[name])[0]
        resource.setrlimit(_LIMITS[name], (_within(soft, value), value))


def _within(value: int, limit: int) -> int:
    return value if limit == resource.RLIM_INFINITY or 0 <= value <= limit else limit
