#!/usr/bin/python

# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: Judge the capacity of a whole fleet of Macs at once
version_added: 0.1.0
description:
  - Plans every Mac from its variables and the facts measured on it, prints one line for each and the ledger of each
    refused one, writes the plan file, and fails when the plan does not fit.
  - Runs on the controller alone, once for the fleet, and changes nothing on any Mac.
extends_documentation_fragment:
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details:
      - Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  hosts:
    description:
      - The Macs to judge, by inventory name.
    type: list
    elements: str
    required: true
  unreachable:
    description:
      - Those of O(hosts) that did not answer. They are left out and reported, and count as full for licences of the fleet.
    type: list
    elements: str
    default: []
  unasked:
    description:
      - Macs of the fleet that are not part of this run, such as those left out with C(--limit). They get no plan, but
        count for licences and runner names.
    type: list
    elements: str
    default: []
  on_unreachable:
    description:
      - The value V(leave_out) judges the Macs that answered; the value V(refuse) refuses the plan.
    type: str
    choices: [leave_out, refuse]
    default: leave_out
  versions:
    description:
      - What GitHub was asked about the runners of the fleet, as M(action_packer.mac_runners.fleet_versions) returns it.
      - The check C(runner-version) is left out when not given.
    type: dict
  plan_file:
    description:
      - File on the controller to which the plan is written as JSON, also when it is refused. Empty for none.
    type: path
    default: ""
author:
  - action_packer contributors (@action-packer)
seealso:
  - plugin: action_packer.mac_runners.capacity_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Judge the whole fleet
  action_packer.mac_runners.fleet_plan:
    hosts: "{{ ansible_play_hosts_all }}"
    unreachable: "{{ ansible_play_hosts_all | difference(ansible_play_hosts) }}"
    plan_file: plan.json
  run_once: true
"""

RETURN = r"""
fits:
  description: Whether work may begin.
  returned: success
  type: bool
  sample: true
digest:
  description: A digest of the plan, which changes when anything in it does.
  returned: success
  type: str
  sample: sha256:0f2c...
plan:
  description: The plan, as P(action_packer.mac_runners.capacity_plan#filter) describes it.
  returned: success
  type: dict
"""
