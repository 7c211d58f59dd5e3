# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""The slot program: run by launchd for one slot, or by itself for one task of it.

    slot run FOLDER          until it is told to end; FOLDER holds the slot's settings and files
    slot child TASK FOLDER   a task of slot run, asked and answered in JSON through pipes
    slot enter               become an account and a command of it, as standard input says
    slot compile             write beside the program what this Python makes of it, so that no process has to compile it
"""

from __future__ import annotations

import os
import sys
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.backoff import MOST, pause_after
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.cycle import Plan, Slot
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import lines
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.keep import Limits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import (
    Isolation,
    OutdatedError,
    Ports,
    Registration,
    StoppedError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending, read_record
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.child import Children, serve
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.world import Installed, Signals, SlotWorld, complain, hold, require_own

USAGE = 64
FAILED = 1


class Remote:
    """Admission and JIT source of a slot: each question is a child's."""

    def __init__(self, children: Children) -> None:
        self._children = children

    def check(self) -> None:
        """Raise unless there are lease and room."""
        self._children.ask("admission")

    def register(self, name: str) -> Registration:
        """Register a runner for one job."""
        answer = self._children.ask("register", name=name)
        return Registration(int(answer["runner"]), lines(str(answer["config"]), str(answer["proxy"])))

    def remove(self, registration: Pending) -> str:
        """Take it off GitHub."""
        return str(self._ask("remove", registration)["answer"])

    def knows(self, registration: Pending) -> bool:
        """Whether it is at GitHub."""
        return bool(self._ask("known", registration)["known"])

    def _ask(self, task: str, registration: Pending) -> t.Dict[str, t.Any]:
        return self._children.ask(task, name=registration.name, runner=registration.runner, target=registration.target)


def main(argv: t.Sequence[str]) -> int:
    """Run what the arguments say; the exit code."""
    os.umask(0o077)
    if len(argv) == 3 and argv[1] == "run":
        return run(os.path.abspath(argv[0]), os.path.abspath(argv[2]))
    if len(argv) == 4 and argv[1] == "child":
        return child(argv[2], argv[3])
    if len(argv) == 2 and argv[1] == "compile":
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.compiled import compile_program

        compile_program(os.path.realpath(argv[0]))
        return 0
    if len(argv) == 2 and argv[1] == "enter":
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.enter import enter

        return enter()
    complain(__doc__ or "")
    return USAGE


def child(task: str, folder: str) -> int:
    """One task, in this process."""
    tasks = _tasks(task)
    if task not in tasks:
        complain(f"task {task}: allowed: {', '.join(sorted(tasks))}")
        return USAGE
    return serve(lambda request: tasks[task](folder, request))


def _tasks(task: str) -> t.Mapping[str, t.Callable[[str, t.Dict[str, t.Any]], t.Dict[str, t.Any]]]:
    """The tasks of its kind. Imported here: the program that waits all day must not hold TLS, HTTP and the capacity core."""
    if task.startswith("tart-"):
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.tart_tasks import TART_TASKS

        return TART_TASKS
    if task.startswith("native-"):
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.native_tasks import NATIVE_TASKS

        return NATIVE_TASKS
    if task in ("register", "remove", "known"):
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.github_tasks import GITHUB_TASKS

        return GITHUB_TASKS
    from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.tasks import TASKS

    return TASKS


def run(program: str, folder: str) -> int:
    """Serve a slot until a signal comes; exit code 0 then, so that launchd starts it anew if it shall run."""
    os.chdir("/")
    signals, installed = Signals(), Installed(program, folder)
    try:
        require_own(folder)
        lock = hold(folder, signals)
        try:
            # An upgrade lays another version beside this one: our children are of our own.
            _serve(folder, Children(installed.program, folder, lock), signals, installed)
        except OutdatedError:
            installed.begin_anew(folder, signals)
    except StoppedError:
        return 0
    except (MacRunnersError, OSError) as error:
        complain(str(error))
    return FAILED


def _serve(folder: str, children: Children, signals: Signals, installed: Installed) -> t.NoReturn:
    slot = os.path.basename(folder)
    place = read_record(folder, slot).place
    given = _settings(children, SlotWorld(folder, slot, signals, Limits(), installed), place)
    plan = Plan(**given["plan"])
    world = SlotWorld(folder, plan.slot, signals, Limits(**given["logs"]), installed)
    record = read_record(folder, plan.slot)._replace(program=installed.version, settings=given["sha256"])
    world.save(record)
    world.note("started", cycle=record.cycle, state=record.state, program=record.program)
    remote = Remote(children)
    _loop(Slot(plan, Ports(remote, remote, _isolation(given, folder, children, signals, world), world), record, _new_name), world)


def _settings(children: Children, world: SlotWorld, place: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    """Ask until they can be read: launchd would only start us again and again. Another version may understand them."""
    failures = 0
    while not world.outdated():
        try:
            return children.ask("settings", place=place)
        except MacRunnersError as error:
            failures += 1
            world.settings_failed(str(error), failures)
            world.pause(pause_after(failures, world.random()))
    raise OutdatedError()


def _isolation(given: t.Dict[str, t.Any], folder: str, children: Children, signals: Signals, world: SlotWorld) -> Isolation:
    """The isolation of the slot; the others are not even imported."""
    if "docker" in given:
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.docker import DockerIsolation, DockerSettings
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.engine import Engine

        docker = DockerSettings(**given["docker"])
        return DockerIsolation(docker, Engine(docker.socket), signals.wake)
    if "native" in given:
        from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.native import NativeIsolation, NativeSettings, Surroundings

        return NativeIsolation(NativeSettings(**given["native"]), Surroundings(folder, children, signals.wake, world.note, world.go_on))
    from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.tart import TartIsolation, TartSettings

    return TartIsolation(TartSettings(**given["tart"]), children, signals.wake, world.go_on)


def _new_name(base: str) -> str:
    """A name that was never used: a used one cannot be registered again."""
    return f"{base}-{int.from_bytes(os.urandom(4), 'big'):08x}"


def _loop(slot: Slot, world: SlotWorld) -> t.NoReturn:
    while True:
        try:
            pause = slot.turn()
        except MacRunnersError as error:
            # Even the failure could not be put on the disk.
            world.note("failed", message=str(error))
            pause = MOST / 10
        world.pause(pause)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
