# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays killed after any task, and modules killed at any call of a tool: the next run mends, the one after changes nothing."""

from __future__ import annotations

import os
import pathlib
import signal
import time
import typing as t

import pytest

from tests.acceptance.fleet import ROOT, Fleet, docker_pool, finished, seed, tart_pool

Boot = t.Callable[..., t.Any]
#: How many moments are tried, spread over the run; 0 for every one.
MOMENTS = int(os.environ.get("MAC_RUNNERS_KILLS", "4"))
CALLBACKS = str(pathlib.Path(__file__).with_name("callbacks"))
FAULTS = "private/var/macsim/faults.json"


class Table:
    """One row a kill, in a file and on the screen."""

    def __init__(self, name: str, *columns: str) -> None:
        self.path = ROOT / "tests" / "output" / "acceptance" / f"{name}.md"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}\n")

    def row(self, *cells: t.Any) -> None:
        line = f"| {' | '.join(str(cell) for cell in cells)} |"
        print(line)
        with self.path.open("a") as file:
            file.write(line + "\n")


class Bed:
    """Makes Macs that are all alike and nobody touched, each with its fleet of that one Mac."""

    def __init__(self, boot_mac: Boot, engine: t.Any, directory: pathlib.Path) -> None:
        self._boot, self._engine, self._directory = boot_mac, engine, directory
        self._made = 0

    def fresh(self) -> tuple[t.Any, Fleet]:
        """A new Mac; the engine behind it is empty again."""
        for name in self._engine.docker("ps", "--all", "--quiet").split():
            self._engine.docker("rm", "--force", name)
        self._made += 1
        directory = self._directory / str(self._made)
        directory.mkdir()
        mac = self._boot(memory="64GiB", disk_free="800GiB", docker_socket=self._engine.socket, docker_vm_memory="16GiB", docker_vm_cpus=8, seed=seed())
        fleet = Fleet(directory, [mac])
        fleet.pools("mac-1", tart_pool(count=2, memory="10GiB"), docker_pool(count=2))
        return mac, fleet


@pytest.fixture
def bed(boot_mac: Boot, engines: t.Callable[[], t.Any], tmp_path: pathlib.Path) -> Bed:
    return Bed(boot_mac, engines(), tmp_path)


def moments(last: int) -> list[int]:
    """The moments from 1 to ``last`` that are tried."""
    if MOMENTS == 0 or last <= MOMENTS:
        return list(range(1, last + 1))
    return sorted({1 + round(number * (last - 1) / (MOMENTS - 1)) for number in range(MOMENTS)})


def mended(fleet: Fleet) -> tuple[int, int]:
    """What the next run and the one after it changed; nothing is missing then."""
    changed = fleet.play("site").changed("mac-1"), fleet.play("site").changed("mac-1")
    status = fleet.play("status").text
    for slot in ("ios-1", "ios-2", "linux-1", "linux-2"):
        assert any(slot in line and " running" in line for line in status.splitlines()), status
    return changed


def test_a_play_killed_after_any_task_is_mended(bed: Bed, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "tasks"
    watched = {"ANSIBLE_CALLBACK_PLUGINS": CALLBACKS, "ANSIBLE_CALLBACKS_ENABLED": "kill_after", "KILL_AFTER_FILE": str(log)}
    mac, fleet = bed.fresh()
    finished(fleet.start("site", **watched))
    tasks = log.read_text().splitlines()
    mac.stop()
    table = Table("killed-after-a-task", "task", "name", "changed by the next run", "changed by the one after")
    for moment in moments(len(tasks)):
        mac, fleet = bed.fresh()
        log.unlink()
        killed = finished(fleet.start("site", **watched, KILL_AFTER=str(moment)), rc=None)
        assert killed.rc == -signal.SIGKILL and len(log.read_text().splitlines()) == moment
        first, second = mended(fleet)
        table.row(moment, tasks[moment - 1], first, second)
        assert second == 0
        mac.stop()


def test_a_module_killed_at_any_call_of_a_tool_is_mended(bed: Bed) -> None:
    mac, fleet = bed.fresh()
    before = len(mac.calls())
    fleet.play("site")
    calls = mac.calls()[before:]
    mac.stop()
    table = Table("killed-at-a-call", "call", "tool", "changed by the next run", "changed by the one after")
    for moment in moments(len(calls)):
        mac, fleet = bed.fresh()
        mac.fault([{"tool": "*", "match": [], "skip": moment - 1, "delay_s": 3, "effect": "none"}])
        play = fleet.start("site")
        _wait(lambda faults=mac.root / FAULTS: '"times": 0' in faults.read_text() or play.poll() is not None)
        _kill_modules(mac)
        assert finished(play, rc=None).rc != 0, "the play did not notice that its module was killed"
        first, second = mended(fleet)
        table.row(moment, " ".join(map(str, calls[moment - 1]["argv"][:3])), first, second)
        assert second == 0
        mac.stop()


def _wait(reached: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, "the call was not made"
        time.sleep(0.01)


def _kill_modules(mac: t.Any) -> None:
    """Kill what runs on the Mac's own Python: modules, and nothing else there."""
    namespace = os.readlink(f"/proc/{mac.pid}/ns/pid")
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/pid") == namespace and os.readlink(f"/proc/{entry}/exe").endswith("/python3.9"):
                os.kill(int(entry), signal.SIGKILL)
        except OSError:
            continue  # it has ended, or is none of ours
