# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger to the byte, and each check of one Mac at the edge: fits exactly, one more does not."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import MacPlan, Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.plan import plan_mac
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_licences, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB, MIB

Json = t.Dict[str, t.Any]
DIGEST = "@sha256:" + "0123456789abcdef" * 4
FACTS: Json = {"memory": 64 * GIB, "arch": "arm64", "cores": 12, "macos": "26.1", "sip": "enabled", "disk_free": 800 * GIB}
BARE: Json = {"reserve": 0, "headroom": 0}


def plan(
    facts: Json,
    pools: t.Sequence[Json],
    capacity: t.Optional[Json] = None,
    licences: t.Optional[Json] = None,
    mac: str = "mac",
    now: t.Optional[int] = None,
) -> MacPlan:
    """Plan one Mac from FACTS and what is different; every ledger adds up."""
    policy, wrong = parse_policy(capacity)
    read_facts, wrong_facts = parse_facts({**FACTS, **facts})
    read_pools, wrong_pools = parse_pools(list(pools), policy)
    read_licences, wrong_licences = parse_licences(licences)
    assert [*wrong, *wrong_facts, *wrong_pools, *wrong_licences] == []
    result = plan_mac(Situation(mac, read_facts, read_pools, policy, read_licences, now))
    assert result.free == sum(line.bytes for line in result.ledger)
    assert result.ledger[0].bytes >= 0
    assert all(line.bytes <= 0 for line in result.ledger[1:])
    return result


def checks(result: MacPlan) -> t.List[str]:
    return [violation.check for violation in result.violations]


def only(result: MacPlan) -> Violation:
    assert len(result.violations) == 1, result.violations
    return result.violations[0]


def tart(**fields: t.Any) -> Json:
    return {"name": "ios", "isolation": "tart", "image": "acme/macos:26", **fields}


def docker(**fields: t.Any) -> Json:
    return {"name": "linux", "isolation": "docker", "image": "acme/linux:1", **fields}


def sandbox(**fields: t.Any) -> Json:
    return {"name": "lint", "isolation": "sandbox", "trust": "trusted", **fields}


def workload(kind: str = "tart", state: str = "running", **fields: t.Any) -> Json:
    return {"kind": kind, "name": "other", "state": state, "owned": False, **fields}


# --- memory ------------------------------------------------------------------------------

#: Facts, pools and numbers that fit to the byte; the ledger's amounts in GiB.
EXACT: t.Sequence[t.Tuple[str, Json, t.Sequence[Json], Json, t.Sequence[float]]] = (
    ("a Mac without pools", {"memory": 10 * GIB}, [], {"headroom": 6 * GIB}, [10, -4, -6]),
    ("a pool without runners", {"memory": 6 * GIB}, [tart(count=0)], {}, [6, -4, -2]),
    ("mac-mini-32-tart", {"memory": 32 * GIB}, [tart(count=2, memory="12GiB")], {}, [32, -6, -2, -24]),
    (
        "mac-mini-32-docker",
        {"memory": 32 * GIB},
        [docker(count=6, memory="3GiB")],
        {"headroom": 0, "docker_vm_base": "8GiB"},
        [32, -6, 0, -8, -18],
    ),
    (
        "mac-mini-32-docker with 8 of 2",
        {"memory": 32 * GIB},
        [docker(count=8, memory="2GiB")],
        {"headroom": 0, "docker_vm_base": "8GiB"},
        [32, -6, 0, -8, -16, 2],
    ),
    (
        "mac-studio-64-mixed",
        {"memory": 64 * GIB},
        [tart(count=2, memory="16GiB"), docker(count=4, memory="3GiB")],
        {"headroom": "9GiB"},
        [64, -8, -9, -32, -3, -12],
    ),
    ("mac-mini-24-sandbox", {"memory": 24 * GIB}, [sandbox(count=12, memory="1.5GiB")], {}, [24, -4, -2, -18]),
    ("overhead", {"memory": 8 * GIB + 400 * MIB}, [{**docker(count=2), "isolation": "container"}], {"headroom": 0}, [8.390625, -4, 0, -4, -0.390625]),
    ("a foreign VM", {"memory": 8 * GIB, "workloads": [workload(memory=4 * GIB, guest="linux")]}, [], {"headroom": 0}, [8, -4, 0, -4]),
    (
        "a foreign container of Apple's",
        {"memory": 6 * GIB + 200 * MIB, "workloads": [workload("container", memory=2 * GIB)]},
        [],
        {"headroom": 0},
        [6.1953125, -4, 0, -2.1953125],
    ),
    (
        "the Docker VM's configured size",
        {"memory": 20 * GIB, "docker": {"engine": "colima", "memory": "16GiB", "cpus": 6}},
        [docker(count=2)],
        {"headroom": 0},
        [20, -4, 0, -16],
    ),
    ("an idle engine", {"memory": 20 * GIB, "docker": {"engine": "colima", "memory": "16GiB"}}, [], {"headroom": 0}, [20, -4, 0, -16]),
    ("an idle engine of unknown size", {"memory": 7 * GIB, "docker": {"engine": "other"}}, [], {"headroom": 0}, [7, -4, 0, -3]),
    (
        "an engine that is down and that nobody uses",
        {"memory": 4 * GIB, "docker": {"engine": "colima", "memory": "16GiB", "running": False}},
        [],
        {"headroom": 0},
        [4, -4, 0],
    ),
    (
        "an engine that is down and will be used",
        {"memory": 20 * GIB, "docker": {"engine": "colima", "memory": "16GiB", "running": False}},
        [docker()],
        {"headroom": 0},
        [20, -4, 0, -16],
    ),
    (
        "foreign containers in a VM of unknown size",
        {"memory": 12 * GIB, "docker": {"engine": "other"}, "workloads": [workload("docker", memory=3 * GIB)]},
        [docker()],
        {"headroom": 0},
        [12, -4, 0, -3, -2, -3],
    ),
)


