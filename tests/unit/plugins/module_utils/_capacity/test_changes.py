# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The smallest change, against every possible change of small Macs.

The judge and the search below are written from the words of the design alone; they share
nothing with the core, which is asked for its verdict and its proposal only.
"""

from __future__ import annotations

import itertools
import random
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity import changes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.changes import smallest_change
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools

Json = t.Dict[str, t.Any]
#: Count and memory of each pool, in the order of the pools.
Choice = t.Tuple[t.Tuple[int, int], ...]

#: Sizes of a few bytes, so that every change can be tried.
TINY: Json = {
    "reserve": 1,
    "headroom": 0,
    "disk_reserve": 0,
    "docker_vm_base": 2,
    "isolations": {
        kind: {"memory": 5, "minimum": minimum, "overhead": overhead, "cpus": 1, "disk": 3, "image_disk": 4}
        for kind, minimum, overhead in (
            ("tart-macos", 3, 0),
            ("tart-linux", 2, 1),
            ("docker", 1, 1),
            ("container", 2, 2),
            ("sandbox", 4, 0),
            ("account", 4, 0),
            ("chroot", 4, 0),
        )
    },
}
IMAGED = ("tart", "docker", "container")


def kind_of(pool: Json) -> str:
    return f"tart-{pool['guest']}" if pool["isolation"] == "tart" else str(pool["isolation"])


def situation_of(mac: Json) -> Situation:
    """The same Mac for the core; the test is wrong where the core finds a mistake in it."""
    policy, wrong = parse_policy(mac["policy"])
    pools, wrong_pools = parse_pools(mac["pools"], policy)
    facts, wrong_facts = parse_facts(mac["facts"])
    assert [*wrong, *wrong_pools, *wrong_facts] == []
    return Situation("mac", facts, pools, policy)


def with_choice(mac: Json, choice: Choice) -> Json:
    pools = [{**pool, "count": count, "memory": memory} for pool, (count, memory) in zip(mac["pools"], choice)]
    return {**mac, "pools": pools}


# --- the judge ---------------------------------------------------------------------------


def memory_fits(mac: Json) -> bool:
    facts, policy = mac["facts"], mac["policy"]
    used = policy["reserve"] + policy["headroom"]
    for pool in mac["pools"]:
        if pool["isolation"] != "docker":
            used += pool["count"] * (pool["memory"] + policy["isolations"][kind_of(pool)]["overhead"])
    for workload in facts["workloads"]:
        if workload["kind"] != "docker" and workload["state"] != "stopped":
            used += workload["memory"]
            if workload["kind"] == "container":
                used += policy["isolations"]["container"]["overhead"]
    return bool(used + docker_share(mac) <= facts["memory"])


def docker_needs(mac: Json) -> t.Tuple[int, int]:
    """What runs in the Docker VM: our containers' and the others' bytes."""
    overhead = mac["policy"]["isolations"]["docker"]["overhead"]
    ours = sum(p["count"] * (p["memory"] + overhead) for p in mac["pools"] if p["isolation"] == "docker")
    workloads = mac["facts"]["workloads"]
    others = sum(w["memory"] for w in workloads if w["kind"] == "docker" and w["state"] != "stopped")
    return ours, others


def docker_share(mac: Json) -> int:
    ours, others = docker_needs(mac)
    engine = mac["facts"].get("docker")
    if not ours and not others and not (engine and engine["running"]):
        return 0
    if engine and engine.get("memory") is not None:
        return int(engine["memory"])
    return int(mac["policy"]["docker_vm_base"] + ours + others)


def docker_fits(mac: Json) -> bool:
    ours, others = docker_needs(mac)
    engine = mac["facts"].get("docker")
    if not ours or not engine or engine.get("memory") is None:
        return True
    return bool(mac["policy"]["docker_vm_base"] + ours + others <= engine["memory"])


def licence_fits(mac: Json) -> bool:
    ours = sum(pool["count"] for pool in mac["pools"] if pool.get("guest") == "macos")
    others = sum(
        w["kind"] in ("tart", "vm-process") and w.get("guest") != "linux" and w["state"] != "stopped"
        for w in mac["facts"]["workloads"]
    )
    return ours == 0 or ours + others <= 2


def cpus_fit(mac: Json) -> bool:
    cores = mac["facts"]["cores"]
    engine = mac["facts"].get("docker") or {}
    for pool in mac["pools"]:
        most = engine.get("cpus") or cores if pool["isolation"] == "docker" else cores
        if pool["count"] and pool["cpus"] > most:
            return False
    return bool(sum(pool["count"] * pool["cpus"] for pool in mac["pools"]) <= 2 * cores)


def disk_fits(mac: Json) -> bool:
    costs, used, images = mac["policy"]["isolations"], 0, set()
    for pool in mac["pools"]:
        used += pool["count"] * pool["disk"]
        image = (pool["isolation"], pool.get("image", ""))
        if pool["count"] and image not in images:
            images.add(image)
            used += costs[kind_of(pool)]["image_disk"]
    return bool(used <= mac["facts"]["disk_free"])


def trust_fits(mac: Json) -> bool:
    weak = ("sandbox", "account", "chroot")
    return not any(p["count"] and p["isolation"] in weak and p["trust"] != "trusted" for p in mac["pools"])


JUDGES = (memory_fits, docker_fits, licence_fits, cpus_fit, disk_fits, trust_fits)


def fits(mac: Json) -> bool:
    return all(judge(mac) for judge in JUDGES)


# --- the search --------------------------------------------------------------------------


def every_choice(mac: Json) -> t.Iterator[Choice]:
    costs = mac["policy"]["isolations"]
    options = []
    for pool in mac["pools"]:
        sizes = range(costs[kind_of(pool)]["minimum"], pool["memory"] + 1)
        some = [(count, size) for count in range(1, pool["count"] + 1) for size in sizes]
        options.append([(0, pool["memory"]), *some])
    return t.cast(t.Iterator[Choice], itertools.product(*options))


def rank(mac: Json, choice: Choice) -> t.Tuple[t.Any, ...]:
    """Fewest runners dropped, then fewest bytes shrunk, then from the pool whose name is first."""
    given = sorted(zip(mac["pools"], choice), key=lambda pair: str(pair[0]["name"]))
    drops = [pool["count"] - count for pool, (count, _memory) in given]
    shrinks = [pool["memory"] - memory for pool, (_count, memory) in given]
    total = sum(count * shrunk for (_pool, (count, _memory)), shrunk in zip(given, shrinks))
    return sum(drops), total, [-drop for drop in drops], [-shrunk for shrunk in shrinks]


def smallest_by_trying(mac: Json) -> Choice:
    possible = (choice for choice in every_choice(mac) if fits(with_choice(mac, choice)))
    return min(possible, key=lambda choice: rank(mac, choice))


# --- random Macs -------------------------------------------------------------------------


def random_pool(dice: random.Random, name: str) -> Json:
    isolation = dice.choice(("tart", "tart", "docker", "docker", "container", "sandbox", "account"))
    guest = dice.choice(("macos", "linux")) if isolation == "tart" else ""
    minimum = TINY["isolations"][f"tart-{guest}" if guest else isolation]["minimum"]
    pool: Json = {
        "name": name,
        "isolation": isolation,
        "count": dice.randint(0, 3),
        "memory": minimum + dice.randint(0, 4),
        "cpus": dice.choice((1, 1, 1, 2, 3)),
        "disk": dice.randint(0, 3),
        "trust": dice.choice(("trusted", "trusted", "trusted", "internal")),
    }
    if guest:
        pool["guest"] = guest
    if isolation in IMAGED:
        pool["image"] = dice.choice(("one", "two"))
    return pool


def random_workload(dice: random.Random, number: int) -> Json:
    return {
        "kind": dice.choice(("tart", "docker", "container", "vm-process")),
        "name": f"other-{number}",
        "guest": dice.choice(("macos", "linux")),
        "state": dice.choice(("running", "paused", "suspended", "stopped")),
        "memory": dice.randint(1, 5),
        "owned": False,
    }


def random_mac(seed: int) -> Json:
    dice = random.Random(seed)
    names = dice.sample(("a", "b", "c", "d"), dice.randint(1, 3))
    facts: Json = {
        "memory": dice.randint(4, 40),
        "arch": "arm64",
        "macos": "26.1",
        "cores": dice.choice((1, 2, 3, 8)),
        "disk_free": dice.choice((0, 8, 20, 60, 60)),
        "workloads": [random_workload(dice, number) for number in range(dice.choice((0, 0, 1, 2, 4)))],
    }
    if dice.random() < 0.6:
        facts["docker"] = {"engine": "colima", "running": dice.random() < 0.7}
        if dice.random() < 0.7:
            facts["docker"].update(memory=dice.randint(1, 14), cpus=dice.choice((1, 2, 8)))
    return {"facts": facts, "policy": TINY, "pools": [random_pool(dice, name) for name in names]}


def proposal(mac: Json) -> t.Optional[Choice]:
    """What the core proposes, as a choice; None when it proposes nothing."""
    situation = situation_of(mac)
    found = smallest_change(situation, plan_mac(situation))
    if not found:
        return None
    chosen = {pool["name"]: [pool["count"], pool["memory"]] for pool in mac["pools"]}
    for change in found:
        place = ("count", "memory").index(change.field)
        assert chosen[change.pool][place] == change.old
        chosen[change.pool][place] = change.new
    return tuple((chosen[pool["name"]][0], chosen[pool["name"]][1]) for pool in mac["pools"])


@pytest.mark.parametrize("block", range(20))
def test_random_macs_get_the_smallest_change(block: int) -> None:
    """Some of them can never fit: foreign things alone are too much."""
    refused = 0
    for seed in range(block * 50, block * 50 + 50):
        mac = random_mac(seed)
        assert plan_mac(situation_of(mac)).fits == fits(mac), f"the verdict on Mac {seed}: {mac}"
        if fits(mac):
            continue
        if not fits(with_choice(mac, tuple((0, pool["memory"]) for pool in mac["pools"]))):
            assert proposal(mac) is None, f"Mac {seed} cannot fit: {mac}"
            continue
        refused += 1
        wanted, proposed = smallest_by_trying(mac), proposal(mac)
        assert proposed == wanted, f"Mac {seed}: {mac}"
        assert plan_mac(situation_of(with_choice(mac, wanted))).fits
    assert refused >= 10, "the random Macs no longer try the search"


# --- how far the search looks --------------------------------------------------------------

COSTS: Json = {"memory": 40, "minimum": 40, "overhead": 0, "cpus": 1, "disk": 0, "image_disk": 0}


def large_mac(facts: Json, *pools: Json, **costs: Json) -> Json:
    """A Mac with hundreds of runners: of what ``facts`` does not name there is enough."""
    isolations = {kind: {**COSTS, **costs.get(kind.replace("-", "_"), {})} for kind in TINY["isolations"]}
    enough: Json = {"memory": 10**6, "cores": 10**3, "disk_free": 10**6, "arch": "arm64", "macos": "26.1", "workloads": []}
    return {
        "facts": {**enough, **facts},
        "policy": {**TINY, "ports_per_slot": 1, "isolations": isolations},
        "pools": [
            {"count": 300, "memory": isolations[kind_of(pool)]["minimum"], "trust": "trusted", "image": "one", **pool} for pool in pools
        ],
    }


def native(name: str, **fields: t.Any) -> Json:
    return {"name": name, "isolation": "account", "image": None, **fields}


DESKTOP: Json = {"engine": "docker-desktop", "memory": 10**5, "cpus": 9, "running": True}
COLIMA: Json = {"engine": "colima", "memory": 10, "cpus": 9, "running": True}
SMALL: Json = {"docker": {"memory": 1, "minimum": 1, "overhead": 1}}
TWO_IMAGES: Json = {"docker": {"disk": 0, "image_disk": 4}}

#: A Mac, how many plans are looked at until the change is found, and the counts then.
FAR: t.Sequence[t.Tuple[str, Json, int, t.Sequence[int]]] = (
    ("no runner of a pool is permitted", large_mac({"cores": 600}, native("a", trust="internal"), native("b", cpus=601), native("c")), 1, [0, 0, 300]),
    (
        "Docker Desktop without a licence",
        large_mac({"docker": DESKTOP}, native("a"), {"name": "d", "isolation": "docker"}, {"name": "e", "isolation": "docker"}),
        1,
        [300, 0, 0],
    ),
    ("a small Docker VM", large_mac({"docker": COLIMA}, native("a"), {"name": "d", "isolation": "docker"}, **SMALL), 1, [300, 4]),
    (
        "containers free no memory of the Mac",
        large_mac({"memory": 1 + 99 * 40 + 140, "docker": {**COLIMA, "memory": 125}}, {"name": "a", "isolation": "docker", "count": 3}, native("z")),
        10,
        [3, 99],
    ),
    (
        "a byte beside what the Docker VM frees as a whole",
        large_mac({"memory": 1 + 10 + 3 * 40 - 11, "docker": COLIMA}, {"name": "a", "isolation": "docker", "count": 2}, native("z", count=3), **SMALL),
        1,
        [2, 2],
    ),
    ("a byte", large_mac({"memory": 1 + 3 * 40 - 1}, native("z", count=3)), 1, [2]),
    (
        "guests of Apple",
        large_mac(
            {"workloads": [{"kind": "tart", "name": "other", "guest": "macos", "state": "running", "memory": 1}]},
            native("a"), {"name": "m", "isolation": "tart", "guest": "macos"},
        ),
        1,
        [300, 1],
    ),
    ("cores", large_mac({"cores": 8}, native("a"), native("z", cpus=2)), 1, [16, 0]),
    ("disk", large_mac({"disk_free": 30}, native("a"), native("z", disk=3)), 1, [300, 10]),
)  # fmt: skip


@pytest.mark.parametrize(("mac", "plans", "counts"), [row[1:] for row in FAR], ids=[row[0] for row in FAR])
def test_bounds_spare_the_search_hundreds_of_plans(mac: Json, plans: int, counts: t.Sequence[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_PLANS", plans)
    found = proposal(mac)
    assert found is not None and [count for count, _memory in found] == counts


@pytest.mark.parametrize(
    "mac",
    (
        # Dropping none is looked at in vain: that the Docker VM may go is all that the bound knows.
        large_mac({"memory": 1 + 2 + 3 * 40 - 1}, {"name": "d", "isolation": "docker", "count": 3}),
        # Of two ways to drop one runner the second does it: the bound counts the image with each of its runners.
        large_mac(
            {"disk_free": 9},
            {"name": "a", "isolation": "docker", "count": 2, "disk": 1}, {"name": "b", "isolation": "docker", "count": 2, "disk": 3},
            **TWO_IMAGES,
        ),
    ),
)  # fmt: skip
def test_the_search_ends_after_so_many_plans(mac: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_PLANS", 1)
    assert proposal(mac) is None
    monkeypatch.setattr(changes, "_MOST_PLANS", 2)
    assert proposal(mac) is not None
