# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Ending every process of a user, those too that left their session or fork as fast as they can."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Run

LAUNCHCTL = "/bin/launchctl"
PKILL = "/usr/bin/pkill"
PS = "/bin/ps"

#: No such process, still draining, no such domain or service, no session: there is nothing, or nothing any more, to take away.
_NO_DOMAIN = frozenset((0, 3, 36, 112, 113, 124, 125))
_ROUNDS = 40
_PAUSE = 0.1


def end_processes(run: Run, uid: int) -> None:
    """End all processes of a user and what launchd would start for it. Raises when some are left."""
    if not processes_of(run, uid):
        # What launchd keeps for it without a process may start one later.
        _leave_launchd(run, uid)
    for dummy in range(_ROUNDS):
        if not processes_of(run, uid):
            return
        # Stopped processes cannot fork between the look and the end.
        _signal(run, uid, "-STOP")
        _leave_launchd(run, uid)
        _signal(run, uid, "-KILL")
        time.sleep(_PAUSE)
    left = processes_of(run, uid)
    if left:
        raise AccountError(f"processes of user {uid} do not end: {', '.join(map(str, left))}")


def processes_of(run: Run, uid: int) -> t.List[int]:
    """The processes that run as a user, or were started by it and run as somebody else; without those that are dead already."""
    argv = [PS, "-axo", "pid,uid,ruid,state"]
    result = run(argv)
    if result.rc != 0:
        raise CommandError(argv, result)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    return [int(row[0]) for row in rows if str(uid) in row[1:3] and not row[3].startswith("Z")]


def _leave_launchd(run: Run, uid: int) -> None:
    for domain in (f"gui/{uid}", f"user/{uid}"):
        argv = [LAUNCHCTL, "bootout", domain]
        result = run(argv)
        if result.rc not in _NO_DOMAIN and result.rc != 5:
            raise CommandError(argv, result)


def _signal(run: Run, uid: int, signal: str) -> None:
    for whose in ("-U", "-u"):
        argv = [PKILL, signal, whose, str(uid)]
        result = run(argv)
        if result.rc not in (0, 1):
            raise CommandError(argv, result)