@pytest.mark.parametrize(("facts", "pools", "capacity", "amounts"), [row[1:] for row in EXACT], ids=[row[0] for row in EXACT])
def test_the_ledger_fits_exactly_and_not_with_one_byte_less(
    facts: Json, pools: t.Sequence[Json], capacity: Json, amounts: t.Sequence[float]
) -> None:
    spare = int(sum(amounts) * GIB) if len(amounts) > 5 and amounts[-1] > 0 else 0
    lines = amounts[:-1] if spare else amounts
    cpus = {**capacity, "cpu_factor": 100}
    result = plan(facts, pools, cpus)
    assert [line.bytes / GIB for line in result.ledger] == list(lines)
    assert (checks(result), result.free) == ([], int(sum(lines) * GIB))
    smaller = {**facts, "memory": facts["memory"] - result.free - 1}
    # The reserve is the same: none of these Macs stands just above a step of it.
    violation = only(plan(smaller, pools, cpus))
    assert (violation.check, violation.pool) == ("memory", "")
    assert violation.need == t.cast(int, violation.have) + 1 == smaller["memory"] + 1
    assert "needs " in violation.message and "bytes)" in violation.message


SCENARIOS_REFUSED: t.Sequence[t.Tuple[str, int, t.Sequence[Json], Json, t.Sequence[str]]] = (
    ("tart: one MiB more each", 32, [tart(count=2, memory=12 * GIB + MIB)], {}, ["memory"]),
    ("tart: a third at 8 GiB", 32, [tart(count=3, memory="8GiB")], {}, ["macos-vm-licence"]),
    ("docker: a seventh of 3", 32, [docker(count=7, memory="3GiB")], {"headroom": 0, "docker_vm_base": "8GiB"}, ["memory"]),
    ("mixed: a fifth container", 64, [tart(count=2, memory="16GiB"), docker(count=5, memory="3GiB")], {"headroom": "9GiB"}, ["memory"]),
    ("mixed: a third VM on a huge Mac", 512, [tart(count=3, memory="16GiB"), docker(count=4, memory="3GiB")], {"headroom": "9GiB"}, ["macos-vm-licence"]),
    ("sandbox: 13 of 1.5", 24, [sandbox(count=13, memory="1.5GiB")], {}, ["memory"]),
    ("sandbox: untrusted", 24, [sandbox(count=1, trust="untrusted")], {}, ["trust"]),
)


@pytest.mark.parametrize(("memory", "pools", "capacity", "wanted"), [row[1:] for row in SCENARIOS_REFUSED], ids=[row[0] for row in SCENARIOS_REFUSED])
def test_scenarios_one_step_further_are_refused(memory: int, pools: t.Sequence[Json], capacity: Json, wanted: t.Sequence[str]) -> None:
    assert checks(plan({"memory": memory * GIB}, pools, capacity)) == wanted


def test_fifteen_sandboxes_of_1_2_gib_fit() -> None:
    result = plan({"memory": 24 * GIB}, [sandbox(count=15, memory="1.2GiB")])
    assert (checks(result), result.free) == ([], 18 * GIB - 15 * 1_288_490_188)


