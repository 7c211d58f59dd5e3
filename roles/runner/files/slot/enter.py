# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""Becoming an account: the last that root does for a command, and nothing of root is left in it.

The first line of standard input says how, in JSON; what follows it is the command's. A secret in it is in no argument list.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import typing as t

FAILED = 71
#: No descriptor of ours is higher.
_DESCRIPTORS = 1024
_LONGEST = 1024 * 1024

Json = t.Dict[str, t.Any]


def enter() -> int:
    """Become the command that is asked for; an exit code, when that cannot be done, and standard error says why."""
    entry = json.loads(_line())
    try:
        # In a session of its own no signal of it reaches who waits for it; who leads a group already has been set apart.
        if os.getpgrp() != os.getpid():
            os.setsid()
        _tell_pid(str(entry.get("pid_file", "")))
        os.closerange(3, _DESCRIPTORS)
        _usual_signals()
        _limit(entry["rlimits"])
        if entry["at"]:
            # Root alone can change the way there; from there on the account's own rights count.
            os.chdir(entry["at"])
        _become(entry["uid"], entry["gid"], entry["root"])
        # As the account: the way there is its own to arrange.
        os.chdir(entry["cwd"])
        argv = entry["argv"]
        os.execve(argv[0], argv, entry["environment"])
    except (OSError, ValueError) as error:
        os.write(2, f"{entry['argv'][0]} cannot be started as user {entry['uid']}: {error}\n".encode())
    return FAILED


def _line() -> bytes:
    """Not a byte more: the rest is the command's."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        byte = os.read(0, 1)
        if not byte:
            break
        line += byte
    return line


def _tell_pid(path: str) -> None:
    if path:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        os.write(descriptor, str(os.getpid()).encode())
        os.close(descriptor)


def _usual_signals() -> None:
    """What Python ignores no command expects to be ignored."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _limit(rlimits: t.Sequence[t.Tuple[str, int]]) -> None:
    """Soft and hard alike; a limit that is stricter already stays."""
    for name, value in rlimits:
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        kept = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (kept, kept))


def _become(uid: int, gid: int, root: str) -> None:
    if root:
        os.chroot(root)
        os.chdir("/")
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)
    if (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) != (uid, uid, gid, gid) or set(os.getgroups()) - {gid}:
        raise PermissionError("the account's rights are not the only ones")
