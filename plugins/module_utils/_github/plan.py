# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From the wanted runners and those at GitHub to what has to be done; pure, and careful about what is not ours."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership, slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import Group, Runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import Wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

Groups = t.Mapping[str, Group]


@dataclasses.dataclass(frozen=True)
class Rules:
    """Which runners are ours, and when one that was left behind may go. Times in seconds.

    ``since``: runner id -> when it was first seen offline. ``spare``: little is left of the quota, what can wait waits.
    """

    ownership: Ownership
    grace: float
    now: float
    since: t.Mapping[int, float]
    spare: bool = False

    def ours(self, runner: Runner) -> bool:
        """Whether a runner may be touched."""
        return self.ownership.covers(runner.name, runner.all_labels)


@dataclasses.dataclass(frozen=True)
class Action:
    """One request to GitHub. ``kind``: remove, labels or group."""

    kind: str
    runner: Runner
    detail: str
    labels: t.Tuple[str, ...] = ()
    group: int = 0

    @property
    def step(self) -> Step:
        """The action in words."""
        return Step(self.runner.name, {"remove": "remove", "labels": "set labels", "group": "move"}[self.kind], self.detail)


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """What one sweep over a target leads to.

    ``missing``: wanted persistent runners that are not registered, or not as their Mac has them configured.
    ``kept``: runners of ours that would go, and why not yet.
    ``conflicts``: wanted names that somebody else's runner has.
    """

    actions: t.Tuple[Action, ...]
    resources: ResourcePlan
    missing: t.Tuple[str, ...]
    kept: t.Mapping[str, str]
    conflicts: t.Mapping[str, str]


def resolve_groups(wanted: t.Iterable[Wanted], groups: t.Sequence[Group]) -> t.Dict[str, Group]:
    """Lower-case name -> group, for those that are named; raises :class:`InputError` for one that does not exist or is too open."""
    known = {group.name.lower(): group for group in groups}
    mistakes: t.Dict[str, None] = {}
    for one in wanted:
        if not one.present or not one.group:
            continue
        group = known.get(one.group.lower())
        if group is None:
            there = ", ".join(sorted(group.name for group in groups)) or "none"
            mistakes[f'runner_group: there is no group "{one.group}"; there are: {there}'] = None
        elif group.public and one.trust != "untrusted":
            mistakes[
                f'runner_group: public repositories may use the group "{one.group}", so anybody\'s code could run on {one.name}, whose trust is '
                f"{one.trust}; forbid it in the group's settings, or name another group"
            ] = None
    if mistakes:
        raise InputError("; ".join(mistakes))
    return known


def make_plan(wanted: t.Sequence[Wanted], runners: t.Sequence[Runner], groups: Groups, rules: Rules) -> SweepPlan:
    """Decide about every runner of ours."""
    ours = [runner for runner in runners if rules.ours(runner)]
    finder = _Finder(wanted)
    kept: t.Dict[str, str] = {}
    actions: t.List[Action] = []
    for runner in ours:
        one = finder.of(runner)
        if one is not None and one.present and not one.ephemeral:
            actions.extend(_corrections(one, runner, groups, rules))
            continue
        detail, why_not = _leaving(one, runner, rules)
        if detail:
            actions.append(Action("remove", runner, detail))
        elif why_not:
            kept[runner.name] = why_not
    there = {runner.name.lower(): runner for runner in runners}
    persistent = [one for one in wanted if one.present and not one.ephemeral]
    conflicts = {one.name: _conflict(rules) for one in persistent if one.name.lower() in there and not rules.ours(there[one.name.lower()])}
    missing = tuple(one.name for one in persistent if one.registers and _lacks(one, there.get(one.name.lower())))
    return SweepPlan(tuple(actions), _resources(ours, actions), missing, kept, conflicts)


def _lacks(one: Wanted, runner: t.Optional[Runner]) -> bool:
    """Whether it has to register; one with a job is left alone."""
    return runner is None or (one.id is not None and one.id != runner.id and not runner.busy)


