# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest change, found by trying every one that is smaller.

Smallest: fewest runners dropped; then fewest bytes taken from the runners that stay; then as much as can be from the pool whose name
comes first. Where the sizes are too large to try each byte, the number of runners is still proven, and the bytes by a bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.oracle import exact, oracle

MOST_TRIES = 3000
Change = Mapping[str, Any]
Sizes = dict[str, tuple[int, int]]


def sizes(mac: oracle.Mac) -> Sizes:
    """Count and memory of one runner, by pool, in the order of names."""
    return {pool.name: (pool.count, pool.memory) for pool in sorted(mac.pools, key=lambda pool: pool.name)}


def cost(old: Sizes, new: Sizes) -> tuple[Any, ...]:
    """What a change costs; of two, the smaller is to be preferred."""
    dropped = [old[name][0] - new[name][0] for name in old]
    taken = [new[name][0] * (old[name][1] - new[name][1]) for name in old]
    return sum(dropped), sum(taken), [-one for one in dropped], [-one for one in taken]


class Trial:
    """One refused Mac of a fleet, on which changes are tried."""

    def __init__(self, fleet: oracle.Fleet, host: str) -> None:
        self.mac = oracle.read_mac(host, fleet[host])

    def fits(self, tried: Sizes) -> bool:
        before = sizes(self.mac)
        self.apply(tried)
        broken = any(breaks(self.mac) for breaks in oracle.LOCAL_CHECKS.values())
        self.apply(before)
        return not broken

    def apply(self, tried: Sizes) -> None:
        for pool in self.mac.pools:
            pool.count, pool.memory = tried[pool.name]


def changed(old: Sizes, changes: Sequence[Change]) -> Sizes:
    new = dict(old)
    for change in changes:
        count, memory = new[change["pool"]]
        new[change["pool"]] = (change["new"], memory) if change["field"] == "count" else (count, change["new"])
    return new


def fewer(old: Sizes, dropped: int) -> Iterator[Sizes]:
    """Every way to drop so many runners in all."""
    names = list(old)
    for counts in itertools.product(*(range(old[name][0] + 1) for name in names)):
        if sum(old[name][0] for name in names) - sum(counts) == dropped:
            yield {name: (count, old[name][1]) for name, count in zip(names, counts, strict=True)}


def at_minimum(mac: oracle.Mac, tried: Sizes) -> Sizes:
    least = {pool.name: pool.minimum for pool in mac.pools}
    return {name: (count, least[name]) for name, (count, _memory) in tried.items()}


def shrunk(mac: oracle.Mac, tried: Sizes) -> Iterator[Sizes]:
    """Every memory of each pool, from its minimum on."""
    least = {pool.name: pool.minimum for pool in mac.pools}
    ranges = [range(least[name], memory + 1) if count else [memory] for name, (count, memory) in tried.items()]
    for memories in itertools.product(*ranges):
        yield {name: (tried[name][0], memory) for name, memory in zip(tried, memories, strict=True)}


def tries(mac: oracle.Mac, counts: Sequence[Sizes]) -> int:
    least = {pool.name: pool.minimum for pool in mac.pools}
    total = 0
    for tried in counts:
        ways = 1
        for name, (count, memory) in tried.items():
            ways *= memory - least[name] + 1 if count else 1
        total += ways
    return total


def objections(fleet: oracle.Fleet, host: str, arguments: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
    """What is wrong with the proposed changes of a refused Mac; none proposed must mean that none helps."""
    trial = Trial(fleet, host)
    old = sizes(trial.mac)
    nothing_left = {name: (0, memory) for name, (_count, memory) in old.items()}
    if not changes:
        return ["no change is proposed, but dropping runners would help"] if trial.fits(nothing_left) else []
    new = changed(old, changes)
    after = oracle.with_changes(fleet, host, changes)
    verdict = oracle.judge(after, arguments["now"], arguments["unreachable"], arguments["unasked"], arguments.get("versions"))[host]
    if not verdict["fits"]:
        return [f"the proposed change does not fit: {sorted(verdict['checks'])} after {list(changes)}"]
    total = sum(count for count, _memory in old.values())
    dropped = total - sum(count for count, _memory in new.values())
    if dropped and (ways := next((w for w in fewer(old, dropped - 1) if trial.fits(at_minimum(trial.mac, w))), None)):
        return [f"{dropped} runners dropped, but {dropped - 1} would do: {ways} at the minimum"]
    return smaller_bytes(trial, old, new, dropped)


def smaller_bytes(trial: Trial, old: Sizes, new: Sizes, dropped: int) -> list[str]:
    counts = [one for one in fewer(old, dropped) if trial.fits(at_minimum(trial.mac, one))]
    proposed = cost(old, new)
    every: Iterable[Sizes]
    if tries(trial.mac, counts) > MOST_TRIES:
        try:
            every = [computed(trial, some) for some in counts]
        except exact.TooMany:
            return step_back(trial, old, new)
    else:
        every = (one for some in counts for one in shrunk(trial.mac, some))
    best = min(((cost(old, one), list(one.items())) for one in every if cost(old, one) < proposed and trial.fits(one)), default=None)
    if best is None:
        return []
    word = "smaller" if best[0][:2] < proposed[:2] else "preferred by name"
    return [f"a {word} change exists. old {old}, proposed {new}, {word} {best[1]}"]


def computed(trial: Trial, tried: Sizes) -> Sizes:
    """The same counts with the fewest bytes taken."""
    before = sizes(trial.mac)
    trial.apply(tried)
    memories = exact.shrunk(trial.mac)
    trial.apply(before)
    if memories is None:
        raise ValueError(f"fits at the minimum, but cannot be shrunk to fit: {tried}")
    return {name: (count, memories[name]) for name, (count, _memory) in tried.items()}


def step_back(trial: Trial, old: Sizes, new: Sizes) -> list[str]:
    """Where not even that can be done: no single pool can be given a byte back."""
    for name, (count, memory) in new.items():
        if count and memory < old[name][1] and trial.fits({**new, name: (count, memory + 1)}):
            return [f"pool {name} could keep one byte more a runner than {new}"]
    return []
