# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets at random that favour edges: exactly full, one byte over, one runner over, one core over.

A fleet is a function of its seed alone. Half of the fleets have sizes of a few bytes, so that every plan that is smaller can be listed.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from typing import Any

from tests.oracle import oracle
from tests.oracle.oracle import GIB, MIB

NOW = 1_800_000_000
DIGEST = "@sha256:" + "0123456789abcdef" * 4
TARGETS = ["https://github.com/acme", "https://github.com/acme/app"]
RUNNERS = ["2.300.0", "2.336.0", "2.337.0"]
Host = dict[str, Any]
Fleet = dict[str, Host]


class Dice(random.Random):
    """Random numbers with the few questions that a generator asks."""

    def chance(self, share: float) -> bool:
        return self.random() < share

    def near(self, value: int, step: int = 1) -> int:
        """A value, or one a step off it, never below 0."""
        return max(0, value + step * self.choice([-1, 0, 0, 1]))


def generate(seed: int) -> tuple[Fleet, dict[str, Any]]:
    """The fleet of a seed, and the keyword arguments of the plan."""
    dice = Dice(seed)
    tiny = dice.chance(0.5)
    names = host_names(dice)
    fleet = {name: host(dice, tiny) for name in names}
    if dice.chance(0.15):
        licence_edge(dice, fleet)
    if dice.chance(0.1):
        name_edge(dice, fleet)
    versions = age(dice, fleet) if dice.chance(0.3) else None
    if dice.chance(0.06):
        spoil(dice, fleet[dice.choice(sorted(fleet))])
    arguments: dict[str, Any] = {"now": NOW, "unreachable": [], "unasked": [], "refuse_unreachable": False, "versions": versions}
    if len(fleet) > 1 and dice.chance(0.15):
        arguments["unreachable"] = [dice.choice(sorted(fleet))]
        arguments["refuse_unreachable"] = dice.chance(0.2)
    rest = [name for name in sorted(fleet) if name not in arguments["unreachable"]]
    if len(rest) > 1 and dice.chance(0.15):
        arguments["unasked"] = [dice.choice(rest)]
    return fleet, arguments


def fleet(seed: int) -> Fleet:
    return generate(seed)[0]


def host_names(dice: Dice) -> list[str]:
    count = dice.choices([1, 2, 3], [6, 3, 1])[0]
    return dice.sample(["mac-1", "mac-2", "mac-1-ios", "studio", "Mini.lab", "mac"], count)


def host(dice: Dice, tiny: bool) -> Host:
    made: Host = {"mac_runners_pools": [], "mac_runners_facts": facts(dice, tiny)}
    if tiny or dice.chance(0.4):
        made["mac_runners_capacity"] = capacity(dice, tiny)
    if dice.chance(0.2):
        made["mac_runners_licences"] = licences(dice)
    names = dice.sample(["ios", "linux", "lint", "a", "b-1", "b"], dice.choices([0, 1, 2, 3, 4], [1, 5, 6, 3, 1])[0])
    made["mac_runners_pools"] = [pool(dice, name, tiny, made.get("mac_runners_capacity", {})) for name in names]
    workloads(dice, made, tiny)
    for edge in EDGES:
        if dice.chance(0.4):
            edge(dice, made)
    if dice.chance(0.2):
        measure(dice, made)
    return made


def facts(dice: Dice, tiny: bool) -> Host:
    unit = 1 if tiny else GIB
    made: Host = {"memory": dice.choice([8, 16, 24, 32, 33, 64, 128]) * unit}
    optional: dict[str, Callable[[], Any]] = {
        "cores": lambda: dice.choice([1, 4, 8, 10, 12, 24]),
        "arch": lambda: dice.choice(["arm64"] * 8 + ["x86_64"]),
        "chip": lambda: dice.choice(["Apple M4", "Apple M2 Max", "Apple M1"]),
        "macos": lambda: dice.choice(["26.1", "26.0", "15.6.1", "14.0", "13.0", "12.7"] if dice.chance(0.3) else ["26.1"]),
        "sip": lambda: dice.choice(["enabled", "disabled", "custom", "unknown"]),
        "disk_free": lambda: dice.choice([50, 200, 400, 2000]) * unit,
    }
    for field, value in optional.items():
        if dice.chance(0.9):
            made[field] = value()
    if made.get("arch") == "x86_64":
        made["chip"] = "Intel Core i7"
    if dice.chance(0.05):
        made["virtual_machine"] = dice.chance(0.7)
    if dice.chance(0.05):
        made["unread"] = dice.choice([[], ["sockets of Docker"]])
    if dice.chance(0.3):
        made["tart"] = {"version": dice.choice(["2.36.0", "2.33.0", "2.32.1", "2.32.2", "1.0.0", "0.38.0", "2.9.0"])}
    if dice.chance(0.35):
        made["docker"] = engine(dice, unit)
    return made


