# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ps, pkill, pgrep, killall in their BSD forms, over the processes of this Mac."""

from __future__ import annotations

import os
import pwd
import re
import signal
import time
from typing import NamedTuple

from standins.call import PROC, Call, Fail, Unexpected
from standins.options import take_flags
from standins.virtual_machines import GUEST_MARK, PROCESS_PATH

_TICKS = os.sysconf("SC_CLK_TCK")
_STAND_IN = ("/System/Library/macsim/python", "/System/Library/macsim/host/bin/python3")


class Process(NamedTuple):
    """A row of the process table; ``rss`` in KiB, ``command`` as a Mac would show it."""

    pid: int
    ppid: int
    pgid: int
    uid: int
    ruid: int
    rss: int
    state: str
    started: float
    tty: str
    words: list[str]

    @property
    def command(self) -> str:
        return " ".join(self.words)

    @property
    def program(self) -> str:
        return self.words[0] if self.words else ""


def all_processes() -> list[Process]:
    found = (_read(int(name)) for name in os.listdir(PROC) if name.isdigit())
    return sorted((process for process in found if process), key=lambda process: process.pid)


def _read(pid: int) -> Process | None:
    try:
        with open(f"{PROC}/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        with open(f"{PROC}/{pid}/status", encoding="utf-8", errors="replace") as stream:
            status = dict(line.split(":", 1) for line in stream.read().splitlines() if ":" in line)
        with open(f"{PROC}/{pid}/cmdline", "rb") as stream:
            words = stream.read().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return None
    name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    uids = status["Uid"].split()
    words, rss = _as_on_a_mac(pid, name, words, int(status.get("VmRSS", "0 kB").split()[0]))
    started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + int(fields[19]) / _TICKS
    tty = "??" if fields[4] == "0" else f"ttys{int(fields[4]) & 0xFF:03d}"
    return Process(pid, int(fields[1]), int(fields[2]), int(uids[1]), int(uids[0]), rss, fields[0], started, tty, words)


def _as_on_a_mac(pid: int, name: str, words: list[str], rss: int) -> tuple[list[str], int]:
    """Hide the interpreter of a stand-in; a virtual machine shows Apple's path and all of its memory."""
    if pid == 1:
        return ["/sbin/launchd"], rss
    if words == [""]:
        return [f"({name})"], rss
    if len(words) > 5 and words[3] == PROCESS_PATH:
        return [PROCESS_PATH], int(words[5]) // 1024
    if words[0] in _STAND_IN and len(words) > 2:
        return words[2:], rss
    return words, rss


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


_COLUMNS = {
    "pid": ("PID", lambda process: str(process.pid), 5), "ppid": ("PPID", lambda process: str(process.ppid), 5),
    "pgid": ("PGID", lambda process: str(process.pgid), 5), "uid": ("UID", lambda process: str(process.uid), 5),
    "ruid": ("RUID", lambda process: str(process.ruid), 5), "user": ("USER", lambda process: _user(process.uid), -16),
    "ruser": ("RUSER", lambda process: _user(process.ruid), -16),
    "rss": ("RSS", lambda process: str(process.rss), 6), "vsz": ("VSZ", lambda process: str(process.rss), 9),
    "stat": ("STAT", lambda process: process.state, -4), "state": ("STAT", lambda process: process.state, -4),
    "tty": ("TTY", lambda process: process.tty, -8), "tt": ("TT", lambda process: process.tty, -8),
    "lstart": ("STARTED", lambda process: time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(process.started)), -28),
    "etime": ("ELAPSED", lambda process: _elapsed(process.started), 11), "pcpu": ("%CPU", lambda process: "0.0", 5),
    "%cpu": ("%CPU", lambda process: "0.0", 5), "pmem": ("%MEM", lambda process: "0.0", 4), "%mem": ("%MEM", lambda process: "0.0", 4),
    "time": ("TIME", lambda process: "0:00.01", 9), "comm": ("COMM", lambda process: process.program, -0),
    "command": ("COMMAND", lambda process: process.command, -0), "args": ("ARGS", lambda process: process.command, -0),
    "ucomm": ("UCOMM", lambda process: os.path.basename(process.program), -16),
    "sess": ("SESS", lambda process: "0", 6), "nice": ("NI", lambda process: "0", 2), "ni": ("NI", lambda process: "0", 2),
}


