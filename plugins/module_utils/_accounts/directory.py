# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The Mac's directory of users and groups: read at once, written attribute by attribute.

``dscl`` ends with the negated status cut to a byte: 40 no permission, 55 the number is taken, 56 and 185 no such record, 140 not now.
"""

from __future__ import annotations

import grp
import plistlib
import pwd
import re
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError, has_our_name, is_ours, marker_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Result, Run, must

DSCL = "/usr/bin/dscl"
DSEDITGROUP = "/usr/sbin/dseditgroup"
#: The attribute that holds our marker.
MARKER = "Comment"
NUMBER = {"Users": "UniqueID", "Groups": "PrimaryGroupID"}
MISSING = (56, 185)

_IDENTITY = ("RecordName", MARKER, "RealName", "Password", "PrimaryGroupID")
_USER_KEYS = (*_IDENTITY, "UniqueID", "UserShell", "NFSHomeDirectory", "IsHidden", "AuthenticationAuthority")
_GROUP_KEYS = (*_IDENTITY, "GroupMembership")
_DENIED, _NOT_NOW, _KILLED = 40, 140, (-9, 137)
_TRIES, _PAUSE = 10, 0.5
_VISIBLE_SECONDS = 5.0
_NUMBER = re.compile(r"-?[0-9]{1,10}\Z")

Attributes = t.Mapping[str, t.Tuple[str, ...]]


class FullDiskAccessError(AccountError):
    """macOS does not let this process delete a user."""


class Record(t.NamedTuple):
    """A user or a group."""

    name: str
    attributes: Attributes

    def first(self, key: str) -> str:
        """The first value of an attribute, empty when there is none."""
        return (self.attributes.get(key) or ("",))[0]

    def number(self, key: str) -> t.Optional[int]:
        """The same as a number. Raises :class:`AccountError` for what is none."""
        text = self.first(key)
        if text and not _NUMBER.match(text):
            raise AccountError(f"the record of {self.name} has {key} {text}, which is no number; nothing of it was touched")
        return int(text) if text else None

    @property
    def ours(self) -> bool:
        """Whether it has our prefix and our marker."""
        return is_ours(self.name, self.first(MARKER))

    def begun(self, kind: str) -> bool:
        """Whether it is a name and nothing else, as a creation that was killed at once leaves it: nobody's account."""
        return not self.first(MARKER) and not self.first(NUMBER[kind]) and not self.first("NFSHomeDirectory")


class Directory(t.NamedTuple):
    """All users and groups by name."""

    users: t.Mapping[str, Record]
    groups: t.Mapping[str, Record]


def read_directory(run: Run) -> Directory:
    """Everybody, with two calls however many there are."""
    return Directory(_read_all(run, "/Users", _USER_KEYS), _read_all(run, "/Groups", _GROUP_KEYS))


def read_user(run: Run, name: str) -> t.Optional[Record]:
    """A single user, None when there is none of that name."""
    argv = [DSCL, "-plist", ".", "-read", f"/Users/{name}", *_USER_KEYS]
    result = run(argv)
    if result.rc in MISSING:
        return None
    if result.rc != 0:
        raise CommandError(argv, result)
    (record,) = _records(argv, result.stdout, lambda data: [data])
    return record


def _read_all(run: Run, path: str, keys: t.Sequence[str]) -> t.Dict[str, Record]:
    argv = [DSCL, "-plist", ".", "-readall", path, *keys]
    return {record.name: record for record in _records(argv, must(run, argv), list)}


def _records(argv: t.Sequence[str], text: str, entries: t.Callable[[t.Any], t.List[t.Any]]) -> t.List[Record]:
    try:
        return [_record(entry) for entry in entries(plistlib.loads(text.encode()))]
    except Exception as error:  # plistlib raises whatever its parsers raise
        raise CommandError(argv, Result(0, f"what it said cannot be read: {error}", "")) from error


def _record(entry: t.Mapping[str, t.Sequence[str]]) -> Record:
    attributes = {key.partition(":")[2] or key: tuple(map(str, values)) for key, values in entry.items()}
    return Record(attributes["RecordName"][0], attributes)


