# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dscl on the local node: exit codes are the negated status of Open Directory, cut to a byte."""

from __future__ import annotations

import plistlib
import re
from typing import Any

from standins.call import EX_USAGE, Call, Fail, Unexpected
from standins.mac import is_root, read_mac
from standins.records import Directory, Record, changed_directory, new_record, read_directory, set_password

_STATUS = {
    "eDSPermissionError": (-14120, 40), "eDSRecordNotFound": (-14136, 56), "eDSRecordAlreadyExists": (-14135, 55),
    "eDSUnknownNodeName": (-14009, 185),
}
_NATIVE_ATTRIBUTES = frozenset(("IsHidden", "ShadowHashData", "_writers_passwd", "accountPolicyData", "naprivs"))
_NODES = (".", "/Local/Default", "localhost", "localonly")
_USAGE = "Usage: dscl [options] [<datasource> [<command>]]\n"


def _error(name: str, before: str = "", stdout: str = "") -> Fail:
    number, code = _STATUS[name]
    return Fail(code, f"{before}<dscl_cmd> DS Error: {number} ({name})\n", stdout)


def dscl(call: Call) -> int:
    argv = list(call.argv)
    as_plist = False
    while argv and argv[0] in ("-plist", "-q", "-raw", "-url"):
        as_plist = as_plist or argv[0] == "-plist"
        argv.pop(0)
    if len(argv) < 2 or argv[0] not in _NODES:
        raise Unexpected("datasource and command", stderr=_USAGE)
    command, words = argv[1].lstrip("-"), argv[2:]
    handler = _COMMANDS.get(command)
    if handler is None or not words:
        raise Unexpected(f"command {command}", EX_USAGE, _USAGE)
    return handler(call, words, as_plist)


def _split(path: str) -> tuple[str, str | None]:
    """Kind and name of a path such as /Users/admin."""
    parts = path.strip("/").split("/", 1)
    if parts[0] not in ("Users", "Groups"):
        raise _error("eDSUnknownNodeName", stdout=f"{path}: Invalid Path\n")
    return parts[0], parts[1] if len(parts) > 1 and parts[1] else None


def _shown(key: str) -> str:
    return f"dsAttrTypeNative:{key}" if key in _NATIVE_ATTRIBUTES else key


def _full(key: str) -> str:
    return _shown(key) if key in _NATIVE_ATTRIBUTES else f"dsAttrTypeStandard:{key}"


def _stored(key: str) -> str:
    return re.sub(r"^dsAttrType(Standard|Native):", "", key)


def _values(directory: Directory, kind: str, name: str, key: str) -> list[str] | None:
    record = directory[kind][name]
    if key == "Password" and "ShadowHashData" in record:
        return ["********"]
    return record.get(key)


def _list(call: Call, words: list[str], as_plist: bool) -> int:
    kind, dummy = _split(words[0])
    directory = read_directory()
    names = sorted(directory[kind])
    if len(words) == 1:
        call.out("".join(f"{name}\n" for name in names))
        return 0
    key = _stored(words[1])
    rows = [(name, _values(directory, kind, name, key)) for name in names]
    rows = [(name, values) for name, values in rows if values]
    width = max((len(name) for name, dummy2 in rows), default=0) + 2
    call.out("".join(f"{name:<{width}} {' '.join(values)}\n" for name, values in rows))
    return 0


def _read(call: Call, words: list[str], as_plist: bool) -> int:
    kind, name = _split(words[0])
    directory = read_directory()
    if name is None or name not in directory[kind]:
        raise _error("eDSRecordNotFound")
    keys = [_stored(word) for word in words[1:]] or sorted(directory[kind][name])
    found = {key: _values(directory, kind, name, key) for key in keys}
    if as_plist:
        call.out(plistlib.dumps({_full(key): values for key, values in found.items() if values}).decode())
        return 0
    for key, values in found.items():
        if values:
            call.out(_attribute(key, values))
        else:
            call.err(f"No such key: {key}\n")
    return 0


def _attribute(key: str, values: list[str]) -> str:
    if any(" " in value for value in values):
        return f"{_shown(key)}:\n" + "".join(f" {value}\n" for value in values)
    return f"{_shown(key)}: {' '.join(values)}\n"


