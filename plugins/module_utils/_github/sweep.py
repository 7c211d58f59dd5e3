# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""One sweep over the runners of a target: read, plan, apply."""

from __future__ import annotations

import dataclasses
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import (
    CredentialError,
    GithubError,
    InputError,
    NoAnswerError,
    RateLimitError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.plan import (
    Action,
    Rules,
    SweepPlan,
    apply_to,
    make_plan,
    resolve_groups,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.private_file import write_private
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import (
    Runner,
    delete_runner,
    list_groups,
    list_runners,
    registration_token,
    set_group,
    set_labels,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.seen import observed, read_since, write_since
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import Wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

#: A slot that boots is offline too; no grace may be shorter than that takes.
LEAST_GRACE = 300


@dataclasses.dataclass(frozen=True)
class Request:
    """What a sweep is to do. ``token_file``: where a registration token goes when runners have to register, empty for none."""

    wanted: t.Tuple[Wanted, ...]
    ownership: Ownership
    grace: float
    offline_file: str
    token_file: str = ""
    check: bool = False


@dataclasses.dataclass
class Outcome:
    """What a sweep did, or in check mode would do."""

    plan: ResourcePlan
    missing: t.Tuple[str, ...]
    kept: t.Dict[str, str]
    failures: t.Dict[str, str]
    token_expires: str = ""
    warnings: t.List[str] = dataclasses.field(default_factory=list)

    @property
    def runners(self) -> t.List[t.Dict[str, t.Any]]:
        """Ours as they are afterwards."""
        return [{"name": name, **state} for name, state in sorted(self.plan.after.items())]


def sweep(client: Client, request: Request) -> Outcome:
    """Bring the runners of ours at one target to what is wanted."""
    _check(request)
    known, warning = read_since(request.offline_file, client.target.key)
    groups = _groups(client, request)
    runners = list_runners(client)
    rules = _rules(client, request, runners, known)
    plan = make_plan(request.wanted, runners, groups, rules)
    outcome = Outcome(plan.resources, plan.missing, dict(plan.kept), dict(plan.conflicts))
    outcome.warnings.extend(filter(None, [warning]))
    if not request.check:
        write_since(request.offline_file, client.target.key, rules.since)
        _apply(client, plan, outcome)
    if plan.missing and request.token_file and not outcome.failures:
        _mint(client, request, outcome)
    return outcome


def _check(request: Request) -> None:
    if request.grace < LEAST_GRACE:
        raise InputError(f"grace: got {request.grace:.0f}; allowed: at least {LEAST_GRACE} seconds, since a runner that boots is offline too")
    folder = os.path.dirname(request.token_file) or "."
    if request.token_file and (not os.path.isdir(folder) or os.path.isdir(request.token_file)):
        raise InputError(f"registration_token_file: got {request.token_file}; allowed: a file in a directory that exists")


def _groups(client: Client, request: Request) -> t.Mapping[str, t.Any]:
    """Asked for only when somebody names one."""
    if not any(one.group and one.present for one in request.wanted):
        return {}
    return resolve_groups(request.wanted, list_groups(client))


def _rules(client: Client, request: Request, runners: t.Sequence[Runner], known: t.Mapping[int, float]) -> Rules:
    meter = client.exchange.meter
    # GitHub's clock, when it told: a jump of ours must not end a grace.
    now = meter.date or client.exchange.clock.now()
    rules = Rules(request.ownership, request.grace, now, {}, meter.low)
    since = observed(known, (runner.id for runner in runners if rules.ours(runner) and not runner.online), now)
    return dataclasses.replace(rules, since=since)


def _apply(client: Client, plan: SweepPlan, outcome: Outcome) -> None:
    """Do what the plan says; the outcome then tells what was really done."""
    done: t.List[Step] = []
    after = {name: dict(state) for name, state in plan.resources.before.items()}
    for number, action in enumerate(plan.actions):
        try:
            said = _do(client, action)
        except GithubError as error:
            outcome.failures[action.runner.name] = str(error)
            if isinstance(error, (CredentialError, RateLimitError, NoAnswerError)):
                left = len(plan.actions) - number - 1
                outcome.warnings.extend([f"{left} more changes were not tried"] if left else [])
                break
            continue
        if said == "busy":
            outcome.kept[action.runner.name] = "GitHub says that it runs a job"
            continue
        apply_to(after, action)
        if said != "gone":
            done.append(action.step)
    outcome.plan = ResourcePlan(plan.resources.before, after, tuple(done))


def _do(client: Client, action: Action) -> str:
    if action.kind == "remove":
        return delete_runner(client, action.runner)
    if action.kind == "labels":
        set_labels(client, action.runner, action.labels)
    else:
        set_group(client, action.runner, action.group)
    return ""


def _mint(client: Client, request: Request, outcome: Outcome) -> None:
    """One token serves all that are missing; it goes into a file, never into a result."""
    step = Step(client.target.url, "mint", f"a registration token for {len(outcome.missing)} runners")
    if not request.check:
        token, outcome.token_expires = registration_token(client)
        try:
            write_private(request.token_file, token.reveal())
        except OSError as error:
            raise InputError(f"registration_token_file: {request.token_file} cannot be written: {error.strerror}") from error
    outcome.plan = dataclasses.replace(outcome.plan, steps=(*outcome.plan.steps, step))
