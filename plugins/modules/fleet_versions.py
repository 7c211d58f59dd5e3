#!/usr/bin/python

# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_versions
short_description: Ask GitHub until when it takes the runners of a whole fleet
version_added: 0.1.0
description:
  - Collects from the variables of every Mac which versions of the runner its pools have, and at which target they register, and
    asks GitHub once for each target and version, with M(action_packer.mac_runners.github_runners_info).
  - Only targets are asked for which C(mac_runners_github) has a credential (C(app) or C(token)), and only about versions that are
    known. Those are the C(runner_version) of a pool, the tag of GitHub's own image, and for native pools C(mac_runners_runner_version).
  - A target is reached through the C(proxy) of C(mac_runners_github) where there is one, with its C(ca_path).
  - GitHub that cannot be asked is no error here. The result says why, and the plan warns.
  - Run it on the controller, with C(delegate_to=localhost), once for the fleet. It changes nothing.
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
      - The Macs, by inventory name.
    type: list
    elements: str
    required: true
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.fleet_plan
  - module: action_packer.mac_runners.github_runners_info
"""

EXAMPLES = r"""
---
- name: Ask GitHub about the runners of the fleet
  action_packer.mac_runners.fleet_versions:
    hosts: "{{ ansible_play_hosts_all }}"
  delegate_to: localhost
  run_once: true
  register: asked

- name: Judge the whole fleet
  action_packer.mac_runners.fleet_plan:
    hosts: "{{ ansible_play_hosts_all }}"
    versions: "{{ asked.versions | default(omit) }}"
  run_once: true
"""

RETURN = r"""
versions:
  description: What was answered, by the URL of the target.
  returned: when there was something to ask
  type: dict
  contains:
    runner_versions:
      description: As RV(action_packer.mac_runners.github_runners_info#module:runner_versions).
      type: list
      elements: dict
    offered:
      description: The newest version that GitHub offers to the target, empty when it offers none.
      type: str
      sample: 2.338.0
    error:
      description: Why the target could not be asked, empty when it could.
      type: str
      sample: ""
"""
