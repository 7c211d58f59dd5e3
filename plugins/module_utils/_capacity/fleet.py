# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The plan of a whole fleet: every Mac, and the checks that need all of them at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.changes import smallest_change
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.checks import fair_source, runner_name, uses_tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import CHECKS, MacPlan, Move, Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import PIN, Answers, parse_pin
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts, merge_facts, parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import FREE_TART_CORES, parse_licences, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool, parse_pools

#: The key under which the module mac_facts puts what it measured.
MEASURED = "mac_runners_measured"
#: The variables of a host that a plan reads.
VARIABLES = (
    "mac_runners_pools",
    "mac_runners_facts",
    "mac_runners_capacity",
    "mac_runners_licences",
    PIN,
)
#: The variable of a host of which a plan reads nothing but ``url``: there are secrets in it.
GITHUB = "mac_runners_github"
#: The most cores an Apple-silicon Mac has (M3 Ultra): what a Mac counts that cannot be asked.
MOST_CORES = 32
#: Macs tried as the target of a move, those with most room first.
_MOST_TARGETS = 20

HostVariables = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class FleetPlan:
    """The plans of all Macs by name."""

    macs: t.Mapping[str, MacPlan]
    refuse_unreachable: bool = False

    @property
    def fits(self) -> bool:
        """Whether work may begin: every Mac that answered fits, and one that did not is tolerated."""
        return all(
            plan.fits or (plan.unreachable and not self.refuse_unreachable) for plan in self.macs.values()
        )


@dataclasses.dataclass(frozen=True)
class _Mac:
    """One Mac of the fleet, read."""

    situation: Situation
    mistakes: t.Tuple[Mistake, ...]
    unreachable: bool = False


class _Asked(t.NamedTuple):
    """The time, and what GitHub was asked."""

    now: t.Optional[int]
    versions: t.Optional[t.Mapping[str, Answers]]


class _Reader:
    """Reads variables; what many Macs share is read once."""

    def __init__(self) -> None:
        self._known: t.Dict[t.Tuple[t.Any, ...], t.Any] = {}

    def read(self, parse: t.Callable[..., t.Any], raw: t.Any, *others: t.Any) -> t.Any:
        """``parse(raw, *others)``, remembered by what ``raw`` says and which ``others`` they are."""
        try:
            key = (parse, repr(raw), *map(id, others))
        except ValueError:
            # Python does not write integers of thousands of digits.
            return parse(raw, *others)
        if key not in self._known:
            # The others are kept with the result: an id is only good while its object lives.
            self._known[key] = (parse(raw, *others), others)
        return self._known[key][0]


def plan_fleet(
    fleet: t.Mapping[str, HostVariables],
    unreachable: t.Collection[str] = (),
    unasked: t.Collection[str] = (),
    refuse_unreachable: bool = False,
    now: t.Optional[int] = None,
    versions: t.Optional[t.Mapping[str, Answers]] = None,
) -> FleetPlan:
    """Plan every Mac of ``fleet`` (host name -> its variables) and judge them together.

    ``unreachable`` Macs are left out of the verdict, or refuse it. ``unasked`` Macs (left out
    by a limit) get no plan. Both count as full where a licence is counted over the fleet, and
    their runner names are taken. Smallest changes are searched for refused Macs only.
    ``versions``: what GitHub was asked, None when it was not.
    """
    reader = _Reader()
    gone = frozenset((*unreachable, *unasked))
    macs = {name: _read_mac(reader, name, variables, name in gone, _Asked(now, versions)) for name, variables in fleet.items()}
    left_out = frozenset(unasked)
    plans = {name: _plan_one(mac) for name, mac in macs.items() if name not in left_out}
    plans = _with_violations(plans, _runner_names(macs))
    plans = _with_violations(plans, _tart_licence(macs))
    refused = [name for name, plan in plans.items() if plan.violations]
    for name in refused:
        plan = plans[name]
        plans[name] = dataclasses.replace(plan, changes=smallest_change(macs[name].situation, plan))
    targets, taken = _targets(plans), _taken_names(macs)
    for name in refused:
        moves = _moves(macs, name, plans[name], targets, taken)
        plans[name] = dataclasses.replace(plans[name], moves=moves)
    return FleetPlan(plans, refuse_unreachable)


