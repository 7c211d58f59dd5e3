# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_names
short_description: List the names of the slots of ephemeral runners
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the slots of the ephemeral pools whose runners slots run. It needs to know nothing of GitHub but where runners register.
positional: github, capacity
options:
  _input:
    description: C(mac_runners_pools) of a Mac.
    type: list
    elements: dict
    required: true
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
- name: Show the slots of a Mac
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_names(mac_runners_github) }}"
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
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import names_of, parse_github
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_names(pools: t.Any, github: t.Any = None, capacity: t.Any = None) -> list[str]:
    """List the slots; see DOCUMENTATION."""
    try:
        return names_of(pools_of(pools, capacity), parse_github(plain(github)))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_names."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_names": runner_names}
