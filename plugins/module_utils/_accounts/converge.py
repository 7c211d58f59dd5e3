# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The accounts of a Mac from what is to what shall be: look, then under the lock look again and change."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.apply import Failures, apply
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import Directory, read_directory, with_others
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import ABSENT, read_home, require_places
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.plan import Goal, ours, plan_accounts, state_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.volumes import home_on_volume, read_volumes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms, permitted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

SYSCTL = "/usr/sbin/sysctl"

Result = t.Dict[str, t.Any]


class View(t.NamedTuple):
    """What is, and what has to be done."""

    directory: Directory
    homes: t.Mapping[str, str]
    plan: ResourcePlan


def look(run: Run, goal: Goal) -> View:
    """Read the directory and the homes, and plan; changes nothing."""
    require_places(goal.accounts)
    directory = with_others(read_directory(run), goal.accounts)
    homes = {account.name: _home_of(account, directory) for account in goal.accounts}
    volumes = read_volumes(run, _on_volumes(goal, directory))
    return View(directory, homes, plan_accounts(goal, directory, homes, volumes))


def _on_volumes(goal: Goal, directory: Directory) -> t.Set[str]:
    """The accounts that have a volume, or shall have one."""
    there = {user.name for user in directory.users.values() if user.ours and user.first("NFSHomeDirectory") == home_on_volume(user.name)}
    return there | {account.name for account in goal.accounts if account.quota}


def _home_of(account: Account, directory: Directory) -> str:
    user = directory.users.get(account.name)
    return read_home(account.home, account.uid, user.number("UniqueID") if user is not None and user.ours else None)


def converge(run: Run, goal: Goal, terms: Terms, state_dir: str, check: bool) -> Result:
    """Bring the accounts to their state; the module's result, with C(failed) when one of them failed."""
    held = held_in(state_dir)
    # A play removes slots before the accounts that they have; in check mode both are still there.
    leaving = held - {account.name for account in goal.accounts} if check and goal.purge else frozenset()
    view = look(run, goal._replace(held=held - leaving))
    if check or not view.plan.changed:
        return _result(view, _entries(view.plan.after), {})
    with mac_lock(f"runner_accounts of fleet {terms.fleet}", state_dir):
        view = look(run, goal._replace(held=held_in(state_dir)))
        builds = any(step.action != "remove" for step in view.plan.steps)
        with permitted(state_dir, terms, builds, lambda: must(run, [SYSCTL, "-n", "kern.bootsessionuuid"]).strip()):
            failures = apply(run, view.plan, goal, view.directory)
    return _result(view, _found(run, goal), failures)


def held_in(state_dir: str) -> t.FrozenSet[str]:
    """The names of the accounts that slots have which are installed here."""
    try:
        return frozenset(OWNED_PREFIX + name for name in os.listdir(os.path.join(state_dir, "slots")))
    except FileNotFoundError:
        return frozenset()


def _found(run: Run, goal: Goal) -> t.List[Result]:
    directory = read_directory(run)
    volumes = read_volumes(run, _on_volumes(goal, directory))
    wanted = {account.name: account for account in goal.accounts}
    states = {}
    for name in ours(directory):
        home = _home_of(wanted[name], directory) if name in wanted else ABSENT
        states[name] = state_of(directory.users.get(name), directory.groups.get(name), home, volumes.get(name))
    return _entries(states)


def _entries(states: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[Result]:
    shown = ("uid", "home", "shell")
    return [{"name": name, **{key: state[key] for key in shown}} for name, state in sorted(states.items())]


def _result(view: View, accounts: t.List[Result], failures: Failures) -> Result:
    result: Result = {"changed": view.plan.changed, "diff": view.plan.diff, "steps": view.plan.summary(), "accounts": accounts}
    if not failures:
        return result
    told = "; ".join(f"{name}: {why}" for name, why in sorted(failures.items()))
    return {**result, "failed": True, "msg": told, "failures": failures}
