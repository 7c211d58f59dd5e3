# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oracle knows the sizing guide, the comparison is not blind, and oracle and core agree."""

from __future__ import annotations

import collections
import itertools
import json
import os
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity import changes, checks, fleet, ledger, runner_versions, shrink
from ansible_collections.action_packer.mac_runners.plugins.module_utils import _runner_version as runner_version
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy

from tests.oracle import compare, exact, generator, oracle
from tests.oracle.oracle import GIB, MIB

FLEETS = int(os.environ.get("ORACLE_FLEETS", "20000"))
IMAGE = "ghcr.io/acme/macos:26"
FACTS = {"arch": "arm64", "cores": 12, "macos": "26.1", "disk_free": "4TiB"}


def tart(count: int, memory: int, **more: Any) -> dict[str, Any]:
    return {"name": "ios", "isolation": "tart", "count": count, "memory": memory, "image": IMAGE, "cpus": 1, **more}


def docker(count: int, memory: int) -> dict[str, Any]:
    return {"name": "linux", "isolation": "docker", "count": count, "memory": memory, "image": IMAGE, "cpus": 1}


def sandbox(count: int, memory: Any, trust: str = "trusted") -> dict[str, Any]:
    return {"name": "lint", "isolation": "sandbox", "count": count, "memory": memory, "trust": trust}


def verdict(memory: str, pools: list[dict[str, Any]], **capacity: Any) -> dict[str, Any]:
    mac = {"mac_runners_facts": {**FACTS, "memory": memory}, "mac_runners_pools": pools, "mac_runners_capacity": capacity}
    return oracle.judge({"mac": mac}, generator.NOW)["mac"]


MINI = {"reserve": "6GiB", "headroom": 0, "docker_vm_base": "8GiB"}
STUDIO = {"reserve": "8GiB", "headroom": "9GiB", "docker_vm_base": "3GiB"}


@pytest.mark.parametrize(
    ("memory", "pools", "capacity", "violated"),
    [
        ("32GiB", [tart(2, 12 * GIB)], {}, set()),
        ("32GiB", [tart(2, 12 * GIB + MIB)], {}, {"memory"}),
        ("32GiB", [tart(3, 8 * GIB)], {}, {"macos-vm-licence"}),
        ("32GiB", [docker(6, 3 * GIB)], MINI, set()),
        ("32GiB", [docker(7, 3 * GIB)], MINI, {"memory"}),
        ("32GiB", [docker(8, 2 * GIB)], MINI, set()),
        ("64GiB", [tart(2, 16 * GIB), docker(4, 3 * GIB)], STUDIO, set()),
        ("64GiB", [tart(2, 16 * GIB), docker(5, 3 * GIB)], STUDIO, {"memory"}),
        ("640GiB", [tart(3, 16 * GIB), docker(4, 3 * GIB)], STUDIO, {"macos-vm-licence"}),
        ("24GiB", [sandbox(12, "1.5GiB")], {}, set()),
        ("24GiB", [sandbox(15, "1.2GiB")], {}, set()),
        ("24GiB", [sandbox(13, "1.5GiB")], {}, {"memory"}),
        ("24GiB", [sandbox(12, "1.5GiB", "untrusted")], {}, {"trust"}),
    ],
)
def test_the_oracle_knows_the_sizing_guide(memory: str, pools: list[dict[str, Any]], capacity: dict[str, Any], violated: set[str]) -> None:
    judged = verdict(memory, pools, **capacity)
    assert judged["checks"] == violated
    assert judged["fits"] is not bool(violated)


def test_a_fraction_of_a_byte_is_dropped() -> None:
    assert oracle.size("1.2GiB") == 1_288_490_188


def test_the_arithmetic_of_bytes_is_what_trying_all_of_them_finds() -> None:
    dice = random.Random(1)
    for _time in range(3000):
        givers = [(dice.randint(0, 6), dice.randint(0, 5)) for _giver in range(dice.randint(1, 4))]
        deficit = dice.randint(-1, 40)
        ranges = [range(most + 1 if count else 1) for count, most in givers]
        freed = {parts: sum(part * count for part, (count, _most) in zip(parts, givers, strict=True)) for parts in itertools.product(*ranges)}
        enough = [parts for parts in freed if freed[parts] >= deficit]
        wanted = min(enough, key=lambda parts: (freed[parts], [-part for part in parts]), default=None)
        assert exact.fewest(deficit, givers) == wanted, (deficit, givers)


