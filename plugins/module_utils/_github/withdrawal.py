# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Taking persistent runners off GitHub: one that is busy first loses its labels, so that no new job comes, and GitHub has the last word."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import NotFoundError, RefusedError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.plan import state_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import Runner, delete_runner, find_runner, set_labels
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import Wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

#: The label of a runner that waits to be taken off, beside the one of its fleet.
DRAINING = "draining"


@dataclasses.dataclass
class Outcome:
    """``busy``: runners that are still there, and why."""

    plan: ResourcePlan
    busy: t.Dict[str, str]


def withdraw(client: Client, ownership: Ownership, wanted: t.Iterable[Wanted], force: bool = False, check: bool = False) -> Outcome:
    """Take off each of ``wanted`` that is idle here and there. With ``force`` nobody waits for one that is not: it goes as far as GitHub lets it."""
    found = [(one, find_runner(client, one.name)) for one in wanted]
    ours = [(one, runner) for one, runner in found if runner is not None and ownership.covers(runner.name, runner.all_labels)]
    before = {runner.name: state_of(runner) for _one, runner in ours}
    after, busy, steps = dict(before), {}, []
    for one, runner in ours:
        why = "" if force else _busy(one, runner)
        if not why and (check or delete_runner(client, runner) != "busy"):
            after.pop(runner.name)
            steps.append(Step(runner.name, "remove", "idle" if not _busy(one, runner) else "forced"))
            continue
        busy[runner.name] = why or "GitHub says that it runs a job"
        if _holds(client, ownership, runner, check):
            after[runner.name] = {**before[runner.name], "labels": sorted((DRAINING, ownership.label, *runner.fixed_labels))}
            steps.append(Step(runner.name, "set labels", busy[runner.name]))
    return Outcome(ResourcePlan(before, after, tuple(steps)), {} if force else busy)


def _busy(one: Wanted, runner: Runner) -> str:
    if not one.idle:
        return "a job runs on its Mac"
    return "GitHub says that it runs a job" if runner.busy else ""


def _holds(client: Client, ownership: Ownership, runner: Runner, check: bool) -> bool:
    """Leave it no label that a job could ask for; whether that was to be done."""
    labels = (DRAINING, ownership.label)
    if sorted(label.lower() for label in labels) == sorted(label.lower() for label in runner.labels):
        return False
    if not check:
        try:
            set_labels(client, runner, labels)
        except (NotFoundError, RefusedError):
            # It went away meanwhile, or cannot be changed; it is asked for again.
            return False
    return True
