# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: tart_machines
short_description: List the VMs of persistent tart runners
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes C(mac_runners_pools) and returns the option O(action_packer.mac_runners.tart_vms#module:vms) for those of its pools
    that have the isolation C(tart) and the lifecycle C(persistent).
  - VMs of ephemeral runners are made for each job, and are not listed.
positional: capacity
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
seealso:
  - module: action_packer.mac_runners.tart_vms
"""

EXAMPLES = r"""
- name: Make the persistent tart runners of the pools
  action_packer.mac_runners.tart_vms:
    vms: "{{ mac_runners_pools | action_packer.mac_runners.tart_machines(mac_runners_capacity | default({})) }}"
    fleet: acme
    pools: "{{ mac_runners_pools }}"
    capacity: "{{ mac_runners_capacity | default({}) }}"
  become: true
"""

RETURN = r"""
_value:
  description: The VMs, one for each slot.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.wanted import wanted_vms
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def tart_machines(pools: t.Any, capacity: t.Any = None) -> list[dict[str, t.Any]]:
    """List the VMs of the persistent tart pools; see DOCUMENTATION."""
    return wanted_vms(pools_of(pools, capacity))


class FilterModule:
    """The filter tart_machines."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"tart_machines": tart_machines}
