# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools that become (or find) another program: sandbox-exec, taskpolicy, caffeinate, chroot. No seatbelt is enforced here."""

from __future__ import annotations

import grp
import os
import pwd
import re
import signal

from standins.call import EX_USAGE, Call, Fail, Unexpected
from standins.mac import is_root, read_mac

_EX_DATAERR, _EX_OSERR = 65, 71
_SANDBOXED = "MACSIM_SANDBOXED"
_STRING = r'#?"(?:[^"\\]|\\.)*"'


def sandbox_exec(call: Call) -> int:
    """Check the profile's shape and its parameters, then run the program in place; a second sandbox is refused as on a Mac."""
    profile, parameters, command = _sandbox_words(call.argv)
    if os.environ.get(_SANDBOXED):
        raise Fail(_EX_OSERR, "sandbox-exec: sandbox_apply: Operation not permitted\n")
    _compile(profile, parameters)
    environment = {**os.environ, _SANDBOXED: "1"}
    try:
        call.become(command[0], command, environment)
    except OSError as error:
        raise Fail(_EX_OSERR, f"sandbox-exec: execvp() of '{command[0]}' failed: {error.strerror}\n") from None
    return 0


def _sandbox_words(argv: list[str]) -> tuple[str, dict[str, str], list[str]]:
    profile: str | None = None
    parameters: dict[str, str] = {}
    index = 0
    while index < len(argv) and argv[index].startswith("-"):
        word = argv[index]
        index += 1
        if word == "--":
            break
        value = word[2:] or (argv[index] if index < len(argv) else "")
        index += 0 if word[2:] else 1
        if word[:2] == "-f":
            profile = _read_profile(value)
        elif word[:2] == "-p":
            profile = value
        elif word[:2] == "-D" and "=" in value:
            key, dummy, content = value.partition("=")
            parameters[key] = content
        else:
            raise Unexpected(f"option {word}", stderr="Usage: sandbox-exec [options] command [args]\n")
    if profile is None or index >= len(argv):
        raise Fail(EX_USAGE, "Usage: sandbox-exec [options] command [args]\n")
    return profile, parameters, argv[index:]


def _read_profile(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise Fail(_EX_DATAERR, f"sandbox-exec: {path}: {error.strerror}\n") from None


def _compile(profile: str, parameters: dict[str, str]) -> None:
    """Only what can be told without the compiler: a version, balanced brackets and strings, parameters that are given."""
    depth, line = 0, 1
    text = re.sub(r";[^\n]*", "", re.sub(_STRING, lambda match: '"s"' + "\n" * match.group(0).count("\n"), profile))
    for letter in text:
        line += letter == "\n"
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            raise Fail(_EX_DATAERR, f"sandbox-exec: unexpected ')' at <input string>, line {line}\n")
    if depth or text.count('"') % 2:
        raise Fail(_EX_DATAERR, f"sandbox-exec: unexpected end of input at <input string>, line {line}\n")
    if not re.search(r"\(version\s+1\)", profile):
        raise Fail(_EX_DATAERR, "sandbox-exec: no version specified\n")
    code = re.sub(r";[^\n]*", "", profile)
    for name in re.findall(r'\(param\s+"([^"]+)"\)', code):
        if name not in parameters:
            raise Fail(_EX_DATAERR, f"sandbox-exec: unbound variable: {name} at <input string>, line 1\n")


def taskpolicy(call: Call) -> int:
    argv = list(call.argv)
    while argv and argv[0].startswith("-"):
        option = argv.pop(0)
        if option in ("-c", "-m", "-d", "-g", "-t", "-l", "-p") and argv:
            value = argv.pop(0)
            if option == "-c" and value not in ("utility", "background", "maintenance"):
                raise Fail(EX_USAGE, f"taskpolicy: Could not parse '{value}' as a QoS clamp\n")
            if option == "-p":
                return 0 if os.path.exists(f"/System/Library/macsim/proc/{value}") else 1
        elif option not in ("-b", "-B", "-a", "-s"):
            raise Unexpected(f"option {option}")
    if not argv:
        raise Fail(EX_USAGE, "Usage: taskpolicy [-d <policy>] [-g policy] [-c clamp] [-b] [-t <tier>] [-l <tier>] <program> [args...]\n")
    return _run(call, "taskpolicy", argv)


def caffeinate(call: Call) -> int:
    argv = list(call.argv)
    while argv and argv[0].startswith("-"):
        option = argv.pop(0)
        if option in ("-t", "-w") and argv:
            argv.pop(0)
        elif set(option[1:]) - set("dimsu"):
            raise Unexpected(f"option {option}")
    if not argv:
        signal.pause()
    return _run(call, "caffeinate", argv)


def _run(call: Call, tool: str, argv: list[str]) -> int:
    try:
        call.become(argv[0], argv)
    except OSError as error:
        raise Fail(127 if error.errno == 2 else 126, f"{tool}: {argv[0]}: {error.strerror}\n") from None
    return 0


def chroot(call: Call) -> int:
    """With SIP's filesystem part on, the first program in the jail dies as dyld's cache cannot be mapped."""
    argv = list(call.argv)
    values: dict[str, str] = {}
    while argv and argv[0].startswith("-"):
        option = argv.pop(0)
        if option not in ("-u", "-g", "-G") or not argv:
            raise Unexpected(f"option {option}")
        values[option] = argv.pop(0)
    if not argv:
        raise Fail(EX_USAGE, "usage: chroot [-g group] [-G group,group,...] [-u user] newroot [command]\n")
    if not is_root():
        raise Fail(1, f"chroot: {argv[0]}: Operation not permitted\n")
    if read_mac()["sip"] == "enabled":
        call.err("dyld: dyld cache load error: syscall to map cache into shared region failed\n")
        call.log(134)
        os.kill(os.getpid(), signal.SIGABRT)
    user = pwd.getpwnam(values["-u"]) if "-u" in values else None
    gid = grp.getgrnam(values["-g"]).gr_gid if "-g" in values else user.pw_gid if user else None
    groups = [grp.getgrnam(name).gr_gid for name in values["-G"].split(",")] if "-G" in values else [gid] if gid is not None else None
    call.log(None)
    os.chroot(argv[0])
    os.chdir("/")
    if groups is not None:
        os.setgroups(groups)
    if gid is not None:
        os.setgid(gid)
    if user:
        os.setuid(user.pw_uid)
    command = argv[1:] or ["/bin/sh", "-i"]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise Fail(127, f"chroot: {command[0]}: {error.strerror}\n") from None


def which(call: Call) -> int:
    missing = 0
    for name in call.argv:
        if name.startswith("-"):
            raise Unexpected(f"option {name}")
        candidates = [name] if "/" in name else [f"{part}/{name}" for part in os.environ.get("PATH", "").split(":")]
        path = next((path for path in candidates if os.access(path, os.X_OK) and not os.path.isdir(path)), None)
        call.out(f"{path}\n" if path else "")
        missing += path is None
    return 1 if missing else 0


TOOLS = {"which": which, "sandbox-exec": sandbox_exec, "taskpolicy": taskpolicy, "caffeinate": caffeinate, "chroot": chroot}
