# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole fleet: licences over all Macs, names, Macs that could not be asked, moves, plan data."""

from __future__ import annotations

import copy
import json
import random
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import MEASURED, as_data, plan_fleet

Json = t.Dict[str, t.Any]
GIB = 1024**3
FACTS: Json = {"memory": "64GiB", "arch": "arm64", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "800GiB"}
TART: Json = {"name": "ios", "isolation": "tart", "image": "acme/macos:26"}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}


def mac(*pools: Json, facts: t.Optional[Json] = None, **variables: t.Any) -> Json:
    return {"mac_runners_facts": {**FACTS, **(facts or {})}, "mac_runners_pools": list(pools), **variables}


def measured(*pools: Json, facts: t.Optional[Json] = None, **variables: t.Any) -> Json:
    return {MEASURED: {**FACTS, **(facts or {})}, "mac_runners_pools": list(pools), **variables}


def plan(fleet: Json, **options: t.Any) -> Json:
    before = copy.deepcopy(fleet)
    data = as_data(plan_fleet(fleet, **options))
    assert fleet == before, "planning changed its input"
    assert json.loads(json.dumps(data)) == data
    return data


def refusals(data: Json) -> t.Dict[str, t.List[str]]:
    """Mac -> the checks that refuse it."""
    return {name: [v["check"] for v in one["violations"]] for name, one in data["macs"].items() if one["violations"]}


# --- shape -------------------------------------------------------------------------------


def test_the_plan_has_the_agreed_shape() -> None:
    data = plan({"a": mac(LINT), "b": mac({**TART, "count": 3})})
    assert list(data) == ["fits", "digest", "macs"]
    assert data["fits"] is False
    assert list(data["macs"]) == ["a", "b"]
    for one in data["macs"].values():
        assert list(one) == ["fits", "ledger", "free", "violations", "warnings", "changes", "moves"]
        assert all(list(line) == ["what", "bytes"] for line in one["ledger"])
        assert one["free"] == sum(line["bytes"] for line in one["ledger"])
    assert list(data["macs"]["b"]["violations"][0]) == ["check", "pool", "need", "have", "message"]


def test_one_mac_that_does_not_fit_stops_the_whole_fleet() -> None:
    fleet = {f"mac-{n}": mac(LINT) for n in range(20)}
    assert plan(fleet)["fits"] is True
    fleet["mac-7"] = mac({**LINT, "count": 50})
    assert plan(fleet)["fits"] is False


def test_an_empty_fleet_fits() -> None:
    assert plan({}) == {"fits": True, "digest": plan({})["digest"], "macs": {}}


def test_violations_stand_in_the_order_of_the_checks() -> None:
    pools = [
        {**TART, "count": 3, "memory": "20GiB", "disk": "900GiB"},
        {"name": "lint", "isolation": "sandbox", "count": 30, "port_base": 49000},
        {"name": "Bad", "isolation": "sandbox"},
        {"name": "worse", "isolation": "vm"},
    ]
    checks = refusals(plan({"a": mac(*pools)}))["a"]
    assert checks == ["input", "names", "trust", "macos-vm-licence", "memory", "cpus", "disk", "ports"]


# --- digest ------------------------------------------------------------------------------


def test_the_digest_is_stable_and_sees_everything() -> None:
    fleet = {"a": mac(LINT), "b": mac(TART)}
    first = plan(fleet)["digest"]
    assert first.startswith("sha256:") and len(first) == 71
    assert plan(dict(reversed(list(fleet.items()))))["digest"] == first
    assert plan({**fleet, "b": mac({**TART, "memory": 12 * GIB})})["digest"] == first
    others = (
        {**fleet, "b": mac({**TART, "memory": 12 * GIB + 1})},
        {**fleet, "b": mac({**TART, "count": 2})},
        {**fleet, "b": mac({**TART, "image": "acme/macos:27"})},
        {**fleet, "c": mac()},
        {"a": mac(LINT)},
    )
    digests = {plan(other)["digest"] for other in others}
    assert len(digests) == len(others) and first not in digests


