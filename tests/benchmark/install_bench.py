# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots that the real playbooks install and check on simulated Macs: what 15 of them cost beside one."""

from __future__ import annotations

import contextlib
import pathlib
import re
import sys
import tempfile
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from site_bench import empty_play, seconds  # noqa: E402

from tests.acceptance.fleet import Fleet, Outcome, seed  # noqa: E402
from tests.acceptance.jobs import Workplace, pool, workplace  # noqa: E402
from tests.macsim.pytest_plugin import boot  # noqa: E402

ROUNDS = 3
FEW, MANY = 1, 15
MOST_STARTS = 12
#: The task that installs and checks all slots of a Mac, and the modules of a site that run on the controller.
TASK = "Bring the slots to their state"
ON_CONTROLLER = ("github_runners", "github_runners_info")

Figure = tuple[str, float, float]


class Site(t.NamedTuple):
    """A Mac with so many slots that listen, and the play that installed them."""

    fleet: Fleet
    installed: Outcome
    took: float


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with tempfile.TemporaryDirectory(prefix="install-bench-") as folder, contextlib.ExitStack() as stack:
        sites = [_site(pathlib.Path(folder), slots, stack) for slots in (FEW, MANY)]
        return [*_counted(sites), *_timed(sites, empty_play(pathlib.Path(folder)))]


def _site(folder: pathlib.Path, slots: int, stack: contextlib.ExitStack) -> Site:
    work = folder / str(slots)
    work.mkdir()
    place = stack.enter_context(workplace(work))
    options = {"docker_socket": place.engine.socket, "docker_vm_memory": "16GiB", "docker_vm_cpus": 16} if place.engine else {}
    mac = boot(f"install-{slots}", work, memory="64GiB", cores=16, disk_free="900GiB", seed=seed(), **options)
    stack.callback(mac.stop)
    fleet = Fleet(work, [mac])
    place.tell(fleet)
    fleet.pools("mac-1", pool(count=slots, memory="512MiB"))
    began = time.perf_counter()
    installed = fleet.play("site", "-vvv")
    took = time.perf_counter() - began
    _wait(place, slots)
    return Site(fleet, installed, took)


def _wait(place: Workplace, slots: int) -> None:
    """Until all listen: what they do before is no part of a play."""
    place.wait("all slots listen", lambda: [record["state"] for record in place.slots().values()] == ["listening"] * slots, 180)


def _counted(sites: t.Sequence[Site]) -> list[Figure]:
    idle = [site.fleet.play("site", "-vvv") for site in sites]
    if any(outcome.changed("mac-1") for outcome in idle):
        raise RuntimeError("the site of the benchmark is not idempotent")
    few, many = (_on_the_mac(outcome.text) for outcome in idle)
    in_task = [_in_task(site.installed) for site in sites]
    tasks = [_tasks(outcome) for outcome in idle]
    return [
        (f"module starts on a Mac in an idempotent site with the role runner, {FEW} slot", few, MOST_STARTS),
        (f"module starts on a Mac in an idempotent site with the role runner, {MANY} slots", many, few),
        (f"tasks of a Mac in an idempotent site, {MANY} slots", tasks[1], tasks[0]),
        (f"module starts in the task that installs slots, {MANY} slots (2: one finds the program missing, one has it)", in_task[1], in_task[0]),
        (f"module starts in the task that checks slots, {MANY} slots", _in_task(idle[1]), 1),
    ]


def _on_the_mac(text: str) -> int:
    """Modules that Ansible sent to the Mac, as it says itself."""
    started = re.findall(r"Using module file \S+/(\w+)\.py", text)
    return len([name for name in started if name not in ON_CONTROLLER])


def _in_task(outcome: Outcome) -> int:
    """Starts of all tasks of this name; there must be one."""
    blocks = [block for block in re.split(r"^TASK ", outcome.text, flags=re.MULTILINE) if TASK in block.partition("\n")[0]]
    if len(blocks) != 1:
        raise RuntimeError(f"{len(blocks)} tasks of a site are named {TASK!r}, not one")
    return _on_the_mac(blocks[0])


def _tasks(outcome: Outcome) -> int:
    """Tasks of the Mac, from the recap: those that ran and those that were skipped."""
    found = re.search(r"^mac-1 +: ok=(\d+) .*skipped=(\d+)", outcome.text, re.MULTILINE)
    if not found:
        raise RuntimeError("the site of the benchmark has no recap")
    return int(found[1]) + int(found[2])


def _timed(sites: t.Sequence[Site], empty: pathlib.Path) -> list[Figure]:
    rounds = [[seconds(site.fleet, empty) for site in sites] for _round in range(ROUNDS)]
    one, many = (min(column) for column in zip(*rounds))
    print(f"site with {FEW} and {MANY} slots, seconds: first {sites[0].took:.1f}, {sites[1].took:.1f}; idempotent {one:.1f}, {many:.1f}", file=sys.stderr)
    return [
        (f"first site, time with {MANY} slots : with {FEW}", sites[1].took / sites[0].took, 2.0),
        (f"idempotent site, time with {MANY} slots : with {FEW}, empty play subtracted", many / one, 1.3),
    ]
