# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a slot needs of the world: the Mac's admission, GitHub, an isolation, time. The shell of the slot program gives them."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending, Record

#: States of an environment: made and never started, started, ended by itself, half removed: it tells nothing any more.
READY, RUNNING, ENDED, REMOVING = "ready", "running", "ended", "removing"
#: The exit code of a runner whose environment ended under it; no process has it.
VANISHED = -1


class SlotError(MacRunnersError):
    """A slot cannot go on as it is; it tries again later, and no sooner than after ``wait`` seconds."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class StuckError(SlotError):
    """A deadline passed: somebody should look."""


class StoppedError(Exception):
    """The program was told to end. What runs in the environment goes on, and is found by the next start."""


class OutdatedError(Exception):
    """Another version of the program is installed, or other settings are, and no job runs: time to begin anew with them."""


class Once:
    """What starts one runner, once, with its JIT config in it; it is never shown or written."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text: t.Optional[str] = text

    def spend(self) -> str:
        """It, the first time; raises :class:`SlotError` after that."""
        text, self._text = self._text, None
        if text is None:
            raise SlotError("this JIT config was used already: a used one never starts a second runner")
        return text

    def __repr__(self) -> str:
        return "<JIT config>"


class Registration(t.NamedTuple):
    """A runner that GitHub knows and that was not started yet."""

    runner: int
    lines: Once


class Environment(t.NamedTuple):
    """An environment of this slot. ``id`` is the isolation's own; ``state`` one of READY, RUNNING, ENDED, REMOVING."""

    id: str
    state: str
    cycle: int
    runner: str


class Seen(t.NamedTuple):
    """What came since the last look: whole lines of the runner, and once it ended its exit code, and why it was ended by us if it was."""

    lines: t.Tuple[str, ...] = ()
    exit_code: t.Optional[int] = None
    fault: str = ""


class Watch(t.Protocol):
    """Follows a runner from its first line on, also when it was started by an earlier life of the program."""

    def read(self, seconds: float) -> Seen:
        """Wait at most so long for something."""

    def close(self) -> None:
        """Look no more; the runner goes on."""


class Isolation(t.Protocol):
    """How a runner is separated. Only what carries our name and our mark is seen or touched."""

    def observe(self) -> t.List[Environment]:
        """The environments of this slot."""

    def prepare(self, cycle: int, runner: str) -> Environment:
        """Make a fresh environment, ready for a runner."""

    def start(self, environment: Environment, lines: Once) -> None:
        """Start the runner; the lines are in no argument list, no file that others can read, no log."""

    def watch(self, environment: Environment) -> Watch:
        """Follow it."""

    def busy(self, environment: Environment) -> bool:
        """Whether a job runs in it, as seen from here."""

    def diagnostics(self, environment: Environment) -> t.Iterator[bytes]:
        """The runner's own logs, as a tar."""

    def renew(self, environment: Environment, runner: str) -> t.Optional[Environment]:
        """Make the environment of a runner that ended without a job, or was never started, ready for another one; None where it is
        not worth it, or where it cannot be shown that no job ran in it."""

    def destroy(self, environment: Environment) -> None:
        """Remove it and everything in it; one that is gone is no error."""


class Source(t.Protocol):
    """Where JIT configs come from."""

    def register(self, name: str) -> Registration:
        """Register a runner for one job."""

    def remove(self, registration: Pending) -> str:
        """Take it off GitHub, which decides: ``removed``, ``gone`` or ``busy``."""

    def knows(self, registration: Pending) -> bool:
        """Whether it is at GitHub."""


class Admission(t.Protocol):
    """The Mac's lease and room."""

    def check(self) -> None:
        """Raise unless this slot may start a runner now."""


class World(t.Protocol):
    """Time, the operator's marks, the disk and the log."""

    def now(self) -> float:
        """Seconds since 1970; they jump when the clock is set."""

    def ticks(self) -> float:
        """Seconds since no matter when; they never jump."""

    def go_on(self) -> None:
        """Raise :class:`StoppedError` when the program was told to end."""

    def draining(self) -> bool:
        """Whether no new job shall begin."""

    def outdated(self) -> bool:
        """Whether another version of the program, or other settings, are installed than run here."""

    def save(self, record: Record) -> None:
        """Put the record on the disk before anything that it names is done."""

    def intact(self) -> bool:
        """Whether the record on the disk is the one that was saved last."""

    def note(self, event: str, **fields: t.Any) -> None:
        """One line of the log."""

    def keep(self, name: str, content: t.Iterator[bytes]) -> None:
        """Keep the logs of a job."""

    def random(self) -> float:
        """From 0 to 1."""


class Ports(t.NamedTuple):
    """All of it."""

    admission: Admission
    source: Source
    isolation: Isolation
    world: World
