# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Admission: the decision, on the Mac and under its lock, that all its pools fit together."""

from __future__ import annotations

import dataclasses
import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import MacPlan, Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import violation_lines
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import (
    DamagedLeaseError,
    Lease,
    LeaseError,
    Terms,
    boot_of,
    read_lease,
    remove_lease,
    require_holder,
    write_lease,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_licences, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

Facts = t.Mapping[str, t.Any]


class RefusedError(LeaseError):
    """The pools do not fit together on this Mac."""


class Request(t.NamedTuple):
    """What is asked for. ``mac``: its name, with which runner names begin; ``check``: only say it; ``wait`` for the lock, in seconds."""

    terms: Terms
    mac: str = ""
    takeover: bool = False
    check: bool = False
    wait: float = 300.0


def admit(state_dir: str, request: Request, read_facts: t.Callable[[], Facts]) -> t.Tuple[ResourcePlan, t.Optional[Lease]]:
    """Admit all pools at once, or raise and leave everything as it was.

    Returns what changes and the lease that is in force after it.
    """
    if request.check:
        return _admit(state_dir, request, read_facts)
    with mac_lock(f"admission of fleet {request.terms.fleet}", state_dir, request.wait):
        plan, lease = _admit(state_dir, request, read_facts)
        if plan.changed and lease is not None:
            write_lease(state_dir, lease)
        return plan, lease


def _admit(state_dir: str, request: Request, read_facts: t.Callable[[], Facts]) -> t.Tuple[ResourcePlan, t.Optional[Lease]]:
    found = _found(state_dir, request)
    facts = read_facts()
    plan = _judge(request, facts)
    boot = boot_of(facts)
    if found is not None and found.state != "released" and (found.digest, found.boot) == (request.terms.digest, boot):
        return _steps(found, found), found
    lease = _lease(request, plan, boot, found.generation + 1 if found else 1)
    return _steps(found, lease), lease


def _found(state_dir: str, request: Request) -> t.Optional[Lease]:
    """The lease that there is, if this request may change it; one that is damaged gives way to a takeover alone."""
    try:
        found = read_lease(state_dir)
    except DamagedLeaseError:
        if not request.takeover:
            raise
        return None
    if not request.takeover:
        require_holder(found, request.terms.fleet)
    return found


def _judge(request: Request, facts: Facts) -> MacPlan:
    terms = request.terms
    policy, wrong = parse_policy(terms.capacity)
    licences, wrong_licences = parse_licences(terms.licences)
    pools, wrong_pools = parse_pools(terms.pools, policy)
    measured, wrong_facts = parse_facts(facts, "facts")
    situation = Situation(request.mac, measured, pools, policy, licences)
    plan = plan_mac(situation, [*wrong, *wrong_licences, *wrong_pools, *wrong_facts])
    if plan.violations:
        raise RefusedError("the pools do not fit on this Mac, nothing was changed: " + "; ".join(violation_lines(plan.violations)))
    return plan


def _lease(request: Request, plan: MacPlan, boot: str, generation: int) -> Lease:
    return Lease(
        fleet=request.terms.fleet,
        digest=request.terms.digest,
        generation=generation,
        boot=boot,
        state="admitted",
        since=int(time.time()),
        pools=tuple(request.terms.pools or ()),
        ledger=tuple(line._asdict() for line in plan.ledger),
    )


def release(state_dir: str, request: Request, left: t.Callable[[], t.Sequence[str]]) -> ResourcePlan:
    """Give the Mac back. ``left`` names what of ours is still on it: with any, the lease stays, as released."""
    if request.check or not os.path.isdir(state_dir):
        # Where nothing was ever admitted, a lock would be the first that is made.
        return _steps(_found(state_dir, request), None)
    with mac_lock(f"release by fleet {request.terms.fleet}", state_dir, request.wait):
        found = _found(state_dir, request)
        if found is None:
            # An admission that was killed may have left half of one.
            remove_lease(state_dir)
            return _steps(None, None)
        names = left()
        if names:
            write_lease(state_dir, dataclasses.replace(found, state="released"))
            raise LeaseError(f"the Mac is not given back, this is still on it: {', '.join(names)}")
        remove_lease(state_dir)
        return _steps(found, None)


def _steps(before: t.Optional[Lease], after: t.Optional[Lease]) -> ResourcePlan:
    steps = [] if before == after else [Step("lease", _action(before, after), _detail(before, after))]
    return ResourcePlan(
        {"lease": _shown(before)} if before else {},
        {"lease": _shown(after)} if after else {},
        tuple(steps),
    )


def _action(before: t.Optional[Lease], after: t.Optional[Lease]) -> str:
    if after is None:
        return "release"
    return "take over" if before is not None and before.fleet != after.fleet else "admit"


def _detail(before: t.Optional[Lease], after: t.Optional[Lease]) -> str:
    return " -> ".join(lease.held() for lease in (before, after) if lease is not None)


def _shown(lease: Lease) -> t.Dict[str, t.Any]:
    """A lease in a difference; what only says when it was written is left out."""
    return {"fleet": lease.fleet, "generation": lease.generation, "state": lease.state, "pools": list(lease.pools)}
