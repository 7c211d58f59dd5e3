# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The account of a native slot, with what it has in the Mac and in its jail."""

from __future__ import annotations

import os

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import renew_home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.leftovers import remove_files, unmount_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.processes import end_processes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.reset import reset_account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run


class SlotAccount:
    """Implements :class:`._slot.native_slot.Accounts` for an account that the module runner_accounts made.

    ``jail``: the directory that is / for its jobs, empty when that is the Mac's own.
    """

    def __init__(self, account: Account, jail: str, run: Run) -> None:
        self._account, self._jail, self._run = account, jail, run

    def reset(self) -> None:
        """End and remove all that it has, and give it a home that is as new. Raises when the Mac has no such account of ours."""
        account = self._account
        reset_account(self._run, account)
        # One that somebody removed holds nothing any more.
        if self._jail and os.path.isdir(self._jail):
            kept = account._replace(home=self._jail + account.home)
            unmount_of(self._run, account.name, kept.home)
            remove_files(account.name, account.uid, self._jail)
            renew_home(kept)

    def end(self) -> None:
        """End all its processes."""
        end_processes(self._run, self._account.uid)