def engine(dice: Dice, unit: int) -> Host:
    kinds = ["docker-desktop", "docker-desktop", "colima", "orbstack", "lima", "rancher-desktop", "other"]
    made: Host = {"engine": dice.choice(kinds)}
    if dice.chance(0.6):
        made["memory"] = dice.choice([2, 4, 8, 12, 16]) * unit
    if dice.chance(0.5):
        made["cpus"] = dice.choice([1, 2, 4, 8])
    if dice.chance(0.5):
        made["running"] = dice.chance(0.6)
    return made


def capacity(dice: Dice, tiny: bool) -> Host:
    unit = 1 if tiny else GIB
    made: Host = {}
    if tiny:
        made = {"reserve": dice.randint(0, 4), "headroom": dice.randint(0, 2), "docker_vm_base": dice.randint(0, 4)}
        made["disk_reserve"] = dice.randint(0, 4)
        made["isolations"] = {kind: tiny_cost(dice) for kind in oracle.DEFAULTS}
    fields: dict[str, Callable[[], Any]] = {
        "reserve": lambda: dice.choice(["auto", 4 * unit, 0]) if not tiny else dice.randint(0, 4),
        "headroom": lambda: dice.choice([0, unit, 3 * unit]),
        "disk_reserve": lambda: dice.choice([0, 5 * unit]),
        "cpu_factor": lambda: dice.choice([1, 1.0, 1.1, 1.5, 1.55, 1.9999999, 2, 3.0, 8.2]),
        "count_suspended": lambda: dice.chance(0.5),
        "docker_vm_base": lambda: dice.choice([0, unit, 2 * unit]),
        "port_base": lambda: dice.choice([20000, 30000, 49052, 48152]),
        "ports_per_slot": lambda: dice.choice([1, 10, 100, 1000]),
        "facts_max_age": lambda: dice.choice([60, 900, 901]),
    }
    for field in dice.sample(sorted(fields), dice.randint(0, 3)):
        made[field] = fields[field]()
    if not tiny and dice.chance(0.4):
        kind = dice.choice(sorted(oracle.DEFAULTS))
        cost = {"memory": 2 * GIB, "minimum": GIB, "overhead": dice.choice([0, 50 * MIB]), "cpus": dice.randint(1, 4), "disk": GIB}
        made["isolations"] = {kind: {field: cost[field] for field in dice.sample(sorted(cost), 3)} | {"minimum": MIB}}
    return made


def tiny_cost(dice: Dice) -> Host:
    minimum = dice.randint(1, 3)
    return {
        "memory": minimum + dice.randint(0, 3),
        "minimum": minimum,
        "overhead": dice.choice([0, 0, 0, 1]),
        "disk": dice.randint(0, 3),
        "image_disk": dice.randint(0, 5),
        "cpus": dice.randint(1, 3),
    }


def licences(dice: Dice) -> Host:
    made: Host = {}
    if dice.chance(0.5):
        made["tart"] = {"host_cores": dice.choice([50, 100, 101, 500, "unlimited"])}
    if dice.chance(0.6):
        made["docker_desktop"] = dice.choice(
            [
                {"subscription": "team"},
                {"employees": 249, "revenue_usd": 9_999_999},
                {"employees": 250, "revenue_usd": 0},
                {"employees": 1, "revenue_usd": 10_000_000},
                {"employees": 1, "revenue_usd": 1, "government": True},
                {"employees": 1, "revenue_usd": 1, "government": False},
                {"employees": 1},
                {"use": "education"},
                {"use": "personal", "employees": 250, "revenue_usd": 0},
                {"use": "open-source", "government": True},
                {"subscription": "pro", "government": True},
                {},
            ]
        )
    return made