def _elapsed(started: float) -> str:
    seconds = max(0, int(time.time() - started))
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    clock = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{days}-{hours:02d}:{clock}" if days else f"{hours:02d}:{clock}" if hours else clock


def ps(call: Call) -> int:
    argv = list(call.argv)
    if argv and not argv[0].startswith("-"):
        argv[0] = "-" + argv[0]
    columns: list[tuple[str, str]] = []
    chosen: dict[str, str] = {}
    letters: set[str] = set()
    index = 0
    while index < len(argv):
        index = _ps_word(argv, index, columns, chosen, letters)
    rows = _ps_select(all_processes(), chosen, letters)
    _ps_print(call, rows, columns or _ps_default(letters))
    return 0 if rows else 1


def _ps_word(argv: list[str], index: int, columns: list[tuple[str, str]], chosen: dict[str, str], letters: set[str]) -> int:
    """Read one word of ps; returns the index of the next one."""
    if not argv[index].startswith("-"):
        raise Unexpected(f"ps word {argv[index]}")
    rest = argv[index][1:]
    index += 1
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter in "oOpUuGgt" and not (letter == "u" and not rest and (index >= len(argv) or argv[index].startswith("-"))):
            if not rest:
                if index >= len(argv):
                    raise Unexpected(f"ps -{letter} without a value")
                rest = argv[index]
                index += 1
            if letter == "o":
                columns.extend(_ps_columns(rest))
            else:
                chosen[letter] = rest
            return index
        if letter not in "aAxeEwcjlufvrmhMX":
            raise Unexpected(f"ps option -{letter}")
        letters.add(letter)
    return index


def _ps_columns(text: str) -> list[tuple[str, str]]:
    """Columns of one -o: a name, or name=heading, which takes the rest of the word."""
    columns = []
    while text:
        name, separator, rest = text.partition(",")
        if "=" in name:
            name, dummy, heading = text.partition("=")
            columns.append((name, heading))
            text = ""
        else:
            columns.append((name, _COLUMNS[name][0] if name in _COLUMNS else ""))
            text = rest
    for name, _dummy in columns:
        if name not in _COLUMNS:
            raise Unexpected(f"ps column {name}", code=1, stderr=f"ps: {name}: keyword not found\n")
    return columns


def _ps_default(letters: set[str]) -> list[tuple[str, str]]:
    names = "user pid %cpu %mem vsz rss tt stat time command" if "u" in letters else "pid tty time command"
    if "f" in letters:
        names = "uid pid ppid tty time command"
    return [(name, _COLUMNS[name][0]) for name in names.split()]


def _ps_select(processes: list[Process], chosen: dict[str, str], letters: set[str]) -> list[Process]:
    own = os.getpid()
    rows = [process for process in processes if process.pid != own]
    if "p" in chosen:
        wanted = set(re.split(r"[ ,]+", chosen["p"].strip()))
        return [process for process in rows if str(process.pid) in wanted]
    if "U" in chosen or "u" in chosen:
        return [
            process for process in rows
            if ("U" in chosen and process.ruid in _uids(chosen["U"])) or ("u" in chosen and process.uid in _uids(chosen["u"]))
        ]
    if "g" in chosen:
        return [process for process in rows if str(process.pgid) in chosen["g"].split(",")]
    if letters & {"A", "e"} or {"a", "x"} <= letters:
        return rows
    mine = [process for process in rows if process.uid == os.geteuid()] if "a" not in letters else rows
    return mine if "x" in letters else [process for process in mine if process.tty != "??"]


def _uids(text: str) -> set[int]:
    uids = set()
    for word in text.split(","):
        if word.lstrip("-").isdigit():
            uids.add(int(word))
        else:
            try:
                uids.add(pwd.getpwnam(word).pw_uid)
            except KeyError:
                raise Fail(1, f"ps: No user named {word}\n") from None
    return uids