@pytest.mark.parametrize(
    ("fields", "taken"),
    (
        ({"memory": 5 * GIB, "guest": "linux"}, 5),
        ({"guest": "linux"}, 4),
        ({"guest": "macos"}, 12),
        ({}, 12),
        ({"kind": "vm-process"}, 12),
        ({"kind": "vm-process", "memory": GIB}, 12),
        ({"kind": "vm-process", "memory": 20 * GIB}, 20),
        ({"kind": "vm-process", "memory": GIB, "guest": "macos"}, 1),
        ({"kind": "vm-process", "memory": GIB, "guest": "linux"}, 1),
        ({"kind": "docker"}, 2),
        ({"kind": "docker", "memory": GIB}, 1),
        ({"kind": "container", "memory": GIB - 200 * MIB}, 1),
        ({"state": "paused", "memory": GIB}, 1),
        ({"state": "suspended", "memory": GIB}, 1),
        ({"state": "stopped", "memory": GIB}, 0),
        ({"owned": True, "memory": GIB}, 0),
    ),
)
def test_what_a_foreign_workload_takes(fields: Json, taken: int) -> None:
    base = 0 if fields.get("kind") == "docker" else 3
    capacity = {**BARE, "docker_vm_base": f"{3 - base}GiB"}
    assert plan({"workloads": [workload(**fields)]}, [], {**capacity, "docker_vm_base": 0}).free == (64 - taken) * GIB


def test_suspended_ones_count_unless_the_operator_says_otherwise() -> None:
    facts = {"workloads": [workload(state="suspended", memory=4 * GIB, guest="macos")]}
    assert plan(facts, [], BARE).free == 60 * GIB
    assert plan(facts, [], {**BARE, "count_suspended": False}).free == 64 * GIB
    assert checks(plan(facts, [tart(count=2)])) == ["macos-vm-licence"]
    assert checks(plan(facts, [tart(count=2)], {"count_suspended": False})) == []


@pytest.mark.parametrize("seed", range(30))
def test_any_ledger_adds_up(seed: int) -> None:
    """Whatever is on a Mac: supply less every line is what is left, and memory is refused below zero only."""
    dice = random.Random(seed)
    pools = [maker(count=dice.randint(0, 5), memory=dice.randint(8 * GIB, 9 * GIB)) for maker in (tart, docker, sandbox)]
    kinds = ("tart", "docker", "container", "vm-process")
    states = ("running", "paused", "suspended", "stopped")
    others = [
        workload(dice.choice(kinds), dice.choice(states), name=f"other-{n}", memory=dice.choice((None, dice.randint(0, 9 * GIB))))
        for n in range(dice.randint(0, 5))
    ]
    result = plan({"memory": dice.randint(GIB, 200 * GIB), "workloads": others}, pools)
    assert ("memory" in checks(result)) == (result.free < 0)


# --- macOS guests ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "others", "refused"),
    (
        (2, [], False),
        (3, [], True),
        (1, [workload(guest="macos")], False),
        (2, [workload(guest="macos")], True),
        (2, [workload(guest="linux")], False),
        (2, [workload()], True),
        (2, [workload("vm-process")], True),
        (2, [workload("vm-process", guest="linux")], False),
        (2, [workload(guest="macos", state="paused")], True),
        (2, [workload(guest="macos", state="suspended")], True),
        (2, [workload(guest="macos", state="stopped")], False),
        (2, [workload("docker", guest="linux")], False),
        (2, [workload("container")], False),
        (2, [workload(guest="macos", owned=True, name="mac-runners-ios-1")], False),
        (0, [workload(guest="macos", name=f"other-{n}") for n in range(3)], False),
        (1, [workload(guest="macos", name=f"other-{n}") for n in range(3)], True),
    ),
)
def test_two_macos_guests_a_mac(ours: int, others: t.Sequence[Json], refused: bool) -> None:
    result = plan({"memory": 512 * GIB, "workloads": others}, [tart(count=ours)])
    assert checks(result) == (["macos-vm-licence"] if refused else [])
    if refused:
        counted = only(result)
        assert (counted.pool, counted.have) == ("", 2)
        assert t.cast(int, counted.need) == ours + len(others)


def test_pools_are_counted_together_and_linux_guests_are_not() -> None:
    pools = [tart(count=1), tart(name="mac", count=2), tart(name="lin", guest="linux", count=4)]
    assert only(plan({"memory": 512 * GIB}, pools)).message == "3 macOS VMs planned; Apple's licence allows 2 a Mac"


def test_the_refusal_names_the_foreign_ones() -> None:
    others = [workload(guest="macos", name="golden", state="suspended", memory=GIB), workload(guest="macos", memory=GIB)]
    message = only(plan({"workloads": others[:1]}, [tart(count=2)])).message
    assert message == "2 macOS VMs planned beside 1 foreign: golden (suspended); Apple's licence allows 2 a Mac"
    message = only(plan({"workloads": others}, [tart()])).message
    assert message == "1 macOS VMs planned beside 2 foreign: golden (suspended), other (running); Apple's licence allows 2 a Mac"


