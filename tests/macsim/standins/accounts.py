# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dseditgroup, sysadminctl, createhomedir, dscacheutil and id."""

from __future__ import annotations

import os
import shutil
import sys
import time

from standins.call import EX_USAGE, Call, Fail, Unexpected
from standins.mac import is_root, read_mac
from standins.options import take_flags
from standins.records import COMPUTED_GROUPS, Directory, changed_directory, first, group_record, members, read_directory, set_password, user_record

_NO_USER = 67


def dseditgroup(call: Call) -> int:
    argv = list(call.argv)
    values: dict[str, str] = {}
    while argv and argv[0].startswith("-"):
        letter = argv.pop(0)[1:]
        if letter in ("q", "p"):
            values[letter] = ""
        elif letter in ("o", "i", "r", "a", "d", "t", "m", "n", "T", "g", "u", "P", "L") and argv:
            values[letter] = argv.pop(0)
        else:
            raise Unexpected(f"option -{letter}")
    if len(argv) != 1:
        raise Unexpected("one group name")
    operation = values.get("o", "read")
    handler = {"create": _create_group, "edit": _edit_group, "delete": _delete_group, "checkmember": _check_member, "read": _read_group}.get(operation)
    if handler is None:
        raise Unexpected(f"operation {operation}")
    if operation in ("create", "edit", "delete"):
        call.writes()
        if not is_root():
            raise Fail(77, "You do not have permission to change the group.\n")
    return handler(call, argv[0], values)


def _create_group(call: Call, name: str, values: dict[str, str]) -> int:
    with changed_directory() as directory:
        if name in directory["Groups"] and "q" not in values:
            sys.stdout.write("Group already exists, do you want to overwrite, y or n: ")
            if sys.stdin.readline().strip() != "y":
                raise Fail(73, "Operation cancelled.\n")
        gid = values.get("i") or _free_gid(directory)
        if any(first(record, "PrimaryGroupID") == gid for other, record in directory["Groups"].items() if other != name):
            raise Fail(EX_USAGE, "GID already exists\n")
        record = group_record(name, int(gid))
        record["RealName"] = [values.get("r", name)]
        directory["Groups"][name] = record
    return 0


def _free_gid(directory: Directory) -> str:
    taken = {first(record, "PrimaryGroupID") for record in directory["Groups"].values()}
    return str(next(gid for gid in range(501, 65536) if str(gid) not in taken))


def _edit_group(call: Call, name: str, values: dict[str, str]) -> int:
    kind = {"user": "Users", "group": "Groups"}.get(values.get("t", "user"))
    if kind is None:
        raise Unexpected(f"record type {values.get('t')}")
    with changed_directory() as directory:
        if name not in directory["Groups"]:
            raise Fail(EX_USAGE, "Group not found.\n")
        member = values.get("a") or values.get("d")
        if member is None or member not in directory[kind]:
            raise Fail(200, "Record was not found.\n")
        guid = first(directory[kind][member], "GeneratedUID")
        keys = (("GroupMembership", member), ("GroupMembers", guid)) if kind == "Users" else (("NestedGroups", guid),)
        for key, value in keys:
            stored = directory["Groups"][name].setdefault(key, [])
            if "a" in values and value not in stored:
                stored.append(value)
            if "d" in values and value in stored:
                stored.remove(value)
    return 0


def _delete_group(call: Call, name: str, values: dict[str, str]) -> int:
    with changed_directory() as directory:
        if name not in directory["Groups"]:
            raise Fail(EX_USAGE, "Group not found.\n")
        call.err(f"Group record below will be deleted:\n\n{_dump_group(directory, name)}\n")
        del directory["Groups"][name]
    return 0


def _dump_group(directory: Directory, name: str) -> str:
    return "".join(f"dsAttrTypeStandard:{key} -\n\t\t{' '.join(values)}\n" for key, values in sorted(directory["Groups"][name].items()))


def _check_member(call: Call, name: str, values: dict[str, str]) -> int:
    directory = read_directory()
    if name not in directory["Groups"]:
        raise Fail(EX_USAGE, "Group not found.\n")
    user = values.get("m", "")
    record = directory["Users"].get(user, {})
    primary = first(record, "PrimaryGroupID") == first(directory["Groups"][name], "PrimaryGroupID")
    if user in members(directory, name) or (record and primary):
        call.out(f"yes {user} is a member of {name}\n")
        return 0
    call.out(f"no {user} is NOT a member of {name}\n")
    return _NO_USER


def _read_group(call: Call, name: str, values: dict[str, str]) -> int:
    directory = read_directory()
    if name not in directory["Groups"]:
        raise Fail(EX_USAGE, "Group not found.\n")
    call.err(_dump_group(directory, name))
    return 0


