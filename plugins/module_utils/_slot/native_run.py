# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is on the disk of a runner that is a process of the Mac itself: root's, where no job reaches it.

A runner has a keeper, a process of root that waits for it and writes its exit code. As long as the keeper lives it has a lock, which no
number of a process that another one got later can pretend.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError

#: What the slot knows of its runner.
NOTE_NAME = "native.json"
_SMALL = 4096
_FILES = ("log", "exit", "exit.new", "pid", "fault", "lock")


class Run:
    """The runner of the slot whose folder is ``folder``."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "native")
        self.log, self._exit, self.pid_file, self._fault, self._lock = (self._file(name) for name in ("log", "exit", "pid", "fault", "lock"))

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def clear(self) -> None:
        """Nothing of an earlier runner is left."""
        for name in _FILES:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._file(name))
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(self.path)

    def begin(self) -> int:
        """A folder without anything in it, and the lock that the keeper shall have. Raises SlotError while there is a keeper."""
        if self.alive():
            raise SlotError(f"{self.path}: a runner of this slot still runs")
        self.clear()
        os.mkdir(self.path, 0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor

    def alive(self) -> bool:
        """Whether the keeper lives."""
        try:
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)

    def exit_code(self) -> t.Optional[int]:
        """The runner's, once the keeper wrote it."""
        return _number(self._said(self._exit))

    def pid(self) -> t.Optional[int]:
        """The listener's process, once there was one."""
        return _number(self._said(self.pid_file))

    def fault(self) -> str:
        """Why the runner was ended by us, empty when it was not."""
        return self._said(self._fault)

    def tell_fault(self, text: str) -> None:
        """Say so before it is ended: whoever finds it ended knows why."""
        descriptor = os.open(self._fault, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, text.encode("utf-8")[:_SMALL])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @staticmethod
    def _said(path: str) -> str:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return ""
        try:
            return os.read(descriptor, _SMALL).decode("utf-8", "replace").strip()
        finally:
            os.close(descriptor)


def _number(text: str) -> t.Optional[int]:
    return int(text) if text.isdigit() else None
