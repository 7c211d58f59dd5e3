# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runners of a fleet at each target, and which persistent ones have to register."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fleet_runners import registrations_of, runners_of, targets_of, urls_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import Github

URL, OTHER = "https://github.com/acme", "https://github.com/other/app"
LINUX = {"name": "linux", "isolation": "docker", "count": 2, "image": "acme/runner:1", "labels": ["quick"]}
IOS = {"name": "ios", "isolation": "tart", "image": "acme/macos:1"}
KEPT = {**LINUX, "name": "kept", "lifecycle": "persistent"}
APP = Github(url="https://github.com/enterprises/acme", app={"client_id": "Iv1", "key_file": "/k.pem"})
TOKEN = Github(url=URL, token="secret")


def pools(*raw):
    found, mistakes = parse_pools(list(raw), parse_policy({})[0])
    assert not mistakes
    return found


def of(runners):
    return {one.pop("name"): one for one in runners}


def test_a_pool_may_have_a_target_of_its_own():
    found = pools(LINUX, {**IOS, "github": {"url": OTHER}})
    targets = targets_of({"mac-1": (found, TOKEN), "mac-2": (pools(KEPT), TOKEN)})
    assert targets == [
        {"url": URL, "mac": "mac-1", "groups": True, "persistent": True},
        {"url": OTHER, "mac": "mac-1", "groups": False, "persistent": False},
    ]
    assert targets_of({"mac-1": (pools(KEPT, {**IOS, "lifecycle": "persistent"}), Github())}) == []


def test_persistent_runners_need_a_credential_on_the_controller():
    for github, told in ((Github(url=URL), "mac-1, pool kept: field mac_runners_github: got neither"), (APP, "no permission by which an App")):
        with pytest.raises(MacRunnersError, match=told):
            targets_of({"mac-1": (pools(KEPT), github)})


def test_a_runner_of_a_mac_may_be_wherever_its_inventory_registers_some():
    assert urls_of(pools(KEPT, {**IOS, "github": {"url": OTHER + "/"}}, {**LINUX, "github": {"url": URL}}), TOKEN) == [URL, OTHER]
    assert urls_of(pools(KEPT), Github()) == []


def test_the_runners_of_a_fleet_are_those_of_all_its_macs():
    found = runners_of({"mac-1": (pools(LINUX), TOKEN), "mac-2": (pools({**KEPT, "count": 1}), TOKEN)}, URL + "/", absent=["mac-1"])
    assert found["name_prefixes"] == ["mac-1-", "mac-2-"]
    assert [(one["name"], one["lifecycle"], one.get("state"), one.get("idle")) for one in found["runners"]] == [
        ("mac-1-linux-1", "ephemeral", "absent", True),
        ("mac-1-linux-2", "ephemeral", "absent", True),
        ("mac-2-kept-1", "persistent", None, None),
    ]


def test_persistent_runners_are_listed_at_their_own_target_with_labels_and_group():
    macs = {"mac-1": (pools(KEPT), TOKEN._replace(group="macs"))}
    first = of(runners_of(macs, URL)["runners"])["mac-1-kept-1"]
    assert first == {"lifecycle": "persistent", "trust": "internal", "labels": ["docker", "quick"], "runner_group": "macs", "registers": False}
    assert runners_of(macs, OTHER)["runners"] == []
    at_repository = {"mac-1": (pools({**KEPT, "github": {"url": OTHER}}), TOKEN._replace(group="Default"))}
    assert "runner_group" not in of(runners_of(at_repository, OTHER)["runners"])["mac-1-kept-1"]


def test_what_a_mac_told_decides_whether_its_runners_register():
    macs = {"mac-1": (pools(KEPT), TOKEN), "mac-2": (pools(KEPT), TOKEN), "mac-3": (pools(KEPT), TOKEN)}
    told = {"mac-1": [{"name": "kept-1", "id": 7, "drained": False}], "mac-2": [{"name": "kept-1", "id": 0, "drained": True}]}
    found = of(runners_of(macs, URL, ["mac-3"], told)["runners"])
    shown = {name: {key: one[key] for key in ("id", "state", "idle", "registers") if key in one} for name, one in found.items()}
    assert shown == {
        "mac-1-kept-1": {"id": 7},
        "mac-1-kept-2": {"id": 0},
        "mac-2-kept-1": {"state": "absent"},
        "mac-2-kept-2": {"id": 0},
        "mac-3-kept-1": {"state": "absent", "idle": True},
        "mac-3-kept-2": {"state": "absent", "idle": True},
    }


def test_a_mac_registers_those_of_its_runners_that_are_missing():
    sweep = {"url": URL, "missing": ["mac-1-kept-1", "mac-1-KEPT-2", "mac-2-kept-1"], "fleet_label": "managed-by:acme"}
    sweep["runners"] = [{"name": "mac-1-kept-2", "id": 9}]
    found = registrations_of("mac-1", pools(KEPT, LINUX), TOKEN._replace(group="macs"), [sweep, {"url": OTHER, "missing": []}])
    shared = {"url": URL, "labels": ["docker", "quick", "managed-by:acme"], "group": "macs"}
    assert found == [
        {"name": "kept-1", "runner_name": "mac-1-kept-1", "id": 0, **shared},
        {"name": "kept-2", "runner_name": "mac-1-kept-2", "id": 9, **shared},
    ]
    assert registrations_of("mac-1", pools(KEPT), TOKEN, []) == []
