# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From the sandbox pools of a Mac to the profiles of their slots, one each: a slot reaches nothing of the others."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.spec import homes_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import SandboxError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.ports import PortRange, slot_ports
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import mistake_in
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import read_sandbox

#: What each slot has of its own, so that no policy of a pool says it.
_OWN = ("name", "home", "ports")
#: Directories of a home that jobs work in.
_WORK = ("work", "tmp")
Given = t.Mapping[str, t.Any]


def slot_profiles(
    pools: t.Sequence[Pool], capacity: Policy, policy: t.Any, by_pool: t.Any, homes: str, accounts: t.Any = None
) -> t.List[t.Dict[str, t.Any]]:
    """The option C(profiles) for all slots of the sandbox pools. ``policy`` holds for each, ``by_pool`` for those of one pool before it;
    ``accounts``: what their accounts have that is not the default, such as homes on volumes."""
    mistakes: t.List[Mistake] = []
    sandboxed = [pool for pool in pools if pool.isolation == "sandbox"]
    given = _policies(sandboxed, policy, by_pool, mistakes)
    allowed = mistake_in(homes) or ("a path without a slash at its end" if homes.endswith("/") else "")
    if allowed:
        mistakes.append(Mistake("", "homes", show(homes), allowed))
    if mistakes:
        raise SandboxError("; ".join(mistake.message for mistake in mistakes))
    there = homes_of(pools, accounts, homes)
    # The plan refuses ranges that overlap, for all native pools.
    ports = slot_ports(pools, capacity, [])
    policies = {pool.name: [_policy_of(slot, given[pool.name], there, ports[slot]) for slot in pool.slots] for pool in sandboxed}
    _require_readable(policies)
    return [{"name": policy["name"], "policy": policy} for pool in sandboxed for policy in policies[pool.name]]


def _require_readable(policies: t.Mapping[str, t.Sequence[Given]]) -> None:
    """Raises :class:`SandboxError` with every mistake; those of one slot of a pool are those of all."""
    mistakes = [(pool, one) for pool, its in policies.items() for policy in its[:1] for one in read_sandbox(policy)[1]]
    if mistakes:
        found = (Mistake(pool, f"policy.{one.field}", one.given, one.allowed) for pool, one in mistakes)
        raise SandboxError("; ".join(mistake.message for mistake in found))


def _policy_of(slot: str, given: Given, homes: t.Mapping[str, str], ports: PortRange) -> t.Dict[str, t.Any]:
    home = homes[slot]
    return {
        **given,
        "name": slot,
        "home": home,
        "work": [*(f"{home}/{name}" for name in _WORK), *given.get("work", ())],
        "others": [*(other for other in homes.values() if other != home), *given.get("others", ())],
        "ports": f"{ports.first}-{ports.last}",
    }


def _policies(pools: t.Sequence[Pool], policy: t.Any, by_pool: t.Any, mistakes: t.List[Mistake]) -> t.Dict[str, Given]:
    """What is said of the slots of each pool."""
    shared = _said("policy", "", policy, mistakes)
    pooled = Fields(by_pool, mistakes, path="policies")
    pooled.known([pool.name for pool in pools])
    return {pool.name: {**shared, **_said(f"policies.{pool.name}", pool.name, pooled.raw.get(pool.name), mistakes)} for pool in pools}


def _said(path: str, pool: str, raw: t.Any, mistakes: t.List[Mistake]) -> Given:
    fields = Fields(raw, mistakes, pool, path)
    for name in _OWN:
        if name in fields.raw:
            fields.wrong(name, fields.raw[name], "nothing: each slot has its own")
    for name in ("work", "others"):
        fields.items(name)
    return {name: value for name, value in fields.raw.items() if value is not None}
