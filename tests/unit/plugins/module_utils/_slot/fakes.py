# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world for a slot without processes: a Mac with environments, a GitHub with registrations, a clock, a disk. Calls can kill."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.cycle import Plan, Slot
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import (
    ENDED,
    READY,
    RUNNING,
    Environment,
    Once,
    Ports,
    Registration,
    Seen,
    SlotError,
    StoppedError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending, Record

LISTENING = "2026-01-02 03:04:05Z: Listening for Jobs"
RUNS = "2026-01-02 03:04:06Z: Running job: build"
DONE = "2026-01-02 03:04:07Z: Job build completed with result: Succeeded"
GOOD = ["√ Connected to GitHub", LISTENING, RUNS, DONE, 0]


class Killed(BaseException):
    """kill -9: nothing catches it."""


@dataclasses.dataclass
class Box:
    """An environment and what its runner is going to do: lines, then an exit code; a number of seconds passes."""

    environment: Environment
    script: list[t.Any] = dataclasses.field(default_factory=list)
    output: list[str] = dataclasses.field(default_factory=list)
    exit_code: t.Optional[int] = None
    worker: bool = False
    used: int = 0


class FakeWorld:
    """Everything outside the slot; it survives the slot's death."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.jump = 0.0
        self.boxes: dict[str, Box] = {}
        self.github: dict[str, int] = {}
        self.scripts: t.Iterator[list[t.Any]] = itertools.repeat(GOOD)
        self.record = Record("linux-1")
        self.damaged = False
        self.drain = False
        self.stop = False
        self.old = False
        self.keeps = False
        self.log: list[tuple[str, dict[str, t.Any]]] = []
        self.logs: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.kill_at = 0
        self.kill_after = False
        self.errors: dict[str, t.Any] = {}
        self.answers: dict[str, list[str]] = {}
        self.done: list[str] = []
        self.lost: list[str] = []
        self.started: list[str] = []
        self.numbers = itertools.count(1)
        self.names = itertools.count(1)

    def call(self, name: str, effect: t.Callable[[], t.Any]) -> t.Any:
        """An outgoing call, before or after which the slot may be killed."""
        self.calls.append(name)
        dies = len(self.calls) == self.kill_at
        if dies and not self.kill_after:
            raise Killed(name)
        if name in self.errors and self.errors[name]:
            raise self.errors[name].pop(0)
        result = effect()
        if dies:
            raise Killed(name)
        return result

    # The slot's world.

    def now(self) -> float:
        return self.time + self.jump

    def ticks(self) -> float:
        return self.time

    def go_on(self) -> None:
        if self.stop:
            raise StoppedError()

    def draining(self) -> bool:
        return self.drain

    def outdated(self) -> bool:
        return self.old

    def save(self, record: Record) -> None:
        self.call("save", lambda: setattr(self, "record", record))
        self.damaged = False

    def intact(self) -> bool:
        return not self.damaged

    def note(self, event: str, **fields: t.Any) -> None:
        self.log.append((event, fields))

    def keep(self, name: str, content: t.Iterator[bytes]) -> None:
        self.call("keep", lambda: self.logs.__setitem__(name, b"".join(content)))

    def random(self) -> float:
        return 1.0

    def check(self) -> None:
        self.call("check", lambda: None)

    # GitHub.

    def register(self, name: str) -> Registration:
        def act() -> Registration:
            assert name not in self.github
            self.github[name] = next(self.numbers)
            return Registration(self.github[name], Once(f"jit-{name}"))

        return t.cast(Registration, self.call("register", act))

    def remove(self, registration: Pending) -> str:
        name, runner = registration.name, registration.runner

        def act() -> str:
            if self.answers.get("remove"):
                return self.answers["remove"].pop(0)
            box = next((box for box in self.boxes.values() if box.environment.runner == name), None)
            if name not in self.github:
                return "gone"
            assert runner in (0, self.github[name])
            if box and box.worker:
                return "busy"
            del self.github[name]
            return "removed"

        return t.cast(str, self.call("remove", act))

    def knows(self, registration: Pending) -> bool:
        return t.cast(bool, self.call("knows", lambda: registration.name in self.github))

    # The isolation.

    def observe(self) -> list[Environment]:
        return t.cast("list[Environment]", self.call("observe", lambda: [box.environment for box in self.boxes.values()]))

    def prepare(self, cycle: int, runner: str) -> Environment:
        def act() -> Environment:
            assert not self.boxes, "there is one environment a slot"
            made = Environment(f"box-{next(self.names)}", READY, cycle, runner)
            self.boxes[made.id] = Box(made, list(next(self.scripts)))
            return made

        return t.cast(Environment, self.call("prepare", act))

    def start(self, environment: Environment, config: Once) -> None:
        def act() -> None:
            box = self.boxes[environment.id]
            assert config.spend() == f"jit-{environment.runner}" and not box.used
            box.used += 1
            self.started.append(environment.id)
            box.environment = environment._replace(state=RUNNING)

        self.call("start", act)

    def watch(self, environment: Environment) -> FakeWatch:
        return t.cast(FakeWatch, self.call("watch", lambda: FakeWatch(self, self.boxes[environment.id])))

    def busy(self, environment: Environment) -> bool:
        return self.boxes[environment.id].worker

    def diagnostics(self, environment: Environment) -> t.Iterator[bytes]:
        return iter([b"log of ", environment.id.encode()])

    def renew(self, environment: Environment, runner: str) -> t.Optional[Environment]:
        def act() -> t.Optional[Environment]:
            box = self.boxes[environment.id]
            assert (box.exit_code == 0 or not box.used) and RUNS not in box.output, "a job ran in it"
            if not self.keeps:
                return None
            made = environment._replace(state=READY, runner=runner)
            self.boxes[made.id] = Box(made, list(next(self.scripts)))
            return made

        return t.cast("t.Optional[Environment]", self.call("renew", act))

    def destroy(self, environment: Environment) -> None:
        def act() -> None:
            box = self.boxes.pop(environment.id, None)
            if box and box.worker:
                self.lost.append(box.environment.runner)

        self.call("destroy", act)

    def run(self, box: Box) -> None:
        """What a runner does next, also while nobody looks."""
        step = box.script.pop(0) if box.script else 1
        if isinstance(step, int):
            box.exit_code, box.worker = step, False
            box.environment = box.environment._replace(state=ENDED)
        elif isinstance(step, float):
            self.time += step
        elif callable(step):
            step(self)
        else:
            box.output.append(step)
            if step == RUNS:
                box.worker = True
            if step == DONE:
                box.worker = False
                self.done.append(box.environment.runner)
                self.github.pop(box.environment.runner, None)


class FakeWatch:
    def __init__(self, world: FakeWorld, box: Box) -> None:
        self.world, self.box, self.read_lines = world, box, 0

    def read(self, seconds: float) -> Seen:
        def act() -> Seen:
            self.world.time += seconds
            if self.box.exit_code is None:
                self.world.run(self.box)
            lines = tuple(self.box.output[self.read_lines :])
            self.read_lines = len(self.box.output)
            return Seen(lines, self.box.exit_code)

        return t.cast(Seen, self.world.call("read", act))

    def close(self) -> None:
        pass


def slot(world: FakeWorld, **plan: t.Any) -> Slot:
    """A slot program that has just started."""
    ports = Ports(world, world, world, world)
    options = {"registration": 60.0, "grace": 10.0, **plan}
    return Slot(Plan("linux-1", "mac-1-linux-1", **options), ports, world.record, lambda base: f"{base}-{next(world.names):08x}")


def error(text: str = "no") -> SlotError:
    return SlotError(text)


def turns(world: FakeWorld, number: int, **plan: t.Any) -> list[float]:
    program = slot(world, **plan)
    return [program.turn() for _turn in range(number)]


def revive(world: FakeWorld) -> None:
    world.calls, world.kill_at = [], 0