# --- the Docker VM and Docker Desktop ------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "others", "refused"),
    (
        (9 * GIB, [], False),
        (9 * GIB - 1, [], True),
        (9 * GIB, [workload("docker", memory=1)], True),
        (9 * GIB + 1, [workload("docker", memory=1)], False),
        (11 * GIB - 1, [workload("docker")], True),
        (11 * GIB, [workload("docker")], False),
        (9 * GIB, [workload("docker", state="stopped", memory=GIB)], False),
        (9 * GIB, [workload("docker", state="paused", memory=1)], True),
        (9 * GIB, [workload("docker", memory=GIB, owned=True, name="mac-runners-linux-1")], False),
        (None, [], False),
    ),
)
def test_containers_fit_into_their_vm(size: t.Optional[int], others: t.Sequence[Json], refused: bool) -> None:
    """Base 3 GiB and three of 2 GiB; an unlimited foreign one counts 2."""
    facts = {"docker": {"engine": "colima", "memory": size, "cpus": 6}, "workloads": others}
    result = plan(facts, [docker(count=3)])
    assert checks(result) == (["docker-vm"] if refused else [])


def test_a_container_is_no_smaller_than_its_overhead() -> None:
    facts = {"docker": {"engine": "colima", "memory": 9 * GIB, "cpus": 6}}
    capacity = {"isolations": {"docker": {"overhead": 1}}}
    assert only(plan(facts, [docker(count=3)], capacity)).need == 9 * GIB + 3


@pytest.mark.parametrize(
    ("licences", "refused"),
    (
        ({}, True),
        ({"docker_desktop": {"subscription": "pro"}}, False),
        ({"docker_desktop": {"employees": 5, "revenue_usd": 5}}, False),
        ({"docker_desktop": {"employees": 5}}, True),
        ({"docker_desktop": {"employees": 5000, "revenue_usd": 5}}, True),
        ({"docker_desktop": {"government": True}}, True),
    ),
)
def test_docker_desktop_wants_a_declaration(licences: Json, refused: bool) -> None:
    facts = {"docker": {"engine": "docker-desktop", "memory": 16 * GIB, "cpus": 8}}
    assert checks(plan(facts, [docker()], licences=licences)) == (["docker-desktop-licence"] if refused else [])
    assert checks(plan(facts, [sandbox()], licences=licences)) == []
    assert checks(plan({"docker": {"engine": "colima", "memory": 16 * GIB}}, [docker()], licences=licences)) == []


# --- cpus, disk, ports ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "pools", "capacity", "refused"),
    (
        ({"cores": 10}, [sandbox(count=20)], {}, None),
        ({"cores": 10}, [sandbox(count=21)], {}, (21, 20)),
        ({"cores": 10}, [sandbox(count=10)], {"cpu_factor": 1}, None),
        ({"cores": 10}, [sandbox(count=11)], {"cpu_factor": 1}, (11, 10)),
        ({"cores": 15}, [sandbox(count=123, memory="1GiB")], {"cpu_factor": 8.2}, None),
        ({"cores": 15}, [sandbox(count=124, memory="1GiB")], {"cpu_factor": 8.2}, (124, 123)),
        ({"cores": 10}, [sandbox(count=15)], {"cpu_factor": 1.55}, None),
        ({"cores": 10}, [sandbox(count=16)], {"cpu_factor": 1.55}, (16, 15)),
        ({"cores": 10}, [sandbox(count=13)], {"cpu_factor": "1.299999999"}, (13, 12)),
        ({"cores": 10}, [tart(cpus=10)], {}, None),
        ({"cores": 10}, [tart(cpus=11)], {}, (11, 10)),
        ({"cores": 10, "docker": {"engine": "colima", "memory": 16 * GIB, "cpus": 4}}, [docker(cpus=4)], {}, None),
        ({"cores": 10, "docker": {"engine": "colima", "memory": 16 * GIB, "cpus": 4}}, [docker(cpus=5)], {}, (5, 4)),
        ({"cores": 10, "docker": {"engine": "colima", "memory": 16 * GIB}}, [docker(cpus=10)], {}, None),
        ({"cores": None}, [tart(cpus=1000)], {}, None),
    ),
)
def test_cpus(facts: Json, pools: t.Sequence[Json], capacity: Json, refused: t.Optional[t.Tuple[int, int]]) -> None:
    result = plan({"memory": 512 * GIB, "disk_free": None, **facts}, pools, capacity)
    found = [(violation.need, violation.have) for violation in result.violations if violation.check == "cpus"]
    assert found == ([refused] if refused else [])
    assert set(checks(result)) <= {"cpus"}