# --- reading -----------------------------------------------------------------------------


def test_macs_are_never_mixed_up() -> None:
    """What many Macs share is read once: the plan of each is the one it has alone."""
    dice = random.Random(1)
    fleet: Json = {}
    for number in range(120):
        pools = [{**LINT, "count": dice.choice((1, "1", 2, "2", True, 1.0))}, {**TART, "memory": dice.choice((8 * GIB, "8GiB", "8 GiB", "8G"))}]
        capacity = dice.choice(({}, {"isolations": {"sandbox": {"memory": "2GiB"}}}, {"headroom": 0}, {"headroom": "0"}, {"headroom": False}))
        fleet[f"mac-{number}"] = mac(*pools, facts={"memory": dice.choice((20 * GIB, "20GiB", "16GiB"))}, mac_runners_capacity=capacity)
    together = plan(fleet)["macs"]
    for name, variables in fleet.items():
        alone = plan({name: variables})["macs"][name]
        assert {**together[name], "moves": []} == {**alone, "moves": []}


def test_a_policy_is_not_taken_for_that_of_a_neighbour() -> None:
    small = {"isolations": {"sandbox": {"memory": "1GiB"}}}
    fleet = {f"mac-{n}": mac(LINT, mac_runners_capacity=small if n % 2 else {}) for n in range(10)}
    taken = {name: one["ledger"][-1]["bytes"] for name, one in plan(fleet)["macs"].items()}
    assert taken == {f"mac-{n}": -GIB if n % 2 else -3 * GIB // 2 for n in range(10)}


@pytest.mark.parametrize("variables", ({}, {"mac_runners_pools": [LINT]}, {"mac_runners_facts": {}}, {"mac_runners_facts": None}, {MEASURED: None}))
def test_a_mac_without_facts_is_full(variables: Json) -> None:
    data = plan({"a": variables})
    assert refusals(data) == {"a": ["facts"]}
    assert "neither measured nor declared in mac_runners_facts.memory" in data["macs"]["a"]["violations"][0]["message"]


def test_all_wrong_variables_of_a_mac_are_told_at_once() -> None:
    variables = mac({**LINT, "count": -1}, facts={"cores": 0}, mac_runners_capacity={"reserve": "4G"}, mac_runners_licences="none")
    messages = [v["message"].split(":")[0] for v in plan({"a": variables})["macs"]["a"]["violations"]]
    assert messages == [
        "field mac_runners_capacity.reserve",
        "field mac_runners_licences",
        'pool "lint", field count',
        "field mac_runners_facts.cores",
    ]


@pytest.mark.parametrize(
    "value",
    (10**5000, float("nan"), "\u0661", "x" * 10_000, {"a": [10**5000]}, [[]]),
    ids=("endless", "nan", "digit", "long", "nested", "list"),
)
@pytest.mark.parametrize("where", ("mac_runners_pools", "mac_runners_facts", "mac_runners_capacity", "mac_runners_licences", MEASURED))
def test_any_value_anywhere_is_a_refusal_and_no_error(where: str, value: t.Any) -> None:
    """As the whole variable, and inside it."""
    inside = [{**LINT, "memory": value}] if where == "mac_runners_pools" else {"tart": value, "memory": value, "reserve": value}
    for given in (value, inside):
        data = plan({"a": {**mac(LINT), where: given}})
        assert data["fits"] is False
        for violation in data["macs"]["a"]["violations"]:
            assert violation["message"].isprintable() and len(violation["message"]) < 600


# --- measured and declared ----------------------------------------------------------------


def test_a_declared_fact_never_beats_a_measured_one_by_being_larger() -> None:
    pools = [{**LINT, "count": 10, "memory": "3GiB"}]
    assert refusals(plan({"a": measured(*pools, facts={"memory": "32GiB"})})) == {"a": ["memory"]}
    assert refusals(plan({"a": measured(*pools, facts={"memory": "32GiB"}, mac_runners_facts={"memory": "64GiB"})})) == {"a": ["memory"]}
    assert refusals(plan({"a": measured(*pools)})) == {}
    assert refusals(plan({"a": measured(*pools, mac_runners_facts={"memory": "32GiB"})})) == {"a": ["memory"]}


def test_a_mac_whose_memory_was_not_measured_is_full_whatever_is_declared() -> None:
    assert refusals(plan({"a": measured(LINT, facts={"memory": None}, mac_runners_facts={"memory": "64GiB"})})) == {"a": ["facts"]}


@pytest.mark.parametrize(("age", "refused"), ((0, False), (900, False), (901, True), (-900, False), (-901, True)))
def test_old_facts_and_clocks_that_differ(age: int, refused: bool) -> None:
    data = plan({"a": measured(LINT, facts={"measured_at": 10_000 - age})}, now=10_000)
    assert refusals(data) == ({"a": ["facts"]} if refused else {})
    assert data["macs"]["a"]["changes"] == []


# --- Macs that could not be asked -----------------------------------------------------------


def test_an_unreachable_mac_is_left_out_and_reported() -> None:
    data = plan({"a": mac(LINT), "b": mac(LINT)}, unreachable=["b"])
    assert (data["fits"], refusals(data)) == (True, {})
    assert data["macs"]["b"]["unreachable"] is True
    assert (data["macs"]["b"]["fits"], data["macs"]["b"]["ledger"]) == (False, [])
    assert "unreachable" not in data["macs"]["a"]


def test_an_unreachable_mac_may_refuse_the_fleet() -> None:
    assert plan({"a": mac(LINT), "b": mac(LINT)}, unreachable=["b"], refuse_unreachable=True)["fits"] is False


def test_an_unreachable_mac_is_never_judged() -> None:
    wrong = {"mac_runners_pools": [{**TART, "count": 3}], "mac_runners_facts": "none"}
    assert refusals(plan({"a": mac(LINT), "b": wrong}, unreachable=["b"])) == {}


def test_a_mac_outside_the_limit_gets_no_plan() -> None:
    data = plan({"a": mac(LINT), "b": mac({**LINT, "count": 99})}, unasked=["b"])
    assert (data["fits"], list(data["macs"])) == (True, ["a"])


# --- runner names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("macs", "refused"),
    (
        ({"a": "b-c", "a-b": "c"}, ["a-b"]),
        ({"a-b": "c", "a": "b-c"}, ["a"]),
        ({"mac 1": "lint", "mac-1": "lint"}, ["mac-1"]),
        ({"mac 1": "lint", "mac/1": "lint", "mac-1": "lint"}, ["mac/1", "mac-1"]),
        ({"mac_1": "lint", "mac-1": "lint"}, []),
        ({"a": "lint", "b": "lint"}, []),
        ({"a": "b", "a-b": "b"}, []),
    ),
)
def test_two_macs_may_not_have_runners_of_one_name(macs: t.Dict[str, str], refused: t.Sequence[str]) -> None:
    data = plan({name: mac({**LINT, "name": pool}) for name, pool in macs.items()})
    assert refusals(data) == {name: ["names"] for name in refused}