def _readall(call: Call, words: list[str], as_plist: bool) -> int:
    kind, dummy = _split(words[0])
    directory = read_directory()
    keys = [_stored(word) for word in words[1:]]
    records = []
    for name in sorted(directory[kind]):
        wanted = keys or sorted(directory[kind][name])
        found = {key: _values(directory, kind, name, key) for key in ["RecordName", *wanted]}
        records.append({_full(key): values for key, values in found.items() if values})
    if as_plist:
        call.out(plistlib.dumps(records).decode())
    else:
        blocks = ["".join(_attribute(_stored(key), values) for key, values in record.items()) for record in records]
        call.out("-\n".join(blocks))
    return 0


def _search(call: Call, words: list[str], as_plist: bool) -> int:
    if len(words) != 3:
        raise Unexpected("search takes a path, a key and a value", stderr=_USAGE)
    kind, dummy = _split(words[0])
    key, wanted = _stored(words[1]), words[2]
    directory = read_directory()
    for name in sorted(directory[kind]):
        values = _values(directory, kind, name, key) or []
        if wanted in values:
            rows = ",\n".join(f"    {_quoted(value)}" for value in values)
            call.out(f"{name}\t\t{key} = (\n{rows}\n)\n")
    return 0


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[A-Za-z0-9./]+", value) else f'"{value}"'


def _allowed(before: str) -> None:
    if not is_root():
        raise _error("eDSPermissionError", before)


def _create(call: Call, words: list[str], as_plist: bool) -> int:
    call.writes()
    kind, name = _split(words[0])
    if name is None:
        raise Unexpected("create without a record name", stderr=_USAGE)
    _allowed("<main> attribute status: eDSPermissionError\n")
    with changed_directory() as directory:
        record = directory[kind].setdefault(name, new_record(kind, name))
        if len(words) > 1:
            key = _stored(words[1])
            _check_unique(directory, kind, name, key, words[2:])
            record[key] = list(words[2:])
    return 0


def _check_unique(directory: Directory, kind: str, name: str, key: str, values: list[str]) -> None:
    if kind == "Users" and key == "UniqueID":
        if any(other != name and record.get(key) == values for other, record in directory[kind].items()):
            raise _error("eDSRecordAlreadyExists", "<main> attribute status: eDSRecordAlreadyExists\n")


def _record(directory: Directory, command: str, kind: str, name: str | None) -> Record:
    if name is None or name not in directory[kind]:
        raise _error("eDSUnknownNodeName", stdout=f"{command}: Invalid Path\n")
    return directory[kind][name]


def _append(call: Call, words: list[str], as_plist: bool) -> int:
    """append and merge: the latter keeps one of each."""
    call.writes()
    command = "merge" if "merge" in call.argv[1].lstrip("-") or "-merge" in call.argv or "merge" in call.argv else "append"
    if len(words) < 3:
        raise Unexpected(f"{command} without a value", stderr=_USAGE)
    kind, name = _split(words[0])
    _allowed("<main> attribute status: eDSPermissionError\n")
    with changed_directory() as directory:
        values = _record(directory, command, kind, name).setdefault(_stored(words[1]), [])
        values += [word for word in words[2:] if command == "append" or word not in values]
    return 0


def _delete(call: Call, words: list[str], as_plist: bool) -> int:
    call.writes()
    kind, name = _split(words[0])
    with changed_directory() as directory:
        record = _record(directory, "delete", kind, name)
        if not is_root() or (len(words) == 1 and kind == "Users" and not read_mac()["full_disk_access"]):
            raise _error("eDSPermissionError", "<main> delete status: eDSPermissionError\n")
        if len(words) == 1:
            del directory[kind][name]
        elif len(words) == 2:
            record.pop(_stored(words[1]), None)
        else:
            record[_stored(words[1])] = [value for value in record.get(_stored(words[1]), []) if value not in words[2:]]
    return 0


def _passwd(call: Call, words: list[str], as_plist: bool) -> int:
    call.writes()
    kind, name = _split(words[0])
    _allowed("")
    with changed_directory() as directory:
        set_password(_record(directory, "passwd", kind, name), words[-1])
    return 0


_COMMANDS: dict[str, Any] = {
    "list": _list, "ls": _list, "read": _read, "cat": _read, "readall": _readall, "search": _search, "create": _create, "append": _append,
    "merge": _append, "delete": _delete, "passwd": _passwd,
}
TOOLS = {"dscl": dscl}
