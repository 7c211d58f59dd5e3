# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter fleet_group, and that every play on the Macs asks it."""

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.fleet_group import fleet_group

PLAYBOOKS = pathlib.Path(__file__).resolve().parents[4] / "playbooks"


@pytest.mark.parametrize("name", ["macs", "mac_studios-2.berlin"])
def test_a_group_is_a_group(name):
    assert fleet_group(name) == name


@pytest.mark.parametrize("name", ["macs:!mac-1", "macs,others", "mac*", "~mac.", "macs[0]", "", None, ["macs"]])
def test_a_part_of_a_fleet_is_no_fleet(name):
    with pytest.raises(AnsibleFilterError, match="mac_runners_group: got .*; allowed: the name of one group"):
        fleet_group(name)


def test_every_play_on_macs_names_its_hosts_by_it():
    plays = [play for path in sorted(PLAYBOOKS.glob("*.yml")) for play in yaml.safe_load(path.read_text()) if "hosts" in play]
    assert {play["hosts"] for play in plays} == {"localhost", "{{ mac_runners_group | default('macs') | action_packer.mac_runners.fleet_group }}"}
