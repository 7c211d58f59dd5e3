# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_containers
short_description: List the containers of persistent docker runners
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes C(mac_runners_pools) and returns the option O(action_packer.mac_runners.docker_runners#module:containers) for
    those of its pools that have the isolation C(docker) and the lifecycle C(persistent).
  - Containers of ephemeral runners are made for each job, and are not listed.
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
  command:
    description: The command of the containers and its arguments. The image's own when empty.
    type: list
    elements: str
    default: []
  user:
    description: The user and group of the containers, C(UID:GID). The module's default when empty.
    type: str
    default: ""
seealso:
  - module: action_packer.mac_runners.docker_runners
"""

EXAMPLES = r"""
- name: Make the persistent docker runners of the pools, each of which runs whenever it is registered
  action_packer.mac_runners.docker_runners:
    containers: "{{ mac_runners_pools | action_packer.mac_runners.docker_containers(command=command) }}"
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  vars:
    command: [/bin/sh, -c, "cd /home/runner; while :; do [ -s .runner ] && ./bin/Runner.Listener run; sleep 5; done"]
  become: true
"""

RETURN = r"""
_value:
  description: The containers, one for each slot.
  type: list
  elements: dict
"""

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.wanted import wanted_containers
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def docker_containers(pools: t.Any, capacity: t.Any = None, command: t.Sequence[str] = (), user: str = "") -> list[dict[str, t.Any]]:
    """List the containers of the persistent docker pools; see DOCUMENTATION."""
    return wanted_containers(pools_of(pools, capacity), command, user)


class FilterModule:
    """The filter docker_containers."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"docker_containers": docker_containers}