def sysadminctl(call: Call) -> int:
    """Everything on stderr, exit 0 whatever happened: only a look at the record tells."""
    words = call.argv
    if not words:
        raise Unexpected("no words")
    verb = words[0]
    if verb == "-secureTokenStatus" and len(words) == 2:
        record = read_directory()["Users"].get(words[1])
        name = first(record, "RealName") if record else words[1]
        call.err(_stamp(f"Secure token is DISABLED for user {name}"))
        return 0
    if verb == "-screenLock" and words[1:] == ["status"]:
        call.err(_stamp("screenLock is off"))
        return 0
    if verb in ("-guestAccount", "-autologin") and words[1:] == ["status"]:
        call.err(_stamp(f"{verb[1:]} is off"))
        return 0
    if verb == "-addUser" and len(words) >= 2:
        return _add_user(call, words[1], words[2:])
    if verb == "-deleteUser" and len(words) >= 2:
        return _delete_user(call, words[1], words[2:])
    raise Unexpected(f"verb {verb}")


def _stamp(text: str) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S.000')} sysadminctl[{os.getpid()}:1] {text}\n"


def _add_user(call: Call, name: str, words: list[str]) -> int:
    call.writes()
    values: dict[str, str] = {}
    rest = list(words)
    while rest:
        option = rest.pop(0)
        if option in ("-admin", "-roleAccount"):
            values[option] = "yes"
        elif option in ("-fullName", "-UID", "-GID", "-shell", "-password", "-hint", "-home", "-picture") and rest:
            values[option] = rest.pop(0)
        else:
            raise Unexpected(f"option {option}")
    if not is_root():
        call.err(_stamp("### Error:-14120 File:DSRecord.m Line:563"))
        return 0
    with changed_directory() as directory:
        if name in directory["Users"]:
            call.err(_stamp(f"Error: user {name} already exists"))
            return 0
        role = "-roleAccount" in values
        if role and (not name.startswith("_") or not 200 <= int(values.get("-UID", 0)) <= 400):
            call.err(_stamp("Role accounts require name starting with _ and UID in 200-400 range."))
            return 0
        uid = int(values.get("-UID") or _free_uid(directory))
        home = values.get("-home", "/var/empty" if role else f"/Users/{name}")
        shell = values.get("-shell", "/usr/bin/false" if role else "/bin/zsh")
        directory["Users"][name] = user_record(name, uid, int(values.get("-GID", 20)), home, shell, values.get("-fullName", name))
        if not role:
            # Also without a password: it is the empty one then.
            set_password(directory["Users"][name], values.get("-password", ""))
        if "-admin" in values:
            directory["Groups"]["admin"]["GroupMembership"].append(name)
            directory["Groups"]["admin"].setdefault("GroupMembers", []).append(first(directory["Users"][name], "GeneratedUID"))
    call.err(_stamp(f"Creating user record…\n{_stamp(f'Assigning UID: {uid}')}{_stamp(f'Home directory is assigned (not created!) at {home}')}".rstrip("\n")))
    return 0


def _free_uid(directory: Directory) -> int:
    taken = {first(record, "UniqueID") for record in directory["Users"].values()}
    return next(uid for uid in range(501, 65536) if str(uid) not in taken)


def _delete_user(call: Call, name: str, words: list[str]) -> int:
    call.writes()
    if set(words) - {"-secure", "-keepHome"}:
        raise Unexpected(f"options {words}")
    with changed_directory() as directory:
        record = directory["Users"].get(name)
        if record is None or not is_root():
            call.err(_stamp(f"### Error:-14136 File:DSRecord.m Line:563 {name}"))
            return 0
        home = first(record, "NFSHomeDirectory")
        call.err(_stamp(f"Killing all processes for UID {first(record, 'UniqueID')}"))
        if "-keepHome" not in words and home.startswith("/Users/"):
            call.err(_stamp(f"Removing {name}'s home at {home}"))
            shutil.rmtree(home, ignore_errors=True)
        call.err(_stamp(f"Deleting Public share point for {name}"))
        call.err(_stamp(f"Deleting record for {name}"))
        if not read_mac()["full_disk_access"]:
            call.err(_stamp("### Error:-14120 File:DSRecord.m Line:563"))
            return 0
        del directory["Users"][name]
    return 0


