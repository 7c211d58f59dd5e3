# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: capacity_report
short_description: Write a capacity plan for people
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Writes one line for each Mac; for each refused one its ledger, the reasons and the smallest change that would fit;
    and every warning once.
positional: format
options:
  _input:
    description: What P(action_packer.mac_runners.capacity_plan#filter) returned.
    type: dict
    required: true
  format:
    description:
      - The value V(text) writes for a terminal, the value V(markdown) for a pull request or a wiki.
    type: str
    choices: [text, markdown]
    default: text
seealso:
  - plugin: action_packer.mac_runners.capacity_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the plan beside the inventory
  ansible.builtin.copy:
    content: "{{ hostvars | action_packer.mac_runners.capacity_plan | action_packer.mac_runners.capacity_report('markdown') }}"
    dest: "{{ inventory_dir }}/PLAN.md"
    mode: "0644"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: The report.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import (
    markdown_report,
    text_report,
)

_WRITERS = {"text": text_report, "markdown": markdown_report}


def capacity_report(plan: t.Mapping[str, t.Any], format: str = "text") -> str:
    """Write ``plan`` as text or markdown."""
    if format not in _WRITERS:
        raise AnsibleFilterError(f"capacity_report: got format {format!r}; allowed: text, markdown")
    if not isinstance(plan, t.Mapping) or not {"fits", "macs"} <= set(plan):
        raise AnsibleFilterError("capacity_report takes a plan, as the filter capacity_plan returns it")
    return _WRITERS[format](plan)


class FilterModule:
    """The filter capacity_report."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"capacity_report": capacity_report}
