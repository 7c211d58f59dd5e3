#!/usr/bin/python

# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runner_withdrawals
short_description: Let persistent runners of a Mac take no more jobs, without ending one
version_added: 0.1.0
description:
  - Takes persistent runners off GitHub that are idle twice. On the Mac no process of a job lives in their container or VM, as
    M(action_packer.mac_runners.runner_registrations) sees it, and GitHub calls them idle and agrees to their removal.
  - A runner with a job loses its labels, so that no other job follows, and is named in RV(busy). Run it again until nothing is named there.
  - No job is ever ended. The container or VM stays, and its runner ends by itself when GitHub does not know it any more.
  - The credential of GitHub stays on the controller. Runners are only looked for at addresses that O(github) and O(pools) name. One whose
    container says that it is registered elsewhere makes it fail, unless O(force=true).
extends_documentation_fragment:
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  mac:
    description:
      - The name of the Mac, with which the names of its runners at GitHub begin.
    type: str
    required: true
  fleet:
    description:
      - Whose Macs these are. Only runners with the label of this fleet are taken off.
    type: str
    required: true
  slots:
    description:
      - The slots whose runners go. All persistent runners of the Mac that have a container or a VM when not given.
    type: list
    elements: str
  drain:
    description:
      - Whether the Mac keeps in mind that an operator drained them, so that they are not registered again before that is taken back.
    type: bool
    default: false
  forget:
    description:
      - Slots of which no drain is kept in mind any more, as they go for good.
    type: list
    elements: str
    default: []
  github:
    description:
      - C(mac_runners_github) of the Mac.
    type: dict
    default: {}
  pools:
    description:
      - C(mac_runners_pools) of the Mac, which may name other targets.
    type: list
    elements: dict
    default: []
  capacity:
    description:
      - C(mac_runners_capacity), by which the pools are read.
    type: dict
    default: {}
  force:
    description:
      - Whether nobody waits for jobs. Runners are taken off as far as GitHub lets them go, and RV(busy) stays empty.
    type: bool
    default: false
  docker_socket:
    description:
      - The path of the engine's socket. When not given it is found as M(action_packer.mac_runners.docker_runners) does.
    type: path
  runner_dir:
    description:
      - Where the runner is in its containers.
    type: str
    default: /home/runner
  isolations:
    description:
      - Where runners are looked for, as M(action_packer.mac_runners.runner_registrations) takes it.
    type: list
    elements: str
    choices: [docker, tart]
    default: [docker]
  tart:
    description:
      - Where the VMs are, as M(action_packer.mac_runners.runner_registrations) takes it.
    type: dict
    default: {}
  guest_timeout:
    description:
      - Seconds that guests which are on have to answer, all together. One that does not counts as busy.
    type: int
    default: 120
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.runner_registrations
  - module: action_packer.mac_runners.github_withdrawals
"""

EXAMPLES = r"""
- name: Wait until a runner is idle and off GitHub
  action_packer.mac_runners.runner_withdrawals:
    mac: "{{ inventory_hostname }}"
    fleet: acme
    slots: [linux-2]
    github: "{{ mac_runners_github }}"
    pools: "{{ mac_runners_pools }}"
  become: true
  register: asked
  until: asked.busy | length == 0
  retries: 360
  delay: 10
"""

RETURN = r"""
busy:
  description: Slots whose runners are still at GitHub or run a job on the Mac, and why. GitHub may have forgotten a runner that runs a job.
  returned: always
  type: dict
  sample:
    linux-2: a job runs on its Mac
runners:
  description: The persistent runners of the Mac, as RV(action_packer.mac_runners.runner_registrations#module:runners).
  returned: success
  type: list
  elements: dict
steps:
  description: What was done on the Mac and at GitHub, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The slot, or the runner at GitHub.
      type: str
      sample: mac-mini-1-linux-2
    action:
      description: One of C(drain), C(undrain), C(remove), C(set labels).
      type: str
      sample: remove
    detail:
      description: Why.
      type: str
      sample: idle
"""