OWNED = [workload(owned=True, name="mac-runners-ios-1", state="stopped")]


@pytest.mark.parametrize(
    ("facts", "pools", "capacity", "need"),
    (
        ({}, [tart(count=2)], {}, 54 + 2 * 20),
        ({}, [tart(count=2, disk="30GiB")], {}, 54 + 2 * 30),
        ({}, [tart(), tart(name="b", image="acme/other:1")], {}, 2 * 54 + 2 * 20),
        ({}, [tart(), tart(name="b")], {}, 54 + 2 * 20),
        ({"images": ["acme/macos:26"]}, [tart(count=2)], {}, 2 * 20),
        ({"workloads": OWNED}, [tart(count=2)], {}, 20),
        ({"workloads": OWNED}, [tart(count=1)], {}, 0),
        ({"workloads": [workload(name="mac-runners-ios-1", guest="linux", memory=1)]}, [tart(count=1)], {}, 54 + 20),
        ({}, [docker(count=2)], {}, 5 + 2 * 10),
        ({}, [docker(), {**docker(name="apple"), "isolation": "container"}], {}, 2 * (5 + 10)),
        ({}, [sandbox(count=4)], {}, 4 * 10),
        ({"sip": "disabled"}, [{**sandbox(count=2), "isolation": "chroot"}], {}, 6 + 2 * 10),
        ({}, [sandbox()], {"isolations": {"sandbox": {"disk": "3GiB"}}}, 3),
        ({}, [sandbox()], {"disk_reserve": 0}, 10 - 20),
    ),
)
def test_disk(facts: Json, pools: t.Sequence[Json], capacity: Json, need: int) -> None:
    """What is still to be made, beside 20 GiB kept free."""
    free = (need + 20) * GIB
    assert checks(plan({**facts, "disk_free": free}, pools, capacity)) == []
    if need:
        violation = only(plan({**facts, "disk_free": free - 1}, pools, capacity))
        assert violation.check == "disk"
        assert t.cast(int, violation.need) == t.cast(int, violation.have) + 1


@pytest.mark.parametrize(
    ("pools", "capacity", "refused"),
    (
        ([sandbox(count=291)], {}, []),
        ([sandbox(count=292)], {}, ["lint"]),
        ([sandbox(count=2), sandbox(name="b", count=2)], {}, []),
        ([sandbox(port_base=49052)], {}, []),
        ([sandbox(port_base=49053)], {}, ["lint"]),
        ([sandbox(count=2, port_base=30000), sandbox(name="b", port_base=30200)], {}, []),
        ([sandbox(count=2, port_base=30000), sandbox(name="b", port_base=30199)], {}, ["b"]),
        ([sandbox(count=1), sandbox(name="z", port_base=20000)], {}, ["z"]),
        ([sandbox(count=0), sandbox(name="b", port_base=20000)], {}, []),
        ([sandbox(count=2)], {"port_base": 49051}, ["lint"]),
        ([sandbox(count=2)], {"port_base": 49150, "ports_per_slot": 1}, []),
        ([sandbox(count=3)], {"port_base": 49150, "ports_per_slot": 1}, ["lint"]),
        ([tart(count=2), docker(count=4)], {"ports_per_slot": 10000}, []),
    ),
)
def test_ports(pools: t.Sequence[Json], capacity: Json, refused: t.Sequence[str]) -> None:
    result = plan({"memory": 1024 * GIB, "cores": 1000, "disk_free": 9000 * GIB}, pools, {**capacity, "cpu_factor": 100})
    assert [(v.check, v.pool) for v in result.violations] == [("ports", pool) for pool in refused]


def test_of_two_ranges_that_end_together_the_first_is_named() -> None:
    pools = [sandbox(count=2, port_base=30000), sandbox(name="b", port_base=30100), sandbox(name="c", port_base=30150)]
    messages = [violation.message for violation in plan({}, pools).violations if violation.pool == "c"]
    assert messages == ["ports 30150 to 30249 overlap those of pool lint (30000 to 30199)"]


def test_one_range_inside_a_larger_one_is_found() -> None:
    """Three ranges: the second lies in the first, and so does the third, which the second does not touch."""
    pools = [sandbox(count=9, port_base=30000), sandbox(name="b", port_base=30100), sandbox(name="c", port_base=30500)]
    assert [violation.pool for violation in plan({}, pools).violations if violation.check == "ports"] == ["b", "c"]


# --- platform, trust, network, image, names, facts -----------------------------------------


