# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File tools in their BSD forms: chmod, chflags, cp, ls, stat, xattr, ditto.

Access control lists are noted in acl.json by inode and shown again; no kernel here would enforce them.
"""

from __future__ import annotations

import fcntl
import grp
import json
import os
import pwd
import shutil
import stat as modes
import struct
import time

from standins.call import STATE, Call, Fail, Unexpected
from standins.options import take_flags

_HOST = "/System/Library/macsim/host/bin"
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_FLAG_BITS = {"uchg": 0x10, "schg": 0x10, "uchange": 0x10, "simmutable": 0x10, "uappnd": 0x20, "sappnd": 0x20, "uappend": 0x20}
_IGNORED_FLAGS = ("hidden", "nodump", "restricted", "opaque")


def chmod(call: Call) -> int:
    call.writes()
    words = call.argv
    place = next((index for index, word in enumerate(words) if word.startswith(("+a", "-a", "-N", "-RN", "=a")) or word in ("-E", "-C")), None)
    if place is None:
        if any(word.startswith("-") and set(word[1:]) - set("RfhHLPv") and not word[1:2].isalpha() for word in words[:1]):
            raise Unexpected("option of chmod")
        call.become(f"{_HOST}/chmod", ["chmod", *words])
    recursive = "-R" in words or "-RN" in words
    rest = [word for word in words if word not in ("-R", "-N", "-RN")]
    if words[place] in ("-N", "-RN"):
        for path in _walk(rest, recursive):
            _change_acl(path, lambda entries: [])
        return 0
    operation, entry, paths = rest[0], rest[1], rest[2:]
    if operation not in ("+a", "-a") or not paths:
        raise Unexpected(f"operation {operation}")
    for path in _walk(paths, recursive):
        _change_acl(path, lambda entries: [*entries, entry] if operation == "+a" else [old for old in entries if old != entry])
    return 0


def _walk(paths: list[str], recursive: bool) -> list[str]:
    found = []
    for path in paths:
        if not os.path.lexists(path):
            raise Fail(1, f"chmod: {path}: No such file or directory\n")
        found.append(path)
        if recursive:
            found += [os.path.join(parent, name) for parent, directories, files in os.walk(path) for name in (*directories, *files)]
    return found


def _change_acl(path: str, change) -> None:
    with open(f"{STATE}/acl.json", "r+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        lists = json.load(stream)
        key = str(os.lstat(path).st_ino)
        lists[key] = change(lists.get(key, []))
        if not lists[key]:
            del lists[key]
        stream.seek(0)
        stream.truncate()
        json.dump(lists, stream)


def _acl(path: str) -> list[str]:
    with open(f"{STATE}/acl.json", encoding="utf-8") as stream:
        return json.load(stream).get(str(os.lstat(path).st_ino), [])


def chflags(call: Call) -> int:
    """The immutable and append-only flags are the file system's own, so that a delete really fails."""
    call.writes()
    flags, dummy, rest = take_flags(call.argv, "RhvfHLP")
    if len(rest) < 2:
        raise Unexpected("flags and paths")
    for path in _walk(rest[1:], "R" in flags):
        _set_flags(path, rest[0].split(","))
    return 0


def _set_flags(path: str, names: list[str]) -> None:
    if not (os.path.isfile(path) or os.path.isdir(path)) or os.path.islink(path):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        current = struct.unpack("i", fcntl.ioctl(descriptor, _GET_FLAGS, b"\0" * 4)[:4])[0]
        wanted = current
        for name in names:
            bit = _FLAG_BITS.get(name) or _FLAG_BITS.get(name.removeprefix("no"))
            if bit is None and name not in _IGNORED_FLAGS and name.removeprefix("no") not in _IGNORED_FLAGS and name != "0":
                raise Unexpected(f"flag {name}")
            if name == "0":
                wanted &= ~0x30
            elif bit:
                wanted = wanted & ~bit if name.startswith("no") else wanted | bit
        if wanted != current:
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("i", wanted))
    except PermissionError:
        raise Fail(1, f"chflags: {path}: Operation not permitted\n") from None
    finally:
        os.close(descriptor)


def cp(call: Call) -> int:
    """-c clones on a Mac; here it is a copy that keeps holes."""
    call.writes()
    flags, dummy, paths = take_flags(call.argv, "cRrpPfnvXHLaiS")
    if len(paths) < 2:
        raise Fail(64, "usage: cp [-R [-H | -L | -P]] [-fi | -n] [-aclpSsvXx] source_file target_file\n")
    options = ["--sparse=always"] + [f"-{letter}" for letter in sorted(flags - set("cXS"))]
    call.become(f"{_HOST}/cp", ["cp", *options, *paths])
    return 0


