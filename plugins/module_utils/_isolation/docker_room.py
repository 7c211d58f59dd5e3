# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Room for containers: the Mac's capacity check with what an engine's plan is going to leave."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import Wanted, require_room

Facts = t.Mapping[str, t.Any]


class Rules(t.NamedTuple):
    """The user's variables by which room is judged, as they were written."""

    capacity: t.Any = None
    licences: t.Any = None
    pools: t.Any = None


def require_room_for(
    specs: t.Sequence[ContainerSpec],
    facts: Facts,
    rules: Rules,
    existing: t.Container[str],
    going: t.Container[str],
) -> None:
    """Raise :class:`._room.NoRoomError` unless the containers fit.

    ``existing``: names of containers that have their disk already; ``going``: names of those
    that the plan removes, which take no room any more.
    """
    policy, _mistakes = parse_policy(rules.capacity)
    wanted = [_wanted(spec, policy, spec.name in existing) for spec in specs if spec.present]
    staying = [load for load in facts.get("workloads") or [] if not _goes(load, going)]
    require_room({**facts, "workloads": staying}, wanted, rules.capacity, rules.licences, rules.pools)


def _wanted(spec: ContainerSpec, policy: Policy, exists: bool) -> Wanted:
    disk = policy.costs["docker"].disk if spec.disk is None else spec.disk
    return Wanted(spec.name, "docker", spec.memory, spec.cpus, disk, "linux", spec.image, exists)


def _goes(workload: Facts, going: t.Container[str]) -> bool:
    return workload.get("kind") == "docker" and bool(workload.get("owned")) and workload.get("name") in going
