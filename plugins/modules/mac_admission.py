#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mac_admission
short_description: Admit all pools of a Mac at once, or give the Mac back
version_added: 0.1.0
description:
  - Decides on the Mac, under its lock and with facts read at that moment, that all its pools fit together, and records
    that as the lease C(/var/db/mac_runners/lease.json). Without a lease M(action_packer.mac_runners.tart_vms),
    M(action_packer.mac_runners.docker_runners), M(action_packer.mac_runners.runner_accounts), M(action_packer.mac_runners.chroot_jails)
    and M(action_packer.mac_runners.runner_slots) build nothing.
  - When the pools do not fit, nothing is written and an earlier lease stays in force.
  - A Mac that another fleet holds is refused, unless O(takeover=true).
  - Pools that become smaller are admitted at once; what that frees is used only when it is gone, because every module looks
    at what is on the Mac before it builds.
extends_documentation_fragment:
  - action_packer.mac_runners._lease
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    platforms: posix
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - With V(present) all O(pools) are admitted.
      - With V(absent) the Mac is given back. That fails while something of ours is still on it.
    type: str
    choices: [present, absent]
    default: present
  takeover:
    description:
      - Whether a Mac that another fleet holds is taken from it.
    type: bool
    default: false
  mac:
    description:
      - The name of the Mac, with which runner names begin.
    type: str
    default: ""
  tart_homes:
    description:
      - Directories with Tart VMs beside those that are found in the homes of all users.
    type: list
    elements: path
    default: []
  docker_sockets:
    description:
      - Sockets of Docker Engines beside those that are found.
    type: list
    elements: path
    default: []
  lock_wait:
    description:
      - Seconds to wait while somebody else changes the Mac. Then the module fails and names who that is.
    type: int
    default: 300
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.mac_facts
"""

EXAMPLES = r"""
- name: Admit all pools of the Mac
  action_packer.mac_runners.mac_admission:
    fleet: acme
    mac: "{{ inventory_hostname }}"
    pools: "{{ mac_runners_pools }}"
  become: true

- name: Give the Mac back
  action_packer.mac_runners.mac_admission:
    state: absent
    fleet: acme
  become: true
"""

RETURN = r"""
lease:
  description: The lease in force, or in check mode the one that would be.
  returned: when O(state=present)
  type: dict
  sample:
    fleet: acme
    generation: 3
    state: admitted
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  sample:
    - resource: lease
      action: admit
      detail: fleet acme (generation 3, admitted)
"""

import dataclasses
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._admission import Request, admit, release
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.reading import read_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import tell_slots

OPTIONS = {
    **TERMS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "takeover": {"type": "bool", "default": False},
    "mac": {"type": "str", "default": ""},
    "tart_homes": {"type": "list", "elements": "path", "default": []},
    "docker_sockets": {"type": "list", "elements": "path", "default": []},
    "lock_wait": {"type": "int", "default": 300},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        plan, lease = decide(module)
    except MacRunnersError as error:
        module.fail_json(msg=str(error))
    tell(module, plan, lease)


def decide(module: AnsibleModule) -> t.Tuple[ResourcePlan, t.Optional[Lease]]:
    """Admit or release, as the arguments say."""
    params = module.params
    terms = Terms(params["fleet"], params["pools"], params["capacity"], params["licences"])
    request = Request(terms, params["mac"], params["takeover"], module.check_mode, params["lock_wait"])

    def facts() -> t.Mapping[str, t.Any]:
        return read_facts(runner(module), tart_homes=params["tart_homes"], docker_sockets=params["docker_sockets"])

    def left() -> t.List[str]:
        slots = [f"slot {slot['name']}" for slot in tell_slots(params["state_dir"])]
        return [*slots, *(workload["name"] for workload in facts()["workloads"] if workload["owned"])]

    if params["state"] == "absent":
        return release(params["state_dir"], request, left), None
    return admit(params["state_dir"], request, facts)


def tell(module: AnsibleModule, plan: ResourcePlan, lease: t.Optional[Lease]) -> None:
    """End the module."""
    result: t.Dict[str, t.Any] = {"changed": plan.changed, "steps": plan.summary()}
    if lease is not None:
        result["lease"] = dataclasses.asdict(lease)
    if module._diff:
        result["diff"] = plan.diff
    module.exit_json(**result)


if __name__ == "__main__":
    main()
