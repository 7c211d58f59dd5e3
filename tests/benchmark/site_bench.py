# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An idempotent site: module starts a Mac, and the time of 15 runners against one, on simulated Macs."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.acceptance.fleet import PLAYBOOK, Engine, Fleet, docker_pool, seed, tart_pool  # noqa: E402
from tests.macsim.pytest_plugin import boot  # noqa: E402

ROUNDS = 5
#: Runners of each kind: tart, docker. Both kinds on both Macs, so that both do the same work.
FEW, MANY = (1, 1), (8, 7)
MOST_STARTS = 12
LINUX_VM = "ghcr.io/acme/linux:1"

Figure = tuple[str, float, float]


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with tempfile.TemporaryDirectory(prefix="site-bench-") as folder:
        engines = [Engine() for number in range(2)]
        macs: list[t.Any] = []
        try:
            fleets = [_fleet(pathlib.Path(folder), size, engine, macs) for size, engine in zip((FEW, MANY), engines)]
            return _measure(fleets, empty_play(pathlib.Path(folder)))
        finally:
            for mac in macs:
                mac.stop()
            for engine in engines:
                engine.stop()


def _fleet(folder: pathlib.Path, runners: tuple[int, int], engine: Engine, macs: list[t.Any]) -> Fleet:
    """A converged Mac with so many tart and docker runners."""
    work = folder / str(sum(runners))
    work.mkdir()
    engine.import_image()
    start = seed(images={LINUX_VM: {"os": "linux", "cpu": 2, "memory": "4GiB", "disk_gb": 10}})
    options = {"docker_socket": engine.socket, "docker_vm_memory": "16GiB", "docker_vm_cpus": 16}
    macs.append(boot("bench", work, memory="192GiB", cores=24, disk_free="2000GiB", seed=start, **options))
    fleet = Fleet(work, macs[-1:])
    linux = tart_pool("vm", count=runners[0], guest="linux", memory="4GiB", cpus=1, image=LINUX_VM)
    fleet.pools("mac-1", linux, docker_pool(count=runners[1]))
    fleet.play("site")
    return fleet


def _measure(fleets: t.Sequence[Fleet], empty: pathlib.Path) -> list[Figure]:
    few, many = (_starts(fleet) for fleet in fleets)
    rounds = [[seconds(fleet, empty) for fleet in fleets] for number in range(ROUNDS)]
    one, fifteen = (min(column) for column in zip(*rounds))
    return [
        ("module starts a Mac in an idempotent site, 1 tart and 1 docker runner", few, MOST_STARTS),
        ("module starts a Mac in an idempotent site, 15 runners", many, few),
        ("idempotent site, time with 15 runners : with 1 of each kind, empty play subtracted", fifteen / one, 1.3),
    ]


def _starts(fleet: Fleet) -> int:
    """Modules that Ansible sent to the Mac, as it says itself."""
    outcome = fleet.play("site", "-vvv")
    if outcome.changed("mac-1"):
        raise RuntimeError("the site of the benchmark is not idempotent")
    return outcome.text.count("Using module file ")


def empty_play(folder: pathlib.Path) -> pathlib.Path:
    """What every play costs."""
    path = folder / "empty.yml"
    path.write_text('[{"name": "Nothing", "hosts": "macs", "gather_facts": false, "tasks": []}]')
    return path


def seconds(fleet: Fleet, empty: pathlib.Path) -> float:
    """Seconds of an idempotent site less those of an empty play right after."""
    whole = _took(fleet.command("site"))
    return whole - _took([str(PLAYBOOK), str(empty), "-i", str(fleet.directory)])


def _took(command: t.Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    for name, figure, limit in run():
        print(f"{name}: {figure:.3f} (at most {limit:g})")
