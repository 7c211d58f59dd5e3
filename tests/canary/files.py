# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files: those that changed since the last look, on this machine and on simulated Macs."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import time
from collections.abc import Callable, Iterator

from tests.canary.find import Find
from tests.canary.needles import Needles, unpacked

#: What is read at once, and how much of it is read again with the next part: longer than any needle.
_PART, _OVERLAP = 8 << 20, 4096
#: Files to which is only added, so that what was searched is not searched again.
_GROWING = (".log", ".jsonl")
MACS = pathlib.Path("/run/macsim")

Roots = dict[str, str]


def macs_of(owner: int) -> Roots:
    """The simulated Macs that a process booted."""
    found = {}
    for path in MACS.glob(f"*-{owner}-*/info.json"):
        try:
            record = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        found[f"Mac {path.parent.name}: "] = f"/proc/{record['pid']}/root"
    return found


class Files:
    """``roots``: how a place is called -> its folder; mounts in it are not crossed."""

    def __init__(self, needles: Needles, roots: Callable[[], Roots]) -> None:
        self._needles, self._roots = needles, roots
        self._since = time.time_ns()
        self._ends: dict[tuple[int, int], int] = {}
        self.looked = 0

    def look(self) -> Iterator[Find]:
        """What is found in what changed."""
        # The clock of a file system ticks every few milliseconds.
        began, since = time.time_ns() - 100_000_000, self._since
        for name, root in self._roots().items():
            for path in _changed(root, since):
                yield from self._of(path, name + (path[len(root) :] if name else path))
        self._since = began

    def _of(self, path: str, place: str) -> Iterator[Find]:
        try:
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return
        try:
            state = os.fstat(file)
            self.looked += 1
            kinds = {kind for part in self._parts(file, state) for kind in self._needles.kinds_in(part)}
        except OSError:
            return
        finally:
            os.close(file)
        yield from (Find(f"file {place}", kind, not state.st_mode & 0o077, state.st_uid) for kind in sorted(kinds))

    def _parts(self, file: int, state: os.stat_result) -> Iterator[bytes]:
        """Its data, without the holes."""
        known = (state.st_dev, state.st_ino)
        at = self._ends.get(known, 0)
        at = 0 if at > state.st_size else max(0, at - _OVERLAP)
        whole = at == 0
        while at < state.st_size:
            try:
                at = os.lseek(file, at, os.SEEK_DATA)
            except OSError:
                break
            part = os.pread(file, _PART, at)
            if not part:
                break
            yield unpacked(part) if whole else part
            at, whole = at + max(1, len(part) - _OVERLAP * (len(part) == _PART)), False
        if self._grows(file):
            self._ends[known] = state.st_size

    @staticmethod
    def _grows(file: int) -> bool:
        return os.readlink(f"/proc/self/fd/{file}").endswith(_GROWING)


def _changed(root: str, since: int) -> Iterator[str]:
    """Regular files below it whose content, mode or name changed, without following links."""
    try:
        device = os.stat(root).st_dev
    except OSError:
        return
    folders = [root]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(state.st_mode) and state.st_dev == device:
                folders.append(entry.path)
            elif stat.S_ISREG(state.st_mode) and state.st_ctime_ns >= since:
                yield entry.path
