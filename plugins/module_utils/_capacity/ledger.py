# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The ledger of a Mac's memory: supply, reserve, every demand, to the byte."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Line, Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import Workload
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size


def build_ledger(situation: Situation) -> t.Tuple[Line, ...]:
    """Return the lines; their sum is what is left."""
    facts, policy = situation.facts, situation.policy
    memory = facts.memory or 0
    lines = [
        Line("memory of the Mac", memory),
        Line("reserve for macOS", -policy.reserve_for(memory)),
        Line("headroom", -policy.headroom),
    ]
    for pool in situation.pools:
        if pool.isolation != "docker" and pool.count:
            lines.extend(_pool_lines(situation, pool))
    lines.extend(_docker_lines(situation))
    for workload in facts.workloads:
        if not workload.owned and workload.kind != "docker" and takes_room(situation, workload):
            lines.append(_foreign_line(situation, workload))
    return tuple(lines)


def takes_room(situation: Situation, workload: Workload) -> bool:
    """Whether a workload takes memory and a licence slot: a suspended one may be resumed at
    any moment, so it counts unless the operator says otherwise."""
    if workload.state == "suspended":
        return situation.policy.count_suspended
    return workload.state != "stopped"


def workload_memory(situation: Situation, workload: Workload) -> int:
    """Bytes that a workload takes; without a known limit, what such a runner takes by default.

    A VM that only the process table tells of has no known limit: its resident size is what it
    has touched so far, and it grows.
    """
    guest = workload.guest or "macos"
    kind = workload.kind if workload.kind in ("docker", "container") else f"tart-{guest}"
    usual = situation.policy.costs[kind].memory
    if workload.memory is None:
        return usual
    if workload.kind == "vm-process" and not workload.guest:
        return max(workload.memory, usual)
    return workload.memory


def docker_vm_size(situation: Situation) -> t.Optional[int]:
    """The configured memory of the Docker VM in bytes, None when it is not known."""
    docker = situation.facts.docker
    return docker.memory if docker else None


def docker_vm_need(situation: Situation) -> int:
    """Bytes that the Docker VM needs: its base and every container's limit and overhead."""
    overhead = situation.policy.costs["docker"].overhead
    ours = sum(pool.count * (pool.memory + overhead) for pool in docker_pools(situation))
    foreign = sum(workload_memory(situation, workload) for workload in _foreign_containers(situation))
    return situation.policy.docker_vm_base + ours + foreign


def docker_pools(situation: Situation) -> t.List[Pool]:
    """The docker pools that have a runner."""
    return [pool for pool in situation.pools if pool.isolation == "docker" and pool.count]


def _foreign_containers(situation: Situation) -> t.List[Workload]:
    workloads = situation.facts.workloads
    return [w for w in workloads if w.kind == "docker" and not w.owned and takes_room(situation, w)]


def _pool_lines(situation: Situation, pool: Pool) -> t.Iterator[Line]:
    yield Line(f"pool {pool.name}: {pool.count} x {format_size(pool.memory)}", -pool.count * pool.memory)
    overhead = situation.policy.costs[pool.kind].overhead
    if overhead:
        what = f"pool {pool.name}: overhead {pool.count} x {format_size(overhead)}"
        yield Line(what, -pool.count * overhead)


def _docker_lines(situation: Situation) -> t.Iterator[Line]:
    pools, docker = docker_pools(situation), situation.facts.docker
    foreign = _foreign_containers(situation)
    if not pools and not foreign and not (docker and docker.running):
        return
    if docker is not None and docker.memory is not None:
        yield Line(f"Docker VM ({docker.engine}), its configured size", -docker.memory)
        return
    yield Line("Docker VM base", -situation.policy.docker_vm_base)
    for pool in pools:
        yield from _pool_lines(situation, pool)
    for workload in foreign:
        yield _foreign_line(situation, workload)


def _foreign_line(situation: Situation, workload: Workload) -> Line:
    memory = workload_memory(situation, workload)
    if workload.kind == "container":
        memory += situation.policy.costs["container"].overhead
    return Line(f"foreign {workload.kind} {workload.name} ({workload.state})", -memory)
