# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's numbers: defaults of the sizing guide, what may replace them, what is a mistake."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import (
    DEFAULT_COSTS,
    Cost,
    Licences,
    Policy,
    parse_licences,
    parse_policy,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB, MIB


@pytest.mark.parametrize(
    ("kind", "cost"),
    (
        ("tart-macos", Cost(12 * GIB, 8 * GIB, 0, 4, 20 * GIB, 54 * GIB)),
        ("tart-linux", Cost(4 * GIB, 4 * GIB, 0, 2, 10 * GIB, 10 * GIB)),
        ("docker", Cost(2 * GIB, 512 * MIB, 0, 2, 10 * GIB, 5 * GIB)),
        ("container", Cost(2 * GIB, 512 * MIB, 200 * MIB, 2, 10 * GIB, 5 * GIB)),
        ("sandbox", Cost(1536 * MIB, GIB, 0, 1, 10 * GIB, 0)),
        ("account", Cost(1536 * MIB, GIB, 0, 1, 10 * GIB, 0)),
        ("chroot", Cost(1536 * MIB, GIB, 0, 1, 10 * GIB, 6 * GIB)),
    ),
)
def test_costs_of_the_sizing_guide(kind: str, cost: Cost) -> None:
    assert DEFAULT_COSTS[kind] == cost
    assert len(DEFAULT_COSTS) == 7


@pytest.mark.parametrize(
    ("memory", "reserve"),
    ((8, 4), (16, 4), (24, 4), (24.5, 6), (32, 6), (32.5, 8), (64, 8), (512, 8)),
)
def test_reserve_grows_with_the_mac(memory: float, reserve: int) -> None:
    assert Policy().reserve_for(int(memory * GIB)) == reserve * GIB


def test_a_reserve_of_ones_own_is_taken_whatever_the_mac() -> None:
    policy, _none = parse_policy({"reserve": "1GiB"})
    assert policy.reserve_for(64 * GIB) == GIB
    assert parse_policy({"reserve": "auto"})[0].reserve_for(64 * GIB) == 8 * GIB
    assert parse_policy({"reserve": 0})[0].reserve_for(64 * GIB) == 0


@pytest.mark.parametrize("raw", (None, {}))
def test_defaults(raw: t.Any) -> None:
    policy, mistakes = parse_policy(raw)
    assert mistakes == []
    assert (policy.headroom, policy.disk_reserve, policy.cpu_factor) == (2 * GIB, 20 * GIB, 2.0)
    assert (policy.count_suspended, policy.docker_vm_base) == (True, 3 * GIB)
    assert (policy.port_base, policy.ports_per_slot, policy.facts_max_age) == (20000, 100, 900)


def test_every_number_can_be_set() -> None:
    raw = {
        "reserve": "5GiB",
        "headroom": "1GiB",
        "disk_reserve": 0,
        "cpu_factor": 1.5,
        "count_suspended": False,
        "docker_vm_base": "8GiB",
        "port_base": 30000,
        "ports_per_slot": 10,
        "facts_max_age": 60,
        "isolations": {"docker": {"memory": 7, "minimum": 6, "overhead": 5, "cpus": 4, "disk": 3, "image_disk": 2}},
    }
    policy, mistakes = parse_policy(raw)
    assert mistakes == []
    assert policy == Policy(
        5 * GIB, GIB, 0, 1.5, False, 8 * GIB, 30000, 10, 60, {**DEFAULT_COSTS, "docker": Cost(7, 6, 5, 4, 3, 2)}
    )


