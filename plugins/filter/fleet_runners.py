# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_runners
short_description: List the runners of a fleet at one target
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes the variables of every Mac of the fleet, not those of C(--limit), and returns the options
    O(action_packer.mac_runners.github_runners#module:runners) and O(action_packer.mac_runners.github_runners#module:name_prefixes).
positional: url, absent, seen
options:
  _input:
    description: Host name to the variables of that host, for all Macs of the fleet.
    type: dict
    required: true
  url:
    description: The address of the target.
    type: str
    required: true
  absent:
    description: Macs from which all slots were taken away.
    type: list
    elements: str
    default: []
  seen:
    description:
      - Mac to its persistent runners, as M(action_packer.mac_runners.runner_registrations) returned them. No token is minted for the
        runners of a Mac that is not in it, and those that are drained are listed as absent.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Clean up after the slots of the fleet
  action_packer.mac_runners.github_runners:
    url: https://github.com/acme
    token: "{{ github_token }}"
    fleet: acme
    runners: "{{ mine.runners }}"
    name_prefixes: "{{ mine.name_prefixes }}"
  vars:
    mine: "{{ dict(groups.macs | zip(groups.macs | map('extract', hostvars))) | action_packer.mac_runners.fleet_runners('https://github.com/acme') }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: The two options.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fleet_runners import runners_of
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._runners import macs_of


def fleet_runners(fleet: t.Mapping[str, t.Mapping[str, t.Any]], url: str, absent: t.Sequence[str] = (), seen: t.Any = None) -> dict[str, t.Any]:
    """List the runners of the fleet; see DOCUMENTATION."""
    try:
        return runners_of(macs_of(fleet), url, list(absent), plain(seen or {}))
    except MacRunnersError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter fleet_runners."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"fleet_runners": fleet_runners}