def test_a_fleet_is_its_seed() -> None:
    assert json.dumps(generator.generate(7)) == json.dumps(generator.generate(7)) != json.dumps(generator.generate(8))


def test_the_generator_reaches_every_edge() -> None:
    """Each check is violated alone in some fleet, and Macs are exactly full, a byte over, a byte under."""
    alone: collections.Counter[str] = collections.Counter()
    left: collections.Counter[int] = collections.Counter()
    for seed in range(4000):
        made, arguments = generator.generate(seed)
        for judged in oracle.judge(made, arguments["now"], arguments["unreachable"], arguments["unasked"], arguments["versions"]).values():
            left[judged["free"]] += 1
            if len(judged["checks"]) == 1:
                alone.update(judged["checks"])
    wanted = {*oracle.LOCAL_CHECKS, "input", "facts", "tart-licence", "runner-version"}
    assert not wanted - set(alone)
    assert min(left[0], left[-1], left[1]) >= 20


def byte_too_many(deficit: int, pools: Iterable[shrink.Shrinkable]) -> dict[str, int] | None:
    """Eight bytes more than are missing, and only where so much is missing that not every size can be tried."""
    return honest_shrink(deficit + 8 if deficit > MIB else deficit, pools)


honest_shrink: Callable[..., dict[str, int] | None] = shrink.shrink


def cheap_reserve(_policy: Policy, memory: int) -> int:
    return 4 * GIB if memory < 24 * GIB else 6 * GIB


SABOTAGE = {
    "a third macOS guest": (checks, "MOST_MACOS_GUESTS", 3),
    "names of 65 characters": (checks, "LONGEST_RUNNER_NAME", 65),
    "one port too many": (checks, "FIRST_EPHEMERAL_PORT", 49153),
    "suspended ones are forgotten": (ledger, "takes_room", lambda situation, workload: workload.state == "running"),
    "another reserve": (Policy, "reserve_for", cheap_reserve),
    "Docker's VM is as large as what is in it": (checks, "docker_vm_size", lambda situation: None),
    "Tart 2.32.1 is free": (checks, "FAIR_SOURCE", ((1, 0, 0), (2, 32, 0))),
    "nothing is shrunk": (changes, "shrink", lambda deficit, pools: {} if deficit <= 0 else None),
    "some bytes too many of large sizes": (changes, "shrink", byte_too_many),
    "the last pool first": (shrink, "sorted", lambda pools: sorted(pools, reverse=True)),
    "a version ends a second late": (runner_version.End, "passed", lambda end, now: end.at < now),
    "a warning a second early": (runner_version, "_DAY", 86400.1),
    "the package is that of every pool": (runner_versions, "NATIVE", {"tart", "docker", "container", "sandbox", "account", "chroot"}),
    "moves are forgotten": (fleet, "_has_room", lambda *_arguments: False),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_a_wrong_core_is_found_out(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, value = SABOTAGE[what]
    monkeypatch.setattr(place, name, value, raising=name != "sorted")
    assert next((found for seed in range(1, 4000) if (found := compare.check(seed))), None)


def test_a_disagreement_is_shown_small_and_can_be_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_MACOS_GUESTS", 3)
    seed = next(seed for seed in range(1, 4000) if compare.check(seed))
    shown = compare.shown(seed)
    assert "macos-vm-licence" in shown
    assert shown.endswith(f"compare.py --seed {seed} --count 1")
    assert len(shown) < len(json.dumps(generator.generate(seed)[0], indent=1)) + 1000


def test_oracle_and_core_agree() -> None:
    failures = compare.compare(1, FLEETS, jobs=int(os.environ.get("ORACLE_JOBS", "2")), most=3)
    assert not failures, "\n\n".join(compare.shown(seed) for seed, _found in failures[:3])
