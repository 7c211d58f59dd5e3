# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of users and groups: records of attribute -> list of strings, exported to /etc for libc and sudo."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standins.mac import changed_store, read_mac, read_store

STORE = "ds.json"
Record = dict[str, list[str]]
Directory = dict[str, dict[str, Record]]
_NATIVE_NODE = "/Local/Default"
# name, uid, gid, home, shell, real name
_USERS = (
    ("root", 0, 0, "/var/root", "/bin/sh", "System Administrator"),
    ("daemon", 1, 1, "/var/root", "/usr/bin/false", "System Services"),
    ("nobody", -2, -2, "/var/empty", "/usr/bin/false", "Unprivileged User"),
    ("_mbsetupuser", 248, 248, "/var/setup", "/bin/bash", "Setup User"),
    ("_sshd", 75, 75, "/var/empty", "/usr/bin/false", "sshd Privilege separation"),
)
_GROUPS = (
    ("wheel", 0), ("daemon", 1), ("kmem", 2), ("sys", 3), ("tty", 4), ("operator", 5), ("mail", 6), ("bin", 7), ("nobody", -2),
    ("nogroup", -1), ("staff", 20), ("_sshd", 75), ("admin", 80), ("_mbsetupuser", 248), ("everyone", 12), ("localaccounts", 61),
    ("utmp", 45),
)
# Membership of these two is computed, not stored.
COMPUTED_GROUPS = ("everyone", "localaccounts")


def read_directory() -> Directory:
    return read_store(STORE, {"Users": {}, "Groups": {}})


@contextmanager
def changed_directory() -> Iterator[Directory]:
    """Change the directory under its lock and export it afterwards."""
    with changed_store(STORE, {"Users": {}, "Groups": {}}) as directory:
        yield directory
        lag = float(read_mac().get("ds_lag", 0))
        if lag:
            _export_later(lag)
        else:
            export(directory)


def _export_later(lag: float) -> None:
    """opendirectoryd's delay: the record is there, libc does not see it yet (``ds_lag`` of the description, in seconds)."""
    sys.stdout.flush()
    if os.fork() == 0:
        # The store's lock is among the inherited files.
        os.closerange(3, 256)
        for descriptor in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
        os.setsid()
        time.sleep(lag)
        export(read_directory())
        os._exit(0)


def initial_directory() -> Directory:
    directory: Directory = {"Users": {}, "Groups": {}}
    for name, uid, gid, home, shell, real_name in _USERS:
        directory["Users"][name] = user_record(name, uid, gid, home, shell, real_name)
    for name, gid in _GROUPS:
        directory["Groups"][name] = group_record(name, gid)
    directory["Groups"]["wheel"]["GroupMembership"] = ["root"]
    directory["Groups"]["staff"]["GroupMembership"] = ["root"]
    directory["Groups"]["admin"]["GroupMembership"] = ["root"]
    return directory


def new_record(kind: str, name: str) -> Record:
    """What a bare create gives: identity, but no numeric id yet."""
    return {
        "AppleMetaNodeLocation": [_NATIVE_NODE],
        "GeneratedUID": [str(uuid.uuid4()).upper()],
        "RecordName": [name],
        "RecordType": [f"dsRecTypeStandard:{kind}"],
    }


def user_record(name: str, uid: int, gid: int, home: str, shell: str, real_name: str) -> Record:
    record = new_record("Users", name)
    record.update({
        "UniqueID": [str(uid)], "PrimaryGroupID": [str(gid)], "NFSHomeDirectory": [home], "UserShell": [shell], "RealName": [real_name],
        "Password": ["*"],
    })
    return record


def group_record(name: str, gid: int) -> Record:
    record = new_record("Groups", name)
    record.update({"PrimaryGroupID": [str(gid)], "RealName": [name], "Password": ["*"]})
    return record


def set_password(record: Record, password: str) -> None:
    """A hash, which is never checked, and the way to it."""
    record["ShadowHashData"] = [str(uuid.uuid5(uuid.NAMESPACE_OID, password))]
    record.setdefault("AuthenticationAuthority", [";ShadowHash;HASHLIST:<SALTED-SHA512-PBKDF2>"])


def first(record: Record, key: str, default: str = "") -> str:
    values = record.get(key)
    return values[0] if values else default


def members(directory: Directory, group: str) -> list[str]:
    """Stored members, or everybody for the computed groups."""
    if group in COMPUTED_GROUPS:
        return sorted(name for name, record in directory["Users"].items() if "UniqueID" in record)
    return list(directory["Groups"][group].get("GroupMembership", []))


def group_of(directory: Directory, gid: str) -> str | None:
    return next((name for name, record in directory["Groups"].items() if first(record, "PrimaryGroupID") == gid), None)


def export(directory: Directory) -> None:
    """Write /etc/passwd and /etc/group: records without a number are in neither, as a Mac's id(1) does not see them."""
    users = [_passwd_line(name, record) for name, record in directory["Users"].items() if "UniqueID" in record]
    # Debian's sshd asks for this name; the Mac's own record is _sshd.
    users.append("sshd:*:75:75:sshd Privilege separation:/var/empty:/usr/bin/false")
    groups = [
        f"{name}:*:{_number(first(record, 'PrimaryGroupID'))}:{','.join(members(directory, name))}"
        for name, record in directory["Groups"].items()
        if "PrimaryGroupID" in record
    ]
    _replace("/private/etc/passwd", users)
    _replace("/private/etc/group", groups)


def _passwd_line(name: str, record: Record) -> str:
    fields = (
        name, "*", _number(first(record, "UniqueID")), _number(first(record, "PrimaryGroupID", "20")),
        first(record, "RealName").replace(":", " "), first(record, "NFSHomeDirectory", "/var/empty"),
        first(record, "UserShell", "/usr/bin/false"),
    )
    return ":".join(fields)


def _number(text: str) -> str:
    """libc's unsigned form: a Mac's uid -2 is 4294967294 here."""
    value = int(text)
    return str(value & 0xFFFFFFFF)


def _replace(path: str, lines: list[str]) -> None:
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        # In no order of their making, so that a record that came and went leaves nothing.
        stream.write("".join(line + "\n" for line in sorted(lines)))
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)


def seeded_user(seed: dict[str, Any]) -> Record:
    """The record of a user that a seed describes: {name, uid, gid, home, shell, real_name}."""
    name = seed["name"]
    return user_record(
        name, int(seed["uid"]), int(seed.get("gid", 20)), seed.get("home", f"/Users/{name}"), seed.get("shell", "/bin/zsh"),
        seed.get("real_name", name),
    )