@pytest.mark.parametrize(
    ("facts", "pool", "message"),
    (
        ({"arch": "x86_64"}, tart(), "tart needs Apple silicon, this Mac is x86_64"),
        ({"arch": "x86_64"}, {**docker(), "isolation": "container"}, "container needs Apple silicon, this Mac is x86_64"),
        ({"arch": "x86_64"}, docker(), None),
        ({"arch": "x86_64"}, sandbox(), None),
        ({"macos": "15.7"}, {**docker(), "isolation": "container"}, "container needs macOS 26 or later, this Mac has 15.7"),
        ({"macos": "26"}, {**docker(), "isolation": "container"}, None),
        ({"macos": "12.7"}, tart(), "tart needs macOS 13 or later, this Mac has 12.7"),
        ({"macos": "13.0"}, tart(), None),
        ({"sip": "enabled"}, {**sandbox(), "isolation": "chroot"}, "chroot needs System Integrity Protection off, this Mac has it enabled"),
        ({"sip": None}, {**sandbox(), "isolation": "chroot"}, "chroot needs System Integrity Protection off, this Mac has it unknown"),
        ({"sip": "custom"}, {**sandbox(), "isolation": "chroot"}, "chroot needs System Integrity Protection off, this Mac has it custom"),
        ({"sip": "disabled"}, {**sandbox(), "isolation": "chroot"}, None),
        ({"virtual_machine": True}, tart(), "this Mac is itself a virtual machine and cannot run macOS guests"),
        ({"virtual_machine": True}, sandbox(), None),
    ),
)
def test_platform(facts: Json, pool: Json, message: t.Optional[str]) -> None:
    result = plan(facts, [pool])
    assert [(v.check, v.pool, v.message) for v in result.violations] == ([("platform", pool["name"], message)] if message else [])
    assert checks(plan(facts, [{**pool, "count": 0}])) == []


@pytest.mark.parametrize("trust", ("untrusted", "internal", "trusted"))
@pytest.mark.parametrize(
    ("isolation", "weakest"),
    (("tart", "untrusted"), ("docker", "internal"), ("container", "internal"), ("sandbox", "trusted"), ("account", "trusted"), ("chroot", "trusted")),
)
def test_trust_needs_isolation(isolation: str, weakest: str, trust: str) -> None:
    order = ("untrusted", "internal", "trusted")
    pool: Json = {"name": "a", "isolation": isolation, "trust": trust}
    if isolation in ("tart", "docker", "container"):
        pool["image"] = "x" + DIGEST
    if isolation == "tart":
        pool["network"] = "softnet"
    refused = order.index(trust) < order.index(weakest)
    assert checks(plan({"sip": "disabled"}, [pool])) == (["trust"] if refused else [])


def test_untrusted_code_on_tart_needs_softnet_and_a_digest() -> None:
    assert checks(plan({}, [tart(trust="untrusted")])) == ["network", "image-pin"]
    assert checks(plan({}, [tart(trust="untrusted", network="softnet")])) == ["image-pin"]
    assert checks(plan({}, [tart(trust="untrusted", image="x" + DIGEST)])) == ["network"]
    assert checks(plan({}, [tart(trust="untrusted", network="softnet", image="x" + DIGEST)])) == []


@pytest.mark.parametrize(
    ("mac", "name", "count", "refused"),
    (("m" * 59, "a", 1, False), ("m" * 60, "a", 9, False), ("m" * 60, "a", 10, True), ("m" * 61, "a", 1, True), ("m" * 90, "a", 0, False)),
)
def test_a_runner_name_has_64_characters_at_most(mac: str, name: str, count: int, refused: bool) -> None:
    result = plan({"memory": 512 * GIB}, [sandbox(name=name, count=count)], mac=mac)
    assert checks(result) == (["names"] if refused else [])
    if refused:
        assert (only(result).need, only(result).have) == (len(f"{mac}-{name}-{count}"), 64)


@pytest.mark.parametrize(
    ("facts", "message"),
    (
        ({"memory": None}, "could not be read: its memory (a Mac that cannot be read whole counts as full)"),
        (
            {"unread": ["docker: no answer", "disk"]},
            "could not be read: docker: no answer; disk (a Mac that cannot be read whole counts as full)",
        ),
    ),
)
def test_a_mac_that_could_not_be_read_whole_is_full(facts: Json, message: str) -> None:
    for pools in ([], [sandbox()]):
        violation = only(plan(facts, pools))
        assert (violation.check, violation.message) == ("facts", message)


@pytest.mark.parametrize(
    ("measured_at", "now", "capacity", "refused"),
    (
        (1000, 1900, {}, False),
        (1000, 1901, {}, True),
        (1900, 1000, {}, False),
        (1901, 1000, {}, True),
        (1000, 1061, {"facts_max_age": 60}, True),
        (1000, 1060, {"facts_max_age": 60}, False),
        (1000, None, {}, False),
        (None, 99999, {}, False),
    ),
)
def test_old_facts_and_clocks_that_differ(measured_at: t.Optional[int], now: t.Optional[int], capacity: Json, refused: bool) -> None:
    result = plan({"measured_at": measured_at}, [], capacity, now=now)
    assert checks(result) == (["facts"] if refused else [])


