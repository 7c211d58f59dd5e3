# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the pools of a Mac to the profiles of its slots."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.sandbox_slot_profiles import sandbox_slot_profiles
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.decision import decide
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import parse_sandbox
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.render import render

HOME = "/Users/mac-runners-"
POOLS = [
    {"name": "linux", "isolation": "docker", "count": 2, "image": "x"},
    {"name": "fmt", "isolation": "account", "count": 1, "trust": "trusted"},
    {"name": "lint", "isolation": "sandbox", "count": 2, "trust": "trusted"},
    {"name": "build", "isolation": "sandbox", "count": 1, "trust": "trusted", "port_base": 30000},
]


def test_one_for_each_slot_of_sandbox_pools():
    policy = {"presets": ["build"], "network": "all", "work": ["/opt/cache"], "others": ["/Users/me"]}
    profiles = sandbox_slot_profiles(POOLS, {"ports_per_slot": 10}, policy, {"build": {"presets": ["xcode"], "work": []}})
    assert [one["name"] for one in profiles] == ["lint-1", "lint-2", "build-1"]
    first, second, third = (one["policy"] for one in profiles)
    assert first == {
        "name": "lint-1",
        "home": HOME + "lint-1",
        "presets": ["build"],
        "network": "all",
        "work": [HOME + "lint-1/work", HOME + "lint-1/tmp", "/opt/cache"],
        "others": [HOME + "fmt-1", HOME + "lint-2", HOME + "build-1", "/Users/me"],
        "ports": "20010-20019",
    }
    assert (second["ports"], third["ports"], third["presets"]) == ("20020-20029", "30000-30009", ["xcode"])
    assert third["work"] == [HOME + "build-1/work", HOME + "build-1/tmp"]


def test_a_slot_reaches_nothing_of_another():
    for one in sandbox_slot_profiles(POOLS, policy={"presets": ["build", "node", "strict"], "network": "all"}):
        profile = load(render(parse_sandbox(one["policy"])))
        assert decide(profile, "file-write-data", f"{HOME}{one['name']}/work/x").verdict == "allow"
        for other in ("fmt-1", "lint-1", "lint-2", "build-1"):
            if other != one["name"]:
                assert decide(profile, "file-read-data", f"{HOME}{other}/work/x").verdict == "deny"


def test_no_pools_no_profiles():
    assert sandbox_slot_profiles([]) == sandbox_slot_profiles(POOLS[:2], policies={}) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": {"home": "/Users/x"}}, 'field policy.home: got "/Users/x"; allowed: nothing: each slot has its own'),
        ({"policies": {"lint": {"ports": "1-2"}}}, 'pool "lint", field policies.lint.ports: got "1-2"; allowed: nothing: each slot has its own'),
        ({"policies": {"lnt": {}}}, "field policies.lnt: got an unknown field; allowed: build, lint; did you mean lint?"),
        ({"policy": {"presets": ["bild"]}}, 'pool "lint", field policy.presets'),
        ({"policies": {"build": {"read": ["opt"]}}}, 'pool "build", field policy.read[0]: got "opt"; allowed: an absolute path'),
        ({"policy": {"reed": ["/opt"]}}, 'pool "build", field policy.reed: got an unknown field'),
        ({"capacity": {"ports_per_slot": 1001}, "policy": {"network": "all"}}, 'pool "lint", field policy.ports: got'),
        ({"policy": ["build"]}, "field policy: got ['build']; allowed: a mapping of fields"),
        ({"policy": {"work": "/opt"}}, 'field policy.work: got "/opt"; allowed: a list'),
        ({"homes": "Users"}, 'field homes: got "Users"; allowed: an absolute path'),
        ({"homes": "/Users/"}, 'field homes: got "/Users/"; allowed'),
    ],
)
def test_mistakes_are_named(options, message):
    with pytest.raises(AnsibleFilterError) as caught:
        sandbox_slot_profiles(POOLS, **options)
    assert message in str(caught.value)
