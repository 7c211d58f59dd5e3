# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The last look before something is built or started: does it fit beside what is here now?"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import violation_lines
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts, Workload, parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Licences, Policy, parse_licences, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool, parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size


class NoRoomError(MacRunnersError):
    """The Mac has no room for what is wanted."""


class Wanted(t.NamedTuple):
    """A VM, container or native runner that shall run: ``name`` on the Mac, sizes in bytes; ``exists`` when
    its disk is already there."""

    name: str
    isolation: str
    memory: int
    cpus: int
    disk: int
    guest: str = ""
    image: str = ""
    exists: bool = False


def require_room(
    facts: t.Mapping[str, t.Any],
    wanted: t.Sequence[Wanted],
    capacity: t.Any = None,
    licences: t.Any = None,
    pools: t.Any = None,
) -> None:
    """Raise :class:`NoRoomError` unless ``wanted`` fits on a Mac with these measured facts.

    ``pools`` are all pools of the Mac as the user wrote them: their other slots count too, so
    that a module used alone cannot fill the Mac before them.
    """
    policy, wrong = parse_policy(capacity)
    declared, wrong_licences = parse_licences(licences)
    others, wrong_pools = parse_pools(pools, policy)
    measured, wrong_facts = parse_facts(facts, "facts")
    mistakes = [*wrong, *wrong_licences, *wrong_pools, *wrong_facts]
    if mistakes:
        raise NoRoomError("; ".join(mistake.message for mistake in mistakes))
    _require_slots(wanted, others)
    situation = _situation(measured, wanted, others, policy, declared)
    violations = plan_mac(situation).violations
    if violations:
        raise NoRoomError("no room on this Mac: " + "; ".join(violation_lines(violations)))


def _require_slots(wanted: t.Sequence[Wanted], pools: t.Sequence[Pool]) -> None:
    """Raise unless everything wanted is a slot of a pool, and no larger: nothing else was admitted."""
    slots = {name: pool for pool in pools for name in pool.owned_names}
    for item in wanted:
        pool = slots.get(item.name)
        if pool is None or (pool.isolation, pool.guest) != (item.isolation, item.guest):
            raise NoRoomError(f"{item.name} is no {item.isolation} slot of a pool of this Mac: only what was admitted is built")
        for field in ("memory", "cpus"):
            got, most = getattr(item, field), getattr(pool, field)
            if got > most:
                shown = format_size if field == "memory" else str
                raise NoRoomError(f"{item.name}, field {field}: got {shown(got)}; allowed: at most {shown(most)}, as admitted for pool {pool.name}")


def _situation(
    facts: MacFacts,
    wanted: t.Sequence[Wanted],
    pools: t.Sequence[Pool],
    policy: Policy,
    licences: Licences,
) -> Situation:
    names = {item.name for item in wanted}
    present = {(workload.kind, workload.name): workload for workload in facts.workloads if workload.owned}
    slots = [slot for pool in pools for slot in _other_slots(pool, names, present)]
    covered = {(item.isolation, item.name) for item in wanted} | {(slot.isolation, slot.name) for slot in slots}
    # What is ours, in no pool, and not gone yet takes room like a foreign one; a pool may have had another isolation once.
    workloads = tuple(_uncovered(facts.workloads, covered))
    images = facts.images | {item.image for item in wanted if item.exists}
    return Situation(
        mac="",
        facts=dataclasses.replace(facts, workloads=workloads, images=images),
        # All slots of native pools are among the others: nothing tells here which of them are there.
        pools=(*(_as_pool(item) for item in wanted if item.isolation not in NATIVE), *slots),
        policy=policy,
        licences=licences,
    )


def _uncovered(workloads: t.Iterable[Workload], covered: t.Set[t.Tuple[str, str]]) -> t.Iterator[Workload]:
    """Workloads of which only those are ours that are the one VM or container of a slot."""
    left = set(covered)
    # The last of equals in two places, which is the one that _other_slots knows.
    for workload in reversed(list(workloads)):
        key = (workload.kind, workload.name)
        yield workload if not workload.owned or key in left else dataclasses.replace(workload, owned=False)
        if workload.owned:
            left.discard(key)


def _other_slots(
    pool: Pool, names: t.Container[str], present: t.Mapping[t.Tuple[str, str], Workload]
) -> t.Iterator[Pool]:
    """The slots of a pool that are not wanted here, each with the memory that it takes now if
    that is more: a smaller size counts only once it is in force."""
    if pool.isolation in NATIVE:
        yield pool
        return
    for name in pool.owned_names:
        if name not in names:
            there = present.get((pool.isolation, name))
            memory = max(pool.memory, (there.memory or 0) if there and there.counts else 0)
            disk = 0 if there else pool.disk
            yield dataclasses.replace(pool, name=name, count=1, memory=memory, disk=disk)


def _as_pool(item: Wanted) -> Pool:
    return Pool(
        name=item.name,
        isolation=item.isolation,
        count=1,
        memory=item.memory,
        cpus=item.cpus,
        disk=0 if item.exists else item.disk,
        guest=item.guest,
        image=item.image,
        network="softnet" if item.isolation == "tart" else "",
    )
