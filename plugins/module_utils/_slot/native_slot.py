# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The one runner of a native slot, from a clean account to a clean account: what the slot program's short-lived children do."""

from __future__ import annotations

import os
import stat
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.directories import RUNNER
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import LISTENER, NativePlace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_run import NOTE_NAME, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_note import Note, drop_note, read_note, write_note
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError


#: Copies file by file without copying their content, where one volume has both.
CLONE = ("/bin/cp", "-c", "-R", "-p")
#: Seconds in which the keeper of a runner whose processes are all gone must be gone too.
_GONE = 10.0
_POLL = 0.05

#: Waits for the runner, which is the words that follow the folder, and keeps its exit code.
_KEEPER = """umask 077
"$@"
code=$?
echo "$code" > "$0/exit.new" && mv "$0/exit.new" "$0/exit"
"""

Json = t.Dict[str, t.Any]


class Accounts(t.Protocol):
    """The account of the slot."""

    def reset(self) -> None:
        """End and remove all that it has, and give it a home that is as new. Raises when the Mac has no such account of ours."""

    def end(self) -> None:
        """End all its processes."""


class Processes(t.Protocol):
    """Commands."""

    def enter(self, entry: Json) -> None:
        """Run a command as the account, to its end. Raises SlotError when it fails."""

    def keep(self, argv: t.Sequence[str], entry: Json, lines: str, log: str, lock: int) -> None:
        """Start a keeper that outlives us, has the lock, and has a runner enter, which reads the lines."""


class NativeSlot:
    """``folder`` is the slot's."""

    def __init__(self, place: NativePlace, folder: str, accounts: Accounts, processes: Processes, clone: t.Sequence[str] = CLONE) -> None:
        self._place, self._folder = place, folder
        self._accounts, self._processes, self._clone = accounts, processes, clone
        self._run = Run(folder)

    def make(self, cycle: int, runner: str) -> None:
        """An account without anything of an earlier job, and a runner in its home."""
        package = os.path.realpath(self._place.package)
        if not os.path.isfile(os.path.join(package, LISTENER)):
            raise SlotError(f"GitHub's runner is not at {self._place.package}; the role action_packer.mac_runners.runner installs it")
        write_note(self._folder, Note(cycle, runner), NOTE_NAME)
        self._accounts.reset()
        self._run.clear()
        outside = self._place.outside
        self._make_directories([*outside.made, outside.runner])
        # As the account, whose home it is: whatever it finds there, it has no more rights than a job.
        self._processes.enter(self._place.entry([*self._clone, f"{package}/.", RUNNER], "."))

    def _make_directories(self, paths: t.Sequence[str]) -> None:
        uid = self._place.account.uid
        for path in paths:
            parent = open_directory(os.path.dirname(path))
            try:
                _make_directory(parent, os.path.basename(path), uid)
            finally:
                os.close(parent)

    def start(self, lines: str) -> None:
        """Hand what starts a runner to a listener, once: that it is handed over is on the disk before."""
        note = read_note(self._folder, NOTE_NAME)
        if note is None or note.handed:
            raise SlotError(f"the account {self._place.account.name} is no fresh one: it gets no JIT config")
        lock = self._run.begin()
        try:
            write_note(self._folder, note._replace(handed=True), NOTE_NAME)
            entry = {**self._place.job_entry(), "pid_file": self._run.pid_file}
            argv = ["/bin/sh", "-c", _KEEPER, self._run.path, *self._place.limits.qos_argv]
            self._processes.keep(argv, entry, lines, self._run.log, lock)
        finally:
            os.close(lock)

    def end(self) -> None:
        """End the runner, its job and all else of the account; what became of it is seen as when it ends by itself."""
        self._accounts.end()

    def destroy(self) -> None:
        """Nothing of the runner and of its job is left; the account is as new."""
        self._accounts.reset()
        deadline = time.monotonic() + _GONE
        while self._run.alive():
            if time.monotonic() > deadline:
                raise SlotError(f"{self._run.path}: the keeper of a runner whose processes have ended is still there")
            time.sleep(_POLL)
        self._run.clear()
        drop_note(self._folder, NOTE_NAME)


def _make_directory(parent: int, name: str, uid: int) -> None:
    """One of the account alone, or that it is there."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        os.chown(name, uid, uid, dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
            raise SlotError(f"{name}: the home that was made for a job has something else of this name; look at the account's template") from None
