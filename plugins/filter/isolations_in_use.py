# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: isolations_in_use
short_description: Name the isolations that a Mac needs or still has
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Returns the isolations of the declared pools and of everything of ours that is on the Mac, so that a play skips the
    roles of the others, and still visits those whose last pool was removed.
positional: facts, native
options:
  _input:
    description: The pools of the Mac, as in C(mac_runners_pools).
    type: list
    elements: dict
    required: true
  facts:
    description: What M(action_packer.mac_runners.mac_facts) measured on the Mac.
    type: dict
    default: {}
  native:
    description: Isolations of native runners of which something is on the Mac, as the same module tells of them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Converge Docker runners only where there are or were any
  ansible.builtin.import_role:
    name: action_packer.mac_runners.docker
  when: "'docker' in (mac_runners_pools | action_packer.mac_runners.isolations_in_use(ansible_facts.mac_runners_measured))"
"""

RETURN = r"""
_value:
  description: Names of isolations, sorted.
  type: list
  elements: str
"""

import typing as t


def isolations_in_use(
    pools: t.Sequence[t.Mapping[str, t.Any]], facts: t.Mapping[str, t.Any] | None = None, native: t.Sequence[str] = ()
) -> list[str]:
    """Isolations of ``pools``, of our workloads in ``facts``, and those that are on the Mac beside them."""
    declared = {str(pool["isolation"]) for pool in pools if pool.get("isolation")}
    present = {str(workload["kind"]) for workload in (facts or {}).get("workloads", []) if workload.get("owned")}
    return sorted(declared | present | {str(isolation) for isolation in native})


class FilterModule:
    """The filter isolations_in_use."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"isolations_in_use": isolations_in_use}