def _read_mac(
    reader: _Reader, name: str, variables: HostVariables, unreachable: bool, asked: _Asked
) -> _Mac:
    policy, wrong = reader.read(parse_policy, variables.get("mac_runners_capacity"))
    licences, wrong_licences = reader.read(parse_licences, variables.get("mac_runners_licences"))
    pools, wrong_pools = reader.read(parse_pools, variables.get("mac_runners_pools"), policy)
    pin, wrong_pin = reader.read(parse_pin, variables.get(PIN))
    facts, wrong_facts = _read_facts(reader, variables)
    situation = Situation(name, facts, pools, policy, licences, asked.now, github_url(variables), pin, asked.versions)
    mistakes = [*wrong, *wrong_licences, *wrong_pools, *wrong_pin]
    if not unreachable:
        mistakes.extend(wrong_facts)
    return _Mac(situation, tuple(mistakes), unreachable)


def github_url(variables: HostVariables) -> str:
    """Where runners of the Mac register whose pool does not say it; empty when that is not said either."""
    github = variables.get(GITHUB)
    url = github.get("url") if isinstance(github, t.Mapping) else None
    return str(url) if isinstance(url, str) else ""


def _read_facts(reader: _Reader, variables: HostVariables) -> t.Tuple[MacFacts, t.List[Mistake]]:
    measured, declared = variables.get(MEASURED), variables.get("mac_runners_facts")
    if measured is None:
        facts, mistakes = reader.read(parse_facts, declared)
        return facts if mistakes else _without_memory(facts), mistakes
    facts, mistakes = parse_facts(measured, MEASURED)
    if declared is None:
        return facts, mistakes
    more, wrong = reader.read(parse_facts, declared)
    return merge_facts(facts, more), [*mistakes, *wrong]


def _without_memory(facts: MacFacts) -> MacFacts:
    """Nobody said how much memory the Mac has: nothing can be planned on it."""
    if facts.memory is not None or facts.unread:
        return facts
    reason = "its memory, which was neither measured nor declared in mac_runners_facts.memory"
    return dataclasses.replace(facts, unread=(reason,))


def _plan_one(mac: _Mac) -> MacPlan:
    if mac.unreachable:
        return MacPlan(unreachable=True, warnings=("could not be reached: left out, nothing is changed on it",))
    return plan_mac(mac.situation, mac.mistakes)


def _with_violations(
    plans: t.Dict[str, MacPlan], found: t.Mapping[str, t.List[Violation]]
) -> t.Dict[str, MacPlan]:
    for name, violations in found.items():
        plan = plans.get(name)
        if plan is not None and not plan.unreachable:
            plans[name] = dataclasses.replace(plan, violations=(*plan.violations, *violations))
    return plans


def _runner_names(macs: t.Mapping[str, _Mac]) -> t.Dict[str, t.List[Violation]]:
    """Two Macs whose runners would have one name: ``a`` with pool ``b-c`` and ``a-b`` with ``c``."""
    seen: t.Dict[str, t.Tuple[str, str]] = {}
    found: t.Dict[str, t.List[Violation]] = {}
    # Macs without a plan come first: their names are taken, and only the others can be refused.
    for mac, read in sorted(macs.items(), key=lambda item: not item[1].unreachable):
        for pool in (pool for pool in read.situation.pools if pool.count):
            name = runner_name(mac, pool.name)
            other = seen.setdefault(name, (mac, pool.name))
            if other[0] != mac:
                message = f'runner names "{name}-<n>" are already those of pool {other[1]} on {other[0]}'
                found.setdefault(mac, []).append(Violation("names", pool.name, None, None, message))
    return found


def _tart_licence(macs: t.Mapping[str, _Mac]) -> t.Dict[str, t.List[Violation]]:
    """Host cores of all Macs with a Tart under Fair Source, against the licence declared."""
    counted = {name: mac for name, mac in macs.items() if fair_source(mac.situation)}
    if not counted:
        return {}
    silent = [name for name, mac in macs.items() if mac.unreachable and uses_tart(mac.situation) and name not in counted]
    total = sum(mac.situation.facts.cores or MOST_CORES for mac in counted.values())
    total += MOST_CORES * len(silent)
    found = {}
    for name, mac in counted.items():
        limit = mac.situation.licences.tart_cores
        if limit is not None and total > limit:
            found[name] = [Violation("tart-licence", "", total, limit, _tart_message(mac, len(counted), silent, total, limit))]
    return found


