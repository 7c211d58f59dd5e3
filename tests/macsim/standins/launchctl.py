# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""launchctl: a thin client of the first process."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from standins.call import EX_USAGE, STATE, Call, Fail, Unexpected
from standins.launchd.text import ERRORS
from standins.mac import read_mac

_WRITING = frozenset(("bootstrap", "bootout", "enable", "disable", "kickstart", "kill", "load", "unload", "start", "stop"))


def ask(verb: str, **words: Any) -> tuple[int, str, str]:
    """Send one request to launchd; code, stdout, stderr."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(f"{STATE}/launchd.sock")
        connection.sendall(json.dumps({"verb": verb, **words}).encode() + b"\n")
        data = b""
        while not data.endswith(b"\n"):
            chunk = connection.recv(65536)
            if not chunk:
                raise Fail(1, "launchctl: lost the connection to launchd\n")
            data += chunk
    code, out, err = json.loads(data)
    return code, out, err


def launchctl(call: Call) -> int:
    if not call.argv:
        raise Fail(EX_USAGE, "Usage: launchctl <subcommand> ... | help [subcommand]\n")
    verb, words = call.argv[0], call.argv[1:]
    if verb in _WRITING:
        call.writes()
    handler = _VERBS.get(verb)
    if handler is None:
        raise Unexpected(f"verb {verb}", stderr="Unrecognized subcommand: " + verb + "\n")
    return handler(call, words)


def _answer(call: Call, verb: str, **words: Any) -> int:
    code, out, err = ask(verb, **words)
    call.out(out)
    call.err(err)
    return code


def _bootstrap(call: Call, words: list[str]) -> int:
    _count(words, 2, 2)
    return _answer(call, "bootstrap", domain=words[0], path=os.path.abspath(words[1]))


def _bootout(call: Call, words: list[str]) -> int:
    wait = "--wait" in words
    rest = [word for word in words if word != "--wait"]
    _count(rest, 1, 2)
    if rest == ["system"] or rest[0].endswith("/") or rest == ["system/"]:
        raise Unexpected("bootout of the whole system domain: it would take the Mac down")
    path = os.path.abspath(rest[1]) if len(rest) == 2 else None
    return _answer(call, "bootout", target=rest[0], path=path, wait=wait)


def _kickstart(call: Call, words: list[str]) -> int:
    flags = [word for word in words if word.startswith("-")]
    rest = [word for word in words if not word.startswith("-")]
    if set("".join(flags)) - set("-kp"):
        raise Unexpected(f"kickstart options {flags}")
    _count(rest, 1, 1)
    return _answer(call, "kickstart", target=rest[0], kill="k" in "".join(flags), show_pid="p" in "".join(flags))


def _kill(call: Call, words: list[str]) -> int:
    _count(words, 2, 2)
    return _answer(call, "kill", name=words[0], target=words[1])


def _enable(call: Call, words: list[str]) -> int:
    _count(words, 1, 1)
    return _answer(call, "set_disabled", target=words[0], off=call.argv[0] == "disable")


def _print(call: Call, words: list[str]) -> int:
    _count(words, 1, 1)
    return _answer(call, "print_target", target=words[0].rstrip("/"))


def _print_disabled(call: Call, words: list[str]) -> int:
    _count(words, 1, 1)
    code, out, err = ask("print_target", target=words[0].rstrip("/"))
    if code:
        call.err(err)
        return code
    start = out.index("\tdisabled services = {")
    call.out("\n" + out[start : out.rindex("}\n")])
    return 0


def _list(call: Call, words: list[str]) -> int:
    _count(words, 0, 1)
    return _answer(call, "list_services", label=words[0] if words else None)


def _legacy(call: Call, words: list[str]) -> int:
    if not words:
        raise Fail(EX_USAGE, f"Usage: launchctl {call.argv[0]} ...\n")
    paths = words if call.argv[0] in ("start", "stop") else [word if word == "-w" else os.path.abspath(word) for word in words]
    return _answer(call, "legacy", what=call.argv[0], words=paths)


def _error(call: Call, words: list[str]) -> int:
    _count(words, 1, 1)
    code = int(words[0], 0)
    call.out(f"{code}: {ERRORS.get(code, 'unknown error code')}\n")
    return 0


def _managername(call: Call, words: list[str]) -> int:
    _count(words, 0, 0)
    gui = os.getuid() in read_mac().get("gui_users", []) and "SSH_CONNECTION" not in os.environ
    call.out("System\n" if os.getuid() == 0 else "Aqua\n" if gui else "Background\n")
    return 0


def _asuser(call: Call, words: list[str]) -> int:
    if len(words) < 2:
        raise Fail(EX_USAGE, "Usage: launchctl asuser <UID> <program> [...]\n")
    if os.geteuid() != 0:
        raise Fail(1, "Could not switch to audit session: 1: Operation not permitted\n")
    call.become(words[1], words[1:])
    return 0


def _limit(call: Call, words: list[str]) -> int:
    _count(words, 0, 1)
    rows = {"cpu": ("unlimited", "unlimited"), "maxfiles": ("256", "unlimited"), "maxproc": ("5568", "8352")}
    for name, (soft, hard) in rows.items():
        if not words or words[0] == name:
            call.out(f"\t{name:<12}{soft:<15}{hard:<15}\n")
    return 0


def _count(words: list[str], least: int, most: int) -> None:
    if not least <= len(words) <= most or any(word.startswith("--") for word in words):
        raise Unexpected("wrong number of words", stderr="Usage: launchctl <subcommand> ... | help [subcommand]\n")


_VERBS = {
    "bootstrap": _bootstrap, "bootout": _bootout, "kickstart": _kickstart, "kill": _kill, "enable": _enable, "disable": _enable,
    "print": _print, "print-disabled": _print_disabled, "list": _list, "load": _legacy, "unload": _legacy, "start": _legacy,
    "stop": _legacy, "error": _error, "managername": _managername, "asuser": _asuser, "limit": _limit,
}
TOOLS = {"launchctl": launchctl}