# --- warnings ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "pools", "warning"),
    (
        ({}, [], "no pools are declared in mac_runners_pools: nothing is planned here"),
        ({}, [sandbox()], "pool lint is low-isolation: sandbox is weak, for trusted code only"),
        ({}, [sandbox(isolation="account")], "pool lint is low-isolation: account is very-weak, for trusted code only"),
        ({}, [docker()], "pool linux: image acme/linux:1 is not pinned by digest and may change"),
        ({"cores": None}, [docker(image="x" + DIGEST)], "cores is not known: check cpus is left out"),
        ({"disk_free": None}, [docker(image="x" + DIGEST)], "disk_free is not known: check disk is left out"),
        (
            {"tart": {"version": "2.33.0"}},
            [tart(image="x" + DIGEST)],
            "Tart from 2.33.0 on is under FSL-1.1-ALv2: not for a product or service that competes with it; "
            "confirm with mac_runners_licences.tart.fsl_confirmed: true",
        ),
        ({"pressure": 2}, [docker(image="x" + DIGEST)], "the Mac is under memory pressure now (level 2 of 4)"),
        (
            {"tart": {"version": "2.28.5"}},
            [docker(image="x" + DIGEST)],
            "Tart 2.28.5 is older than 2.28.6, the oldest that can be driven without a terminal",
        ),
        (
            {"workloads": [workload(guest="linux")]},
            [docker(image="x" + DIGEST)],
            "foreign tart other has no known memory limit: counted as a runner of its kind with the default memory",
        ),
        (
            {"workloads": [workload(name="golden", owned=True)]},
            [docker(image="x" + DIGEST)],
            "tart golden is marked as ours but its name is not",
        ),
    ),
)
def test_warnings(facts: Json, pools: t.Sequence[Json], warning: str) -> None:
    result = plan(facts, pools)
    assert (result.fits, list(result.warnings)) == (True, [warning])


@pytest.mark.parametrize("facts", ({}, {"pressure": 1, "tart": {"version": "2.28.6"}}, {"workloads": [workload(state="stopped")]}))
def test_a_good_mac_has_no_warnings(facts: Json) -> None:
    assert plan(facts, [docker(image="x" + DIGEST), sandbox(count=0)]).warnings == ()


def test_an_image_that_is_refused_is_not_warned_of_too() -> None:
    result = plan({}, [tart(trust="untrusted", network="softnet")], licences={"tart": {"fsl_confirmed": True}})
    assert (checks(result), result.warnings) == (["image-pin"], ())


def test_what_could_not_be_read_or_is_not_needed_is_not_missed() -> None:
    unknown = {"cores": None, "disk_free": None}
    assert plan({**unknown, "unread": ["all"]}, [docker(image="x" + DIGEST)]).warnings == ()
    assert plan(unknown, []).warnings == ("no pools are declared in mac_runners_pools: nothing is planned here",)


# --- words ---------------------------------------------------------------------------------

WEAK = "use a stronger isolation, or say trust: "
APPLE: Json = {**docker(name="apple"), "isolation": "container"}
ENGINE: Json = {"engine": "colima", "memory": 8 * GIB, "cpus": 4}
CS = "c" * 31
DASHES = "-" * 27

