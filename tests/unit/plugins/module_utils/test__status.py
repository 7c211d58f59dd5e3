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
