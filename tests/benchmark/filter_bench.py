# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the filter capacity_plan takes for a large fleet, and whether that grows with its size alone.

Alone: ``tests/gate/bench filter``.
"""

from __future__ import annotations

import gc
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.filter.capacity_plan import capacity_plan

ROUNDS = 5
LARGE, SMALL = 10_000, 1_000
#: The clock of the plans and of the facts in them.
NOW = 1_800_000_000
GIB = 1024**3

Figure = tuple[str, float, float]
Fleet = dict[str, dict[str, t.Any]]


def pools(number: int) -> list[dict[str, t.Any]]:
    """Three pools of three isolations, not the same on neighbouring Macs."""
    return [
        {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": f"ghcr.io/acme/macos:{number % 50}"},
        {"name": "linux", "isolation": "docker", "count": 2 + number % 3, "memory": "3GiB", "image": "ghcr.io/acme/linux:1"},
        {"name": "lint", "isolation": "sandbox", "count": 4, "memory": "1.5GiB", "trust": "trusted"},
    ]


def facts(number: int) -> dict[str, t.Any]:
    """Facts as measured: no two Macs have the same."""
    foreign = {"kind": "tart", "name": f"someone-{number}", "guest": "linux", "state": "running", "memory": GIB + number}
    return {
        "memory": 64 * GIB,
        "chip": "Apple M2 Max",
        "arch": "arm64",
        "cores": 12,
        "macos": "26.1",
        "sip": "enabled",
        "disk_free": 400 * GIB + number,
        "tart": {"version": "2.36.0"},
        "docker": {"engine": "colima", "memory": 16 * GIB, "cpus": 6},
        "workloads": [{**foreign, "owned": False}],
        "unread": [],
        "measured_at": NOW - number % 60,
    }


def fleet_of(size: int) -> Fleet:
    """A fleet of which every Mac fits."""
    return {f"mac-{n:05}": {"mac_runners_pools": pools(n), "mac_runners_measured": facts(n)} for n in range(size)}


def seconds(fleet: Fleet) -> float:
    """Processor time of one call: the filter waits for nothing, and other programs do not count."""
    gc.collect()
    started = time.process_time()
    plan = capacity_plan(fleet, now=NOW)
    took = time.process_time() - started
    if not plan["fits"] or len(plan["macs"]) != len(fleet):
        raise RuntimeError("the fleet of the benchmark does not fit: the figure would be one of something else")
    return took


def run() -> list[Figure]:
    """(name, figure, limit): the minima of alternating calls; a figure above its limit is a failure."""
    large, small = fleet_of(LARGE), fleet_of(SMALL)
    times = [(seconds(large), seconds(small)) for _round in range(ROUNDS)]
    best_large, best_small = (min(column) for column in zip(*times))
    return [
        (f"capacity_plan of {LARGE} Macs with 3 pools each, seconds", best_large, 1.0),
        (f"capacity_plan, time a Mac, {LARGE} : {SMALL} Macs", best_large / best_small / (LARGE / SMALL), 1.5),
    ]