#: What is different on the Mac, its pools, numbers and the one violation, word for word.
WORDS: t.Sequence[t.Tuple[Json, t.Sequence[Json], Json, Violation]] = (
    (
        {"measured_at": 100},
        [],
        {},
        Violation(
            "facts", "", 901, 900,
            "its facts are 901 s away from this clock, at most 900 s are allowed; read them again, and set the clocks if that does not help",
        ),
    ),
    ({"unread": ["disk"]}, [], {}, Violation("facts", "", None, None, "could not be read: disk (a Mac that cannot be read whole counts as full)")),
    (
        {},
        [sandbox(name="b" * 31), sandbox(name=CS, count=10, memory="1GiB")],
        {},
        Violation("names", CS, 65, 64, f'runner name "mac{DASHES}-{CS}-10" has 65 characters, GitHub takes 64'),
    ),
    (
        {"sip": None},
        [sandbox(isolation="chroot")],
        {},
        Violation("platform", "lint", None, None, "chroot needs System Integrity Protection off, this Mac has it unknown"),
    ),
    (
        {},
        [docker(trust="untrusted", image="x" + DIGEST)],
        {},
        Violation(
            "trust", "linux", None, None,
            "docker is medium isolation and runs no untrusted code, this pool takes untrusted code; " + WEAK + "internal if that is true",
        ),
    ),
    (
        {},
        [sandbox(trust="internal")],
        {},
        Violation(
            "trust", "lint", None, None,
            "sandbox is weak isolation and runs only trusted code, this pool takes internal code; " + WEAK + "trusted if that is true",
        ),
    ),
    (
        {},
        [tart(trust="untrusted", image="x" + DIGEST)],
        {},
        Violation("network", "ios", None, None, "untrusted code on nat reaches the Mac and its LAN; say network: softnet"),
    ),
    (
        {},
        [tart(trust="untrusted", network="softnet")],
        {},
        Violation("image-pin", "ios", None, None, "untrusted code needs an image pinned by digest (@sha256:...), got acme/macos:26"),
    ),
    ({}, [tart(cpus=13)], {}, Violation("cpus", "ios", 13, 12, "a runner with 13 cpus on a Mac with 12")),
    ({"docker": ENGINE}, [docker(cpus=5)], {}, Violation("cpus", "linux", 5, 4, "a runner with 5 cpus on a Docker VM with 4")),
    ({"cores": 2}, [sandbox(count=4)], {"cpu_factor": 1.5}, Violation("cpus", "", 4, 3, "runners have 4 cpus in all, 2 cores carry 3 (1.5 each)")),
    (
        {"docker": {"engine": "docker-desktop"}},
        [docker()],
        {},
        Violation(
            "docker-desktop-licence", "", None, None,
            "the engine is Docker Desktop and nothing is declared in mac_runners_licences.docker_desktop; declare what you hold or use another engine",
        ),
    ),
    ({"memory": 8 * GIB}, [sandbox(count=2)], {}, Violation("memory", "", 9 * GIB, 8 * GIB, "needs 9 GiB, has 8 GiB")),
    (
        {"docker": ENGINE},
        [docker(count=3)],
        {},
        Violation("docker-vm", "", 9 * GIB, 8 * GIB, "containers and VM base need 9 GiB, the Docker VM has 8 GiB"),
    ),
    ({"disk_free": 29 * GIB}, [sandbox()], {}, Violation("disk", "", 10 * GIB, 9 * GIB, "needs 10 GiB on disk, has 9 GiB beside the 20 GiB kept free")),
    ({"disk_free": GIB}, [sandbox()], {}, Violation("disk", "", 10 * GIB, 0, "needs 10 GiB on disk, has 0 GiB beside the 20 GiB kept free")),
    ({}, [sandbox(port_base=49053)], {}, Violation("ports", "lint", 49152, 49151, "ports 49053 to 49152 reach 49152, where macOS takes its own")),
    (
        {},
        [sandbox(port_base=30000), sandbox(name="b", port_base=30099)],
        {},
        Violation("ports", "b", 30099, 30100, "ports 30099 to 30198 overlap those of pool lint (30000 to 30099)"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("facts", "pools", "capacity", "violation"), WORDS, ids=[row[3].check for row in WORDS])
def test_the_words_of_a_refusal(facts: Json, pools: t.Sequence[Json], capacity: Json, violation: Violation) -> None:
    assert only(plan(facts, pools, capacity, mac="mac" + "@" * 27 if violation.check == "names" else "mac", now=1001)) == violation


def test_the_lines_of_a_ledger() -> None:
    facts = {
        "docker": ENGINE,
        "workloads": [workload(memory=GIB, guest="linux"), workload("container", "paused", name="box", memory=GIB), workload("docker", memory=GIB)],
    }
    pools = [tart(count=2, memory="12GiB"), {**APPLE, "count": 3}, docker(), sandbox(count=0)]
    known = [
        ("memory of the Mac", 64 * GIB),
        ("reserve for macOS", -8 * GIB),
        ("headroom", -2 * GIB),
        ("pool ios: 2 x 12 GiB", -24 * GIB),
        ("pool apple: 3 x 2 GiB", -6 * GIB),
        ("pool apple: overhead 3 x 0.195 GiB (200 MiB)", -600 * MIB),
        ("Docker VM (colima), its configured size", -8 * GIB),
        ("foreign tart other (running)", -GIB),
        ("foreign container box (paused)", -GIB - 200 * MIB),
    ]
    assert list(plan(facts, pools).ledger) == known
    unknown = [("Docker VM base", -3 * GIB), ("pool linux: 1 x 2 GiB", -2 * GIB), ("foreign docker other (running)", -GIB)]
    assert list(plan({**facts, "docker": {"engine": "other"}}, pools).ledger) == [*known[:6], *unknown, *known[7:]]
