# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument lists and environments of every process of this machine, those of simulated Macs and of containers among them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from tests.canary.find import Find
from tests.canary.needles import Needles

#: A process that is younger is looked at each time: it may become another program. All are looked at after so many seconds.
YOUNG, ALL = 1.0, 1.0
#: How often a process is read again that became another program meanwhile.
_TRIES = 5
_SHOWN = 160


class Processes:
    """Looks again and again; only what is new costs something."""

    def __init__(self, needles: Needles) -> None:
        self._needles = needles
        self._born: dict[int, float] = {}
        #: What was read of a process and has nothing in it, as long as no secret comes to be known: searching costs more than reading.
        self._clean: dict[int, tuple[int, bytes, bytes]] = {}
        self._next = 0.0
        self.looked = 0

    def look(self, whole: bool = False) -> Iterator[Find]:
        """What is found now."""
        now = time.monotonic()
        whole = whole or now >= self._next
        if whole:
            self._next = now + ALL
        there = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        self._born = {pid: self._born.get(pid, now) for pid in there}
        for pid in self._clean.keys() - self._born.keys():
            del self._clean[pid]
        for pid in there:
            if whole or now - self._born[pid] < YOUNG:
                yield from self._of(pid)

    def _of(self, pid: int) -> Iterator[Find]:
        if pid == os.getpid():
            return
        self.looked += 1
        user = _user(pid, "?")
        for _try in range(_TRIES):
            words, environment = _read(pid, "cmdline"), _read(pid, "environ")
            known = (self._needles.count, words, environment)
            if self._clean.get(pid) == known:
                return
            found = self._needles.kinds_in(words), self._needles.kinds_in(environment)
            # It was one program while both were read, or has ended.
            if found == (set(), set()) or _read(pid, "cmdline") in (words, b""):
                break
        if found == (set(), set()):
            self._clean[pid] = known
            return
        # Whose it was, if it has ended meanwhile.
        who = self._who(words, _user(pid, user))
        yield from (Find(f"argument list of {who}", kind) for kind in found[0])
        for kind in found[1]:
            yield from (Find(f"environment of {who}: {name}", kind) for name in self._names(environment, kind))

    def _names(self, environment: bytes, kind: str) -> list[str]:
        """The variables that hold it."""
        return sorted({one.partition(b"=")[0].decode("utf-8", "replace") for one in environment.split(b"\0") if kind in self._needles.kinds_in(one)})

    def _who(self, words: bytes, user: str) -> str:
        """The program and its user; what is secret in its words is left out."""
        shown = [b"<secret>" if self._needles.kinds_in(word) else word for word in words.rstrip(b"\0").split(b"\0")]
        text = " ".join(b" ".join(shown).decode("utf-8", "replace").split())
        return f"'{text[:_SHOWN]}' (uid {user})"


def _user(pid: int, otherwise: str) -> str:
    try:
        return str(os.stat(f"/proc/{pid}").st_uid)
    except OSError:
        return otherwise


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