def ls(call: Call) -> int:
    """With -e the long form and the access control lists; everything else is the host's ls, which differs only in looks."""
    letters = "".join(word[1:] for word in call.argv if word.startswith("-") and not word.startswith("--"))
    if "e" not in letters and "O" not in letters and "@" not in letters:
        call.become(f"{_HOST}/ls", ["ls", *call.argv])
    flags, dummy, paths = take_flags(call.argv, "ledaAO@nR1")
    for path in paths or ["."]:
        _long_line(call, path, flags)
        if os.path.isdir(path) and "d" not in flags:
            for name in sorted(os.listdir(path)):
                _long_line(call, os.path.join(path, name), flags)
    return 0


def _long_line(call: Call, path: str, flags: set[str]) -> None:
    try:
        info = os.lstat(path)
    except OSError:
        raise Fail(1, f"ls: {path}: No such file or directory\n") from None
    entries = _acl(path)
    mark = "+" if entries else " "
    moment = time.strftime("%b %e %H:%M", time.localtime(info.st_mtime))
    call.out(f"{modes.filemode(info.st_mode)}{mark} {info.st_nlink} {_user(info.st_uid)}  {_group(info.st_gid)}  {info.st_size} {moment} {path}\n")
    if "e" in flags:
        call.out("".join(f" {number}: {entry}\n" for number, entry in enumerate(entries)))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def stat(call: Call) -> int:
    flags, values, paths = take_flags(call.argv, "Lnq", "f")
    if "f" not in values:
        raise Unexpected("only -f FORMAT is known: GNU's -c does not exist on a Mac", code=1, stderr="stat: illegal option\n")
    for path in paths:
        try:
            info = os.stat(path) if "L" in flags else os.lstat(path)
        except OSError:
            raise Fail(1, f"stat: {path}: stat: No such file or directory\n") from None
        if path == "/dev/console":
            call.out(_console_owner() + "\n")
            continue
        call.out(_format(values["f"], info, path) + ("" if "n" in flags else "\n"))
    return 0


def _console_owner() -> str:
    with open(f"{STATE}/mac.json", encoding="utf-8") as stream:
        users = json.load(stream).get("gui_users", [])
    return _user(users[0]) if users else "root"


def _format(text: str, info: os.stat_result, path: str) -> str:
    values = {
        "%Su": _user(info.st_uid), "%Sg": _group(info.st_gid), "%Sp": modes.filemode(info.st_mode), "%Lp": f"{info.st_mode & 0o777:o}",
        "%OLp": f"{info.st_mode & 0o777:o}", "%Mp": f"{info.st_mode >> 9 & 7:o}", "%u": str(info.st_uid), "%g": str(info.st_gid),
        "%z": str(info.st_size), "%d": str(info.st_dev), "%i": str(info.st_ino), "%m": str(int(info.st_mtime)), "%a": str(int(info.st_atime)),
        "%c": str(int(info.st_ctime)), "%N": path, "%p": f"{info.st_mode:o}", "%l": str(info.st_nlink), "%b": str(info.st_blocks),
        "%T": {modes.S_IFDIR: "/", modes.S_IFLNK: "@"}.get(modes.S_IFMT(info.st_mode), ""),
        "%HT": {modes.S_IFDIR: "Directory", modes.S_IFREG: "Regular File", modes.S_IFLNK: "Symbolic Link"}.get(modes.S_IFMT(info.st_mode), "Other"),
    }
    for key in sorted(values, key=len, reverse=True):
        text = text.replace(key, values[key])
    if "%" in text:
        raise Unexpected(f"format {text}")
    return text


def xattr(call: Call) -> int:
    """Files of this Mac carry no extended attributes: a quarantine mark is never there."""
    flags, dummy, rest = take_flags(call.argv, "lrcsvx" + "d" + "p")
    if flags & set("cd"):
        call.writes()
    if "d" in flags and "r" not in flags:
        raise Fail(1, f"xattr: {rest[-1]}: No such xattr: {rest[0]}\n")
    if "p" in flags:
        raise Fail(1, f"xattr: {rest[-1]}: No such xattr: {rest[0]}\n")
    return 0


def ditto(call: Call) -> int:
    call.writes()
    if len(call.argv) != 2 or call.argv[0].startswith("-"):
        raise Unexpected("only a plain copy of a directory is known")
    source, target = call.argv
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
    return 0


TOOLS = {"chmod": chmod, "chflags": chflags, "cp": cp, "ls": ls, "stat": stat, "xattr": xattr, "ditto": ditto}
