# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan is a function of its seed, and the referee finds what is wrong."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from tests.simulation import plan
from tests.simulation.referee import Blow, History, JobHistory, verdict

SLOTS = [("mac-1", "box-1"), ("mac-1", "box-2"), ("mac-2", "ios-1")]
BEGAN: dict[str, t.Any] = {"what": "begin", "found": [], "host": "c1", "home": "/home/runner", "inode": 7, "guest": ""}
GOOD = JobHistory(1, "Succeeded", "Succeeded", ("mac-1-box-1-aa",), 10.0, 20.0, (BEGAN,))
OTHER = JobHistory(2, "Succeeded", "Succeeded", ("mac-1-box-1-bb",), 30.0, 40.0, ({**BEGAN, "host": "c2"},))
BLOW = Blow("listener", "mac-1", ("box-1",), 15.0, 15.1)


def lost(**fields: t.Any) -> JobHistory:
    return dataclasses.replace(GOOD, **{"result": "Lost", **fields})


def test_the_same_seed_makes_the_same_choices() -> None:
    assert plan.make(7, 50, SLOTS) == plan.make(7, 50, SLOTS) != plan.make(8, 50, SLOTS)


def test_a_short_run_has_every_fault() -> None:
    made = plan.make(1, 30, SLOTS)
    assert {fault.kind for fault in made.faults} == set(plan.DECK)
    assert len(made.jobs) == 30 == made.released(len(made.faults))
    assert made.released(0) == len(SLOTS)


def test_faults_of_one_isolation_are_for_its_slots() -> None:
    for fault in plan.make(3, 500, SLOTS).faults:
        assert fault.kind not in ("container", "engine") or fault.slot.startswith("box-")
        assert fault.kind != "vm" or fault.slot == "ios-1"


def test_a_good_history_has_nothing_wrong() -> None:
    counters, violations = verdict(History(jobs=[GOOD, OTHER]))
    assert (violations, counters["ended as they should"]) == ([], 2)


def test_what_the_simulation_killed_is_not_lost_to_us() -> None:
    counters, violations = verdict(History(jobs=[lost()], blows=[BLOW]))
    assert (violations, counters["killed by the simulation"], counters["  by listener"]) == ([], 1, 1)


@pytest.mark.parametrize(
    ("job", "blow"),
    [
        (lost(), dataclasses.replace(BLOW, slots=("box-2",))),
        (lost(), dataclasses.replace(BLOW, mac="mac-3")),
        (lost(), dataclasses.replace(BLOW, start=5.0, end=8.0)),
        (lost(), dataclasses.replace(BLOW, start=21.0, end=22.0)),
        (lost(result="Canceled"), dataclasses.replace(BLOW, start=21.0, end=22.0)),
        (lost(result="", ended=0.0), BLOW),
        (lost(result="", runners=(), taken=0.0, ended=0.0, begun=()), BLOW),
        (lost(wanted="Failed", result="Succeeded"), dataclasses.replace(BLOW, mac="mac-2")),
    ],
)
def test_what_nobody_killed_is_lost_to_us(job: JobHistory, blow: Blow) -> None:
    counters, violations = verdict(History(jobs=[job], blows=[blow]))
    assert counters["lost to us"] == 1 and "lost to us" in violations[0]


def breaches(**texts: str) -> dict[str, list[str]]:
    return {kind: [texts[kind]] if kind in texts else [] for kind in ("foreign", "plan", "play")}


@pytest.mark.parametrize(
    ("counter", "history"),
    [
        ("run twice", History(jobs=[dataclasses.replace(GOOD, begun=(BEGAN, {**BEGAN, "host": "c9"}))])),
        ("run twice", History(jobs=[dataclasses.replace(GOOD, runners=("mac-1-box-1-aa", "mac-1-box-2-bb"))])),
        ("environments used twice", History(jobs=[GOOD, dataclasses.replace(OTHER, begun=(BEGAN,))])),
        ("environments used twice", History(jobs=[GOOD, dataclasses.replace(OTHER, runners=GOOD.runners)])),
        ("environments used twice", History(jobs=[dataclasses.replace(GOOD, begun=({**BEGAN, "found": ["simulated-job-9"]},))])),
        ("environments used twice", History(jobs=[GOOD], processes=[(1, 9)])),
        ("foreign things touched", History(breaches=breaches(foreign="gone"))),
        ("over the plan", History(breaches=breaches(plan="three VMs"))),
        ("plays that broke", History(breaches=breaches(play="a traceback"))),
        ("left behind", History(left=["a runner"])),
        ("slots that did not work again", History(idle=["box-1"])),
    ],
)
def test_every_rule_is_watched(counter: str, history: History) -> None:
    counters, violations = verdict(history)
    assert counters[counter] == 1 and len(violations) == 1
    assert sum(counters[name] for name in ("lost to us", "run twice", "environments used twice", "left behind")) <= 1


def test_guests_of_two_macs_may_have_the_same_number() -> None:
    guests = [{**BEGAN, "host": host, "guest": "/Users/admin/.tart/vms/mac-runners-ios-1"} for host in ("mac-1.local", "mac-2.local")]
    jobs = [dataclasses.replace(GOOD, begun=(guests[0],)), dataclasses.replace(OTHER, begun=(guests[1],))]
    assert verdict(History(jobs=jobs))[1] == []
