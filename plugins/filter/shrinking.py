# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: shrinking
short_description: Keep of a list of VMs or containers what gives room back
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Keeps of the list for M(action_packer.mac_runners.tart_vms) or M(action_packer.mac_runners.docker_runners) what has more
    memory on the Mac than it shall have, and adds what is ours on the Mac and in no pool, as absent.
  - A play that gives this to the modules of all isolations first can move memory from one isolation to another.
positional: pools, facts, isolation, capacity
options:
  _input:
    description: The whole list, as P(action_packer.mac_runners.tart_machines#filter) or
      P(action_packer.mac_runners.docker_containers#filter) return it.
    type: list
    elements: dict
    required: true
  pools:
    description: The pools of the Mac, as in C(mac_runners_pools).
    type: list
    elements: dict
    required: true
  facts:
    description: What M(action_packer.mac_runners.mac_facts) measured on the Mac.
    type: dict
    required: true
  isolation:
    description: Whose list it is.
    type: str
    choices: [tart, docker]
    required: true
  capacity:
    description: C(mac_runners_capacity), by which the pools are read.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Name the containers that give memory back
  ansible.builtin.debug:
    msg: >-
      {{ mac_runners_pools | action_packer.mac_runners.docker_containers
      | action_packer.mac_runners.shrinking(mac_runners_pools, ansible_facts.mac_runners_measured, 'docker') }}
"""

RETURN = r"""
_value:
  description: The part of the list.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.shrinking import shrinking as shrink
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def shrinking(wanted: t.Any, pools: t.Any, facts: t.Any, isolation: str, capacity: t.Any = None) -> list[t.Any]:
    """Keep of ``wanted`` what gives room back; see DOCUMENTATION."""
    declared = pools_of(pools, capacity)
    measured, mistakes = parse_facts(facts)
    if mistakes:
        raise AnsibleFilterError("; ".join(mistake.message for mistake in mistakes))
    return shrink(declared, wanted, measured, isolation)


class FilterModule:
    """The filter shrinking."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"shrinking": shrinking}
