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
MOMENTS = int(os.environ.get("MAC_RUNNERS_KILLS", "2"))
#: Macs that are killed, and then mended together by one play.
BATCH = 8
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
    """Makes batches of Macs that are all alike and nobody touched; every Mac of a batch is killed at a moment of its own."""

    def __init__(self, boot_mac: Boot, engines: t.Callable[[], t.Any], directory: pathlib.Path) -> None:
        self._boot, self._start_engine, self._directory = boot_mac, engines, directory
        self._engines: list[t.Any] = []
        self._batches = 0

    def batch(self, size: int) -> Fleet:
        """New Macs; the engines behind them are empty again."""
        self._batches += 1
        directory = self._directory / str(self._batches)
        directory.mkdir()
        fleet = Fleet(directory, [self._mac(number) for number in range(size)])
        for name in fleet.macs:
            fleet.pools(name, tart_pool(count=2, memory="10GiB"), docker_pool(count=2))
        return fleet

    def _mac(self, number: int) -> t.Any:
        if number == len(self._engines):
            self._engines.append(self._start_engine())
        engine = self._engines[number]
        for name in engine.docker("ps", "--all", "--quiet").split():
            engine.docker("rm", "--force", name)
        return self._boot(memory="64GiB", disk_free="800GiB", docker_socket=engine.socket, docker_vm_memory="16GiB", docker_vm_cpus=8, seed=seed())


@pytest.fixture
def bed(boot_mac: Boot, engines: t.Callable[[], t.Any], tmp_path: pathlib.Path) -> Bed:
    return Bed(boot_mac, engines, tmp_path)


def chosen(moments: t.Sequence[int]) -> list[int]:
    """Those of the moments that are tried: the middle of each of as many equal parts."""
    if MOMENTS == 0 or len(moments) <= MOMENTS:
        return list(moments)
    return [moments[(2 * number + 1) * len(moments) // (2 * MOMENTS)] for number in range(MOMENTS)]


def batches(moments: t.Sequence[int]) -> t.Iterator[list[int]]:
    """The moments that are tried, as many at a time as Macs are booted at once."""
    tried = chosen(moments)
    for start in range(0, len(tried), BATCH):
        yield tried[start : start + BATCH]


def alone(fleet: Fleet, mac: str, **environment: str) -> t.Any:
    """Start site on one Mac of the fleet."""
    return fleet.start("site", "--limit", f"{mac},localhost", **environment)


def mended(fleet: Fleet) -> dict[str, tuple[int, int]]:
    """What the next run and the one after it changed on each Mac; nothing is missing then."""
    runs = fleet.play("site"), fleet.play("site")
    status = fleet.play("status").text.splitlines()
    for mac in fleet.macs:
        for slot in ("ios-1", "ios-2", "linux-1", "linux-2"):
            assert any(line.split()[:2] == [mac, slot] and " running" in line for line in status), status
    return {mac: (runs[0].changed(mac), runs[1].changed(mac)) for mac in fleet.macs}


def finish(fleet: Fleet, table: Table, killed: t.Mapping[str, tuple[int, str]]) -> None:
    """Mend a batch, write its rows, and end its Macs. ``killed``: the moment and what it was, of each Mac."""
    for mac, (first, second) in mended(fleet).items():
        table.row(*killed[mac], first, second)
        assert second == 0, mac
    for machine in fleet.macs.values():
        machine.stop()


def test_a_play_killed_after_any_task_is_mended(bed: Bed, tmp_path: pathlib.Path) -> None:
    log = tmp_path / "tasks"
    watched = {"ANSIBLE_CALLBACK_PLUGINS": CALLBACKS, "ANSIBLE_CALLBACKS_ENABLED": "kill_after", "KILL_AFTER_FILE": str(log)}
    fleet = bed.batch(1)
    finished(alone(fleet, "mac-1", **watched))
    fleet.macs["mac-1"].stop()
    tasks = log.read_text().splitlines()
    table = Table("killed-after-a-task", "task", "name", "changed by the next run", "changed by the one after")
    for batch in batches(range(1, len(tasks) + 1)):
        fleet = bed.batch(len(batch))
        for mac, moment in zip(fleet.macs, batch):
            log.unlink()
            killed = finished(alone(fleet, mac, **watched, KILL_AFTER=str(moment)), rc=None)
            assert killed.rc == -signal.SIGKILL and len(log.read_text().splitlines()) == moment
        finish(fleet, table, {mac: (moment, tasks[moment - 1]) for mac, moment in zip(fleet.macs, batch)})


def test_a_module_killed_at_any_call_of_a_tool_is_mended(bed: Bed) -> None:
    fleet = bed.batch(1)
    recorded = fleet.macs["mac-1"]
    before = len(recorded.calls())
    finished(alone(fleet, "mac-1"))
    calls = recorded.calls()[before:]
    recorded.stop()
    table = Table("killed-at-a-call", "call", "tool", "changed by the next run", "changed by the one after")
    for batch in batches(of_modules(calls)):
        fleet = bed.batch(len(batch))
        for mac, moment in zip(fleet.macs, batch):
            kill_at(fleet, mac, moment)
        finish(fleet, table, {mac: (moment, " ".join(map(str, calls[moment - 1]["argv"][:3]))) for mac, moment in zip(fleet.macs, batch)})


def of_modules(calls: t.Sequence[t.Mapping[str, t.Any]]) -> list[int]:
    """The numbers of the calls, from 1; without those that Ansible makes over ssh when it copies a file and no module runs."""
    return [number for number, call in enumerate(calls, 1) if call["argv"][0] != "chmod"]


def kill_at(fleet: Fleet, mac: str, moment: int) -> None:
    """Run site on one Mac and kill its module before the tool that it called does anything."""
    machine = fleet.macs[mac]
    machine.fault([{"tool": "*", "match": [], "skip": moment - 1, "delay_s": 10, "effect": "none"}])
    play = alone(fleet, mac)
    _wait(lambda: '"times": 0' in (machine.root / FAULTS).read_text() or play.poll() is not None)
    _kill_modules(machine)
    assert finished(play, rc=None).rc != 0, "the play did not notice that its module was killed"


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
