# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the plan: called directly, and as Ansible's templates call them."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter import capacity_check, capacity_plan, capacity_report

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).resolve().parents[4]
FACTS: Json = {"memory": "32GiB", "arch": "arm64", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "400GiB"}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
GOOD: Json = {"mac_runners_facts": FACTS, "mac_runners_pools": [LINT]}
FULL: Json = {"mac_runners_facts": FACTS, "mac_runners_pools": [{**LINT, "count": 20}]}

plan_of = capacity_plan.FilterModule().filters()["capacity_plan"]
check = capacity_check.FilterModule().filters()["capacity_check"]
report = capacity_report.FilterModule().filters()["capacity_report"]


# --- directly -------------------------------------------------------------------------------


def test_capacity_plan_leaves_its_input_alone_and_ignores_what_it_does_not_know() -> None:
    fleet = {"a": {**GOOD, "ansible_host": "192.0.2.1", "groups": object()}}
    before = copy.copy(fleet["a"])
    plan = plan_of(fleet)
    assert plan["fits"] is True
    assert fleet["a"] == before
    assert plan == plan_of({"a": GOOD})


@pytest.mark.parametrize("fleet", ("a", [], None, 5, {"a": "b"}, {"a": None}, {"a": GOOD, "b": [GOOD]}))
def test_capacity_plan_of_something_else_fails(fleet: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="capacity_plan takes a mapping of host names to the variables of each host"):
        plan_of(fleet)


def test_unreachable_macs() -> None:
    fleet = {"a": GOOD, "b": FULL}
    assert plan_of(fleet)["fits"] is False
    assert plan_of(fleet, ["b"])["fits"] is True
    assert plan_of(fleet, unreachable=["b"], refuse_unreachable=True)["fits"] is False
    with pytest.raises(AnsibleFilterError, match="got unreachable 'b'; allowed: a list of host names"):
        plan_of(fleet, "b")


def test_measured_facts_are_judged_by_the_clock() -> None:
    def at(measured_at: int, **now: int) -> bool:
        host = {"ansible_facts": {"mac_runners_measured": {**FACTS, "measured_at": measured_at}}, "mac_runners_pools": [LINT]}
        return bool(plan_of({"a": host}, **now)["fits"])

    assert at(1000, now=1900) is True
    assert at(1000, now=1901) is False
    assert at(1000) is False


@pytest.mark.parametrize("place", ("ansible_facts", ""))
def test_facts_that_were_measured_win(place: str) -> None:
    measured = {"mac_runners_measured": {**FACTS, "memory": 8 * 1024**3}}
    host = {**GOOD, **({place: measured} if place else measured)}
    assert plan_of({"a": host})["macs"]["a"]["ledger"][0]["bytes"] == 8 * 1024**3


def test_a_mac_that_could_not_be_read_is_full() -> None:
    plan = plan_of({"a": {**GOOD, "capacity_failure": "no Python"}})
    assert [v["check"] for v in plan["macs"]["a"]["violations"]] == ["facts"]
    assert "no Python" in plan["macs"]["a"]["violations"][0]["message"]


def test_capacity_check_returns_what_fits() -> None:
    plan = plan_of({"a": GOOD})
    assert check(plan) is plan


def test_capacity_check_raises_with_every_refusal() -> None:
    fleet = {"a": GOOD, "b": FULL, "c": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**LINT, "trust": "internal"}]}}
    with pytest.raises(AnsibleFilterError) as caught:
        check(plan_of(fleet))
    message = str(caught.value)
    assert message.startswith("The plan is refused, nothing was changed on any Mac. 3 Macs: 1 fit, 2 refused.")
    for part in (
        "b is refused:\n  memory: needs 38 GiB, has 32 GiB\n  ledger:\n     32 GiB  memory of the Mac\n",
        "    -30 GiB  pool lint: 20 x 1.5 GiB\n     -6 GiB  left\n",
        "  smallest change that fits:\n    pool lint: memory 1.5 GiB -> 1.2 GiB (1288490188 bytes)",
        'c is refused:\n  trust: pool "lint": sandbox is weak isolation',
    ):
        assert part in message
    assert "a is refused" not in message


@pytest.mark.parametrize("plan", (None, "x", [], {}, {"fits": True}, {"macs": {}}))
def test_what_is_no_plan_is_told(plan: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="capacity_check takes a plan, as the filter capacity_plan returns it"):
        check(plan)
    with pytest.raises(AnsibleFilterError, match="capacity_report takes a plan, as the filter capacity_plan returns it"):
        report(plan)


