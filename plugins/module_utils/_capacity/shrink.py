# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Taking memory from pools, as few bytes as possible."""

from __future__ import annotations

import functools
import math
import typing as t


class Shrinkable(t.NamedTuple):
    """A pool that can give memory: ``most`` bytes from each of its ``runners``."""

    pool: str
    runners: int
    most: int


def shrink(deficit: int, pools: t.Iterable[Shrinkable]) -> t.Optional[t.Dict[str, int]]:
    """Return bytes to take from each runner of each pool, None when there are not enough.

    The sum over all runners is the smallest that covers ``deficit``; among equal sums as
    much as possible comes from the pool whose name is first.
    """
    if deficit <= 0:
        return {}
    givers = tuple(sorted(pool for pool in pools if pool.runners))
    if _capacity(givers) < deficit:
        return None
    largest = max(pool.runners for pool in givers)
    for total in range(deficit, deficit + largest):
        taken = _split(total, givers)
        if taken is not None:
            return {pool.pool: part for pool, part in zip(givers, taken) if part}
    return None


def _capacity(pools: t.Sequence[Shrinkable]) -> int:
    return sum(pool.runners * pool.most for pool in pools)


def _split(total: int, pools: t.Tuple[Shrinkable, ...]) -> t.Optional[t.Tuple[int, ...]]:
    """Parts whose sum over all runners is exactly ``total``, the first as large as possible."""
    if not pools:
        # The last pool took what was left, or nothing.
        return ()
    first, rest = pools[0], pools[1:]
    if total % functools.reduce(math.gcd, (pool.runners for pool in pools)):
        return None
    high = min(first.most, total // first.runners)
    # The largest possible part is never further from the top than this: as soon as another pool gives
    # ``first.runners`` bytes a runner, the first can take them over in steps of that pool's count at most.
    near = high - sum(pool.runners for pool in rest)
    low = max(0, near, -(-(total - _capacity(rest)) // first.runners))
    for part in range(high, low - 1, -1):
        others = _split(total - part * first.runners, rest)
        if others is not None:
            return (part, *others)
    return None
