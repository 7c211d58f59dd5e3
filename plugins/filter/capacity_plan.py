# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: capacity_plan
short_description: Plan the capacity of a fleet of Macs
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes the variables of every Mac and returns the capacity plan of the whole fleet, without touching a Mac.
  - Run it once for the fleet, never on each host. The role P(action_packer.mac_runners.capacity#role) does so.
positional: unreachable
options:
  _input:
    description:
      - Host name to the variables of that host, such as C(hostvars). Only C(mac_runners_pools), C(mac_runners_facts),
        C(mac_runners_capacity), C(mac_runners_licences), C(mac_runners_runner_version), the C(url) of C(mac_runners_github)
        and the facts that M(action_packer.mac_runners.mac_facts) measured are read.
    type: dict
    required: true
  unreachable:
    description: Names of Macs that did not answer. They are left out and count as full for licences of the fleet.
    type: list
    elements: str
    default: []
  refuse_unreachable:
    description: Whether a Mac that did not answer refuses the whole plan.
    type: bool
    default: false
  now:
    description:
      - The time against which the age of measured facts is judged, in seconds since 1970.
      - The controller's clock when not given.
    type: int
  versions:
    description:
      - What GitHub was asked about the versions of runners, as M(action_packer.mac_runners.fleet_versions) returns it.
      - The check C(runner-version) is left out when not given.
    type: dict
seealso:
  - plugin: action_packer.mac_runners.capacity_check
    plugin_type: filter
  - plugin: action_packer.mac_runners.capacity_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan two Macs from declared facts
  vars:
    fleet:
      mini-1:
        mac_runners_facts: {memory: 32GiB, chip: Apple M4, cores: 10, macos: "26.1", disk_free: 400GiB}
        mac_runners_pools:
          - {name: ios, isolation: tart, count: 2, memory: 12GiB, image: ghcr.io/cirruslabs/macos-tahoe-xcode:26}
      mini-2:
        mac_runners_facts: {memory: 32GiB, chip: Apple M4, cores: 10, macos: "26.1", disk_free: 400GiB}
        mac_runners_pools:
          - {name: ios, isolation: tart, count: 3, memory: 8GiB, image: ghcr.io/cirruslabs/macos-tahoe-xcode:26}
  ansible.builtin.debug:
    msg: "{{ fleet | action_packer.mac_runners.capacity_plan }}"
"""

RETURN = r"""
_value:
  description:
    - The plan, as it is written to a plan file.
    - RV(_value.fits) says whether work may begin. RV(_value.digest) changes with anything in the plan.
    - Each entry of RV(_value.macs) has C(fits), C(ledger) (lines with C(what) and C(bytes); supply is positive, demand is
      negative), C(free) (their sum), C(violations) (C(check), C(pool), C(need), C(have), C(message)), C(warnings),
      C(changes) (the smallest change that would fit, to be made together) and C(moves) (another way to fit).
  type: dict
  contains:
    fits:
      description: Whether every Mac that answered fits.
      type: bool
    digest:
      description: A digest of RV(_value.macs).
      type: str
    macs:
      description: The plan of each Mac by host name.
      type: dict
"""

import time
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import AnswersError, parse_answers
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plan_data, variables_of


def capacity_plan(
    fleet: t.Mapping[str, t.Mapping[str, t.Any]],
    unreachable: t.Sequence[str] = (),
    refuse_unreachable: bool = False,
    now: int | None = None,
    versions: t.Any = None,
) -> dict[str, t.Any]:
    """Plan every Mac of the fleet; see DOCUMENTATION for the shapes."""
    if not isinstance(fleet, t.Mapping) or not all(isinstance(host, t.Mapping) for host in fleet.values()):
        raise AnsibleFilterError("capacity_plan takes a mapping of host names to the variables of each host")
    if isinstance(unreachable, str):
        raise AnsibleFilterError(f"capacity_plan: got unreachable {unreachable!r}; allowed: a list of host names")
    variables = {str(name): variables_of(host, target=versions is not None) for name, host in fleet.items()}
    moment = int(time.time()) if now is None else now
    try:
        answers = None if versions is None else parse_answers(versions)
    except AnswersError as error:
        raise AnsibleFilterError(f"capacity_plan: {error}") from error
    return plan_data(variables, unreachable=unreachable, refuse_unreachable=refuse_unreachable, now=moment, versions=answers)


class FilterModule:
    """The filter capacity_plan."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"capacity_plan": capacity_plan}
