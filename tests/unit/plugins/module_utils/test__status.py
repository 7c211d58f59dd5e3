# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts, Workload
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._status import status_rows, status_text


def _pool(name, isolation="tart", **fields):
    return Pool(name=name, isolation=isolation, count=2, memory=1, cpus=1, disk=0, **{"lifecycle": "persistent", **fields})


def _workload(name, kind="tart", **fields):
    return Workload(kind=kind, name=name, **fields)


def test_a_slot_shows_what_is_there():
    facts = MacFacts(workloads=(_workload("mac-runners-ios-1", owned=True), _workload("mac-runners-ios-2", owned=True, state="stopped")))
    rows = status_rows([_pool("ios")], facts)
    assert [(row.slot, row.state, row.as_declared) for row in rows] == [("ios-1", "running", True), ("ios-2", "stopped", False)]


def test_a_slot_without_anything_is_missing():
    rows = status_rows([_pool("linux", "docker")], MacFacts())
    assert [(row.state, row.as_declared) for row in rows] == [("missing", False)] * 2


def test_what_is_planned_and_not_built_expects_nothing():
    rows = status_rows([_pool("lint", "sandbox"), _pool("ios", lifecycle="ephemeral")], MacFacts())
    assert {(row.state, row.as_declared) for row in rows} == {("not managed", None)}
    assert rows[0].note.startswith("low-isolation") and "low-isolation" not in rows[2].note


def test_leftovers_of_ours_and_foreign_things_are_shown():
    facts = MacFacts(
        workloads=(
            _workload("mac-runners-old-1", owned=True),
            _workload("theirs", state="suspended"),
            _workload("asleep", state="stopped"),
        )
    )
    rows = status_rows([], facts)
    assert [(row.slot, row.note, row.as_declared) for row in rows] == [
        ("old-1", "ours, in no pool", False),
        ("theirs", "foreign", None),
    ]


def test_the_table_has_a_line_for_the_holder_and_for_what_could_not_be_read():
    row = {"slot": "ios-1", "isolation": "tart", "level": "strong", "state": "running", "note": ""}
    text = status_text({"mac-1": {"slots": [row], "holder": "fleet acme", "unread": ["docker"]}, "mac-2": {"slots": [], "holder": "", "unread": []}})
    assert text.splitlines()[1:] == [
        "mac-1  -      -          -       held     by fleet acme",
        "mac-1  ios-1  tart       strong  running",
        "mac-1  -      -          -       unread   docker",
        "mac-2  -      -          -       -        nothing declared, nothing found",
    ]


def _record(name="linux-1", **fields):
    whole = {"name": name, "state": "listening", "since": 40, "job": "", "job_since": 0, "failures": 0, "message": "", "jobs": 0}
    return {**whole, "program": "0.1.0-aa", "mark": "", "running": True, **fields}


def _rows(*slots, expected=("linux-1", "linux-2"), **facts):
    return status_rows([_pool("linux", "docker", lifecycle="ephemeral")], MacFacts(measured_at=100, **facts), slots, expected)


def test_a_slot_that_is_installed_says_what_it_does():
    rows = _rows(_record(), _record("linux-2", state="job", job="build", job_since=10, jobs=3))
    assert [(row.state, row.as_declared, row.note) for row in rows] == [
        ("listening", True, "for 1 min; program 0.1.0-aa"),
        ("job", True, "job build for 1 min; 3 jobs so far; program 0.1.0-aa"),
    ]


def test_a_slot_that_does_not_work_says_why():
    rows = _rows(_record(state="stuck", failures=3, message="it did not listen"), _record("linux-2", state="drained", mark="drain"))
    assert [(row.state, row.as_declared) for row in rows] == [("stuck", False), ("drained", False)]
    assert "3 failures in a row; it did not listen" in rows[0].note and "drained by an operator" in rows[1].note
    assert _rows(_record(running=False))[0][3:5] == ("down", False)


def test_a_slot_that_shall_be_and_is_not_there_is_missing():
    assert [(row.state, row.as_declared) for row in _rows(_record())] == [("listening", True), ("missing", False)]


def test_a_slot_in_no_pool_is_shown_once_whatever_it_runs():
    facts = {"workloads": (_workload("mac-runners-old-1", "docker", owned=True),)}
    rows = [row for row in _rows(_record("old-1", state="job", job="build", mark="removal"), expected=(), **facts) if row.slot == "old-1"]
    assert [(row.state, row.as_declared) for row in rows] == [("job", False)] and "ours, in no pool; job build" in rows[0].note


def test_a_persistent_runner_tells_whether_it_is_registered_busy_and_drained():
    facts = MacFacts(workloads=(_workload("mac-runners-kept-1", "docker", owned=True), _workload("mac-runners-kept-2", "docker", owned=True)))
    told = {"runner_name": "mac-1-kept-1", "id": 7, "busy": True, "drained": True}
    registrations = [{**told, "name": "kept-1"}, {**told, "name": "kept-2", "id": 0, "busy": False, "drained": False}]
    rows = status_rows([_pool("kept", "docker")], facts, registrations=registrations)
    assert [row.note for row in rows] == ["registered as mac-1-kept-1; a job runs; drained by an operator", "not registered"]