def createhomedir(call: Call) -> int:
    """Exit 0 and a few words, also when nothing was made."""
    call.writes()
    flags, values, rest = take_flags(call.argv, "cbl", "u")
    if rest or "u" not in values or "c" not in flags:
        raise Unexpected("only -c -u USER is known")
    record = read_directory()["Users"].get(values["u"])
    call.out(f"creating home directories for (({os.uname().nodename}))\n")
    if record is None:
        return 0
    home, uid, gid = first(record, "NFSHomeDirectory"), int(first(record, "UniqueID", "-2")), int(first(record, "PrimaryGroupID", "20"))
    if is_root() and not os.path.exists(home):
        for part in ("", "Desktop", "Documents", "Downloads", "Library", "Library/Preferences", "Movies", "Music", "Pictures", "Public"):
            path = os.path.join(home, part).rstrip("/")
            os.mkdir(path, 0o700)
            os.chown(path, uid, gid)
        os.chmod(home, 0o750)
        call.out(f"created ({home})\n")
    return 0


def dscacheutil(call: Call) -> int:
    if call.argv == ["-flushcache"]:
        call.writes()
        return 0
    if len(call.argv) < 2 or call.argv[0] != "-q" or call.argv[1] not in ("user", "group"):
        raise Unexpected("only -q user|group [-a name|uid|gid VALUE] and -flushcache")
    kind = call.argv[1]
    key, wanted = (call.argv[3], call.argv[4]) if call.argv[2:3] == ["-a"] and len(call.argv) == 5 else ("name", None)
    directory = read_directory()
    for name, record in sorted(directory["Users" if kind == "user" else "Groups"].items()):
        entry = _user_entry(name, record) if kind == "user" else {
            "name": name, "password": "*", "gid": first(record, "PrimaryGroupID"), "users": " ".join(members(directory, name)),
        }
        if entry and (wanted is None or entry.get(key) == wanted):
            call.out("".join(f"{field}: {value}\n" for field, value in entry.items()) + "\n")
    return 0


def _user_entry(name: str, record: dict[str, list[str]]) -> dict[str, str] | None:
    if "UniqueID" not in record:
        return None
    return {
        "name": name, "password": "********" if "ShadowHashData" in record else "*", "uid": first(record, "UniqueID"),
        "gid": first(record, "PrimaryGroupID"), "dir": first(record, "NFSHomeDirectory"), "shell": first(record, "UserShell"),
        "gecos": first(record, "RealName"),
    }


def id_tool(call: Call) -> int:
    flags, dummy, rest = take_flags(call.argv, "uGgnrPFp")
    if len(rest) > 1:
        raise Unexpected("more than one user")
    directory = read_directory()
    name = _user_name(directory, rest[0]) if rest else _own_name(directory)
    record = directory["Users"][name]
    uid, gid = first(record, "UniqueID"), first(record, "PrimaryGroupID", "20")
    groups = _group_list(directory, name, gid)
    if "P" in flags:
        shown = "********" if "ShadowHashData" in record else "*"
        fields = (name, shown, uid, gid, "", "0", "0", first(record, "RealName"), first(record, "NFSHomeDirectory"), first(record, "UserShell"))
        call.out(":".join(fields) + "\n")
    elif "F" in flags:
        call.out(first(record, "RealName") + "\n")
    elif "u" in flags:
        call.out((name if "n" in flags else uid) + "\n")
    elif "g" in flags:
        call.out((groups[0][1] if "n" in flags else gid) + "\n")
    elif "G" in flags:
        call.out(" ".join(title if "n" in flags else number for number, title in groups) + "\n")
    else:
        listed = ",".join(f"{number}({title})" for number, title in groups)
        call.out(f"uid={uid}({name}) gid={gid}({groups[0][1]}) groups={listed}\n")
    return 0


def _user_name(directory: Directory, word: str) -> str:
    for name, record in directory["Users"].items():
        if "UniqueID" in record and word in (name, first(record, "UniqueID")):
            return name
    raise Fail(1, f"id: {word}: no such user\n")


def _own_name(directory: Directory) -> str:
    return _user_name(directory, str(os.geteuid()))


def _group_list(directory: Directory, name: str, gid: str) -> list[tuple[str, str]]:
    titles = {first(record, "PrimaryGroupID"): title for title, record in directory["Groups"].items() if "PrimaryGroupID" in record}
    found = [(gid, titles.get(gid, gid))]
    computed = [(first(directory["Groups"][title], "PrimaryGroupID"), title) for title in COMPUTED_GROUPS]
    stored = [(number, title) for number, title in titles.items() if title not in COMPUTED_GROUPS and name in members(directory, title)]
    return found + [pair for pair in [*computed, *stored] if pair not in found]


TOOLS = {"dseditgroup": dseditgroup, "sysadminctl": sysadminctl, "createhomedir": createhomedir, "dscacheutil": dscacheutil, "id": id_tool}
