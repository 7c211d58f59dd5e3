# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ipcs and ipcrm: the kernel's own System V objects of users of this Mac, in the columns of a Mac."""

from __future__ import annotations

import ctypes
import os
import pwd

from standins.call import PROC, Call, Fail
from standins.options import no_words, take_flags

_TABLES = (("q", "msg", "Message Queues"), ("m", "shm", "Shared Memory"), ("s", "sem", "Semaphores"))
_REMOVE = 0


def ipcs(call: Call) -> int:
    no_words(call.argv)
    call.out("IPC status from <running system> as of Mon Nov 23 12:00:00 UTC 2026\n")
    for letter, table, title in _TABLES:
        call.out(f"T     ID     KEY        MODE       OWNER    GROUP\n{title}:\n")
        for row in _rows(table):
            call.out(f"{letter} {row['id']:>6} 0x{int(row['key']) & 0xFFFFFFFF:08x} {_mode(int(row['perms'], 8))} {row['owner']:>8} {row['gid']:>8}\n")
        call.out("\n")
    return 0


def _rows(table: str) -> list[dict[str, str]]:
    """Objects whose owner this Mac has; the others are the host's."""
    with open(f"{PROC}/sysvipc/{table}", encoding="ascii") as stream:
        names, *lines = (line.split() for line in stream)
    rows = [dict(zip(names, line)) for line in lines]
    for row in rows:
        row["id"] = row[f"{table}id"]
        try:
            row["owner"] = pwd.getpwuid(int(row["uid"])).pw_name
        except KeyError:
            row["owner"] = ""
    return [row for row in rows if row["owner"] and row["uid"] != "0"]


def _mode(bits: int) -> str:
    return "--" + "".join(letter if bits & (0o400 >> place) else "-" for place, letter in enumerate("rwarwarwa"))


def ipcrm(call: Call) -> int:
    call.writes()
    dummy, values, words = take_flags(call.argv, "", "mqs")
    no_words(words)
    libc = ctypes.CDLL(None, use_errno=True)
    failed = 0
    for letter, number in values.items():
        if not number.isdigit():
            raise Fail(1, f"ipcrm: invalid id: {number}\n")
        if _remove(libc, letter, int(number)) != 0:
            call.err(f"ipcrm: {letter}id({number}): {os.strerror(ctypes.get_errno())}\n")
            failed = 1
    return failed


def _remove(libc: ctypes.CDLL, letter: str, number: int) -> int:
    if letter == "s":
        return int(libc.semctl(number, 0, _REMOVE))
    return int((libc.shmctl if letter == "m" else libc.msgctl)(number, _REMOVE, None))


TOOLS = {"ipcs": ipcs, "ipcrm": ipcrm}