@pytest.mark.parametrize("away", ("unreachable", "unasked"))
@pytest.mark.parametrize("order", (("a", "a-b"), ("a-b", "a")))
def test_names_of_macs_that_could_not_be_asked_are_taken(away: str, order: t.Sequence[str]) -> None:
    pools = {"a": "b-c", "a-b": "c"}
    for gone in order:
        asked = next(name for name in order if name != gone)
        data = plan({name: mac({**LINT, "name": pools[name]}) for name in order}, **{away: [gone]})
        assert refusals(data) == {asked: ["names"]}


def test_a_pool_without_runners_takes_no_name() -> None:
    assert refusals(plan({"a": mac({**LINT, "name": "b-c", "count": 0}), "a-b": mac({**LINT, "name": "c"})})) == {}


# --- Tart's licence ---------------------------------------------------------------------------


def tart_mac(cores: t.Optional[int] = 10, version: t.Optional[str] = "2.32.1", **variables: t.Any) -> Json:
    facts: Json = {"cores": cores}
    if version:
        facts["tart"] = {"version": version}
    return mac({**TART, "cpus": 4}, facts=facts, **variables)


@pytest.mark.parametrize(
    ("version", "counted"),
    (
        ("0.38.0", False),
        ("1.0.0", True),
        ("2.0", True),
        ("2.32.0", True),
        ("2.32.1", True),
        ("2.33.0", False),
        ("2.36.0", False),
        ("3.0", False),
        (None, False),
    ),
)
def test_fair_source_ends_with_2_33(version: t.Optional[str], counted: bool) -> None:
    fleet = {f"mac-{n}": tart_mac(version=version) for n in range(11)}
    assert refusals(plan(fleet)) == ({name: ["tart-licence"] for name in fleet} if counted else {})