def pool(dice: Dice, name: str, tiny: bool, policy: Host) -> Host:
    isolation = dice.choice(["tart", "tart", "docker", "docker", "container", "sandbox", "account", "chroot"])
    made: Host = {"name": name, "isolation": isolation}
    if dice.chance(0.9):
        made["count"] = dice.choices([0, 1, 2, 3, 4, 8], [1, 4, 4, 2, 1, 1])[0] if not tiny else dice.choice([0, 1, 1, 2, 2, 3])
    guest = dice.choice(["macos", "macos", "linux"]) if isolation == "tart" else ""
    if guest and dice.chance(0.8):
        made["guest"] = guest
    kind = f"tart-{made.get('guest', 'macos')}" if isolation == "tart" else isolation
    minimum = oracle.size(policy.get("isolations", {}).get(kind, {}).get("minimum", oracle.DEFAULTS[kind][1]))
    if dice.chance(0.6):
        made["memory"] = minimum + (dice.randint(0, 4) if tiny else dice.choice([0, 1, MIB, GIB, 2 * GIB + 1]))
    if not tiny and dice.chance(0.2):
        made["memory"] = dice.choice(["12GiB", "9.5GiB", "8192MiB", "8.1GiB", "9000MB"])
    if isolation in oracle.WITH_IMAGE:
        made["image"] = dice.choice(["ghcr.io/acme/one:1", "ghcr.io/acme/two:2"]) + (DIGEST if dice.chance(0.5) else "")
    weak = isolation in oracle.NATIVE
    if weak or dice.chance(0.4):
        made["trust"] = dice.choice(["trusted"] * (12 if weak else 1) + ["internal", "untrusted"])
    if isolation in oracle.NETWORKS and dice.chance(0.3):
        made["network"] = dice.choice(oracle.NETWORKS[isolation])
    optional: dict[str, Callable[[], Any]] = {"cpus": lambda: dice.choice([1, 2, 4, 8, 11]), "disk": lambda: dice.randint(0, 30) * (1 if tiny else GIB)}
    for field, value in optional.items():
        if dice.chance(0.2):
            made[field] = value()
    if weak and dice.chance(0.15):
        made["port_base"] = dice.choice([20000, 20100, 20200, 49052, 49053, 49051, 1024])
    return made


def workloads(dice: Dice, made: Host, tiny: bool) -> None:
    """What runs on the Mac: things of others, and runners of ours from an earlier run."""
    listed = [workload(dice, number, tiny) for number in range(dice.choices([0, 1, 2, 3], [5, 3, 2, 1])[0])]
    for one in made["mac_runners_pools"]:
        if one["isolation"] in oracle.WITH_IMAGE and dice.chance(0.15):
            name = f"mac-runners-{one['name']}-{dice.randint(1, 2)}"
            guest = one.get("guest", "macos") if one["isolation"] == "tart" else "linux"
            state = dice.choice(["running", "stopped"])
            listed.append({"kind": one["isolation"], "name": name, "guest": guest, "state": state, "memory": 1, "owned": True})
        if "image" in one and dice.chance(0.1):
            made["mac_runners_facts"].setdefault("images", []).append(one["image"])
    if listed or dice.chance(0.3):
        made["mac_runners_facts"]["workloads"] = listed


def workload(dice: Dice, number: int, tiny: bool) -> Host:
    kind = dice.choice(["tart", "tart", "docker", "docker", "container", "vm-process"])
    made: Host = {"kind": kind, "name": f"theirs-{number}", "owned": False}
    made["state"] = dice.choice(["running", "running", "paused", "suspended", "stopped"])
    if kind in ("tart", "vm-process"):
        made["guest"] = dice.choice(["macos", "macos", "linux", None])
    else:
        made["guest"] = "linux"
    made["memory"] = dice.choice([None, 0, 1, 3, 5]) if tiny else dice.choice([None, 0, "4GiB", GIB, GIB + 1, 13 * GIB])
    return made