def _tart_message(mac: _Mac, count: int, silent: t.Sequence[str], total: int, limit: int) -> str:
    unasked = f" and {len(silent)} that could not be asked ({MOST_CORES} each)" if silent else ""
    free = "free up to" if limit == FREE_TART_CORES else "declared for"
    return (
        f"Tart {mac.situation.facts.tart_version} is under Fair Source 0.9, {free} {limit} host cores; the fleet has "
        f"{total} on {count} such Macs{unasked}; upgrade Tart to 2.33.0 or later, or declare your licence "
        "in mac_runners_licences.tart.host_cores"
    )


def _targets(plans: t.Mapping[str, MacPlan]) -> t.List[str]:
    fitting = [name for name, plan in plans.items() if plan.fits]
    return sorted(fitting, key=lambda name: (-plans[name].free, name))[:_MOST_TARGETS]


def _taken_names(macs: t.Mapping[str, _Mac]) -> t.Dict[str, str]:
    """The first part of all runner names (Mac and pool), and the Mac that has them."""
    return {runner_name(name, pool.name): name for name, mac in macs.items() for pool in mac.situation.pools if pool.count}


def _moves(
    macs: t.Mapping[str, _Mac], name: str, plan: MacPlan, targets: t.Sequence[str], taken: t.Mapping[str, str]
) -> t.Tuple[Move, ...]:
    """The move of fewest runners of one pool that leaves both Macs fitting, if there is one."""
    situation = macs[name].situation
    if not plan.changes or not targets:
        return ()
    most = max(pool.count for pool in situation.pools)
    for count in range(1, most + 1):
        for pool in sorted(situation.pools, key=lambda pool: pool.name):
            if pool.count >= count and plan_mac(_with_count(situation, pool, pool.count - count)).fits:
                named = (to for to in targets if taken.get(runner_name(to, pool.name), to) == to)
                target = next((to for to in named if _has_room(macs[to].situation, pool, count)), None)
                if target is not None:
                    message = f"move {count} of pool {pool.name} to {target}, which has room"
                    return (Move(pool.name, count, target, message),)
    return ()


def _with_count(situation: Situation, pool: Pool, count: int) -> Situation:
    pools = tuple(dataclasses.replace(p, count=count) if p is pool else p for p in situation.pools)
    return dataclasses.replace(situation, pools=pools)


def _has_room(target: Situation, pool: Pool, count: int) -> bool:
    if pool.memory < target.policy.costs[pool.kind].minimum:
        return False
    same = next((p for p in target.pools if p.name == pool.name), None)
    if same is not None and dataclasses.replace(same, count=pool.count) != pool:
        return False
    if same is not None:
        return plan_mac(_with_count(target, same, same.count + count)).fits
    moved = dataclasses.replace(pool, count=count)
    return plan_mac(dataclasses.replace(target, pools=(*target.pools, moved))).fits


def as_data(plan: FleetPlan) -> t.Dict[str, t.Any]:
    """The plan file: plain data, and a digest that changes when anything in it does."""
    macs = {name: _mac_data(mac) for name, mac in plan.macs.items()}
    # Only the order of the Macs may differ for the same plan.
    canonical = json.dumps(sorted(macs.items()), separators=(",", ":")).encode()
    return {"fits": plan.fits, "digest": "sha256:" + hashlib.sha256(canonical).hexdigest(), "macs": macs}


def _mac_data(plan: MacPlan) -> t.Dict[str, t.Any]:
    violations = sorted(plan.violations, key=lambda violation: CHECKS.index(violation.check))
    data: t.Dict[str, t.Any] = {
        "fits": plan.fits,
        "ledger": [{"what": line.what, "bytes": line.bytes} for line in plan.ledger],
        "free": plan.free,
        "violations": [violation._asdict() for violation in violations],
        "warnings": list(plan.warnings),
        "changes": [change._asdict() for change in plan.changes],
        "moves": [move._asdict() for move in plan.moves],
    }
    if plan.unreachable:
        data["unreachable"] = True
    return data
