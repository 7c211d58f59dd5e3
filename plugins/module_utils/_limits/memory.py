# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Watching the memory of a job that no kernel limits: what is read, when, and what follows from it. The shell of the slot program does it.

``ps`` tells the resident memory of each process. What processes share is counted in each of them, so that the sum is never too low, and a
moment in which a process has just forked can double it: one reading alone ends nothing.
"""

from __future__ import annotations

import typing as t

#: Lists every process with its user and its resident memory in KiB.
PS_ARGV = ("/bin/ps", "-axo", "pid,uid,rss")
#: What is to be done now: nothing, tell it, ask the runner to end its job, kill all that the account has.
NOTHING, WARN, END, KILL = "", "warn", "end", "kill"
#: Seconds between two readings: of a job that is far from its limit, and of one that is near.
FAR, NEAR = 15.0, 3.0
#: Shares of the limit: from here on it is read often; it is told; a job that was asked to end grows no further than this.
_NEAR_SHARE, _WARN_SHARE, _KILL_SHARE = 0.5, 0.9, 1.5
#: Readings in a row at the limit, and seconds in which a job that was asked to end must have ended.
_READINGS, _GRACE = 2, 30.0


class Verdict(t.NamedTuple):
    """What is to be done, and why, for people."""

    action: str
    message: str = ""


class MemoryWatch:
    """``limit`` in bytes; ``ends`` whether a job is ended at it, and not only told of; ``ended`` whether it was asked to end before."""

    def __init__(self, pool: str, limit: int, ends: bool, ended: bool = False) -> None:
        self._pool, self._limit, self._ends = pool, limit, ends
        self._warned = False
        self._over = 0
        self._ended = ended
        self._kill_at: t.Optional[float] = None
        self.next_at = 0.0

    def take(self, used: int, now: float) -> Verdict:
        """What follows from a reading; ``now`` never jumps. The next one is due at ``next_at``."""
        share = used / self._limit
        self.next_at = now + (NEAR if share >= _NEAR_SHARE or self._ended else FAR)
        self._over = self._over + 1 if share >= 1 else 0
        if self._ended:
            return self._after_the_end(used, share, now)
        if self._ends and self._over >= _READINGS:
            self._ended, self._kill_at = True, now + _GRACE
            return Verdict(KILL if share >= _KILL_SHARE else END, self._told(used, "was ended"))
        return self._warning(used, share)

    def _after_the_end(self, used: int, share: float, now: float) -> Verdict:
        if self._kill_at is None:
            self._kill_at = now + _GRACE
        if share >= _KILL_SHARE or now >= self._kill_at:
            return Verdict(KILL, self._told(used, "was ended, and did not end by itself"))
        return Verdict(NOTHING)

    def _warning(self, used: int, share: float) -> Verdict:
        """Once for each time that it comes near."""
        if share < _WARN_SHARE:
            self._warned = self._warned and share >= _WARN_SHARE - 0.1
            return Verdict(NOTHING)
        if self._warned:
            return Verdict(NOTHING)
        self._warned = True
        return Verdict(WARN, self._told(used, "is ended at its limit" if self._ends else "goes on, since memory_watch is warn"))

    def _told(self, used: int, what: str) -> str:
        return f'pool "{self._pool}", field memory: the job uses {_gib(used)} of {_gib(self._limit)} and {what}'


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def memory_of(text: str, uid: int) -> t.Dict[int, int]:
    """The processes of a user with their resident memory in bytes, from what ``ps`` said."""
    rows = (line.split() for line in text.splitlines())
    user = str(uid)
    return {int(row[0]): int(row[2]) * 1024 for row in rows if len(row) == 3 and row[1] == user and row[0].isdigit() and row[2].isdigit()}