def age(dice: Dice, fleet: Fleet) -> dict[str, Any] | None:
    """Targets, versions of runners, and what GitHub says about them: ended a second ago, just now, in 30 days and a second ..."""
    for made in fleet.values():
        if dice.chance(0.8):
            made["mac_runners_github"] = {"url": dice.choice(TARGETS)}
        if dice.chance(0.3):
            made["mac_runners_runner_version"] = dice.choice(RUNNERS)
        for one in made["mac_runners_pools"]:
            if "image" in one and dice.chance(0.4):
                image = dice.choice(["ghcr.io/actions/actions-runner:", "ghcr.io/actions/actions-runner-x:", "acme/runner:"])
                one["image"] = image + dice.choice([*RUNNERS, "latest"]) + dice.choice(["", "", DIGEST])
            if dice.chance(0.2):
                one["runner_version"] = dice.choice(RUNNERS)
            if dice.chance(0.2):
                one["github"] = {"url": dice.choice(TARGETS)}
    if dice.chance(0.1):
        return None
    return {url: answers(dice) for url in TARGETS if dice.chance(0.85)}


def answers(dice: Dice) -> dict[str, Any]:
    if dice.chance(0.1):
        return {"error": "no answer"}
    return {"offered": dice.choice(["", "2.338.0"]), "runner_versions": [answer(dice, version) for version in RUNNERS if dice.chance(0.85)]}


def answer(dice: Dice, version: str) -> dict[str, Any]:
    """One of GitHub's answers; a verdict that is some seconds old may not see that the time is over."""
    month = 30 * 24 * 3600
    moments = [NOW - 1, NOW, NOW + 1, NOW + month - 1, NOW + month, NOW + month + 1, NOW + 2 * month]
    dates = {f"{what}_deprecates_at": dice.choice([None, stamp(dice.choice(moments))]) for what in ("registration", "runtime")}
    known = "ends" if any(dates.values()) else dice.choice(["good", "unknown", "refused"])
    return {"version": version, "verdict": known, **dates}


