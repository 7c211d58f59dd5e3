# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_surplus
short_description: List the installed slots that have to go
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the slots that are installed on a Mac and that no ephemeral pool wants, and those whose pool has another isolation by now, if
    the old or the new one is C(sandbox), C(account) or C(chroot). It needs to know nothing of GitHub but where runners register.
positional: installed, github, capacity
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
  installed:
    description: The slots of the Mac, the fact C(mac_runners_measured_slots) of M(action_packer.mac_runners.mac_facts).
    type: list
    elements: dict
    default: []
  github:
    description: C(mac_runners_github) of the Mac.
    type: dict
    default: {}
  capacity:
    description: C(mac_runners_capacity), from which a pool takes what it does not say itself.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the slots that have to go
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_surplus(ansible_facts.mac_runners_measured_slots, mac_runners_github) }}"
"""

RETURN = r"""
_value:
  description: The slots.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import parse_github, surplus_of
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_surplus(pools: t.Any, installed: t.Any = None, github: t.Any = None, capacity: t.Any = None) -> list[str]:
    """List the slots; see DOCUMENTATION."""
    try:
        return surplus_of(pools_of(pools, capacity), parse_github(plain(github)), plain(installed or []))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_surplus."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_surplus": runner_surplus}