def with_others(directory: Directory, accounts: t.Iterable[Account]) -> Directory:
    """The directory and those users and groups of other directories, such as a company's, who have a number that an account shall have."""
    users, groups = dict(directory.users), dict(directory.groups)
    for account in accounts:
        _add_other(users, "UniqueID", account.uid, lambda uid: pwd.getpwuid(uid).pw_name)
        _add_other(groups, "PrimaryGroupID", account.uid, lambda gid: grp.getgrgid(gid).gr_name)
    return Directory(users, groups)


def _add_other(records: t.Dict[str, Record], key: str, number: int, name_of: t.Callable[[int], str]) -> None:
    try:
        name = name_of(number)
    except KeyError:
        return
    # The system knows one of ours for a while after it was deleted.
    if name not in records and not has_our_name(name):
        records[name] = Record(name, {"RecordName": (name,), key: (str(number),)})


def user_attributes(account: Account) -> t.Dict[str, str]:
    """What the record of a user has to say, the marker first and the number last: before that nobody sees it."""
    return {
        MARKER: marker_of(account.name),
        "RealName": f"GitHub runner {account.slot}",
        "UserShell": account.shell,
        "NFSHomeDirectory": account.home,
        "IsHidden": "1",
        "Password": "*",
        "PrimaryGroupID": str(account.uid),
        "UniqueID": str(account.uid),
    }


def group_attributes(account: Account) -> t.Dict[str, str]:
    """What the record of a group has to say, in the same order."""
    return {MARKER: marker_of(account.name), "RealName": f"GitHub runner {account.slot}", "Password": "*", "PrimaryGroupID": str(account.uid)}


def set_attribute(run: Run, path: str, key: str, value: str) -> None:
    """Write one attribute, and the record with it when there is none."""
    argv = [DSCL, ".", "-create", path, key, value]
    result = _patiently(run, argv)
    if result.rc != 0:
        raise CommandError(argv, result)


def remove_attribute(run: Run, path: str, key: str) -> None:
    """Remove an attribute."""
    must(run, [DSCL, ".", "-delete", path, key])


def delete_user(run: Run, name: str) -> None:
    """Delete the record of a user; one that is gone is no error."""
    argv = [DSCL, ".", "-delete", f"/Users/{name}"]
    result = _patiently(run, argv)
    if result.rc == _DENIED:
        raise FullDiskAccessError(
            "macOS did not let this run delete an account, and no other was tried: it lacks Full Disk Access. Turn on System Settings, "
            'General, Sharing, Remote Login, "Allow full disk access for remote users" on this Mac, log in anew, and run this again; '
            "it goes on where it was"
        )
    if result.rc not in (0, *MISSING):
        raise CommandError(argv, result)


def delete_group(run: Run, name: str) -> None:
    """Delete the record of a group, which is there."""
    must(run, [DSEDITGROUP, "-o", "delete", name])


def leave_group(run: Run, name: str, group: str) -> None:
    """Take a user out of a group, while the user's record is still there."""
    must(run, [DSEDITGROUP, "-o", "edit", "-d", name, "-t", "user", group])


def wait_visible(account: Account) -> None:
    """Wait until the system knows the account, which may lag behind the directory."""
    deadline = time.monotonic() + _VISIBLE_SECONDS
    while not _is_visible(account):
        if time.monotonic() > deadline:
            raise AccountError(f"account {account.name}: made, and not known to the system {_VISIBLE_SECONDS:g} s later; run this again")
        time.sleep(0.1)


def _is_visible(account: Account) -> bool:
    try:
        return pwd.getpwnam(account.name).pw_uid == account.uid
    except KeyError:
        return False


def _patiently(run: Run, argv: t.Sequence[str]) -> Result:
    """``dscl`` says now and then that it cannot just now, or is killed."""
    for dummy in range(_TRIES - 1):
        result = run(argv)
        if result.rc not in (_NOT_NOW, *_KILLED):
            return result
        time.sleep(_PAUSE)
    return run(argv)
