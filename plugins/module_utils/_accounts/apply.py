# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Making, resetting and removing accounts, each in an order in which every interruption leaves what the next run finishes."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import directory as ds
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import FOREIGN, close_home, read_home, remove_home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.plan import LOGIN, Goal
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.reset import clean, reset_account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.volumes import home_on_volume, make_volume, read_volumes, remove_volume
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

Failures = t.Dict[str, str]


def apply(run: Run, plan: ResourcePlan, goal: Goal, directory: ds.Directory) -> Failures:
    """Do all steps of a plan; what failed, by account. The first user that macOS does not let this run delete is the last that is tried."""
    accounts = {account.name: account for account in goal.accounts}
    failures: Failures = {}
    for step in plan.steps:
        if step.resource in failures:
            continue
        try:
            if step.action == "remove":
                remove(run, step.resource, directory)
                directory = _without(directory, step.resource)
            else:
                _make(run, step.action, accounts[step.resource], directory)
        except ds.FullDiskAccessError as error:
            return {**failures, step.resource: str(error)}
        except (MacRunnersError, OSError) as error:
            failures[step.resource] = str(error)
    return failures


def _make(run: Run, action: str, account: Account, directory: ds.Directory) -> None:
    if action in ("create", "repair"):
        write_records(run, account, directory)
    elif action == "volume":
        make_volume(run, account, read_volumes(run, [account.name]).get(account.name))
    elif action == "close":
        close_home(account)
    else:
        reset_account(run, account)


def write_records(run: Run, account: Account, directory: ds.Directory) -> None:
    """Write what differs, the group before the user, and in each the marker first and the number last."""
    user, group = directory.users.get(account.name), directory.groups.get(account.name)
    for key, value in ds.group_attributes(account).items():
        if group is None or group.first(key) != value:
            ds.set_attribute(run, f"/Groups/{account.name}", key, value)
    if user is not None and user.first(LOGIN):
        ds.remove_attribute(run, f"/Users/{account.name}", LOGIN)
    for key, value in ds.user_attributes(account).items():
        if user is None or user.first(key) != value:
            ds.set_attribute(run, f"/Users/{account.name}", key, value)
    ds.wait_visible(account)


def remove(run: Run, name: str, directory: ds.Directory) -> None:
    """Remove an account of ours: what it left, its home, its memberships, its user, its group."""
    user, group = directory.users.get(name), directory.groups.get(name)
    if user is not None and user.ours:
        _remove_user(run, user, directory)
    if group is not None and group.ours:
        ds.delete_group(run, name)


def _remove_user(run: Run, user: ds.Record, directory: ds.Directory) -> None:
    uid, home = user.number("UniqueID"), user.first("NFSHomeDirectory")
    # A record that somebody bent may name any directory.
    own_home = os.path.isabs(home) and os.path.basename(home) == user.name
    if own_home and read_home(home, uid or 0) == FOREIGN:
        raise AccountError(f"what is at its home {home} is not its own; nothing of it was touched")
    if uid is not None:
        clean(run, user.name, uid, home if own_home else "")
    if own_home:
        remove_home(home)
    if home == home_on_volume(user.name):
        for volume in read_volumes(run, [user.name]).values():
            remove_volume(run, volume)
    for group in directory.groups.values():
        if user.name in group.attributes.get("GroupMembership", ()):
            ds.leave_group(run, user.name, group.name)
    ds.delete_user(run, user.name)


def _without(directory: ds.Directory, name: str) -> ds.Directory:
    users, groups = ({other: record for other, record in records.items() if other != name} for records in directory)
    return ds.Directory(users, groups)
