# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: runner_registrations
short_description: List the persistent runners of a Mac that have to register
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the option O(action_packer.mac_runners.runner_registrations#module:runners) for those persistent runners of a Mac that
    GitHub lacks, or has otherwise than the Mac.
positional: mac, github, sweeps, capacity
options:
  _input:
    description: C(mac_runners_pools) of the Mac.
    type: list
    elements: dict
    required: true
  mac:
    description: The name of the Mac, with which names of its runners begin.
    type: str
    required: true
  github:
    description: C(mac_runners_github) of the Mac.
    type: dict
    required: true
  sweeps:
    description:
      - What M(action_packer.mac_runners.github_runners) returned for each target, each with the C(url) of its target.
    type: list
    elements: dict
    required: true
  capacity:
    description: C(mac_runners_capacity), from which a pool takes what it does not say itself.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show which runners have to register
  ansible.builtin.debug:
    msg: "{{ mac_runners_pools | action_packer.mac_runners.runner_registrations(inventory_hostname, mac_runners_github, [sweep | combine({'url': url})]) }}"
  vars:
    url: https://github.com/acme
    sweep: {missing: [mac-mini-1-linux-1], runners: [], fleet_label: "managed-by:acme"}
"""

RETURN = r"""
_value:
  description: The runners, each as the module takes it.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fleet_runners import registrations_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import parse_github
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def runner_registrations(pools: t.Any, mac: str, github: t.Any, sweeps: t.Any, capacity: t.Any = None) -> list[dict[str, t.Any]]:
    """List the runners that have to register; see DOCUMENTATION."""
    try:
        return registrations_of(str(mac), pools_of(pools, capacity), parse_github(plain(github)), plain(sweeps))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter runner_registrations."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"runner_registrations": runner_registrations}
