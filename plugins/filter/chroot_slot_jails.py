# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chroot_slot_jails
short_description: List the jails that the chroot pools of a Mac need
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes C(mac_runners_pools) and returns the option O(action_packer.mac_runners.chroot_jails#module:jails) for the slots of those of its
    pools that have the isolation C(chroot), one jail each.
positional: capacity, accounts
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
  capacity:
    description: C(mac_runners_capacity), from which a pool takes what it does not say itself.
    type: dict
    default: {}
  accounts:
    description: Whether each jail belongs to the account of its slot, C(mac-runners-SLOT).
    type: bool
    default: true
seealso:
  - module: action_packer.mac_runners.chroot_jails
"""

EXAMPLES = r"""
- name: Make the jails of the pools
  action_packer.mac_runners.chroot_jails:
    jails: "{{ mac_runners_pools | action_packer.mac_runners.chroot_slot_jails }}"
    experimental: true
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  become: true
"""

RETURN = r"""
_value:
  description: The jails, one for each slot.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def chroot_slot_jails(pools: t.Any, capacity: t.Any = None, accounts: bool = True) -> list[dict[str, t.Any]]:
    """List the jails of the slots of chroot pools; see DOCUMENTATION."""
    slots = [slot for pool in pools_of(pools, capacity) if pool.isolation == "chroot" for slot in pool.slots]
    return [{"name": slot, **({"user": OWNED_PREFIX + slot} if accounts else {})} for slot in slots]


class FilterModule:
    """The filter chroot_slot_jails."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"chroot_slot_jails": chroot_slot_jails}
