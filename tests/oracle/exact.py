# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fewest bytes to take from runners, by arithmetic, where there are too many sizes to try each.

A part x of a pool of n runners is written as r + (L / n) * q with r < L / n, L a common multiple of all n: it frees n * r + L * q bytes.
So the pools' q can be exchanged one for one, and only the r have to be tried.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from tests.oracle import oracle

MOST_REMAINDERS = 20_000
Parts = tuple[int, ...]
#: Number of runners of a pool, and how many bytes each of them can give.
Giver = tuple[int, int]


class TooMany(Exception):
    """The counts have so large a common multiple that the remainders cannot be tried."""


def fewest(deficit: int, givers: Sequence[Giver]) -> Parts | None:
    """Bytes to take from each runner of each pool: the smallest sum that covers `deficit`, then as much as can be from the first."""
    if deficit > sum(count * most for count, most in givers):
        return None
    total = max(0, deficit)
    while (parts := split(total, givers)) is None:
        total += 1
    return parts


def split(total: int, givers: Sequence[Giver]) -> Parts | None:
    """Parts that free exactly so many bytes, the first as large as can be, then the second."""
    common = math.lcm(*(max(1, count) for count, _most in givers))
    steps = [common // count if count else 1 for count, _most in givers]
    ranges = [range(min(step, most + 1) if count else 1) for step, (count, most) in zip(steps, givers, strict=True)]
    if math.prod(len(one) for one in ranges) > MOST_REMAINDERS:
        raise TooMany
    found = (whole(total, common, steps, remainders, givers) for remainders in itertools.product(*ranges))
    return max((parts for parts in found if parts is not None), default=None)


def whole(total: int, common: int, steps: Sequence[int], remainders: Parts, givers: Sequence[Giver]) -> Parts | None:
    """The largest parts with these remainders, the first pool first."""
    left, rest = divmod(total - sum(count * r for (count, _most), r in zip(givers, remainders, strict=True)), common)
    if left < 0 or rest:
        return None
    parts = []
    for step, r, (count, most) in zip(steps, remainders, givers, strict=True):
        q = min(left, (most - r) // step) if count else 0
        left -= q
        parts.append(r + step * q)
    return None if left else tuple(parts)


def deficits(mac: oracle.Mac) -> tuple[int, int]:
    """Bytes that are missing on the Mac, and inside its Docker VM where the size of that is known."""
    _counted, needed = oracle.docker_vm(mac)
    return -oracle.free_memory(mac), needed - (mac.facts.engine_memory or 0) if oracle.breaks_docker_vm(mac) else 0


def shrunk(mac: oracle.Mac) -> dict[str, int] | None:
    """The memory of one runner by pool after taking as little as is needed; None when the minimum is too much."""
    memories = {}
    for inside, deficit in zip((False, True), deficits(mac), strict=True):
        pools = sorted((pool for pool in mac.pools if is_inside(mac, pool) is inside), key=lambda pool: pool.name)
        parts = fewest(deficit, [(pool.count, pool.memory - pool.minimum) for pool in pools])
        if parts is None:
            return None
        memories.update({pool.name: pool.memory - part for pool, part in zip(pools, parts, strict=True)})
    return memories


def is_inside(mac: oracle.Mac, pool: oracle.Pool) -> bool:
    """Whether its containers take from a Docker VM of known size, not from the Mac."""
    return pool.isolation == "docker" and mac.facts.engine_memory is not None