def _ps_print(call: Call, rows: list[Process], columns: list[tuple[str, str]]) -> None:
    cells = [[_COLUMNS[name][1](process) for name, dummy in columns] for process in rows]
    widths = [
        max([abs(_COLUMNS[name][2]), len(heading), *(len(row[place]) for row in cells)]) for place, (name, heading) in enumerate(columns)
    ]
    if any(heading for dummy, heading in columns):
        call.out(_ps_line([heading for dummy, heading in columns], columns, widths))
    for row in cells:
        call.out(_ps_line(row, columns, widths))


def _ps_line(cells: list[str], columns: list[tuple[str, str]], widths: list[int]) -> str:
    parts = []
    for place, cell in enumerate(cells):
        right = _COLUMNS[columns[place][0]][2] > 0
        last = place == len(cells) - 1
        parts.append(cell.rjust(widths[place]) if right else cell if last else cell.ljust(widths[place]))
    return " ".join(parts) + "\n"


def pkill(call: Call) -> int:
    """pkill and pgrep: [-SIGNAL] [-flx] [-U ruid] [-u euid] [-P ppid] [-g pgid] [pattern]."""
    argv = list(call.argv)
    number: int = signal.SIGTERM
    if call.tool == "pkill":
        call.writes()
        if argv and re.fullmatch(r"-(SIG)?[A-Z][A-Z0-9]+|-[0-9]+", argv[0]):
            number = _signal_number(argv.pop(0)[1:])
    flags, values, patterns = take_flags(argv, "flxqn" + ("" if call.tool == "pkill" else "a"), "UuPg")
    if not patterns and not values:
        raise Fail(2, f"usage: {call.tool} [-signal] [-U uid] pattern ...\n")
    found = [process for process in all_processes() if process.pid not in (1, os.getpid(), os.getppid()) and _matches(process, flags, values, patterns)]
    found = [process for process in found if _is_visible(process)]
    for process in found:
        if call.tool == "pgrep":
            call.out(f"{process.pid} {process.command}\n" if "l" in flags else f"{process.pid}\n")
        else:
            _kill(process.pid, number)
    return 0 if found else 1


def _is_visible(process: Process) -> bool:
    """A guest sees its own processes alone, although they run on the Mac itself."""
    mark = f"{GUEST_MARK}={os.environ.get(GUEST_MARK, '')}".encode()
    if GUEST_MARK not in os.environ:
        return True
    try:
        with open(f"{PROC}/{process.pid}/environ", "rb") as stream:
            return mark in stream.read().split(b"\0")
    except OSError:
        return False


def _matches(process: Process, flags: set[str], values: dict[str, str], patterns: list[str]) -> bool:
    if "U" in values and process.ruid not in _uids(values["U"]):
        return False
    if "u" in values and process.uid not in _uids(values["u"]):
        return False
    if "P" in values and str(process.ppid) not in values["P"].split(","):
        return False
    if "g" in values and str(process.pgid) not in values["g"].split(","):
        return False
    if not patterns:
        return True
    text = process.command if "f" in flags else os.path.basename(process.program)
    match = re.fullmatch if "x" in flags else re.search
    return any(match(pattern, text) for pattern in patterns)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _signal_number(name: str) -> int:
    if name.isdigit():
        return int(name)
    try:
        return getattr(signal, name if name.startswith("SIG") else f"SIG{name}")
    except AttributeError:
        raise Fail(2, f"pkill: illegal signal name {name}\n") from None


def killall(call: Call) -> int:
    call.writes()
    argv = list(call.argv)
    number: int = signal.SIGTERM
    if argv and re.fullmatch(r"-(SIG)?[A-Z][A-Z0-9]+|-[0-9]+", argv[0]):
        number = _signal_number(argv.pop(0)[1:])
    dummy, values, names = take_flags(argv, "vq", "u")
    found = [
        process for process in all_processes()
        if process.pid not in (1, os.getpid())
        and ("u" not in values or process.uid in _uids(values["u"]))
        and (not names or os.path.basename(process.program) in names)
    ]
    if not found or not (names or values):
        raise Fail(1, "No matching processes belonging to you were found\n")
    for process in found:
        _kill(process.pid, number)
    return 0


TOOLS = {"ps": ps, "pkill": pkill, "pgrep": pkill, "killall": killall}
