# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edges of the action fleet_plan: the plan file, and which variables of a host are read, once each."""

from __future__ import annotations

import collections.abc as c
import gc
import json
import pathlib
import stat
import typing as t

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.action_packer.mac_runners.plugins.action import fleet_plan
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils import _fleet


class Templated(c.Mapping):  # type: ignore[type-arg]
    """As Ansible's variables of a host: reading one renders it; counts how often."""

    def __init__(self, values: dict[str, t.Any]) -> None:
        self.values_by_name = values
        self.reads: list[str] = []

    def __getitem__(self, name: str) -> t.Any:
        self.reads.append(name)
        return self.values_by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values_by_name

    def __iter__(self) -> t.Iterator[str]:
        raise AssertionError("all variables of a host would be rendered")

    def __len__(self) -> int:
        return len(self.values_by_name)


def test_the_plan_file_is_written_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("an older and much longer plan " * 100)
    fleet_plan._write(str(path), {"fits": True, "macs": {"a": 1}})
    assert json.loads(path.read_text()) == {"fits": True, "macs": {"a": 1}}
    assert path.read_text().endswith("}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(AnsibleActionFail, match=r"the plan file .*plan.json cannot be written: "):
        fleet_plan._write(str(tmp_path / "plan.json"), {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_a_plan_that_cannot_be_json_leaves_the_older_one(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("older")
    with pytest.raises(TypeError):
        fleet_plan._write(str(path), {"a": object()})
    assert path.read_text() == "older"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_only_what_a_plan_reads_is_rendered_and_once() -> None:
    host = Templated({"mac_runners_pools": [], "mac_runners_facts": {}, "secret": "{{ vault }}", "mac_runners_licences": {}})
    assert _fleet.variables_of(host) == {"mac_runners_pools": [], "mac_runners_facts": {}, "mac_runners_licences": {}}
    assert sorted(host.reads) == ["ansible_facts", "mac_runners_facts", "mac_runners_licences", "mac_runners_pools"]


@pytest.mark.parametrize(
    ("host", "measured"),
    (
        ({}, None),
        ({"ansible_facts": {}}, None),
        ({"ansible_facts": {"mac_runners_measured": {"memory": 1}}}, {"memory": 1}),
        ({"mac_runners_measured": {"memory": 2}}, {"memory": 2}),
        ({"ansible_facts": {"mac_runners_measured": {"memory": 1}}, "mac_runners_measured": {"memory": 2}}, {"memory": 1}),
        ({"ansible_facts": {"mac_runners_measured": {"memory": 1}}, "capacity_failure": "no Python"}, {"unread": ["no Python"]}),
    ),
)
def test_what_was_measured(host: dict[str, t.Any], measured: t.Any) -> None:
    assert _fleet.variables_of(host).get("mac_runners_measured") == measured


def test_a_plain_copy_shares_nothing_that_can_change() -> None:
    given = {"a": [{"b": (1, "c", None, True, 1.5)}], 5: {"d": []}}
    copied = _fleet.plain(given)
    assert copied == {"a": [{"b": [1, "c", None, True, 1.5]}], "5": {"d": []}}
    copied["a"][0]["b"].append("more")
    copied["5"]["d"].append("more")
    assert given == {"a": [{"b": (1, "c", None, True, 1.5)}], 5: {"d": []}}


@pytest.mark.parametrize("collecting", (True, False))
def test_garbage_is_collected_again_after_a_plan(collecting: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        _fleet.plan_data({})
        assert gc.isenabled() is collecting
        with pytest.raises(AttributeError):
            _fleet.plan_data({"a": None})  # type: ignore[dict-item]
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()
