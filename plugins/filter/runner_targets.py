# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_targets
short_description: List the targets at GitHub of a fleet
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes the variables of every Mac and returns where its runners register, each target once, with a Mac whose credential
    serves there.
positional: _input
options:
  _input:
    description: Host name to the variables of that host, for all Macs of the fleet.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the targets of the fleet
  ansible.builtin.debug:
    msg: "{{ hostvars | action_packer.mac_runners.runner_targets }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The targets, each with C(url), C(mac) and C(groups), whether the target has runner groups,
    and C(persistent), whether persistent runners register there.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fleet_runners import targets_of
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._runners import macs_of


def runner_targets(fleet: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """List the targets of the fleet; see DOCUMENTATION."""
    try:
        return targets_of(macs_of(fleet))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_targets."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_targets": runner_targets}