def test_capacity_report_writes_text_and_markdown() -> None:
    plan = plan_of({"a": FULL})
    assert report(plan) == report(plan, "text")
    assert report(plan).startswith("MAC  VERDICT")
    assert report(plan, "markdown").startswith("**The plan is refused")
    with pytest.raises(AnsibleFilterError, match="got format 'html'; allowed: text, markdown"):
        report(plan, "html")


# --- through templates ------------------------------------------------------------------------

PREFIX = "action_packer.mac_runners."
#: Name -> expression; the fleet's texts are templates, as in an inventory.
EXPRESSIONS = {
    "plan": "{{ fleet | PREFIXcapacity_plan(now=5) }}",
    "check": "{{ (fleet | PREFIXcapacity_plan | PREFIXcapacity_check).fits }}",
    "report": "{{ fleet | PREFIXcapacity_plan | PREFIXcapacity_report }}",
    "markdown": "{{ fleet | PREFIXcapacity_plan | PREFIXcapacity_report('markdown') }}",
    "refused": "{{ full | PREFIXcapacity_plan | PREFIXcapacity_check }}",
    "no fleet": "{{ 'text' | PREFIXcapacity_plan }}",
    "text": "{{ rendered | PREFIXcapacity_plan }}",
    "undefined": "{{ undefined | PREFIXcapacity_plan }}",
    "unreachable": "{{ full | PREFIXcapacity_plan(['b']) | PREFIXcapacity_check }}",
    "wrong": "{{ wrong | PREFIXcapacity_plan }}",
}
VARIABLES: Json = {
    "per_mac": 2,
    "fleet": {
        "a": {
            "mac_runners_facts": {**FACTS, "memory": "{{ 16 * 2 }}GiB"},
            "mac_runners_pools": [{**LINT, "count": "{{ per_mac }}", "memory": "{{ 1.5 * 1024 ** 3 }}"}],
            "never_read": "{{ nope }}",
        }
    },
    "full": {"a": GOOD, "b": FULL},
    "rendered": {"a": {"mac_runners_facts": FACTS, "mac_runners_pools": "{{ '[]' }}"}},
    "undefined": {"a": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**LINT, "count": "{{ nope }}"}]}},
    "wrong": {"a": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**LINT, "memory": "{{ '12G' }}", "labels": ["{{ 'a,b' }}"]}]}},
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Json]:
    """Every expression, evaluated by one process with Ansible's own loader of collections."""
    given = {"variables": VARIABLES, "expressions": [text.replace("PREFIX", PREFIX) for text in EXPRESSIONS.values()]}
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")}
    script = pathlib.Path(__file__).with_name("evaluate.py")
    run = subprocess.run([sys.executable, str(script)], input=json.dumps(given), env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return dict(zip(EXPRESSIONS, json.loads(run.stdout), strict=True))


def test_templates_inside_the_fleet_are_rendered(answers: dict[str, Json]) -> None:
    plan = answers["plan"]["value"]
    assert plan["fits"] is True
    assert [line["what"] for line in plan["macs"]["a"]["ledger"]][-1] == "pool lint: 2 x 1.5 GiB"
    assert plan["macs"]["a"]["ledger"][0]["bytes"] == 32 * 1024**3


def test_the_chain_of_filters(answers: dict[str, Json]) -> None:
    assert answers["check"] == {"value": True}
    assert answers["report"]["value"].startswith("MAC  VERDICT")
    assert answers["markdown"]["value"].startswith("**The plan fits.")
    assert answers["unreachable"]["value"]["fits"] is True


def test_a_refusal_is_an_error_with_its_reasons(answers: dict[str, Json]) -> None:
    assert "b is refused:\n  memory: needs 38 GiB, has 32 GiB\n  ledger:\n" in answers["refused"]["error"]


def test_mistakes_of_templates(answers: dict[str, Json]) -> None:
    assert "capacity_plan takes a mapping of host names" in answers["no fleet"]["error"]
    assert "nope" in answers["undefined"]["error"] and "undefined" in answers["undefined"]["error"]
    for name, messages in (
        ("text", ['field mac_runners_pools: got "[]"; allowed: a list']),
        ("wrong", ['pool "lint", field memory: got "12G"; allowed: a size', 'pool "lint", field labels[0]: got "a,b"; allowed: a text']),
    ):
        found = [violation["message"] for violation in answers[name]["value"]["macs"]["a"]["violations"]]
        assert len(found) == len(messages)
        assert all(one.startswith(start) for one, start in zip(found, messages, strict=True))
