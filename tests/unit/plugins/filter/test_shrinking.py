# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters tart_machines and shrinking, one after the other as the roles use them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.shrinking import shrinking
from ansible_collections.action_packer.mac_runners.plugins.filter.tart_machines import tart_machines

GIB = 1024**3
POOL = {"name": "ios", "isolation": "tart", "image": "acme/macos:26", "memory": "8GiB", "lifecycle": "persistent", "count": 2}


def on_the_mac(*workloads):
    return {"workloads": [{"kind": "tart", "owned": True, "state": "running", **workload} for workload in workloads]}


def names(entries):
    return [(entry["name"], entry.get("state", "")) for entry in entries]


def test_a_vm_for_each_slot_of_persistent_pools():
    machines = tart_machines([POOL, {**POOL, "name": "job", "lifecycle": "ephemeral"}])
    assert [(entry["name"], entry["memory"], entry["space"]) for entry in machines] == [
        ("ios-1", str(8 * GIB), str(20 * GIB)),
        ("ios-2", str(8 * GIB), str(20 * GIB)),
    ]


def test_what_has_more_than_it_shall_have_and_what_no_pool_wants():
    facts = on_the_mac(
        {"name": "mac-runners-ios-1", "memory": 12 * GIB},
        {"name": "mac-runners-ios-2", "memory": 8 * GIB},
        {"name": "mac-runners-old-1", "memory": 8 * GIB},
        {"name": "someone-else", "memory": 8 * GIB, "owned": False},
    )
    assert names(shrinking(tart_machines([POOL]), [POOL], facts, "tart")) == [("old-1", "absent"), ("ios-1", "")]


def test_pools_are_read_by_the_capacity_that_is_given():
    small = {**POOL, "memory": "6GiB"}
    capacity = {"isolations": {"tart-macos": {"minimum": "4GiB"}}}
    facts = on_the_mac({"name": "mac-runners-ios-1", "memory": 8 * GIB})
    assert names(shrinking(tart_machines([small], capacity), [small], facts, "tart", capacity)) == [("ios-1", "")]
    with pytest.raises(AnsibleFilterError, match='pool "ios", field memory: got "6GiB"; allowed: at least 8 GiB'):
        shrinking([], [small], facts, "tart")


def test_facts_that_make_no_sense():
    with pytest.raises(AnsibleFilterError, match="field mac_runners_facts.memory: got "):
        shrinking([], [POOL], {"memory": "12G"}, "tart")
