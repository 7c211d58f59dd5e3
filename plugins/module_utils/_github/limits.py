# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""How fast GitHub may be asked, and how long to wait when it says: enough."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Response

#: GitHub counts a reading request as 1 point and a changing one as 5, and takes 900 points a minute.
READ_POINTS = 1
WRITE_POINTS = 5
#: 150 changes a minute, well below that: others use the same credential.
POINTS_PER_SECOND = 12.5
#: What may be spent at once after a pause: 30 changes.
MOST_POINTS = 150.0
#: The first pause after a refusal that names none; it doubles.
UNNAMED_PAUSE = 60.0
#: Below this part of the hourly quota, what can wait should wait.
LOW_QUOTA = 0.1


class Clock(t.Protocol):
    """Time, injected so that tests need none."""

    def now(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class Bucket:
    """Points that refill with time; ``take`` waits until there are enough."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._points = MOST_POINTS
        self._at = clock.now()

    def take(self, points: int) -> None:
        """Spend points, waiting for them."""
        self._refill()
        if self._points < points:
            self._clock.sleep((points - self._points) / POINTS_PER_SECOND)
            self._refill()
        self._points -= points

    def _refill(self) -> None:
        now = self._clock.now()
        # A clock that was set back gives nothing.
        self._points = min(MOST_POINTS, self._points + max(0.0, now - self._at) * POINTS_PER_SECOND)
        self._at = now


def is_rate_limit(response: Response) -> bool:
    """Whether this refusal is one for asking too much; nothing was done then, so asking again is safe."""
    if response.status == 429:
        return True
    if response.status != 403:
        return False
    spent = response.number("x-ratelimit-remaining") == 0
    return spent or "retry-after" in response.headers or "rate limit" in response.message.lower()


def pause_for(response: Response, attempt: int, now: float) -> float:
    """Seconds to wait before the same request may be sent again; ``attempt`` counts from 0."""
    named = response.number("retry-after")
    if named is not None:
        return float(named)
    reset = response.number("x-ratelimit-reset")
    if response.number("x-ratelimit-remaining") == 0 and reset is not None:
        # Both times are GitHub's, so that a wrong clock here does not matter.
        return max(1.0, reset - (response.date or now) + 1.0)
    return UNNAMED_PAUSE * 2.0**attempt


def is_low(response: Response) -> bool:
    """Whether little is left of the hourly quota."""
    limit, remaining = response.number("x-ratelimit-limit"), response.number("x-ratelimit-remaining")
    return bool(limit) and remaining is not None and remaining < LOW_QUOTA * t.cast(int, limit)
