# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_planned_only
short_description: Say which pools have no runners at GitHub
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns a sentence for each pool whose runners no slot runs, or which are not registered, with the reason.
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
- name: Say which pools have no runners at GitHub
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_planned_only(mac_runners_github | default({})) }}"
"""

RETURN = r"""
_value:
  description: The sentences.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import parse_github, planned_only
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_planned_only(pools: t.Any, github: t.Any = None, capacity: t.Any = None) -> list[str]:
    """Say what is only planned; see DOCUMENTATION."""
    try:
        return planned_only(pools_of(pools, capacity), parse_github(plain(github)))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_planned_only."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_planned_only": runner_planned_only}
