# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import Loaded
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_plan import Goal, earlier, job_of, newsyslog_of, plan_install
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import Installed, InstallError, Layout, Slot

LAYOUT = Layout()
PYTHON = "/usr/bin/python3"
OLD, NEW, OLDEST = "0.1.0-" + 12 * "a", "0.2.0-" + 12 * "b", "0.0.9-" + 12 * "c"
UP = Loaded("running", 7, 1, None, False)
SETTINGS = b'{"slot": "linux-1", "pools": []}'


def slot(name="linux-1", **fields):
    whole = {"settings": SETTINGS, "status": {"state": "listening", "program": OLD}, "job": job_of(name, LAYOUT, PYTHON), "daemon": UP}
    return Slot(name, **{**whole, **fields})


def installed(*slots, **fields):
    whole = {
        "versions": (OLD,),
        "broken": (),
        "current": OLD,
        "secrets": {"token": b"t\n"},
        "newsyslog": newsyslog_of(LAYOUT),
        "folders": frozenset((LAYOUT.root,)),
    }
    return Installed(slots={one.name: one for one in slots}, **{**whole, **fields})


NOTHING = Installed({}, (), (), "", {}, None, frozenset())


def goal(*names, **fields):
    return Goal(**{"slots": {name: SETTINGS for name in names}, "purge": True, "secrets": {"token": b"t\n"}, "version": OLD, "python": PYTHON, **fields})


def steps(wanted, found):
    return [(step.resource, step.action) for step in plan_install(wanted, found, LAYOUT).steps]


def test_a_bare_mac_gets_everything_in_order():
    assert steps(goal("linux-1"), NOTHING) == [
        ("program", "install"),
        ("program", "switch"),
        ("credentials", "write"),
        ("newsyslog", "write"),
        ("linux-1", "settings"),
        ("linux-1", "load"),
    ]


def test_what_is_as_it_shall_be_needs_nothing():
    plan = plan_install(goal("linux-1"), installed(slot()), LAYOUT)
    assert (plan.changed, plan.diff) == (False, {"before": {}, "after": {}})


def test_new_settings_do_not_touch_the_daemon():
    plan = plan_install(goal("linux-1", slots={"linux-1": b'{"slot": "linux-1", "pools": [1]}'}), installed(slot()), LAYOUT)
    assert [tuple(step) for step in plan.steps] == [("linux-1", "settings", "pools")]


@pytest.mark.parametrize("change", [{"daemon": None}, {"job": {}}, {"job": {**job_of("linux-1", LAYOUT, PYTHON), "KeepAlive": False}}])
def test_a_daemon_that_is_not_loaded_or_another_is_loaded(change):
    assert steps(goal("linux-1"), installed(slot(**change))) == [("linux-1", "load")]


def test_another_program_is_installed_and_switched_to_and_the_one_before_is_kept():
    assert steps(goal("linux-1", version=NEW), installed(slot())) == [("program", "install"), ("program", "switch")]
    assert earlier(goal(version=NEW), installed()) == OLD


def test_older_programs_go_unless_a_slot_runs_them():
    found = installed(slot(status={"state": "job", "program": OLDEST}), versions=(NEW, OLD, OLDEST), broken=("rest",))
    assert steps(goal("linux-1", version=NEW), found) == [("program", "switch"), ("program", "prune")]
    assert [step.detail for step in plan_install(goal("linux-1", version=NEW), found, LAYOUT).steps][-1] == "rest"
    idle = installed(slot(), versions=(NEW, OLD, OLDEST), current=NEW)
    assert [step.detail for step in plan_install(goal("linux-1", version=NEW), idle, LAYOUT).steps] == [OLDEST]


def test_a_slot_that_nobody_wants_is_drained_and_removed_and_the_others_stay():
    found = installed(slot(), slot("linux-2"))
    assert steps(goal("linux-1"), found) == [("linux-2", "drain"), ("linux-2", "remove")]
    assert steps(goal("linux-1", purge=False), found) == []
    assert steps(Goal(absent=("linux-2", "never-1")), found) == [("linux-2", "drain"), ("linux-2", "remove")]


