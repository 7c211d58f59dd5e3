# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The home of an account: always a directory made anew, which belongs to root until everything is in it.

The last thing that is done to it is to give it away, so that a home that was not finished is known by its owner.
"""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import only_root_writes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._tree import fill_directory, remove_tree

#: Open: it is the account's, and others were let in. Unfinished: it is root's still, or of an earlier number.
ABSENT, READY, OPEN, UNFINISHED, FOREIGN = "absent", "ready", "open", "unfinished", "foreign"
#: For TMPDIR: paths of sockets may have 104 bytes.
TEMP = "tmp"


def read_home(path: str, uid: int, earlier: t.Optional[int] = None) -> str:
    """One of the words above for what is at ``path``, seen from the account ``uid``, which had the number ``earlier`` before."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ABSENT
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, uid, earlier):
        return FOREIGN
    if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (uid, uid, 0o700):
        return READY
    return OPEN if status.st_uid == uid else UNFINISHED


def require_places(accounts: t.Iterable[Account]) -> None:
    """Raise unless homes and templates lie where nobody but root can put something else in their place."""
    # A volume is looked at when it is there.
    homes = {(os.path.dirname(a.home), "homes", "") for a in accounts if not a.quota}
    for path, field, pool in sorted(homes | {(a.template, "template", a.pool) for a in accounts}):
        if not path:
            continue
        where = f'pool "{pool}", ' if pool else ""
        if not os.path.isdir(path) or os.path.realpath(path) != path:
            raise AccountError(f"{where}field {field}: got {path}; allowed: a directory that is there, and no link")
        if not only_root_writes(path):
            raise AccountError(f"{where}field {field}: got {path}, where others than root can write; allowed: a directory that root alone can change")


def renew_home(account: Account) -> None:
    """Remove what is at the account's home and make it anew. Its processes and mounts have to be gone."""
    with _homes_of(account.home) as (homes, name):
        remove_tree(homes, name)
        os.mkdir(name, 0o700, dir_fd=homes)
        home = open_directory(name, homes)
        try:
            _fill(account, home)
            os.fsync(home)
            os.fchown(home, account.uid, account.uid)
        finally:
            os.close(home)


def close_home(account: Account) -> None:
    """Take a home back from those whom a job let in; what is in it stays, since a job may be at work there."""
    home = open_directory(account.home)
    try:
        if os.fstat(home).st_uid != account.uid:
            raise AccountError(f"account {account.name}: its home {account.home} became another one meanwhile; run this again")
        os.fchown(home, account.uid, account.uid)
        os.fchmod(home, 0o700)
    finally:
        os.close(home)


def remove_home(path: str) -> None:
    """Remove a home, whatever is in it; none is no error, and neither is no directory of homes."""
    with contextlib.suppress(FileNotFoundError), _homes_of(path) as (homes, name):
        remove_tree(homes, name)


def _fill(account: Account, home: int) -> None:
    # Not what umask leaves of the mode.
    os.fchmod(home, 0o700)
    if account.template:
        template = open_directory(account.template)
        try:
            fill_directory(template, home, account.uid, account.uid)
        finally:
            os.close(template)
    with contextlib.suppress(FileExistsError):
        os.mkdir(TEMP, 0o700, dir_fd=home)
        os.chown(TEMP, account.uid, account.uid, dir_fd=home, follow_symlinks=False)


@contextlib.contextmanager
def _homes_of(path: str) -> t.Iterator[t.Tuple[int, str]]:
    """The directory in which a home is, open, and the home's name in it."""
    homes = open_directory(os.path.dirname(path))
    try:
        yield homes, os.path.basename(path)
    finally:
        os.close(homes)