def stamp(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(made: Host) -> oracle.Mac:
    return oracle.read_mac("edge", made)


def memory_edge(dice: Dice, made: Host) -> None:
    """Memory so that nothing is left, or a byte more or less, or a few more."""
    if made.get("mac_runners_capacity", {}).get("reserve", "auto") == "auto" and dice.chance(0.5):
        return
    memory = oracle.size(made["mac_runners_facts"]["memory"])
    left = oracle.free_memory(read(made))
    made["mac_runners_facts"]["memory"] = max(1, memory - left - dice.choice([-1, 0, 0, 1, 1, 2, 3, 5, 7, left or 0]))


def engine_edge(dice: Dice, made: Host) -> None:
    if "memory" in made["mac_runners_facts"].get("docker", {}):
        _counted, needed = oracle.docker_vm(read(made))
        made["mac_runners_facts"]["docker"]["memory"] = max(1, dice.near(needed) - dice.choice([0, 0, 2, 5]))


def disk_edge(dice: Dice, made: Host) -> None:
    mac = read(made)
    if "disk_free" in made["mac_runners_facts"]:
        made["mac_runners_facts"]["disk_free"] = dice.near(oracle.disk_to_make(mac) + mac.policy.disk_reserve)


def cores_edge(dice: Dice, made: Host) -> None:
    mac = read(made)
    total = sum(pool.count * pool.cpus for pool in mac.pools)
    if total and "cores" in made["mac_runners_facts"]:
        made["mac_runners_facts"]["cores"] = max(1, dice.near(int(total / mac.policy.cpu_factor)))


def ports_edge(dice: Dice, made: Host) -> None:
    """The first pool of native slots ends at the last port that is allowed, or one beyond."""
    mac = read(made)
    native = [one for one in made["mac_runners_pools"] if one["isolation"] in oracle.NATIVE]
    if native and dice.chance(0.3):
        ports = native[0].get("count", 1) * mac.policy.ports_per_slot
        native[0]["port_base"] = min(max(1024, dice.near(oracle.LAST_PORT + 1 - ports)), oracle.LAST_PORT)


EDGES = (engine_edge, memory_edge, disk_edge, cores_edge, ports_edge)


def measure(dice: Dice, made: Host) -> None:
    """Facts as if read on the Mac, some of them also declared: smaller, larger, the same."""
    made["mac_runners_measured"] = dict(made["mac_runners_facts"])
    age = made.get("mac_runners_capacity", {}).get("facts_max_age", 900)
    made["mac_runners_measured"]["measured_at"] = NOW - dice.choice([0, 1, age - 1, age, age, age + 1, -age, -age - 1])
    declared: Host = {}
    for field in ("memory", "cores", "disk_free"):
        if field in made["mac_runners_facts"] and dice.chance(0.3):
            declared[field] = max(1, dice.near(oracle.size(made["mac_runners_facts"][field])))
    if dice.chance(0.2):
        declared["workloads"] = [workload(dice, number, dice.chance(0.5)) for number in range(2)]
    if dice.chance(0.1):
        declared["docker"] = engine(dice, dice.choice([1, GIB]))
    if dice.chance(0.05):
        declared["unread"] = ["declared so"]
    for field in ("memory", "cores", "disk_free"):
        if dice.chance(0.03):
            made["mac_runners_measured"].pop(field, None)
    if declared:
        made["mac_runners_facts"] = declared
    else:
        del made["mac_runners_facts"]


def known_facts(made: Host) -> Host:
    facts: Host = made["mac_runners_measured" if "mac_runners_measured" in made else "mac_runners_facts"]
    return facts


def licence_edge(dice: Dice, fleet: Fleet) -> None:
    """Cores of all Macs with an older Tart add up to about 100, or what is declared."""
    limit = dice.choice([100, 100, 100, 40])
    names = sorted(fleet)
    share = limit // len(names)
    for name in names:
        known = known_facts(fleet[name])
        known["tart"] = {"version": dice.choice(["2.32.1", "2.32.1", "2.0.0", "1.0.0", "2.33.0"])}
        known["cores"] = share
        if limit != 100:
            fleet[name]["mac_runners_licences"] = {"tart": {"host_cores": dice.choice([limit, limit, limit + 1])}}
    last = fleet[names[-1]]
    known = known_facts(last)
    known["cores"] = dice.near(limit - share * (len(names) - 1))


def name_edge(dice: Dice, fleet: Fleet) -> None:
    """Runner names of 63 to 65 characters, or two Macs whose names and pools run into each other."""
    name = dice.choice(sorted(fleet))
    pools = fleet[name]["mac_runners_pools"]
    if not pools:
        return
    if dice.chance(0.5):
        length = dice.choice([62, 63, 63, 64]) - len(pools[0]["name"]) - len("--")
        fleet["h" * length] = fleet.pop(name)
    elif f"{name}-x" not in fleet and len(fleet) < 3:
        pools[0]["name"] = "x-y"
        other = host(dice, False)
        if other["mac_runners_pools"]:
            other["mac_runners_pools"][0]["name"] = "y"
        fleet[f"{name}-x"] = other


def spoil(dice: Dice, made: Host) -> None:
    """One wrong thing in the variables of a Mac."""
    mistakes: list[Callable[[], Any]] = [
        lambda: made.__setitem__("mac_runners_pools", dice.choice(["ios", {"ios": 1}, [1], ["ios"]])),
        lambda: made.setdefault("mac_runners_capacity", {}).__setitem__("headrom", 1),
        lambda: made.setdefault("mac_runners_capacity", {}).__setitem__("reserve", dice.choice(["2G", -1, True, "1,5GiB", "NaN", 1.5])),
    ]
    if made["mac_runners_pools"]:
        one = dice.choice(made["mac_runners_pools"])
        mistakes += [
            lambda: one.__setitem__("count", dice.choice([-1, 1001, "two", 1.5, True])),
            lambda: one.__setitem__("memory", dice.choice(["12G", "1,5GiB", -1, "NaN", True, "1e99GiB", 0, "", [], "GiB"])),
            lambda: one.__setitem__("isolation", dice.choice(["vmware", "", 1])),
            lambda: one.__setitem__("name", dice.choice(["Ios", "1a", "a_b", "", "a" * 32, "all", "host", "-a", "a.b", "ä"])),
            lambda: made["mac_runners_pools"].append(dict(one)),
            lambda: one.__setitem__("trust", dice.choice(["nobody", True])),
            lambda: one.pop("name"),
            lambda: one.pop("isolation"),
            lambda: one.__setitem__("colour", "red"),
            lambda: one.__setitem__("network", "bridged"),
            lambda: one.__setitem__("guest", "windows"),
            lambda: one.__setitem__("cpus", dice.choice([0, -1, "four", 1.5])),
            lambda: one.__setitem__("runner_version", dice.choice(["2.337", 2.337, "v2.337.0", ""])),
            lambda: made.__setitem__("mac_runners_runner_version", dice.choice(["latest", 2.337, ["2.337.0"]])),
        ]
    dice.choice(mistakes)()
