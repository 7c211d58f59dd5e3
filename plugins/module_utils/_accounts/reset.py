# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""An account as new, between two jobs: what runs as it is ended, what it left is removed, its home is made anew.

Nothing here knows of pools or of Ansible, so that whoever starts jobs can call :func:`reset_account` too.
"""

from __future__ import annotations

import pwd

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import FIRST_UID, LAST_UID, Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import read_user
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import renew_home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.leftovers import remove_files, remove_ipc, unmount_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.processes import end_processes, processes_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run


def reset_account(run: Run, account: Account) -> None:
    """End and remove everything that jobs of an account of ours left, and make its home anew.

    One that was killed is finished by the next. Raises :class:`AccountError` when the account is not ours, before anything is touched.
    """
    _require_ours(run, account)
    clean(run, account.name, account.uid, account.home)
    renew_home(account)
    late = processes_of(run, account.uid)
    if late:
        raise AccountError(f"account {account.name}: processes began while it was reset: {', '.join(map(str, late))}; run this again")


def clean(run: Run, name: str, uid: int, home: str) -> None:
    """Everything outside the home, which goes afterwards: processes first, since they could make the rest anew.

    ``home`` is empty when it is not known which is the account's own.
    """
    _require_alone(name, uid)
    end_processes(run, uid)
    unmount_of(run, name, home)
    remove_files(name, uid)
    remove_ipc(run, name)


def _require_ours(run: Run, account: Account) -> None:
    user = read_user(run, account.name)
    if user is None or not user.ours:
        raise AccountError(f"account {account.name}: there is none that this collection made and marked; nothing was touched")
    found = (user.first("UniqueID"), user.first("PrimaryGroupID"), user.first("NFSHomeDirectory"))
    if found != (str(account.uid), str(account.uid), account.home):
        raise AccountError(f"account {account.name}: has uid {found[0]}, group {found[1]}, home {found[2]}, not those that it was given; nothing was touched")


def _require_alone(name: str, uid: int) -> None:
    """Raise when somebody else would lose processes and files: other users, and people, have other numbers than ours."""
    if not FIRST_UID <= uid <= LAST_UID:
        raise AccountError(f"account {name}: uid {uid} is none that this collection gives; nothing of it was touched")
    try:
        known = pwd.getpwuid(uid).pw_name
    except KeyError:
        return
    if known != name:
        raise AccountError(f"account {name}: user {known} has its uid {uid} too; nothing of it was touched")
