# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: capacity_check
short_description: Refuse a capacity plan that does not fit
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the plan as it is when it fits.
  - Fails otherwise, and says for each refused Mac which check failed, what is needed and what there is, the ledger line
    by line and the smallest change that would fit.
options:
  _input:
    description: What P(action_packer.mac_runners.capacity_plan#filter) returned.
    type: dict
    required: true
seealso:
  - plugin: action_packer.mac_runners.capacity_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Stop unless the whole fleet fits
  ansible.builtin.debug:
    msg: "{{ (hostvars | action_packer.mac_runners.capacity_plan | action_packer.mac_runners.capacity_check).digest }}"
"""

RETURN = r"""
_value:
  description: The plan that was given.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import (
    refusal_report,
)


def capacity_check(plan: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Return ``plan`` or raise with every refusal in it."""
    if not isinstance(plan, t.Mapping) or not {"fits", "macs"} <= set(plan):
        raise AnsibleFilterError("capacity_check takes a plan, as the filter capacity_plan returns it")
    if not plan["fits"]:
        raise AnsibleFilterError(refusal_report(plan))
    return plan


class FilterModule:
    """The filter capacity_check."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"capacity_check": capacity_check}