SIZE = "a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB"
WRONG_POLICIES: t.Sequence[t.Tuple[t.Any, t.Sequence[str]]] = (
    ("4GiB", ['field mac_runners_capacity: got "4GiB"; allowed: a mapping of fields']),
    ({"reserve": "4G"}, [f'field mac_runners_capacity.reserve: got "4G"; allowed: {SIZE}']),
    ({"reserve": "none"}, [f'field mac_runners_capacity.reserve: got "none"; allowed: {SIZE}']),
    ({"cpu_factor": 0}, ["field mac_runners_capacity.cpu_factor: got 0; allowed: a number above 0, at most 100"]),
    ({"count_suspended": "maybe"}, ['field mac_runners_capacity.count_suspended: got "maybe"; allowed: true or false']),
    ({"port_base": 49152}, ["field mac_runners_capacity.port_base: got 49152; allowed: a whole number from 1024 to 49151"]),
    ({"facts_max_age": 0}, ["field mac_runners_capacity.facts_max_age: got 0; allowed: a whole number from 1 to 86400"]),
    (
        {"headrom": 1},
        [
            "field mac_runners_capacity.headrom: got an unknown field; allowed: count_suspended, cpu_factor, disk_reserve, "
            "docker_vm_base, facts_max_age, headroom, isolations, port_base, ports_per_slot, reserve; did you mean headroom?"
        ],
    ),
    (
        {"isolations": {"tart": {"memory": 1}}},
        [
            "field mac_runners_capacity.isolations.tart: got an unknown field; allowed: account, chroot, container, docker, "
            "sandbox, tart-linux, tart-macos; did you mean tart-macos?"
        ],
    ),
    ({"isolations": {"docker": 5}}, ["field mac_runners_capacity.isolations.docker: got 5; allowed: a mapping of fields"]),
    (
        {"isolations": {"docker": {"minimum": "512M", "cpus": 0}}},
        [
            f'field mac_runners_capacity.isolations.docker.minimum: got "512M"; allowed: {SIZE}',
            "field mac_runners_capacity.isolations.docker.cpus: got 0; allowed: a whole number from 1 to 1024",
        ],
    ),
)


@pytest.mark.parametrize(("raw", "messages"), WRONG_POLICIES)
def test_wrong_policies(raw: t.Any, messages: t.Sequence[str]) -> None:
    _policy, mistakes = parse_policy(raw)
    assert [mistake.message for mistake in mistakes] == messages


def test_no_setting_raises_apples_limit() -> None:
    for field in ("macos_vms", "most_macos_guests", "macos_vm_licence"):
        assert len(parse_policy({field: 3})[1]) == 1
        assert len(parse_licences({field: 3})[1]) == 1


@pytest.mark.parametrize(
    ("raw", "licences"),
    (
        (None, Licences()),
        ({}, Licences(100, False, "", "")),
        ({"tart": {"host_cores": 500}}, Licences(tart_cores=500)),
        ({"tart": {"host_cores": "unlimited", "fsl_confirmed": True}}, Licences(tart_cores=None, tart_fsl_confirmed=True)),
        ({"docker_desktop": {"subscription": "team"}}, Licences(docker_desktop="subscription team")),
        ({"docker_desktop": {"use": "open-source"}}, Licences(docker_desktop="open-source use")),
        (
            {"docker_desktop": {"employees": 249, "revenue_usd": 9_999_999}},
            Licences(docker_desktop="249 employees, 9999999 USD revenue"),
        ),
        ({"docker_desktop": {"employees": 10}}, Licences()),
        ({"docker_desktop": {"revenue_usd": 10}}, Licences()),
        (
            {"docker_desktop": {"government": True, "use": "education"}},
            Licences(docker_desktop_refusal="a government entity needs a subscription"),
        ),
        ({"docker_desktop": {"government": True, "subscription": "business"}}, Licences(docker_desktop="subscription business")),
    ),
)
def test_licences(raw: t.Any, licences: Licences) -> None:
    assert parse_licences(raw) == (licences, [])


@pytest.mark.parametrize(("employees", "revenue"), ((250, 0), (0, 10_000_000), (250, 10_000_000)))
def test_larger_companies_pay_for_docker_desktop(employees: int, revenue: int) -> None:
    licences, mistakes = parse_licences({"docker_desktop": {"employees": employees, "revenue_usd": revenue}})
    assert mistakes == []
    assert licences.docker_desktop == ""
    assert "a subscription is needed" in licences.docker_desktop_refusal


