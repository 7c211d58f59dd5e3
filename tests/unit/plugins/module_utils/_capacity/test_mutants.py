# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only mutation tests showed to be untested: words of refusals, moves onto names of others, the digest."""

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import MEASURED, as_data, plan_fleet
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import summary_report, text_report, verdict

Json = t.Dict[str, t.Any]
FACTS: Json = {"memory": "64GiB", "arch": "arm64", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "800GiB"}
TART: Json = {"name": "ios", "isolation": "tart", "image": "acme/macos:26"}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}


def mac(*pools: Json, facts: t.Optional[Json] = None, **variables: t.Any) -> Json:
    return {"mac_runners_facts": {**FACTS, **(facts or {})}, "mac_runners_pools": list(pools), **variables}


def plan(fleet: Json, **options: t.Any) -> Json:
    return as_data(plan_fleet(fleet, **options))


def violations(fleet: Json, name: str, **options: t.Any) -> t.List[Json]:
    return t.cast(t.List[Json], plan(fleet, **options)["macs"][name]["violations"])


# --- words -------------------------------------------------------------------------------


def test_a_runner_name_of_another_mac_is_said_with_pool_and_mac() -> None:
    fleet = {"a": mac({**LINT, "name": "b-c"}), "a-b": mac({**LINT, "name": "c"})}
    assert violations(fleet, "a-b") == [
        {"check": "names", "pool": "c", "need": None, "have": None, "message": 'runner names "a-b-c-<n>" are already those of pool b-c on a'}
    ]


TART_REFUSAL = (
    "Tart 2.32.1 is under Fair Source 0.9, {held} host cores; the fleet has {total} on {count} such Macs{silent}; "
    "upgrade Tart to 2.33.0 or later, or declare your licence in mac_runners_licences.tart.host_cores"
)


@pytest.mark.parametrize(
    ("cores", "held", "silent", "words"),
    (
        (60, None, (), {"held": "free up to 100", "total": 120, "count": 2, "silent": ""}),
        (60, 110, (), {"held": "declared for 110", "total": 120, "count": 2, "silent": ""}),
        (40, None, ("c",), {"held": "free up to 100", "total": 112, "count": 2, "silent": " and 1 that could not be asked (32 each)"}),
    ),
)
def test_the_refusal_of_an_older_tart(cores: int, held: t.Optional[int], silent: t.Sequence[str], words: Json) -> None:
    licences = {"tart": {"host_cores": held}} if held else {}
    one = mac(facts={"tart": {"version": "2.32.1"}, "cores": cores}, mac_runners_licences=licences)
    fleet = {"a": one, "b": one, **{name: {"mac_runners_pools": [TART]} for name in silent}}
    found = violations(fleet, "a", unreachable=silent)
    assert found == [
        {"check": "tart-licence", "pool": "", "need": words["total"], "have": held or 100, "message": TART_REFUSAL.format(**words)}
    ]


@pytest.mark.parametrize("left_out", ("unreachable", "unasked"))
def test_a_mac_that_was_left_out_is_not_blamed(left_out: str) -> None:
    old = {"tart": {"version": "2.32.1"}, "cores": 101}
    macs = plan({"a": mac(facts=old), "b": mac({**LINT, "name": "c"}), "b-c": mac(facts=old)}, **{left_out: ["b-c"]})["macs"]
    assert [violation["check"] for violation in macs["a"]["violations"]] == ["tart-licence"]
    assert macs.get("b-c", {"violations": []})["violations"] == []


def test_a_wrong_measured_fact_is_named_as_measured() -> None:
    (found,) = violations({"a": {MEASURED: {**FACTS, "cores": "ten"}, "mac_runners_pools": []}}, "a")
    assert "mac_runners_measured.cores" in found["message"]


def test_a_mistake_names_its_pool() -> None:
    (found,) = violations({"a": mac({**LINT, "cpus": 0})}, "a")
    assert (found["check"], found["pool"], found["need"], found["have"]) == ("input", "lint", None, None)


def test_facts_that_cannot_be_read_are_no_missing_facts() -> None:
    found = violations({"a": {"mac_runners_facts": {"memory": "64 gigs"}, "mac_runners_pools": []}}, "a")
    assert not any("neither measured nor declared" in one["message"] for one in found)


def test_a_pool_that_goes_is_hinted_at() -> None:
    fleet = {"a": mac({**LINT, "trust": "untrusted"}), "b": mac({**TART, "count": 3})}
    macs = plan(fleet)["macs"]
    assert [change["message"] for change in macs["a"]["changes"]] == ["pool lint: count 1 -> 0 (remove the pool)"]
    assert [change["message"] for change in macs["b"]["changes"]] == ["pool ios: count 3 -> 2"]
    one = plan({"a": mac({**LINT, "count": 2, "memory": "40GiB", "cpus": 1}, facts={"memory": "52GiB"}, mac_runners_capacity=LARGE)})
    assert [change["message"] for change in one["macs"]["a"]["changes"]] == ["pool lint: count 2 -> 1"]


