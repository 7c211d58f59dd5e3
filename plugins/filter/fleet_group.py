# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_group
short_description: Name the group of hosts that is the fleet
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the name of the inventory group that is the fleet, and refuses what is no name of one group, such as a pattern, since the plan is
    made for all hosts of a group.
  - A play that asks it for its C(hosts) is faster. Ansible reads C(hosts) before it forks, and reads all filters of a collection with the
    first; otherwise each task that uses one reads them anew, for each host.
options:
  _input:
    description: C(mac_runners_group).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Plan the fleet
  hosts: "{{ mac_runners_group | default('macs') | action_packer.mac_runners.fleet_group }}"
  roles:
    - action_packer.mac_runners.capacity
"""

RETURN = r"""
_value:
  description: The name of the group.
  type: str
"""

import re
import typing as t

from ansible.errors import AnsibleFilterError

# What patterns of hosts are made of: lists, exclusion, wildcards, ranges, regular expressions.
_PATTERN = re.compile(r"[\s:,!&*?~\[\]]")


def fleet_group(name: t.Any) -> str:
    """The group's name; see DOCUMENTATION."""
    if not isinstance(name, str) or not name or _PATTERN.search(name):
        raise AnsibleFilterError(f"mac_runners_group: got {name!r}; allowed: the name of one group of the inventory, which has all Macs of the fleet in it")
    return name


class FilterModule:
    """The filter fleet_group."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"fleet_group": fleet_group}
