# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The smallest change that would fit, found by search and proven by planning again.

Smallest means: fewest runners dropped, then fewest bytes shrunk, then pool name (what can
be taken from either of two pools is taken from the one whose name comes first).
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.ledger import (
    build_ledger,
    docker_pools,
    docker_vm_need,
    docker_vm_size,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Change, MacPlan, Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.shrink import Shrinkable, shrink
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Cost
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size

#: No count or size of a pool mends these.
HOPELESS = frozenset(("input", "facts", "tart-licence", "runner-version"))
#: A pool that violates one of these cannot have a single runner.
_NO_RUNNER = frozenset(("platform", "trust", "network", "image-pin"))
#: The search is exact; this bounds it on absurd inventories (plans looked at for one Mac).
_MOST_PLANS = 20000

Pools = t.Tuple[Pool, ...]


class _Limit(t.NamedTuple):
    """A resource: how much too much is asked for, and how much a runner of each pool frees."""

    deficit: int
    frees: t.Tuple[int, ...]


class _Candidate(t.NamedTuple):
    shrunk: int
    pools: Pools


def smallest_change(situation: Situation, plan: MacPlan) -> t.Tuple[Change, ...]:
    """Return the changes to the pools that make the Mac fit; nothing when none can."""
    if plan.fits or any(_hopeless(violation) for violation in plan.violations):
        return ()
    start = _without_impossible(situation, plan)
    found = _search(dataclasses.replace(situation, pools=start))
    if found is None:
        return ()
    return tuple(_describe(situation.pools, found))


def _hopeless(violation: Violation) -> bool:
    # A wrong name has no need; a runner name that is too long has one.
    return violation.check in HOPELESS or (violation.check == "names" and violation.need is None)


def _without_impossible(situation: Situation, plan: MacPlan) -> Pools:
    """The pools, those with no permitted runner at count 0."""
    impossible = {violation.pool for violation in plan.violations if violation.check in _NO_RUNNER}
    impossible |= {v.pool for v in plan.violations if v.check == "cpus" and v.pool}
    no_docker = any(violation.check == "docker-desktop-licence" for violation in plan.violations)
    return tuple(
        dataclasses.replace(pool, count=0)
        if pool.name in impossible or (no_docker and pool.isolation == "docker")
        else pool
        for pool in situation.pools
    )


def _search(situation: Situation) -> t.Optional[Pools]:
    ordered = tuple(sorted(situation.pools, key=lambda pool: pool.name))
    limits = _limits(situation, ordered)
    budget = _MOST_PLANS
    for dropped in range(sum(pool.count for pool in ordered) + 1):
        best: t.Optional[_Candidate] = None
        for drops in _drops(dropped, ordered, limits):
            budget -= 1
            best = _better(situation, dict(zip((pool.name for pool in ordered), drops)), best)
            if budget <= 0 or (best is not None and best.shrunk == 0):
                break
        if best is not None or budget <= 0:
            return best.pools if best else None
    return None


def _limits(situation: Situation, pools: Pools) -> t.List[_Limit]:
    """Bounds that rule out most candidates unseen; never one that could fit."""
    ledger_free = plan_mac(situation).free
    costs = [situation.policy.costs[pool.kind] for pool in pools]
    vm_size = docker_vm_size(situation)
    in_vm = [vm_size is not None and pool.isolation == "docker" for pool in pools]
    memory = _Limit(
        -ledger_free - _freed_with_last_container(situation, pools),
        tuple(0 if inside else _memory(pool, cost) for pool, cost, inside in zip(pools, costs, in_vm)),
    )
    limits = [_after_shrinking(memory, pools, costs, in_vm, False)]
    if vm_size is not None:
        frees = tuple(_memory(pool, cost) if here else 0 for pool, cost, here in zip(pools, costs, in_vm))
        # Without containers of ours the VM need not hold even its base.
        inside = _Limit(min(docker_vm_need(situation) - vm_size, _sum(pools, frees)), frees)
        limits.append(_after_shrinking(inside, pools, costs, in_vm, True))
    return limits + _counted_limits(situation, pools)


def _memory(pool: Pool, cost: Cost) -> int:
    """What one runner takes."""
    return pool.memory + cost.overhead


def _after_shrinking(
    limit: _Limit, pools: Pools, costs: t.Sequence[Cost], in_vm: t.Sequence[bool], inside: bool
) -> _Limit:
    """What is still missing when every runner has shrunk to its minimum."""
    spare = sum(
        pool.count * (pool.memory - cost.minimum)
        for pool, cost, here in zip(pools, costs, in_vm)
        if here == inside
    )
    return _Limit(limit.deficit - spare, limit.frees)


def _freed_with_last_container(situation: Situation, pools: Pools) -> int:
    """Without its last container the Docker VM may go as a whole: its own share in bytes."""
    if not any(pool.isolation == "docker" for pool in pools):
        return 0
    return docker_vm_size(situation) or situation.policy.docker_vm_base


def _counted_limits(situation: Situation, pools: Pools) -> t.List[_Limit]:
    costs = situation.policy.costs
    per_runner = {
        "macos-vm-licence": tuple(int(pool.guest == "macos") for pool in pools),
        "cpus": tuple(pool.cpus for pool in pools),
        "disk": tuple(pool.disk + costs[pool.kind].image_disk for pool in pools),
    }
    violations = plan_mac(situation).violations
    return [
        # Foreign guests alone may be too many: then all of ours have to go, and no more than all.
        _Limit(min(violation.need - violation.have, _sum(pools, per_runner[violation.check])), per_runner[violation.check])
        for violation in violations
        if violation.check in per_runner
        and not violation.pool
        and violation.need is not None
        and violation.have is not None
    ]


def _sum(pools: Pools, each: t.Sequence[int]) -> int:
    return sum(pool.count * one for pool, one in zip(pools, each))


def _drops(total: int, pools: Pools, limits: t.Sequence[_Limit]) -> t.Iterator[t.Tuple[int, ...]]:
    """Every way to drop ``total`` runners that the limits permit, most from the first pool first."""
    if not pools:
        # What the limits ask for was seen to be freed when the last pool's turn came.
        if total == 0:
            yield ()
        return
    if sum(pool.count for pool in pools) < total:
        return
    if any(limit.deficit > total * max(limit.frees) for limit in limits):
        return
    for here in range(min(total, pools[0].count), -1, -1):
        rest = [_Limit(limit.deficit - here * limit.frees[0], limit.frees[1:]) for limit in limits]
        for others in _drops(total - here, pools[1:], rest):
            yield (here, *others)


def _better(situation: Situation, drops: t.Mapping[str, int], best: t.Optional[_Candidate]) -> t.Optional[_Candidate]:
    """Drop, shrink what is still missing and plan again: what fits with fewer bytes shrunk, or else ``best``."""
    pools = tuple(dataclasses.replace(pool, count=pool.count - drops[pool.name]) for pool in situation.pools)
    taken = _shrinks(dataclasses.replace(situation, pools=pools))
    if taken is None:
        return best
    total = sum(pool.count * taken.get(pool.name, 0) for pool in pools)
    if best is not None and total >= best.shrunk:
        return best
    shrunk = tuple(
        dataclasses.replace(pool, memory=pool.memory - taken[pool.name]) if taken.get(pool.name) else pool
        for pool in pools
    )
    fits = plan_mac(dataclasses.replace(situation, pools=shrunk)).fits
    return _Candidate(total, shrunk) if fits else best


def _shrinks(situation: Situation) -> t.Optional[t.Dict[str, int]]:
    vm_size = docker_vm_size(situation)
    inside: t.List[Shrinkable] = []
    outside: t.List[Shrinkable] = []
    for pool in situation.pools:
        spare = Shrinkable(pool.name, pool.count, pool.memory - situation.policy.costs[pool.kind].minimum)
        in_vm = vm_size is not None and pool.isolation == "docker"
        (inside if in_vm else outside).append(spare)
    taken = shrink(-sum(line.bytes for line in build_ledger(situation)), outside)
    too_much_inside = docker_vm_need(situation) - vm_size if vm_size is not None and docker_pools(situation) else 0
    taken_inside = shrink(too_much_inside, inside)
    if taken is None or taken_inside is None:
        return None
    return {**taken, **taken_inside}


def _describe(before: Pools, after: Pools) -> t.Iterator[Change]:
    for old, new in zip(before, after):
        if new.count != old.count:
            hint = " (remove the pool)" if new.count == 0 else ""
            message = f"pool {old.name}: count {old.count} -> {new.count}{hint}"
            yield Change(old.name, "count", old.count, new.count, message)
        if new.memory != old.memory:
            message = f"pool {old.name}: memory {format_size(old.memory)} -> {format_size(new.memory)}"
            yield Change(old.name, "memory", old.memory, new.memory, message)