class _Finder:
    """Whose wish a runner is: a persistent one by its name, an ephemeral one by its slot; what shall be absent by either."""

    def __init__(self, wanted: t.Sequence[Wanted]) -> None:
        self._by_name = {one.name.lower(): one for one in wanted}

    def of(self, runner: Runner) -> t.Optional[Wanted]:
        name = runner.name.lower()
        exact, slot = self._by_name.get(name), self._by_name.get(slot_of(name) or "")
        if exact is not None and not (exact.present and exact.ephemeral):
            return exact
        return slot if slot is not None and not (slot.present and not slot.ephemeral) else None


def _conflict(rules: Rules) -> str:
    return f"another runner has this name and is not ours: it lacks the label {rules.ownership.label}; rename or remove it at GitHub"


def _leaving(one: t.Optional[Wanted], runner: Runner, rules: Rules) -> t.Tuple[str, str]:
    """Why a runner goes, or else why it stays although it is not wanted; both empty for one that is wanted as it is."""
    unwanted = one is not None and not one.present
    if one is not None and one.present and (runner.online or runner.busy):
        return "", ""
    if runner.busy:
        return "", "it runs a job"
    if one is not None and unwanted:
        if not runner.online:
            return "not wanted, offline", ""
        return ("not wanted, idle at GitHub and on its Mac", "") if one.idle else ("", "it is online, and nobody says that its Mac is idle")
    if runner.online:
        return "", "nobody wants it, but it is online"
    return _orphan("left behind by its slot" if one else "nobody wants it", runner, rules)


def _orphan(reason: str, runner: Runner, rules: Rules) -> t.Tuple[str, str]:
    offline = max(0.0, rules.now - rules.since.get(runner.id, rules.now))
    if offline < rules.grace:
        return "", f"{reason}, seen offline for {offline:.0f} s, the grace is {rules.grace:.0f} s"
    if rules.spare:
        return "", f"{reason}, but less than a tenth of GitHub's hourly quota is left"
    return f"{reason}, seen offline for {offline:.0f} s", ""


def _corrections(one: Wanted, runner: Runner, groups: Groups, rules: Rules) -> t.Iterator[Action]:
    """What a persistent runner lacks; neither disturbs a job."""
    mark = rules.ownership.label
    labels = (*(label for label in one.labels if label.lower() != mark.lower()), mark)
    if sorted(label.lower() for label in labels) != sorted(label.lower() for label in runner.labels):
        yield Action("labels", runner, f"{', '.join(sorted(runner.labels))} -> {', '.join(sorted(labels))}", labels=labels)
    group = groups.get(one.group.lower()) if one.group else None
    if group is not None and runner.group is not None and group.id != runner.group:
        yield Action("group", runner, f"into the group {group.name}", group=group.id)


def _resources(ours: t.Iterable[Runner], actions: t.Iterable[Action]) -> ResourcePlan:
    before = {runner.name: state_of(runner) for runner in ours}
    after = {name: dict(state) for name, state in before.items()}
    for action in actions:
        apply_to(after, action)
    return ResourcePlan(before, after, tuple(action.step for action in actions))


def apply_to(states: t.Dict[str, t.Dict[str, t.Any]], action: Action) -> None:
    """What an action does to the states of runners."""
    name = action.runner.name
    if action.kind == "remove":
        states.pop(name, None)
    elif action.kind == "labels":
        states[name]["labels"] = sorted((*action.labels, *action.runner.fixed_labels))
    else:
        states[name]["runner_group_id"] = action.group


def state_of(runner: Runner) -> t.Dict[str, t.Any]:
    """A runner as results show it."""
    return {
        "id": runner.id,
        "status": "online" if runner.online else "offline",
        "busy": runner.busy,
        "labels": sorted(runner.all_labels),
        "runner_group_id": runner.group,
        "os": runner.os,
        "version": runner.version,
        "ephemeral": runner.ephemeral,
    }
