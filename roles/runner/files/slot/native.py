# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""The isolations sandbox, account and chroot: a process of the Mac itself, as an account that is as new for each job.

What needs more than looking is done by short-lived children.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.memory import END, KILL, NEAR, NOTHING, PS_ARGV, MemoryWatch, memory_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_run import NOTE_NAME, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import (
    ENDED,
    READY,
    RUNNING,
    VANISHED,
    Environment,
    Once,
    Seen,
    SlotError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.progress import begins_job
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_note import read_note, write_note
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.child import Children
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.follower import Follower

#: Seconds for making an account as new and copying a runner; for the runner's logs; for ps.
_MAKE, _LOGS, _PS = 900.0, 60.0, 10.0
#: Seconds between two looks at the memory of a runner that has no job.
_SELDOM = 300.0
_CHUNK = 65536
#: A line without end is none of a listener.
_LONGEST = 65536
_LAST_CHUNKS = 16
#: Whatever the width of a terminal.
_BUSY_ARGV = ("/bin/ps", "-axww", "-o", "uid,command")
_WORKER = "Runner.Worker"

Json = t.Dict[str, t.Any]


class NativeSettings(t.NamedTuple):
    """``name`` and ``uid`` of the account, ``place``: where it is; ``pool``, its ``memory`` in bytes and what happens there (``memory_watch``);
    ``enter``: the command with which something becomes the account, and ``logs``: what it is told in order to give the runner's logs."""

    name: str
    uid: int
    place: t.Mapping[str, str]
    pool: str
    memory: int
    memory_watch: str
    enter: t.Sequence[str]
    logs: Json


class Surroundings(t.NamedTuple):
    """``folder`` of the slot; ``wake`` is a descriptor that ends a wait, ``note`` writes a line of the slot's log, ``go_on`` raises when
    we shall end."""

    folder: str
    children: Children
    wake: int
    note: t.Callable[..., None]
    go_on: t.Callable[[], None]


class NativeIsolation:
    """Implements :class:`._slot.ports.Isolation`."""

    def __init__(self, settings: NativeSettings, around: Surroundings) -> None:
        self._settings, self._around = settings, around
        self._run = Run(around.folder)

    def _ask(self, task: str, seconds: float = _MAKE, **request: t.Any) -> None:
        self._around.children.ask(task, seconds, place=self._settings.place, **request)

    def observe(self) -> t.List[Environment]:
        """The account of this slot, if it is in use."""
        note = read_note(self._around.folder, NOTE_NAME)
        if note is None:
            return []
        state = READY
        if note.handed:
            state = RUNNING if self._run.alive() else ENDED
        return [Environment(self._settings.name, state, note.cycle, note.runner)]

    def prepare(self, cycle: int, runner: str) -> Environment:
        """Make the account as new, with a runner in its home."""
        self._ask("native-make", cycle=cycle, runner=runner)
        return Environment(self._settings.name, READY, cycle, runner)

    def start(self, _environment: Environment, lines: Once) -> None:
        """What starts a runner goes through standard inputs only."""
        self._ask("native-start", lines=lines.spend())

    def watch(self, _environment: Environment) -> NativeWatch:
        """Follow its output from the first line on."""
        return NativeWatch(self._run, self._around.wake, self._guard())

    def _guard(self) -> t.Callable[[], None]:
        given = self._settings
        if given.memory_watch == "off":
            return lambda: None
        watch = MemoryWatch(given.pool, given.memory, given.memory_watch == "end", bool(self._run.fault()))
        return Guard(watch, given.uid, self._run, self._around.note, lambda: self._ask("native-end")).look

    def busy(self, _environment: Environment) -> bool:
        """Whether a Runner.Worker of the account lives."""
        rows = [row.split(None, 1) for row in _said(_BUSY_ARGV).splitlines()]
        if not rows:
            raise SlotError(f"account {self._settings.name}: ps does not tell whether a job runs")
        return any(row[0] == str(self._settings.uid) and _WORKER in row[1] for row in rows if len(row) == 2)

    def diagnostics(self, _environment: Environment) -> t.Iterator[bytes]:
        """The folder _diag of its runner, as a tar that is made by the account: it can lead nobody to files that a job could not read."""
        with contextlib.closing(Follower(self._settings.enter, json.dumps(self._settings.logs).encode() + b"\n")) as follower:
            try:
                yield from follower.chunks(_LOGS, self._around.wake)
            except TimeoutError:
                # Not late, but told to end: the next start asks for them.
                self._around.go_on()
                raise SlotError(f"account {self._settings.name}: the runner's logs did not come within {_LOGS:.0f} s") from None

    def renew(self, environment: Environment, runner: str) -> t.Optional[Environment]:
        """One that got no JIT config is as good as new; any other one costs more to look at than to make anew."""
        note = read_note(self._around.folder, NOTE_NAME)
        if note is None or note.handed:
            return None
        write_note(self._around.folder, note._replace(runner=runner), NOTE_NAME)
        return environment._replace(state=READY, runner=runner)

    def destroy(self, _environment: Environment) -> None:
        """End all that the account has, and remove it."""
        self._ask("native-destroy")


class NativeWatch:
    """Implements :class:`._slot.ports.Watch`. ``guard`` is called again and again while a job runs, and now and then while none was seen to
    begin: a runner that waits takes nothing, but what a job does to its log is its own."""

    def __init__(self, run: Run, wake: int, guard: t.Callable[[], None]) -> None:
        self._run, self._wake, self._guard = run, wake, guard
        self._place = 0
        self._rest = b""
        self._works = False
        self._look_at = 0.0

    def read(self, seconds: float) -> Seen:
        """Further lines; the exit code with the last ones."""
        now = time.monotonic()
        if self._works or now >= self._look_at:
            self._guard()
            self._look_at = now + _SELDOM
        # Asked before the look: who is dead now wrote no line after it.
        alive = self._run.alive()
        lines = self._lines()
        self._works = self._works or any(begins_job(line) for line in lines)
        if not alive:
            exit_code = self._run.exit_code()
            return Seen((*lines, *self._last_lines()), VANISHED if exit_code is None else exit_code, self._run.fault())
        if not lines:
            select.select([self._wake], [], [], seconds)
        return Seen(lines)

    def _lines(self) -> t.Tuple[str, ...]:
        *lines, self._rest = (self._rest + self._more()).split(b"\n")
        self._rest = self._rest[-_LONGEST:]
        return tuple(line.decode("utf-8", "replace") for line in lines)

    def _last_lines(self) -> t.Iterator[str]:
        """What is left, but for what somebody whom the job left behind goes on to write."""
        for dummy in range(_LAST_CHUNKS):
            lines = self._lines()
            yield from lines
            if not lines:
                break
        rest, self._rest = self._rest, b""
        if rest:
            yield rest.decode("utf-8", "replace")

    def _more(self) -> bytes:
        try:
            descriptor = os.open(self._run.log, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            # Whoever writes it can cut it too; lines that came before may come again then.
            if os.fstat(descriptor).st_size < self._place:
                self._place = 0
            chunk = os.pread(descriptor, _CHUNK, self._place)
        finally:
            os.close(descriptor)
        self._place += len(chunk)
        return chunk

    def close(self) -> None:
        """Nothing is open between two looks."""


class Guard:
    """Looks at the memory of a job when it is time to, and does what follows."""

    def __init__(self, watch: MemoryWatch, uid: int, run: Run, note: t.Callable[..., None], end: t.Callable[[], None]) -> None:
        self._watch, self._uid, self._run, self._note, self._end = watch, uid, run, note, end

    def look(self) -> None:
        """Read the memory, unless it is too early."""
        now = time.monotonic()
        if now < self._watch.next_at:
            return
        found = memory_of(_said(PS_ARGV), self._uid)
        if not found:
            # That says nothing: neither that the job has become small, nor that it has not.
            self._watch.next_at = now + NEAR
            return
        verdict = self._watch.take(sum(found.values()), now)
        if verdict.action != NOTHING:
            self._note("memory", action=verdict.action, message=verdict.message)
        if verdict.action in (END, KILL):
            self._run.tell_fault(verdict.message)
        if verdict.action == END:
            self._interrupt(found)
        elif verdict.action == KILL:
            self._end()

    def _interrupt(self, found: t.Mapping[int, int]) -> None:
        """As runsvc.sh does: the runner cancels its job and tells GitHub. The number may be another's by now."""
        pid = self._run.pid()
        if pid is not None and pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


def _said(argv: t.Sequence[str]) -> str:
    """What a command says; nothing when it does not end in time."""
    with contextlib.closing(Follower(argv)) as follower:
        try:
            return b"".join(follower.chunks(_PS)).decode("utf-8", "replace")
        except TimeoutError:
            return ""
