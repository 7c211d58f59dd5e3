# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_slots
short_description: List the slots of ephemeral runners
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes C(mac_runners_pools) and returns the option O(action_packer.mac_runners.runner_slots#module:slots) for those of its pools
    that have the lifecycle C(ephemeral), an isolation that this release runs, and a place to register.
  - Refuses what cannot work or must not be, with the pool and the field. That is a runner group that does not exist, or that public
    repositories may use although the pool's trust is not C(untrusted), a missing credential, a credential beside a weak isolation
    that was not accepted by name, and a GitHub App for an enterprise.
positional: mac, github, groups
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
  mac:
    description: The name of the Mac, with which its runners' names begin.
    type: str
    required: true
  github:
    description: C(mac_runners_github) of the Mac.
    type: dict
    default: {}
  groups:
    description: A target's address to its runner groups, as M(action_packer.mac_runners.github_runners_info) returns them.
    type: dict
    default: {}
  places:
    description: Isolation to what its slots have to know of the Mac, such as C(docker) to C(socket) and C(user).
    type: dict
    default: {}
  arch:
    description: What the Mac is made of, C(arm64) or C(x86_64), for its runners' labels.
    type: str
    default: arm64
  more:
    description: Further options of all slots, such as C(job_seconds), where the pool does not say it.
    type: dict
    default: {}
  capacity:
    description: C(mac_runners_capacity), from which a pool takes what it does not say itself.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the slots of a Mac
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_slots(inventory_hostname, mac_runners_github, groups) }}"
  vars:
    groups:
      https://github.com/acme:
        - {id: 1, name: Default, public: false, default: true}
"""

RETURN = r"""
_value:
  description: The slots.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import parse_github, slots_of
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_slots(
    pools: t.Any,
    mac: str,
    github: t.Any = None,
    groups: t.Any = None,
    places: t.Any = None,
    arch: str = "arm64",
    more: t.Any = None,
    capacity: t.Any = None,
) -> list[dict[str, t.Any]]:
    """List the slots of the ephemeral pools; see DOCUMENTATION."""
    try:
        slots = slots_of(str(mac), pools_of(pools, capacity), parse_github(plain(github)), plain(groups or {}), plain(places or {}), str(arch))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error
    return [{**plain(more or {}), **slot} for slot in slots]


class FilterModule:
    """The filter runner_slots."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_slots": runner_slots}
