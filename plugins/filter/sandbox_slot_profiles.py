# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_slot_profiles
short_description: List the profiles that the sandbox pools of a Mac need
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes C(mac_runners_pools) and returns the option O(action_packer.mac_runners.sandbox_profiles#module:profiles) for the slots of those
    of its pools that have the isolation C(sandbox), one profile each.
  - A slot works in C(work) and C(tmp) of its home, C(HOMES/mac-runners-SLOT), and listens on its own ports. The homes of all other slots of
    the Mac with the isolation C(sandbox), C(account) or C(chroot) are denied.
positional: capacity, policy, policies, homes, accounts
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
  capacity:
    description: C(mac_runners_capacity), from which come the ports.
    type: dict
    default: {}
  policy:
    description:
      - What all slots may do, with the fields that the filter P(action_packer.mac_runners.sandbox_profile#filter) describes, but C(name),
        C(home) and C(ports), which each slot has of its own. Its C(work) and C(others) are added to what a slot has.
    type: dict
    default: {}
  policies:
    description: The same by the name of a pool. A field that is given here is used instead of that of O(policy).
    type: dict
    default: {}
  homes:
    description: The directory in which the homes of the slots' accounts are.
    type: path
    default: /Users
  accounts:
    description: C(account_settings), from which come the homes of pools whose accounts have volumes.
    type: list
    elements: dict
    default: []
seealso:
  - module: action_packer.mac_runners.sandbox_profiles
"""

EXAMPLES = r"""
- name: Install the profiles of the pools
  action_packer.mac_runners.sandbox_profiles:
    profiles: "{{ mac_runners_pools | action_packer.mac_runners.sandbox_slot_profiles(policy={'presets': ['build'], 'network': 'all'}) }}"
  become: true
"""

RETURN = r"""
_value:
  description: The profiles, one for each slot.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_slots import slot_profiles
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def sandbox_slot_profiles(
    pools: t.Any, capacity: t.Any = None, policy: t.Any = None, policies: t.Any = None, homes: str = "/Users", accounts: t.Any = None
) -> list[dict[str, t.Any]]:
    """List the profiles of the slots of sandbox pools; see DOCUMENTATION."""
    declared = pools_of(pools, capacity)
    try:
        return slot_profiles(declared, parse_policy(capacity)[0], plain(policy), plain(policies), str(homes), plain(accounts))
    except MacRunnersError as error:
        raise AnsibleFilterError(f"sandbox_slot_profiles: {error}") from error


class FilterModule:
    """The filter sandbox_slot_profiles."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"sandbox_slot_profiles": sandbox_slot_profiles}
