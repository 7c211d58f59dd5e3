# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The slots of a Mac from what is to what shall be: look, then under the lock look again, ask for the lease, do it."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms, boot_of, permitted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, State
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import install_apply as doing
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_plan import (
    PROGRAM_NAME,
    Goal,
    fallback,
    going,
    needs_lease,
    plan_install,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import Installed, InstallError, in_job, read_installed, runs


class Outcome(t.NamedTuple):
    """``plan``: what was done, or in check mode would be. ``busy``: slots that are not idle yet and have to be, and with what.

    ``lacking``: the program is not on this Mac and was not brought, so that nothing was done.
    """

    plan: ResourcePlan
    installed: Installed
    busy: t.Mapping[str, str]
    failures: t.Mapping[str, str]
    lacking: bool = False


def converge(tools: doing.Tools, goal: Goal, terms: Terms, check: bool) -> Outcome:
    """Bring the slots to what is asked for. Raises MacRunnersError; what went wrong with single slots is in the outcome."""
    installed = read_installed(tools.run, tools.layout)
    plan = plan_install(goal, installed, tools.layout)
    if check:
        return Outcome(plan, installed, _busy(tools, goal, installed), {})
    if not plan.changed and not going(goal, installed) and not _late(tools, goal, installed):
        return Outcome(plan, installed, _waited(tools, goal, installed), {})
    if _lacks(plan) and not tools.archive:
        return Outcome(ResourcePlan(plan.before, plan.before), installed, {}, {}, lacking=True)
    with mac_lock(f"runner_slots of fleet {terms.fleet}", tools.layout.state_dir):
        installed = read_installed(tools.run, tools.layout)
        plan = plan_install(goal, installed, tools.layout)
        builds = any(needs_lease(step, goal) for step in plan.steps)
        with permitted(tools.layout.state_dir, terms, builds, lambda: boot_of(_facts(tools.run))):
            return _change(tools, goal, installed, plan)


def _lacks(plan: ResourcePlan) -> bool:
    return any((step.resource, step.action) == (PROGRAM_NAME, "install") for step in plan.steps)


def _facts(run: Run) -> t.Mapping[str, t.Any]:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import read_mac

    return read_mac(run, [])


def _change(tools: doing.Tools, goal: Goal, installed: Installed, plan: ResourcePlan) -> Outcome:
    late = _late(tools, goal, installed)
    doing.install(tools, plan, goal, installed)
    failures = doing.start(tools, plan, goal, installed)
    failures.update(_settle(tools, goal, installed, [name for name in _judged(plan, goal, late) if name not in failures]))
    gone, busy = doing.remove_slots(tools, going(goal, installed), goal.force)
    if not busy:
        doing.clean(tools, plan, goal)
    if goal.drain:
        busy = {**busy, **doing.wait_idle(tools, _drained(goal, installed))}
    return Outcome(_done(plan, goal, installed, gone, busy), read_installed(tools.run, tools.layout), busy, failures)


def _late(tools: doing.Tools, goal: Goal, installed: Installed) -> t.List[str]:
    """Slots that no program serves, though theirs is current: an earlier run may have been killed before it could see that."""
    if not goal.version or installed.current != goal.version:
        return []
    there = [installed.slots[name] for name in goal.slots or {} if name in installed.slots]
    return [slot.name for slot in there if slot.status.get("program") != goal.version and not runs(tools.layout.folder(slot.name))]


def _judged(plan: ResourcePlan, goal: Goal, late: t.Collection[str]) -> t.List[str]:
    """The slots that have to come up: all of them with a program that becomes current."""
    switches = any((step.resource, step.action) == (PROGRAM_NAME, "switch") for step in plan.steps)
    started = {step.resource for step in plan.steps if step.action == "load"}
    return [name for name in goal.slots or {} if switches or name in started or name in late]


def _settle(tools: doing.Tools, goal: Goal, installed: Installed, names: t.Sequence[str]) -> t.Dict[str, str]:
    """See that slots run the program; a new one that does not come up gives way to the one before it."""
    if not goal.version:
        return {}
    missing, before = doing.not_up(tools, names, goal.version, installed), fallback(goal, installed)
    if missing and before:
        doing.go_back(tools.layout, installed.slots, before)
    doing.forget_settings(tools.layout, goal.slots or {})
    told = "; ".join(f"slot {name}: {why}" for name, why in sorted(missing.items()))
    if missing and before:
        raise InstallError(f"program {goal.version} did not come up within {tools.start_seconds:g} s, {before} is current again: {told}")
    return {name: f"it did not come up with program {goal.version} within {tools.start_seconds:g} s: {why}" for name, why in missing.items()}


def _drained(goal: Goal, installed: Installed) -> t.List[str]:
    return [name for name in installed.slots if not goal.only or name in goal.only]


def _busy(tools: doing.Tools, goal: Goal, installed: Installed) -> t.Dict[str, str]:
    """In check mode: what has to end first."""
    names = {*going(goal, installed), *(_drained(goal, installed) if goal.drain else ())}
    return {name: slot.doing for name, slot in installed.slots.items() if name in names and in_job(slot.status)}


def _waited(tools: doing.Tools, goal: Goal, installed: Installed) -> t.Dict[str, str]:
    return doing.wait_idle(tools, _drained(goal, installed)) if goal.drain else {}


def _done(plan: ResourcePlan, goal: Goal, installed: Installed, gone: t.Sequence[str], busy: t.Mapping[str, str]) -> ResourcePlan:
    """What of the plan was done: slots that are busy are still there, and so is what they use."""
    staying = set(going(goal, installed)) - set(gone)
    if not staying:
        return plan
    left = tuple(step for step in plan.steps if step.action != "prune" and not (step.action == "remove" and step.resource not in gone))
    kept: t.Dict[str, State] = {name: {**plan.before[name], "drained": True} for name in staying if name in plan.before}
    kept.update({name: state for name, state in plan.before.items() if name not in plan.after and name not in gone and name not in installed.slots})
    return ResourcePlan(plan.before, {**plan.after, **kept}, left)