def test_a_hundred_cores_are_free_over_the_whole_fleet() -> None:
    fleet = {f"mac-{n}": tart_mac() for n in range(10)}
    assert refusals(plan(fleet)) == {}
    fleet["mac-9"] = tart_mac(11)
    data = plan(fleet)
    assert refusals(data) == {name: ["tart-licence"] for name in fleet}
    violation = data["macs"]["mac-0"]["violations"][0]
    assert (violation["need"], violation["have"]) == (101, 100)
    assert data["macs"]["mac-0"]["changes"] == []


@pytest.mark.parametrize(("cores", "refused"), ((109, True), (110, False), ("unlimited", False)))
def test_the_operators_own_licence_counts(cores: t.Any, refused: bool) -> None:
    licences = {"tart": {"host_cores": cores}}
    fleet = {f"mac-{n}": tart_mac(mac_runners_licences=licences) for n in range(11)}
    assert bool(refusals(plan(fleet))) is refused


def test_a_tart_that_no_pool_uses_counts_as_well() -> None:
    idle = mac(facts={"tart": {"version": "2.20.0"}})
    assert len(refusals(plan({f"mac-{n}": idle for n in range(11)}))) == 11


def test_unknown_cores_count_as_the_most_a_mac_has() -> None:
    fleet = {"a": tart_mac(10), "b": tart_mac(None), "c": tart_mac(None)}
    assert refusals(plan(fleet)) == {}
    fleet["d"] = tart_mac(None)
    assert plan(fleet)["macs"]["a"]["violations"][0]["need"] == 106


@pytest.mark.parametrize("away", ("unreachable", "unasked"))
def test_macs_that_could_not_be_asked_count_as_full_for_the_licence(away: str) -> None:
    silent = {"mac_runners_pools": [TART]}
    idle = {"mac_runners_pools": [LINT]}
    fleet = {"a": tart_mac(10), "b": silent, "c": silent, "d": idle}
    assert refusals(plan(fleet, **{away: ["b", "c", "d"]})) == {}
    fleet["d"] = silent
    data = plan(fleet, **{away: ["b", "c", "d"]})
    assert refusals(data) == {"a": ["tart-licence"]}
    assert data["macs"]["a"]["violations"][0]["need"] == 10 + 3 * 32
    assert "and 3 that could not be asked (32 each)" in data["macs"]["a"]["violations"][0]["message"]


def test_newer_tart_warns_until_the_operator_confirms() -> None:
    warnings = plan({"a": tart_mac(version="2.36.0")})["macs"]["a"]["warnings"]
    assert any("FSL-1.1-ALv2" in warning for warning in warnings)
    confirmed = tart_mac(version="2.36.0", mac_runners_licences={"tart": {"fsl_confirmed": True}})
    assert not any("FSL" in warning for warning in plan({"a": confirmed})["macs"]["a"]["warnings"])
    assert not any("FSL" in warning for warning in plan({"a": tart_mac(version="2.32.1")})["macs"]["a"]["warnings"])


