# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every resource kind shares: ``changed`` and ``diff`` follow from the steps."""

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step


def test_without_steps_nothing_changes_and_nothing_differs() -> None:
    plan = ResourcePlan({"a": {"memory": 1}}, {"a": {"memory": 1}})
    assert plan.changed is False
    assert plan.diff == {"before": {}, "after": {}}
    assert plan.summary() == []


def test_the_diff_holds_what_changes_and_nothing_else() -> None:
    before = {"kept": {"memory": 1}, "grown": {"memory": 1}, "gone": {"memory": 1}}
    after = {"kept": {"memory": 1}, "grown": {"memory": 2}, "new": {"memory": 3}}
    steps = (Step("new", "clone"), Step("grown", "set", "memory 1 -> 2"), Step("gone", "delete"))
    plan = ResourcePlan(before, after, steps)
    assert plan.changed is True
    assert plan.diff == {
        "before": {"gone": {"memory": 1}, "grown": {"memory": 1}},
        "after": {"grown": {"memory": 2}, "new": {"memory": 3}},
    }


def test_several_steps_of_one_resource_are_one_entry_of_the_diff() -> None:
    plan = ResourcePlan({}, {"a": {"memory": 1}}, (Step("a", "clone"), Step("a", "start")))
    assert plan.diff == {"before": {}, "after": {"a": {"memory": 1}}}
    assert plan.summary() == [
        {"resource": "a", "action": "clone", "detail": ""},
        {"resource": "a", "action": "start", "detail": ""},
    ]
