# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second opinion on the capacity of a fleet, written from docs/capacity.md and docs/variables.md alone.

It shares no code with the collection and prefers the plainest way to compute a thing: it lists every runner, every port, every name.
All sizes are bytes.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

Fleet = Mapping[str, Mapping[str, Any]]
# What GitHub was asked, by the URL of the target; None: nothing.
Versions = Mapping[str, Mapping[str, Any]] | None

GIB = 2**30
MIB = 2**20
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
PLAIN_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)", re.ASCII)
POOL_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
RESERVED = {"all", "foreign", "golden", "host", "lease", "lock", "none", "template", "ungrouped"}
ISOLATIONS = {"tart", "docker", "container", "sandbox", "account", "chroot"}
STRENGTH = {"tart": 3, "docker": 2, "container": 2, "sandbox": 1, "account": 0, "chroot": 0}
WANTED_STRENGTH = {"untrusted": 3, "internal": 2, "trusted": 0}
NETWORKS = {"tart": ["nat", "softnet"], "docker": ["bridge", "none"], "container": ["nat"]}
GUESTS = {"tart": ["macos", "linux"], "docker": ["linux"], "container": ["linux"]}
WITH_IMAGE = {"tart", "docker", "container"}
NATIVE = {"sandbox", "account", "chroot"}
POOL_FIELDS = set(
    "name isolation count memory cpus disk guest image labels lifecycle trust network port_base pids_limit github runner_version".split()
)
CAPACITY_FIELDS = set(
    "reserve headroom disk_reserve cpu_factor count_suspended docker_vm_base port_base ports_per_slot facts_max_age isolations".split()
)
COST_FIELDS = ["memory", "minimum", "overhead", "cpus", "disk", "image_disk"]
DEFAULTS: dict[str, tuple[int, ...]] = {
    "tart-macos": (12 * GIB, 8 * GIB, 0, 4, 20 * GIB, 54 * GIB),
    "tart-linux": (4 * GIB, 4 * GIB, 0, 2, 10 * GIB, 10 * GIB),
    "docker": (2 * GIB, 512 * MIB, 0, 2, 10 * GIB, 5 * GIB),
    "container": (2 * GIB, 512 * MIB, 200 * MIB, 2, 10 * GIB, 5 * GIB),
    "sandbox": (3 * GIB // 2, GIB, 0, 1, 10 * GIB, 0),
    "account": (3 * GIB // 2, GIB, 0, 1, 10 * GIB, 0),
    "chroot": (3 * GIB // 2, GIB, 0, 1, 10 * GIB, 6 * GIB),
}
LIVE = {"running", "paused"}
LAST_PORT = 49151
MOST_CORES = 32
TWICE = Fraction(2)


class Wrong(Exception):
    """Something in a variable that cannot be read; the argument is the check it belongs to."""


def size(value: Any) -> int:
    """Whole bytes of a number of bytes or a text with a unit; a fraction of a byte is dropped."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Wrong("input")
    found = PLAIN_SIZE.fullmatch(str(value))
    if not found or (found[2] or "B") not in UNITS or ("." in found[1] and not found[2]):
        raise Wrong("input")
    return int(Fraction(found[1]) * UNITS[found[2] or "B"])


def whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Wrong("input")
    return value


def one_of(value: Any, allowed: Iterable[str]) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise Wrong("input")
    return value


@dataclass
class Pool:
    """What one runner of a pool takes, and how many there are."""

    name: str
    isolation: str
    kind: str
    count: int
    memory: int
    minimum: int
    overhead: int
    cpus: int
    disk: int
    image: str
    image_disk: int
    trust: str
    network: str
    port_base: int | None
    url: str
    runner_version: str

    def runners(self) -> range:
        return range(1, self.count + 1)


def runner_version(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}", value, re.ASCII):
        raise Wrong("input")
    return value


@dataclass
class Policy:
    """What is kept back on one Mac."""

    reserve: int | None
    headroom: int
    disk_reserve: int
    cpu_factor: Fraction
    count_suspended: bool
    docker_vm_base: int
    port_base: int
    ports_per_slot: int
    facts_max_age: int
    costs: dict[str, dict[str, int]]


def factor_of(given: Any) -> Fraction:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise Wrong("input")
    return TWICE if given == 2 else Fraction(str(given))


def read_policy(given: Any) -> Policy:
    given = {} if given is None else given
    if not isinstance(given, dict) or set(given) - CAPACITY_FIELDS:
        raise Wrong("input")
    reserve = given.get("reserve", "auto")
    if not isinstance(given.get("count_suspended", True), bool):
        raise Wrong("input")
    return Policy(
        reserve=None if reserve == "auto" else size(reserve),
        headroom=size(given.get("headroom", 2 * GIB)),
        disk_reserve=size(given.get("disk_reserve", 20 * GIB)),
        cpu_factor=factor_of(given.get("cpu_factor", 2)),
        count_suspended=given.get("count_suspended", True),
        docker_vm_base=size(given.get("docker_vm_base", 3 * GIB)),
        port_base=whole(given.get("port_base", 20000), 1, 65535),
        ports_per_slot=whole(given.get("ports_per_slot", 100), 1, 65535),
        facts_max_age=whole(given.get("facts_max_age", 900), 0, 10**9),
        costs=read_costs(given.get("isolations", {})),
    )


def read_costs(given: Any) -> dict[str, dict[str, int]]:
    if not isinstance(given, dict) or set(given) - set(DEFAULTS):
        raise Wrong("input")
    costs = {kind: dict(zip(COST_FIELDS, numbers, strict=True)) for kind, numbers in DEFAULTS.items()}
    for kind, fields in given.items():
        if not isinstance(fields, dict) or set(fields) - set(COST_FIELDS):
            raise Wrong("input")
        for field, value in fields.items():
            costs[kind][field] = whole(value, 1, 10**6) if field == "cpus" else size(value)
    return costs


def read_pool(given: Any, policy: Policy) -> Pool:
    if not isinstance(given, dict) or set(given) - POOL_FIELDS:
        raise Wrong("input")
    name = given.get("name")
    if not isinstance(name, str) or not POOL_NAME.fullmatch(name) or name in RESERVED:
        raise Wrong("names")
    isolation = one_of(given.get("isolation"), ISOLATIONS)
    if (isolation in WITH_IMAGE) != ("image" in given) or ("guest" in given and isolation not in WITH_IMAGE):
        raise Wrong("input")
    if "port_base" in given and isolation not in NATIVE or "network" in given and isolation not in NETWORKS:
        raise Wrong("input")
    guests = GUESTS.get(isolation, [""])
    kind = isolation + ("-" + one_of(given.get("guest", guests[0]), guests) if isolation == "tart" else "")
    if isolation in ("docker", "container"):
        one_of(given.get("guest", "linux"), ["linux"])
    cost = policy.costs[kind]
    pool = Pool(
        name=name,
        isolation=isolation,
        kind=kind,
        count=whole(given.get("count", 1), 0, 1000),
        memory=size(given.get("memory", max(cost["memory"], cost["minimum"]))),
        minimum=cost["minimum"],
        overhead=cost["overhead"],
        cpus=whole(given.get("cpus", cost["cpus"]), 1, 10**6),
        disk=size(given.get("disk", cost["disk"])),
        image=given.get("image", ""),
        image_disk=cost["image_disk"],
        trust=one_of(given.get("trust", "internal"), WANTED_STRENGTH),
        network=one_of(given.get("network", NETWORKS.get(isolation, [""])[0]), NETWORKS.get(isolation, [""])),
        port_base=given.get("port_base"),
        url=(given.get("github") or {}).get("url", ""),
        runner_version=runner_version(given.get("runner_version")),
    )
    if pool.memory < pool.minimum or not isinstance(pool.image, str):
        raise Wrong("input")
    return pool


@dataclass
class Facts:
    """What a Mac is; None is unknown."""

    memory: int | None
    cores: int | None
    disk_free: int | None
    arch: str
    macos: tuple[int, ...] | None
    sip: str
    virtual_machine: bool
    tart: tuple[int, ...] | None
    engine: str
    engine_running: bool
    engine_memory: int | None
    engine_cpus: int | None
    workloads: list[dict[str, Any]]
    images: list[str]
    unread: list[str]
    measured_at: int | None


def version(value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]+(\.[0-9]+)*", value, re.ASCII):
        raise Wrong("input")
    return tuple(int(part) for part in value.split("."))


def maybe(reader: Any, value: Any) -> Any:
    return None if value is None else reader(value)


def architecture(given: Mapping[str, Any]) -> str:
    if given.get("arch"):
        return one_of(given["arch"], ["arm64", "x86_64"])
    chip = given.get("chip") or ""
    return "arm64" if chip.startswith("Apple") else "x86_64" if chip.startswith("Intel") else ""


def read_facts(given: Mapping[str, Any]) -> Facts:
    if not isinstance(given, dict):
        raise Wrong("input")
    docker = given.get("docker")
    engine = docker or {}
    return Facts(
        memory=maybe(size, given.get("memory")),
        cores=maybe(lambda value: whole(value, 1, 10**6), given.get("cores")),
        disk_free=maybe(size, given.get("disk_free")),
        arch=architecture(given),
        macos=version(given.get("macos")),
        sip=one_of(given.get("sip", "unknown"), ["enabled", "disabled", "custom", "unknown"]),
        virtual_machine=given.get("virtual_machine", False) is True,
        tart=version((given.get("tart") or {}).get("version")),
        engine=engine.get("engine", ""),
        engine_running=docker is not None and engine.get("running", True) is True,
        engine_memory=maybe(size, engine.get("memory")),
        engine_cpus=engine.get("cpus"),
        workloads=[read_workload(one) for one in given.get("workloads", [])],
        images=given.get("images", []),
        unread=given.get("unread", []),
        measured_at=given.get("measured_at"),
    )


def read_workload(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Wrong("input")
    return {
        "kind": one_of(given.get("kind"), ["tart", "docker", "container", "vm-process"]),
        "name": given.get("name", ""),
        "guest": given.get("guest"),
        "state": one_of(given.get("state"), ["running", "paused", "suspended", "stopped"]),
        "memory": maybe(size, given.get("memory")),
        "owned": given.get("owned", False) is True,
    }


def smaller(measured: int | None, declared: int | None) -> int | None:
    """What could not be measured stays unknown."""
    return measured if measured is None or declared is None else min(measured, declared)


def facts_of(host: Mapping[str, Any]) -> Facts:
    """What was measured; of what was declared only that which makes the Mac smaller."""
    declared = read_facts(host.get("mac_runners_facts") or {})
    if host.get("mac_runners_measured") is None:
        return declared
    facts = read_facts(host["mac_runners_measured"])
    facts.memory = smaller(facts.memory, declared.memory)
    facts.cores = smaller(facts.cores, declared.cores)
    facts.disk_free = smaller(facts.disk_free, declared.disk_free)
    if not host["mac_runners_measured"].get("docker"):
        facts.engine, facts.engine_running = declared.engine, declared.engine_running
        facts.engine_memory, facts.engine_cpus = declared.engine_memory, declared.engine_cpus
    facts.unread = facts.unread + declared.unread
    known = [(one["kind"], one["name"]) for one in facts.workloads]
    facts.workloads += [one for one in declared.workloads if not one["owned"] and (one["kind"], one["name"]) not in known]
    return facts


@dataclass
class Mac:
    """One Mac, read."""

    name: str
    facts: Facts
    policy: Policy
    pools: list[Pool]
    licences: Mapping[str, Any]
    wrong: set[str]
    url: str = ""
    pin: str = ""


def read_mac(name: str, host: Mapping[str, Any]) -> Mac:
    """A Mac with every mistake in its variables; what cannot be read is left out."""
    wrong: set[str] = set()
    try:
        policy = read_policy(host.get("mac_runners_capacity"))
    except Wrong as error:
        policy = read_policy({})
        wrong.add(str(error))
    try:
        facts = facts_of(host)
    except Wrong as error:
        facts = read_facts({})
        wrong.add(str(error))
    pools: list[Pool] = []
    declared = host.get("mac_runners_pools") or []
    for given in declared if isinstance(declared, list) else [None]:
        try:
            pools.append(read_pool(given, policy))
        except Wrong as error:
            wrong.add(str(error))
    if len({pool.name for pool in pools}) < len(pools):
        wrong.add("names")
    try:
        pin = runner_version(host.get("mac_runners_runner_version"))
    except Wrong as error:
        pin = ""
        wrong.add(str(error))
    url = (host.get("mac_runners_github") or {}).get("url", "")
    return Mac(name, facts, policy, pools, host.get("mac_runners_licences") or {}, wrong, url, pin)


def foreign(mac: Mac, kinds: Iterable[str]) -> list[dict[str, Any]]:
    """What others run here and what can come back at any time."""
    counted = LIVE | ({"suspended"} if mac.policy.count_suspended else set())
    return [one for one in mac.facts.workloads if not one["owned"] and one["state"] in counted and one["kind"] in kinds]


def kind_of_workload(one: Mapping[str, Any]) -> str:
    if one["kind"] in ("docker", "container"):
        return str(one["kind"])
    return "tart-linux" if one["guest"] == "linux" else "tart-macos"


def takes(mac: Mac, one: Mapping[str, Any]) -> int:
    """Memory that a foreign workload may take; each of Apple's containers is a VM with an overhead."""
    default = mac.policy.costs[kind_of_workload(one)]["memory"]
    if one["memory"] is None:
        memory = default
    elif one["kind"] == "vm-process" and one["guest"] is None:
        memory = max(int(one["memory"]), default)
    else:
        memory = int(one["memory"])
    return memory + (mac.policy.costs["container"]["overhead"] if one["kind"] == "container" else 0)


def docker_vm(mac: Mac) -> tuple[bool, int]:
    """Whether a Docker VM is to be counted, and what base and containers need in it."""
    ours = [pool for pool in mac.pools if pool.isolation == "docker" and pool.count > 0]
    others = foreign(mac, ["docker"])
    needed = mac.policy.docker_vm_base
    for pool in ours:
        for _runner in pool.runners():
            needed += pool.memory + pool.overhead
    for one in others:
        needed += takes(mac, one)
    return bool(ours or others or mac.facts.engine_running), needed


def free_memory(mac: Mac) -> int:
    memory = mac.facts.memory or 0
    reserve = mac.policy.reserve
    if reserve is None:
        reserve = 4 * GIB if memory <= 24 * GIB else 6 * GIB if memory <= 32 * GIB else 8 * GIB
    free = memory - reserve - mac.policy.headroom
    for pool in mac.pools:
        if pool.isolation != "docker":
            for _runner in pool.runners():
                free -= pool.memory + pool.overhead
    for one in foreign(mac, ["tart", "container", "vm-process"]):
        free -= takes(mac, one)
    counted, needed = docker_vm(mac)
    if counted:
        free -= needed if mac.facts.engine_memory is None else mac.facts.engine_memory
    return free


def breaks_facts(mac: Mac, now: int) -> bool:
    at = mac.facts.measured_at
    return mac.facts.memory is None or bool(mac.facts.unread) or (at is not None and abs(now - at) > mac.policy.facts_max_age)


def breaks_platform(mac: Mac) -> bool:
    facts = mac.facts
    for pool in mac.pools:
        if pool.count == 0:
            continue
        if pool.isolation in ("tart", "container") and facts.arch == "x86_64":
            return True
        if facts.macos is not None and facts.macos[0] < (26 if pool.isolation == "container" else 13):
            return True
        if pool.isolation == "chroot" and facts.sip != "disabled":
            return True
        if pool.kind == "tart-macos" and facts.virtual_machine:
            return True
    return False


def breaks_trust(mac: Mac) -> bool:
    return any(pool.count and STRENGTH[pool.isolation] < WANTED_STRENGTH[pool.trust] for pool in mac.pools)


def untrusted(mac: Mac) -> list[Pool]:
    return [pool for pool in mac.pools if pool.count and pool.trust == "untrusted"]


def breaks_network(mac: Mac) -> bool:
    return any(pool.isolation == "tart" and pool.network != "softnet" for pool in untrusted(mac))


def breaks_image_pin(mac: Mac) -> bool:
    return any(pool.image and not re.search(r"@sha256:[0-9a-f]{64}$", pool.image) for pool in untrusted(mac))


def breaks_macos_licence(mac: Mac) -> bool:
    ours = sum(len(pool.runners()) for pool in mac.pools if pool.kind == "tart-macos")
    others = [one for one in foreign(mac, ["tart", "vm-process"]) if one["guest"] != "linux"]
    return ours > 0 and ours + len(others) > 2


def breaks_desktop_licence(mac: Mac) -> bool:
    if mac.facts.engine != "docker-desktop" or not any(pool.isolation == "docker" and pool.count for pool in mac.pools):
        return False
    held = mac.licences.get("docker_desktop") or {}
    if held.get("subscription"):
        return False
    if held.get("government") or not (held.get("use") or {"employees", "revenue_usd"} <= set(held)):
        return True
    return not held.get("use") and (held["employees"] >= 250 or held["revenue_usd"] >= 10_000_000)


def breaks_docker_vm(mac: Mac) -> bool:
    _counted, needed = docker_vm(mac)
    ours = any(pool.isolation == "docker" and pool.count for pool in mac.pools)
    return ours and mac.facts.engine_memory is not None and needed > mac.facts.engine_memory


def breaks_cpus(mac: Mac) -> bool:
    cores, total = mac.facts.cores, 0
    for pool in mac.pools:
        most = cores
        if pool.isolation == "docker" and mac.facts.engine_cpus is not None:
            most = mac.facts.engine_cpus
        for _runner in pool.runners():
            total += pool.cpus
            if most is not None and pool.cpus > most:
                return True
    return cores is not None and total > mac.policy.cpu_factor * cores


def disk_to_make(mac: Mac) -> int:
    """Bytes of the environments and images that are not there yet.

    An image is there when it is listed, or when a runner of its pool exists; otherwise the first pool that needs it brings it.
    """
    here = {one["name"] for one in mac.facts.workloads if one["owned"]}
    needed = 0
    images = {(pool.isolation, pool.image) for pool in mac.pools if pool.image in mac.facts.images}
    for pool in mac.pools:
        absent = [runner for runner in pool.runners() if f"mac-runners-{pool.name}-{runner}" not in here]
        needed += len(absent) * pool.disk
        if len(absent) < pool.count:
            images.add((pool.isolation, pool.image))
        if absent and (pool.isolation, pool.image) not in images:
            needed += pool.image_disk
            images.add((pool.isolation, pool.image))
    return needed


def breaks_disk(mac: Mac) -> bool:
    needed = disk_to_make(mac)
    return mac.facts.disk_free is not None and needed > 0 and needed + mac.policy.disk_reserve > mac.facts.disk_free


def breaks_ports(mac: Mac) -> bool:
    taken: list[int] = []
    following = mac.policy.port_base
    for pool in mac.pools:
        if pool.isolation in NATIVE and pool.count:
            first = following if pool.port_base is None else pool.port_base
            following = first + pool.count * mac.policy.ports_per_slot
            taken.extend(range(first, following))
    return len(set(taken)) < len(taken) or any(port > LAST_PORT for port in taken)


def runner_names(mac: Mac) -> list[str]:
    host = re.sub(r"[^A-Za-z0-9._-]", "-", mac.name)
    return [f"{host}-{pool.name}-{runner}" for pool in mac.pools for runner in pool.runners()]


def breaks_names(mac: Mac) -> bool:
    return any(len(name) > 64 for name in runner_names(mac))


def version_of(mac: Mac, pool: Pool) -> str:
    """The pool's own word, the tag of GitHub's image, or for slots without an image the package of the Mac; else nothing."""
    tag = pool.image.partition("@")[0].removeprefix("ghcr.io/actions/actions-runner:")
    if pool.runner_version:
        return pool.runner_version
    if pool.image.startswith("ghcr.io/actions/actions-runner:") and re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", tag):
        return tag
    return "" if pool.image else mac.pin


def told(mac: Mac, pool: Pool, versions: Versions) -> Mapping[str, Any]:
    """What GitHub said about the runner of a pool at its target."""
    said = ((versions or {}).get(pool.url or mac.url) or {}).get("runner_versions", [])
    return next((one for one in said if one["version"] == version_of(mac, pool)), {})


def ends(said: Mapping[str, Any]) -> float | None:
    """The first moment at which such a runner is of no use."""
    dates = [said.get(f"{what}_deprecates_at") for what in ("registration", "runtime")]
    return min((datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp() for date in dates if date), default=None)


def breaks_runner_version(mac: Mac, now: int, versions: Versions) -> bool:
    for pool in mac.pools:
        if pool.count and version_of(mac, pool):
            said = told(mac, pool, versions)
            end = ends(said)
            if said.get("verdict") == "refused" or (end is not None and end <= now):
                return True
    return False


def version_warnings(mac: Mac, now: int, versions: Versions) -> dict[str, str]:
    """By pool: the date within the next 30 days on which its runner ends, or that nobody knows."""
    found = {}
    for pool in mac.pools:
        if versions is None or not pool.count or not version_of(mac, pool) or not (pool.url or mac.url):
            continue
        said = told(mac, pool, versions)
        end = ends(said)
        if said.get("verdict") == "refused" or (end is not None and end <= now):
            continue
        if end is not None and end <= now + 30 * 24 * 3600:
            found[pool.name] = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        elif end is None and said.get("verdict", "unknown") == "unknown":
            found[pool.name] = "not known"
    return found


LOCAL_CHECKS = {
    "names": breaks_names,
    "platform": breaks_platform,
    "trust": breaks_trust,
    "network": breaks_network,
    "image-pin": breaks_image_pin,
    "macos-vm-licence": breaks_macos_licence,
    "docker-desktop-licence": breaks_desktop_licence,
    "memory": lambda mac: mac.facts.memory is not None and free_memory(mac) < 0,
    "docker-vm": breaks_docker_vm,
    "cpus": breaks_cpus,
    "disk": breaks_disk,
    "ports": breaks_ports,
}


def names_broken(macs: Mapping[str, Mac], away: Iterable[str]) -> set[str]:
    """Macs with a runner name that another Mac has. Of two Macs the later one is to blame, and never one that is away."""
    broken: set[str] = set()
    seen: set[str] = set()
    for name in [*away, *(name for name in macs if name not in away)]:
        names = runner_names(macs[name])
        if seen & set(names):
            broken.add(name)
        seen.update(names)
    return broken


def fair_source(mac: Mac) -> bool:
    return mac.facts.tart is not None and (1, 0, 0) <= mac.facts.tart <= (2, 32, 1)


def tart_broken(macs: Mapping[str, Mac], away: Iterable[str]) -> set[str]:
    """Macs whose own declared licence is smaller than the cores of all Macs that need it.

    A Mac of unknown size counts as the largest; one that is away may have such a Tart when it has pools of it.
    """
    bound = [mac for mac in macs.values() if fair_source(mac)]
    silent = [macs[name] for name in away if any(pool.isolation == "tart" and pool.count for pool in macs[name].pools)]
    cores = sum(mac.facts.cores or MOST_CORES for mac in bound)
    cores += sum(MOST_CORES for mac in silent if not fair_source(mac))
    broken = set()
    for mac in bound:
        held = (mac.licences.get("tart") or {}).get("host_cores", 100)
        if held != "unlimited" and cores > held:
            broken.add(mac.name)
    return broken


def judge(
    fleet: Fleet, now: int, unreachable: Iterable[str] = (), unasked: Iterable[str] = (), versions: Versions = None
) -> dict[str, dict[str, Any]]:
    """The verdict on each Mac: fits, free bytes, ids of the violated checks; none on those that were not asked.

    wrong: a mistake in its variables, so that its other checks mean nothing; hopeless: no count and no size can mend it.
    """
    away = [name for name in fleet if name in {*unreachable, *unasked}]
    macs = {name: read_mac(name, host) for name, host in fleet.items()}
    taken, tart = names_broken(macs, away), tart_broken(macs, away)
    verdicts: dict[str, dict[str, Any]] = {}
    for name, mac in macs.items():
        if name in unasked:
            continue
        if name in away:
            verdicts[name] = {"fits": False, "free": 0, "checks": set(), "wrong": False, "hopeless": True}
            continue
        checks = {check for check, breaks in LOCAL_CHECKS.items() if breaks(mac)} | mac.wrong
        checks |= ({"names"} if name in taken else set()) | ({"tart-licence"} if name in tart else set())
        checks |= {"facts"} if breaks_facts(mac, now) else set()
        checks |= {"runner-version"} if breaks_runner_version(mac, now, versions) else set()
        hopeless = bool(mac.wrong) or name in taken or bool(checks & {"facts", "tart-licence", "runner-version"})
        verdicts[name] = {"fits": not checks, "free": free_memory(mac), "checks": checks, "wrong": bool(mac.wrong), "hopeless": hopeless}
        verdicts[name]["ending"] = version_warnings(mac, now, versions)
    return verdicts


def unreadable(fleet: Fleet) -> bool:
    """Whether some Mac, asked or not, has a mistake in its variables."""
    return any(read_mac(name, host).wrong for name, host in fleet.items())


def with_changes(fleet: Fleet, host: str, changes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The fleet with proposed changes of one Mac made in its variables."""
    changed: dict[str, Any] = dict(fleet)
    changed[host] = copy.deepcopy(dict(fleet[host]))
    for change in changes:
        for pool in changed[host]["mac_runners_pools"]:
            if pool["name"] == change["pool"]:
                pool[change["field"]] = change["new"]
    return changed
