# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter chroot_slot_jails."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.chroot_slot_jails import FilterModule

chroot_slot_jails = FilterModule().filters()["chroot_slot_jails"]
POOLS = [
    {"name": "build", "isolation": "chroot", "count": 2, "trust": "trusted"},
    {"name": "lint", "isolation": "sandbox", "count": 1, "trust": "trusted"},
]


def test_one_jail_a_slot():
    named = [{"name": f"build-{number}", "user": f"mac-runners-build-{number}"} for number in (1, 2)]
    assert chroot_slot_jails(POOLS) == named
    assert chroot_slot_jails(POOLS, {}, False) == [{"name": "build-1"}, {"name": "build-2"}]


def test_mistakes_are_named():
    with pytest.raises(AnsibleFilterError, match="field isolation: got \"chrot\""):
        chroot_slot_jails([{**POOLS[0], "isolation": "chrot"}])
