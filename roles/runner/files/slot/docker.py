# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""The isolation docker: one hardened container for one job."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_jobs import runs_job
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import (
    ENDED,
    READY,
    REMOVING,
    RUNNING,
    Environment,
    Once,
    Seen,
    SlotError,
)
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.engine import Engine, EngineError, Frames, Stream

#: Seconds in which a container that was removed must be gone.
_GONE = 60.0
#: The engine gives no logs of a container whose removal began: one that failed, or that a restart of the engine broke off, leaves it so.
_STATES = {"created": READY, "exited": ENDED, "dead": REMOVING, "removing": REMOVING}
_LAST_LINES = 20

Json = t.Dict[str, t.Any]


class DockerSettings(t.NamedTuple):
    """``name`` of the container; ``owned`` labels by which it is ours and this slot's, and as ``filters`` of a request; ``cycle``
    and ``runner`` name the labels that hold those two; ``body`` is what the engine is asked to make; ``diagnostics`` a path in the
    container, as in a request."""

    socket: str
    name: str
    owned: t.Mapping[str, str]
    filters: str
    cycle: str
    runner: str
    body: Json
    diagnostics: str


class DockerIsolation:
    """Implements :class:`._slot.ports.Isolation`. ``wake`` is a descriptor that ends a wait."""

    def __init__(self, settings: DockerSettings, engine: Engine, wake: int) -> None:
        self._settings, self._engine, self._wake = settings, engine, wake

    def observe(self) -> t.List[Environment]:
        """The container of this slot, if there is one."""
        entries = self._engine.ask("GET", f"/containers/json?all=1&filters={self._settings.filters}") or []
        return [self._environment(entry) for entry in entries if f"/{self._settings.name}" in (entry.get("Names") or [])]

    def _environment(self, entry: Json) -> Environment:
        labels = entry.get("Labels") or {}
        cycle = str(labels.get(self._settings.cycle, ""))
        state = _STATES.get(str(entry.get("State")), RUNNING)
        return Environment(str(entry["Id"]), state, int(cycle) if cycle.isdigit() else 0, str(labels.get(self._settings.runner, "")))

    def prepare(self, cycle: int, runner: str) -> Environment:
        """Make the container; it waits for a config on its standard input once it is started."""
        labels = {**self._settings.owned, self._settings.cycle: str(cycle), self._settings.runner: runner}
        made = self._engine.ask("POST", f"/containers/create?name={self._settings.name}", {**self._settings.body, "Labels": labels})
        return Environment(str(made["Id"]), READY, cycle, runner)

    def start(self, environment: Environment, lines: Once) -> None:
        """What starts a runner goes through the container's standard input, which ends with it."""
        text = lines.spend()
        stream = self._engine.open("POST", f"/containers/{environment.id}/attach?stream=1&stdin=1")
        with contextlib.closing(stream):
            self._engine.ask("POST", f"/containers/{environment.id}/start")
            try:
                stream.connection.sendall(text.encode("ascii") + b"\n")
            except OSError as error:
                raise EngineError(f"the Docker Engine did not take the JIT config: {error}") from error

    def watch(self, environment: Environment) -> DockerWatch:
        """Follow its output from the first line on."""
        return DockerWatch(self._engine, environment, self._wake)

    def busy(self, environment: Environment) -> bool:
        """Whether a Runner.Worker lives in it."""
        return runs_job(lambda path: self._engine.ask("GET", path), environment.id)

    def diagnostics(self, environment: Environment) -> t.Iterator[bytes]:
        """The folder _diag of its runner, as a tar."""
        yield from self._engine.open("GET", f"/containers/{environment.id}/archive?path={self._settings.diagnostics}").chunks()

    def renew(self, _environment: Environment, _runner: str) -> t.Optional[Environment]:
        """A fresh container costs no more."""
        return None

    def destroy(self, environment: Environment) -> None:
        """Remove it with its volumes, and see that it is gone."""
        path, deadline = f"/containers/{environment.id}", time.monotonic() + _GONE
        while time.monotonic() < deadline:
            try:
                self._engine.ask("DELETE", f"{path}?force=1&v=1")
                self._engine.ask("GET", f"{path}/json")
            except EngineError as error:
                if error.status == 404:
                    return
                # 409: somebody, perhaps an earlier life of this program, removes it already.
                if error.status != 409:
                    raise
            time.sleep(0.2)
        raise SlotError(f"the container {self._settings.name} is still there {_GONE:.0f} s after it was removed")


class DockerWatch:
    """Implements :class:`._slot.ports.Watch`."""

    def __init__(self, engine: Engine, environment: Environment, wake: int) -> None:
        self._engine, self._path, self._wake = engine, f"/containers/{environment.id}", wake
        self._frames = Frames()
        self._stream: t.Optional[Stream] = engine.open("GET", f"{self._path}/logs?follow=1&stdout=1&stderr=1")

    def read(self, seconds: float) -> Seen:
        """Further lines; the exit code after the last one."""
        if self._stream is None:
            exit_code = self._exit_code()
            return Seen(self._last_lines(), exit_code)
        if not self._stream.ready(seconds, self._wake):
            return Seen()
        chunk = self._stream.read()
        if chunk:
            return Seen(tuple(self._frames.lines(chunk)))
        self.close()
        return Seen(tuple(self._frames.rest()))

    def _last_lines(self) -> t.Tuple[str, ...]:
        """Once more: who follows a log can miss what was written in the moment of the end."""
        frames = Frames()
        stream = self._engine.open("GET", f"{self._path}/logs?stdout=1&stderr=1&tail={_LAST_LINES}")
        lines = [line for chunk in stream.chunks() for line in frames.lines(chunk)]
        return (*lines, *frames.rest())

    def _exit_code(self) -> int:
        """Its exit code; the engine ends the output a moment before it says so."""
        deadline = time.monotonic() + 10.0
        while True:
            state = self._engine.ask("GET", f"{self._path}/json")["State"]
            if not state.get("Running"):
                return int(state.get("ExitCode") or 0)
            if time.monotonic() > deadline:
                raise SlotError("the Docker Engine tells nothing more of a container that runs")
            time.sleep(0.05)

    def close(self) -> None:
        """Look no more."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
