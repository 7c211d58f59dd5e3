# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is ours: everything that looks asks the same question, so none takes for ours what another takes for foreign."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import POOL_LABEL, owns_container, owns_vm, slot_of

MARKER = {"owner": "action_packer.mac_runners", "slot": "ios-1"}


@pytest.mark.parametrize("name, slot", [("mac-runners-ios-1", "ios-1"), ("ios-1", "ios-1"), ("mac-runners-", "")])
def test_the_slot_is_what_follows_the_prefix(name, slot):
    assert slot_of(name) == slot


@pytest.mark.parametrize(
    "name, labels, owned",
    [
        ("mac-runners-linux-1", {POOL_LABEL: "linux"}, True),
        ("mac-runners-linux-1", {POOL_LABEL: ""}, False),
        ("mac-runners-linux-1", {}, False),
        ("mac-runners-linux-1", None, False),
        ("mac-runners-linux-1", [POOL_LABEL], False),
        ("linux-1", {POOL_LABEL: "linux"}, False),
    ],
)
def test_a_container_is_ours_by_name_and_label(name, labels, owned):
    assert owns_container(name, labels) is owned


@pytest.mark.parametrize(
    "name, marker, owned",
    [
        ("mac-runners-ios-1", MARKER, True),
        ("mac-runners-ios-1", {**MARKER, "slot": "ios-2"}, False),
        ("mac-runners-ios-1", {"owner": MARKER["owner"]}, False),
        ("mac-runners-ios-1", {**MARKER, "owner": "somebody"}, False),
        ("mac-runners-ios-1", "action_packer.mac_runners", False),
        ("mac-runners-ios-1", None, False),
        ("ios-1", MARKER, False),
    ],
)
def test_a_vm_is_ours_by_name_and_a_marker_that_names_its_slot(name, marker, owned):
    assert owns_vm(name, marker) is owned
