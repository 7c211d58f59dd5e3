# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""The isolation tart: one VM for one job. Everything but following the runner is done by short-lived children."""

from __future__ import annotations

import contextlib
import os
import select
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import tart_guest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import READY, VANISHED, Environment, Once, Seen, SlotError
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.child import SECONDS, Children
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.follower import Follower

#: Seconds of a wait for a guest that starts, so that a word of launchd is soon heard; for a clone; for the runner's logs.
_SLICE, _CLONE, _LOGS = 5.0, 1800.0, 60.0
#: Seconds before the runner is followed again after that broke off.
_AGAIN = 2.0


class TartSettings(t.NamedTuple):
    """``name`` of the VM and its ``place``; ``boot`` seconds; ``exec`` are the words that begin every ``tart exec``."""

    name: str
    place: t.Mapping[str, str]
    boot: float
    exec: t.Sequence[str]

    def guest_argv(self, script: str, *more: str) -> t.List[str]:
        """The argument list that runs a script in the guest."""
        return [*self.exec, self.name, *tart_guest.words(script, self.place["runner_dir"], *more)]


class TartIsolation:
    """Implements :class:`._slot.ports.Isolation`. ``wake`` is a descriptor that ends a wait, ``go_on`` raises when we shall end."""

    def __init__(self, settings: TartSettings, children: Children, wake: int, go_on: t.Callable[[], None]) -> None:
        self._settings, self._children, self._wake, self._go_on = settings, children, wake, go_on

    def _ask(self, task: str, seconds: float = SECONDS, **request: t.Any) -> t.Dict[str, t.Any]:
        return self._children.ask(task, seconds, place=self._settings.place, **request)

    def observe(self) -> t.List[Environment]:
        """The VM of this slot, if there is one."""
        seen = self._ask("tart-observe")
        return [Environment(self._settings.name, seen["state"], int(seen["cycle"]), str(seen["runner"]))] if seen["state"] else []

    def prepare(self, cycle: int, runner: str) -> Environment:
        """Clone a VM, start it, and wait for its guest."""
        self._ask("tart-make", _CLONE, cycle=cycle, runner=runner)
        deadline = time.monotonic() + self._settings.boot
        while not self._ask("tart-boot", slice=_SLICE, boot=self._settings.boot)["ready"]:
            self._go_on()
            if time.monotonic() > deadline:
                raise SlotError(
                    f"VM {self._settings.name}: the guest agent did not answer within {self._settings.boot:.0f} s; "
                    "the image needs tart-guest-agent, started with the guest"
                )
        return Environment(self._settings.name, READY, cycle, runner)

    def start(self, _environment: Environment, lines: Once) -> None:
        """What starts a runner goes through standard inputs only."""
        self._ask("tart-start", lines=lines.spend())

    def watch(self, _environment: Environment) -> TartWatch:
        """Follow its output from the first line on."""
        return TartWatch(self._settings, self._running, self._wake)

    def _running(self) -> bool:
        return bool(self._ask("tart-running")["running"])

    def busy(self, _environment: Environment) -> bool:
        """Whether a Runner.Worker lives in the guest."""
        return bool(self._ask("tart-busy")["busy"])

    def diagnostics(self, _environment: Environment) -> t.Iterator[bytes]:
        """The folder _diag of its runner, as a tar; the guest has a minute for it."""
        follower = Follower(self._settings.guest_argv(tart_guest.DIAGNOSTICS))
        deadline = time.monotonic() + _LOGS
        with contextlib.closing(follower):
            while follower.ready(deadline - time.monotonic(), self._wake):
                chunk = follower.read()
                if not chunk:
                    return
                yield chunk
        # Not late, but told to end: the next start asks for them.
        self._go_on()
        raise SlotError(f"VM {self._settings.name}: the runner's logs did not come within {_LOGS:.0f} s")

    def renew(self, environment: Environment, runner: str) -> t.Optional[Environment]:
        """A VM that has booted is worth keeping, when the guest shows that no job ran in it."""
        if not self._ask("tart-renew", runner=runner)["unused"]:
            return None
        return environment._replace(state=READY, runner=runner)

    def destroy(self, _environment: Environment) -> None:
        """Switch it off and delete it."""
        self._ask("tart-destroy")


class TartWatch:
    """Implements :class:`._slot.ports.Watch`; what breaks off is followed anew as long as the VM runs."""

    def __init__(self, settings: TartSettings, running: t.Callable[[], bool], wake: int) -> None:
        self._settings, self._running, self._wake = settings, running, wake
        self._follower: t.Optional[Follower] = None
        self._followed = tart_guest.Followed("")
        self._open()

    def _open(self) -> None:
        # No output of the guest can hold a word that nobody knew before.
        word = "end-" + os.urandom(8).hex()
        self._followed = tart_guest.Followed(word)
        self._follower = Follower(self._settings.guest_argv(tart_guest.FOLLOW, word))

    def read(self, seconds: float) -> Seen:
        """Further lines, and the exit code with the last one; lines that came before may come again."""
        if self._follower is None:
            return self._ended_or_again()
        if not self._follower.ready(seconds, self._wake):
            return Seen()
        chunk = self._follower.read()
        lines = tuple(self._followed.take(chunk))
        if not chunk or self._followed.exit_code is not None:
            self.close()
        return Seen(lines, self._followed.exit_code)

    def _ended_or_again(self) -> Seen:
        if not self._running():
            return Seen((), VANISHED)
        select.select([self._wake], [], [], _AGAIN)
        self._open()
        return Seen()

    def close(self) -> None:
        """Look no more."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None
