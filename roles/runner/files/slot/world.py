# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""Time, signals, the operator's marks, the slot's files and its log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import stat
import sys
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.journal import LOG_VARIABLE, line
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.keep import Limits, keep
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError, StoppedError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import (
    RECORD_NAME,
    SETTINGS_NAME,
    Record,
    read_record,
    write_record,
)

#: While this file lies in the slot's folder, no new job begins.
DRAIN_NAME = "drain"
LOCK_NAME = "lock"
LOGS_NAME = "jobs"
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Signals:
    """What launchd tells us. ``wake`` can be read from once a signal came, so that no wait outlasts it."""

    def __init__(self) -> None:
        self.stopped = False
        self.wake, self._write = os.pipe()
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in _STOPPING:
            signal.signal(number, self._stop)
        # An earlier life of this process held them back while it made way for this one.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def _stop(self, _number: int, _frame: t.Any) -> None:
        self.stopped = True


class Installed:
    """What this process was started from: the program behind the path that it was called by, and the slot's settings."""

    def __init__(self, program: str, folder: str) -> None:
        self._called, self._settings = program, os.path.join(folder, SETTINGS_NAME)
        self.program = os.path.realpath(program)
        self._read = stamp(self._settings)

    @property
    def version(self) -> str:
        """The name of the folder in which this version lies."""
        return os.path.basename(os.path.dirname(self.program))

    def changed(self) -> bool:
        """Whether another version or other settings are in their places. What is missing is on its way out or in."""
        program = os.path.realpath(self._called)
        return (program != self.program and os.path.isfile(program)) or stamp(self._settings) not in (self._read, None)

    def begin_anew(self, folder: str, signals: Signals) -> t.NoReturn:
        """Become what is installed now, in this very process. Raises StoppedError, or OSError when that cannot be started."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        if signals.stopped:
            raise StoppedError()
        # Everything open is closed by the system: no descriptor of ours is inherited.
        os.execv(sys.executable, [sys.executable, "-I", self._called, "run", folder])


def stamp(path: str) -> t.Optional[t.Tuple[int, ...]]:
    """What is another one when a file was written or replaced; None without one."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


class SlotWorld:
    """Implements :class:`._slot.ports.World` for the slot whose files are in ``folder``."""

    def __init__(self, folder: str, slot: str, signals: Signals, limits: Limits, installed: Installed) -> None:
        self._folder, self._slot, self._signals, self._limits = folder, slot, signals, limits
        self._installed = installed
        self._drain, self._record = os.path.join(folder, DRAIN_NAME), os.path.join(folder, RECORD_NAME)
        self._saved: t.Optional[t.Tuple[int, ...]] = None

    def now(self) -> float:
        """Seconds since 1970; they jump when the clock is set."""
        return time.time()

    def ticks(self) -> float:
        """Seconds since no matter when; they never jump."""
        return time.monotonic()

    def go_on(self) -> None:
        """Raise when launchd wants us to end."""
        if self._signals.stopped:
            raise StoppedError()

    def draining(self) -> bool:
        """Whether the operator's mark is there."""
        return os.path.lexists(self._drain)

    def outdated(self) -> bool:
        """Whether another version of the program, or other settings, are installed."""
        return self._installed.changed()

    def pause(self, seconds: float, step: float = 1.0) -> None:
        """Wait; a signal, a mark that comes or goes, or another version ends it."""
        marked, deadline = self.draining(), time.monotonic() + seconds
        left = seconds
        while left > 0 and self.draining() == marked and not self.outdated():
            self.go_on()
            select.select([self._signals.wake], [], [], min(left, step))
            left = deadline - time.monotonic()
        self.go_on()

    def save(self, record: Record) -> None:
        """Put the record on the disk."""
        try:
            write_record(self._folder, record)
            self._saved = stamp(self._record)
        except OSError as error:
            raise SlotError(f"{self._folder}: the slot's record cannot be written: {error.strerror}") from error

    def intact(self) -> bool:
        """Whether the record on the disk is the one that was saved last."""
        return stamp(self._record) == self._saved

    def settings_failed(self, message: str, failures: int) -> None:
        """Tell that the settings cannot be used; the record keeps what it holds."""
        self.note("settings", message=message)
        record = read_record(self._folder, self._slot)
        self.save(record._replace(state="waiting", message=message[:2000], failures=failures, program=self._installed.version))

    def note(self, event: str, **fields: t.Any) -> None:
        """One line on standard output, which launchd writes to the slot's log."""
        # A log that cannot be written must not end a slot.
        with contextlib.suppress(OSError):
            follow_log(os.environ.get(LOG_VARIABLE, ""))
            print(line(time.time(), self._slot, event, fields), flush=True)

    def keep(self, name: str, content: t.Iterator[bytes]) -> None:
        """Keep the logs of a job."""
        keep(os.path.join(self._folder, LOGS_NAME), name, content, self._limits)

    def random(self) -> float:
        """From 0 to 1."""
        # The module random would bring hashlib and OpenSSL along.
        return int.from_bytes(os.urandom(4), "big") / 2**32


def follow_log(path: str) -> None:
    """Write on in the file that is at ``path`` now: newsyslog moves a full log away, and launchd opens a new one only at a start."""
    if not path or _is_output(path):
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _is_output(path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(1))
    except FileNotFoundError:
        return False


def require_own(folder: str) -> None:
    """Raise unless the slot's folder is a folder of ours that nobody else can write to."""
    try:
        found = os.lstat(folder)
    except OSError as error:
        raise SlotError(f"{folder}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise SlotError(f"{folder} must be a folder of user {os.geteuid()} that nobody else can write to")


def hold(folder: str, signals: Signals) -> int:
    """The slot's lock, once no other program and no child of one has it. Raises StoppedError."""
    path = os.path.join(folder, LOCK_NAME)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    while not signals.stopped:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            select.select([signals.wake], [], [], 0.1)
    raise StoppedError()


def complain(text: str) -> None:
    """Say on standard error why the program ends."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