def test_one_that_has_to_go_and_whose_daemon_is_gone_is_run_so_that_it_can_end():
    found = installed(slot(daemon=None, mark="removal", status={"state": "job", "job": "build"}))
    assert steps(Goal(slots={}, purge=True), found)[:2] == [("linux-1", "load"), ("linux-1", "remove")]
    assert ("linux-1", "load") not in steps(Goal(slots={}, purge=True, force=True), found)
    assert ("linux-1", "load") not in steps(Goal(slots={}, purge=True), installed(slot(daemon=None, mark="removal", status={"state": "drained"})))


def test_one_that_is_wanted_again_takes_jobs_again_but_not_what_an_operator_drained():
    assert steps(goal("linux-1"), installed(slot(mark="removal"))) == [("linux-1", "undrain")]
    assert steps(goal("linux-1"), installed(slot(mark="drain"))) == []


def test_an_operator_drains_all_or_some_and_takes_it_back():
    found = installed(slot(), slot("linux-2", mark="drain"), slot("linux-3", mark="removal"))
    assert steps(Goal(drain=True), found) == [("linux-1", "drain"), ("linux-3", "drain")]
    assert steps(Goal(drain=True, only=("linux-1",)), found) == [("linux-1", "drain")]
    assert steps(Goal(drain=False), found) == [("linux-2", "undrain"), ("linux-3", "undrain")]
    with pytest.raises(InstallError, match="field only: got linux-9; allowed: slots of this Mac: linux-1, linux-2, linux-3"):
        plan_install(Goal(drain=True, only=("linux-9",)), found, LAYOUT)


def test_with_the_last_slot_everything_goes():
    plan = plan_install(Goal(slots={}, purge=True, secrets={}), installed(slot()), LAYOUT)
    assert [(step.resource, step.action) for step in plan.steps] == [
        ("linux-1", "drain"),
        ("linux-1", "remove"),
        ("credentials", "remove"),
        ("newsyslog", "remove"),
        ("program", "remove"),
    ]
    assert plan.diff["after"] == {}
    assert steps(Goal(slots={}, purge=True, secrets={}), NOTHING) == []


def test_a_list_without_slots_takes_no_credential_from_those_that_stay():
    found = installed(slot(), slot("linux-2"))
    assert steps(Goal(slots={}, secrets={}, absent=("linux-1",)), found) == [("linux-1", "drain"), ("linux-1", "remove")]
    assert steps(Goal(slots={}, secrets={}), found) == []


def test_a_credential_that_gave_way_to_another_goes_and_none_is_in_the_diff():
    plan = plan_install(goal("linux-1", secrets={"app.pem": b"SECRET"}), installed(slot()), LAYOUT)
    assert [(step.action, step.detail) for step in plan.steps] == [("write", "app.pem"), ("remove", "token")]
    assert "SECRET" not in json.dumps(plan.diff) and plan.diff["after"]["credentials"] == {"files": ["app.pem"]}


@pytest.mark.parametrize(
    "mark,state,idle", [("", "drained", False), ("drain", "drained", True), ("drain", "listening", False), ("removal", "", True), ("drain", "waiting", False)]
)
def test_idle_is_what_has_a_mark_and_has_nothing_running(mark, state, idle):
    assert slot(mark=mark, status={"state": state} if state else {}).idle is idle


def test_what_a_slot_does_is_said():
    assert slot(status={"state": "job", "job": "build", "runner": "mac-1-linux-1-0"}).doing == "job build on mac-1-linux-1-0"
    assert slot(status={"state": "waiting", "job": "old", "message": "no room"}).doing == "waiting (no room)"
    assert slot(status={}).doing == "not started"


def test_nobody_sees_the_password_of_a_proxy():
    """Neither of the settings that were, nor of those that come."""

    def settings(proxy):
        return json.dumps({"github": {"url": "https://github.com/acme", "proxy": proxy}}).encode()

    plan = plan_install(
        Goal(slots={"linux-1": settings("http://new:h@nter3@proxy:3128")}, drain=True, python=PYTHON),
        installed(slot(settings=settings("http://user:hunter2@proxy:3128"))),
        LAYOUT,
    )
    told = repr((plan.diff, plan.summary()))
    assert "nter" not in told and told.count("http://proxy:3128") == 2 and "written anew" in told