@pytest.mark.parametrize(
    ("raw", "field"),
    (
        ("mine", "mac_runners_licences"),
        ({"tart": "bought"}, "mac_runners_licences.tart"),
        ({"tart": {"host_cores": "many"}}, "mac_runners_licences.tart.host_cores"),
        ({"tart": {"host_cores": 0}}, "mac_runners_licences.tart.host_cores"),
        ({"tart": {"fsl_confirmed": "surely"}}, "mac_runners_licences.tart.fsl_confirmed"),
        ({"docker_desktop": {"subscription": "free"}}, "mac_runners_licences.docker_desktop.subscription"),
        ({"docker_desktop": {"employees": -1}}, "mac_runners_licences.docker_desktop.employees"),
        ({"docker_desktop": {"staff": 5}}, "mac_runners_licences.docker_desktop.staff"),
        ({"docker": {}}, "mac_runners_licences.docker"),
    ),
)
def test_wrong_licences(raw: t.Any, field: str) -> None:
    licences, mistakes = parse_licences(raw)
    assert [mistake.field for mistake in mistakes] == [field]
    assert licences == Licences()


LIMITS: t.Sequence[t.Tuple[t.Callable[..., t.Any], t.Sequence[str], int, int]] = (
    (parse_policy, ("port_base",), 1024, 49151),
    (parse_policy, ("ports_per_slot",), 1, 10000),
    (parse_policy, ("facts_max_age",), 1, 86400),
    (parse_policy, ("isolations", "docker", "cpus"), 1, 1024),
    (parse_licences, ("tart", "host_cores"), 1, 10**6),
    (parse_licences, ("docker_desktop", "employees"), 0, 10**8),
    (parse_licences, ("docker_desktop", "revenue_usd"), 0, 10**15),
)


@pytest.mark.parametrize(("parse", "path", "least", "most"), LIMITS)
def test_numbers_from_the_least_to_the_most(parse: t.Callable[..., t.Any], path: t.Sequence[str], least: int, most: int) -> None:
    for number in (least - 1, least, most, most + 1):
        raw: t.Any = number
        for field in reversed(path):
            raw = {field: raw}
        mistakes = [(m.field.split(".", 1)[1], m.allowed) for m in parse(raw)[1]]
        good = least <= number <= most
        assert mistakes == ([] if good else [(".".join(path), f"a whole number from {least} to {most}")])


@pytest.mark.parametrize(
    ("raw", "allowed"),
    (
        ({"x": 1}, "docker_desktop, tart"),
        ({"tart": {"x": 1}}, "fsl_confirmed, host_cores"),
        ({"docker_desktop": {"x": 1}}, "employees, government, revenue_usd, subscription, use"),
        ({"docker_desktop": {"subscription": 1}}, "one of pro, team, business"),
        ({"docker_desktop": {"use": 1}}, "one of personal, education, open-source"),
    ),
)
def test_what_is_allowed_is_said(raw: t.Any, allowed: str) -> None:
    assert [mistake.allowed for mistake in parse_licences(raw)[1]] == [allowed]


@pytest.mark.parametrize("subscription", ("pro", "team", "business"))
def test_any_subscription_will_do(subscription: str) -> None:
    assert parse_licences({"docker_desktop": {"subscription": subscription}})[0].docker_desktop == f"subscription {subscription}"


@pytest.mark.parametrize("use", ("personal", "education", "open-source"))
def test_uses_that_are_free(use: str) -> None:
    assert parse_licences({"docker_desktop": {"use": use}})[0].docker_desktop == f"{use} use"


def test_the_refusal_of_a_larger_company() -> None:
    refusal = parse_licences({"docker_desktop": {"employees": 250, "revenue_usd": 1}})[0].docker_desktop_refusal
    assert refusal == "from 250 employees or 10 million USD revenue on a subscription is needed"


def test_costs_that_are_not_set_stay() -> None:
    policy, mistakes = parse_policy({"isolations": {"docker": {}, "chroot": {"image_disk": "1GiB"}, "account": {"x": 1}}})
    assert policy.costs == {**DEFAULT_COSTS, "chroot": Cost(1536 * MIB, GIB, 0, 1, 10 * GIB, GIB)}
    assert [m.allowed for m in mistakes] == ["cpus, disk, image_disk, memory, minimum, overhead"]