#: A sandbox that cannot be shrunk.
LARGE: Json = {"isolations": {"sandbox": {"minimum": "38GiB"}}}


# --- the report --------------------------------------------------------------------------


def test_all_silent_macs_and_all_checks_are_listed() -> None:
    fleet = {"a": {}, "b": {}, "c": mac({**TART, "count": 3, "memory": "30GiB"})}
    data = plan(fleet, unreachable=["a", "b"])
    assert verdict(data).endswith("3 Macs: 0 fit, 1 refused, 2 not reached (a, b).")
    assert "c    REFUSED      64 GiB  -36 GiB  macos-vm-licence, memory\n" in summary_report(data)


def test_a_message_that_does_not_name_its_pool_is_given_it() -> None:
    data = plan({"a": mac({**LINT, "name": "forks", "trust": "untrusted"})})
    message = data["macs"]["a"]["violations"][0]["message"]
    assert f'  trust: pool "forks": {message}\n' in text_report(data)


@pytest.mark.parametrize(("number", "about"), ((1, "a"), (3, "a, b, c"), (4, "a, b, c and 1 more"), (5, "a, b, c and 2 more")))
def test_a_warning_names_three_macs(number: int, about: str) -> None:
    data = plan({name: mac(LINT) for name in "abcde"[:number]})
    assert f"  {about}: pool lint is low-isolation" in summary_report(data)


# --- ports ---------------------------------------------------------------------------------


def test_a_pool_follows_the_one_before_also_when_that_one_has_a_base() -> None:
    first = {**LINT, "port_base": 49052}
    assert [(v["check"], v["pool"]) for v in violations({"a": mac(first, {**LINT, "name": "next"})}, "a")] == [("ports", "next")]
    assert violations({"a": mac({**LINT, "name": "next"}, first)}, "a") == []


# --- moves ---------------------------------------------------------------------------------

FULL = {**LINT, "count": 4, "memory": "20GiB"}


def moves(fleet: Json, name: str) -> t.List[t.Tuple[str, int, str]]:
    return [(move["pool"], move["count"], move["to"]) for move in plan(fleet)["macs"][name]["moves"]]


def test_the_mac_with_most_room_comes_first_whatever_its_name() -> None:
    assert moves({"full": mac(FULL), "a": mac(), "z": mac(facts={"memory": "128GiB"})}, "full") == [("lint", 2, "z")]
    assert moves({"full": mac(FULL), "a": mac(facts={"memory": "128GiB"}), "z": mac()}, "full") == [("lint", 2, "a")]


def test_of_macs_with_the_same_room_the_first_name_takes_it() -> None:
    assert moves({"full": mac(FULL), "z": mac(), "a": mac()}, "full") == [("lint", 2, "a")]


def test_nothing_moves_where_its_runner_name_is_taken() -> None:
    pool = {**FULL, "name": "x-y"}
    fleet = {"full": mac(pool), "m": mac(), "m-x": mac({**LINT, "name": "y"}, facts={"memory": "16GiB"})}
    assert moves(fleet, "full") == []
    fleet["m-x"]["mac_runners_pools"][0]["name"] = "z"
    assert moves(fleet, "full") == [("x-y", 2, "m")]
    fleet["m-x"]["mac_runners_pools"][0].update(name="y", count=0)
    assert moves(fleet, "full") == [("x-y", 2, "m")]


def test_nothing_moves_where_a_runner_of_its_kind_must_be_larger() -> None:
    larger = {"isolations": {"sandbox": {"minimum": 20 * 1024**3 + 1}}}
    assert moves({"full": mac(FULL), "b": mac(mac_runners_capacity=larger)}, "full") == []
    larger["isolations"]["sandbox"]["minimum"] -= 1
    assert moves({"full": mac(FULL), "b": mac(mac_runners_capacity=larger)}, "full") == [("lint", 2, "b")]


def test_nothing_moves_for_a_licence_of_the_fleet() -> None:
    old = mac({**LINT, "count": 2}, facts={"tart": {"version": "2.32.1"}, "cores": 101})
    assert moves({"old": old, "b": mac()}, "old") == []


# --- plan file -----------------------------------------------------------------------------


def test_anybody_can_compute_the_digest() -> None:
    data = plan({"b": mac(LINT), "a": mac({**LINT, "count": 99})})
    text = json.dumps(sorted(data["macs"].items()), separators=(",", ":"))
    assert data["digest"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