# --- changes and moves ------------------------------------------------------------------------


def applied(fleet: Json, data: Json) -> Json:
    """The fleet after the proposed changes of every refused Mac."""
    changed = copy.deepcopy(fleet)
    for name, one in data["macs"].items():
        for change in one["changes"]:
            pool = next(pool for pool in changed[name]["mac_runners_pools"] if pool["name"] == change["pool"])
            pool[change["field"]] = change["new"]
    return changed


def moved(fleet: Json, source: str, move: Json) -> Json:
    """The fleet after one move, written as an operator would."""
    changed = copy.deepcopy(fleet)
    pool = next(pool for pool in changed[source]["mac_runners_pools"] if pool["name"] == move["pool"])
    pool["count"] -= move["count"]
    pools = changed[move["to"]]["mac_runners_pools"]
    same = next((other for other in pools if other["name"] == move["pool"]), None)
    if same is None:
        pools.append({**pool, "count": move["count"]})
    else:
        same["count"] += move["count"]
    return changed


@pytest.mark.parametrize("seed", range(12))
def test_random_fleets_fit_after_what_is_proposed(seed: int) -> None:
    dice = random.Random(seed)
    fleet: Json = {}
    for number in range(8):
        pools: t.List[Json] = [
            {**TART, "count": dice.randint(0, 3), "memory": f"{dice.choice((8, 12, 16))}GiB"},
            {"name": "linux", "isolation": "docker", "image": "acme/linux:1", "count": dice.randint(0, 7), "memory": f"{dice.randint(1, 4)}GiB"},
            {**LINT, "count": dice.randint(0, 8)},
        ]
        fleet[f"mac-{number}"] = mac(*dice.sample(pools, 3), facts={"memory": f"{dice.choice((24, 32, 64))}GiB"})
    data = plan(fleet)
    assert not data["fits"]
    assert plan(applied(fleet, data))["fits"] is True
    for name in refusals(data):
        for move in data["macs"][name]["moves"]:
            after = plan(moved(fleet, name, move))["macs"]
            assert after[name]["fits"] and after[move["to"]]["fits"]


def test_the_fewest_runners_move_to_the_mac_with_most_room() -> None:
    fleet = {"full": mac({**LINT, "count": 4, "memory": "20GiB"}), "some": mac(), "most": mac(facts={"memory": "128GiB"})}
    one = plan(fleet)["macs"]["full"]
    assert [(move["pool"], move["count"], move["to"]) for move in one["moves"]] == [("lint", 2, "most")]
    assert one["moves"][0]["message"] == "move 2 of pool lint to most, which has room"


def test_nothing_moves_to_a_mac_that_cannot_take_it() -> None:
    full = mac({**TART, "count": 3})
    assert plan({"full": full, "intel": mac(facts={"arch": "x86_64"})})["macs"]["full"]["moves"] == []
    assert plan({"full": full, "busy": mac({**TART, "count": 2})})["macs"]["full"]["moves"] == []
    assert plan({"full": full, "other": mac({**TART, "memory": "8GiB"})})["macs"]["full"]["moves"] == []
    assert plan({"full": full, "gone": mac()}, unreachable=["gone"])["macs"]["full"]["moves"] == []
    assert len(plan({"full": full, "same": mac(TART)})["macs"]["full"]["moves"]) == 1


def test_no_change_is_proposed_where_none_helps() -> None:
    for one in (mac({**LINT, "count": -1}), mac(LINT, facts={"unread": ["disk"]}), mac(LINT, facts={"memory": "4GiB"})):
        data = plan({"a": one, "b": mac()})
        assert data["fits"] is False
        assert (data["macs"]["a"]["changes"], data["macs"]["a"]["moves"]) == ([], [])
