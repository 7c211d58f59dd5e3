#!/usr/bin/python

# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tart_vms
short_description: Manage Tart VMs of persistent runners
version_added: 0.1.0
description:
  - Makes, sizes, starts, stops and deletes a list of Tart VMs on a Mac in one task.
  - A VM is ours when its name begins with C(mac-runners-) and our marker lies in its directory. Every other VM is foreign, and
    is never stopped, changed, replaced or deleted. A foreign VM in the place of a wanted one is refused by name, before
    anything is changed.
  - Each started VM has a launchd job, so that it starts with the Mac.
  - Before anything is made, enlarged or started, the capacity of the Mac is checked with what runs on it at that moment, under the Mac's lock.
  - A run that was killed is finished by the next one, half-made VMs included.
  - A VM that runs is only stopped when its state, its sizes or its network are to change.
  - A VM in which a job of GitHub's runner runs, or whose guest does not tell through Tart's guest agent, is not stopped, unless O(force=true).
    The module then brings all others to their state, fails and names it.
notes:
  - Needs root, and runs Tart as O(account).
  - A guest is shut down through the Tart guest agent where it answers. Where it does not, its power is cut, which needs O(force=true).
  - Tart's local disks of the ASIF format cannot be grown with O(vms[].disk), since their size cannot be read.
extends_documentation_fragment:
  - action_packer.mac_runners._lease
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_macos
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  vms:
    description:
      - The VMs. An empty list with O(purge=true) removes all of ours.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The slot, such as V(ios-1). The VM of this slot is called C(mac-runners-ios-1).
        type: str
        required: true
      state:
        description:
          - With V(started) the VM exists and runs, also after a restart of the Mac.
          - With V(stopped) it exists and does not run. The saved state of a suspended VM is dropped.
          - With V(present) it exists. Whether it runs is left as it is, and a new one does not.
          - With V(absent) it does not exist.
        type: str
        choices: [present, started, stopped, absent]
        default: started
      image:
        description:
          - What it is cloned from, a reference of a registry or a local VM. Needed unless O(vms[].state=absent).
          - A reference that is not in the cache is pulled once for all VMs; a cached one is not refreshed. Pin a digest.
        type: str
      guest:
        description:
          - The guest system, which has to be that of the image.
        type: str
        choices: [macos, linux]
        default: macos
      cpus:
        description:
          - Number of virtual CPUs. Needed unless O(vms[].state=absent).
        type: int
      memory:
        description:
          - Memory such as V(12GiB), in whole MiB. Needed unless O(vms[].state=absent).
        type: str
      disk:
        description:
          - Size to which the root disk is grown, such as V(80GB). Tart counts in whole GB of 10^9 bytes, so it is rounded up.
          - A disk is never made smaller, and one that is larger is left alone.
        type: str
      space:
        description:
          - What the VM may come to take on the Mac's own disk beside its image. It is checked and not enforced.
          - The default of C(mac_runners_capacity) when it is not given.
        type: str
      network:
        description:
          - With V(nat) the guest reaches the Mac and its LAN. With V(softnet) it reaches the internet alone; this needs the
            program C(softnet) on the Mac, set-uid root, in C(/opt/homebrew/bin) or C(/usr/local/bin).
        type: str
        choices: [nat, softnet]
        default: nat
  images:
    description:
      - Images of registries that are pulled when they are not in Tart's cache, also when no VM of the list is made from them, such as
        those from which slots start their runners.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Whether VMs of ours that are not in O(vms) are removed. The VMs of installed slots are left to their slots.
    type: bool
    default: false
  recreate:
    description:
      - Whether a VM that was made from another image than the wanted one is deleted and made again. Everything in it is lost.
      - When V(false), such a VM stays and a warning tells of it.
    type: bool
    default: false
  drop_images:
    description:
      - Whether images that this module pulled, and from which no VM of ours is made any more, are dropped from Tart's cache.
      - When no image and no VM of ours is left, empty directories that Tart made for us go too. What others pulled stays.
    type: bool
    default: false
  account:
    description:
      - The user of the Mac to whom the VMs belong, not root.
      - The user who became root when it is not given.
    type: str
  tart_home:
    description:
      - Where Tart keeps its VMs and images. C(.tart) in the home of O(account) when it is not given.
    type: path
  tart:
    description:
      - The program Tart.
    type: path
    default: /opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart
  registry_username:
    description:
      - User name for the registry of the images. Without it Tart looks into the account's Docker configuration and keychain.
    type: str
  registry_password:
    description:
      - Password for the registry. It is handed over in the environment and kept nowhere.
    type: str
  registry_hostname:
    description:
      - The registry that gets O(registry_username) and O(registry_password). All of them when it is not given.
    type: str
  stop_timeout:
    description:
      - Seconds that guests have to shut down, all together, before their power is cut.
    type: int
    default: 120
  start_timeout:
    description:
      - Seconds that VMs have to start, all together.
    type: int
    default: 120
  force:
    description:
      - Whether a VM is stopped although a job runs in it, or its guest does not tell. The job is lost.
    type: bool
    default: false
  hold:
    description:
      - Whether nothing is changed when a running VM would have to be stopped. RV(held) then names its slot, so that its runner can be
        taken off GitHub first, for instance with M(action_packer.mac_runners.runner_withdrawals).
    type: bool
    default: false
  log_dir:
    description:
      - Where each VM's C(tart run) writes its log.
    type: path
    default: /var/log/mac_runners
author:
  - action_packer contributors (@action-packer)
seealso:
  - plugin: action_packer.mac_runners.tart_machines
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Two macOS VMs and a Linux VM that run whenever the Mac does
  action_packer.mac_runners.tart_vms:
    vms:
      - name: ios-1
        image: ghcr.io/acme/macos@sha256:0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2c
        cpus: 4
        memory: 12GiB
      - name: ios-2
        image: ghcr.io/acme/macos@sha256:0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2cd0f2c
        cpus: 4
        memory: 12GiB
      - name: linux-1
        guest: linux
        image: ghcr.io/acme/ubuntu:24.04
        cpus: 2
        memory: 4GiB
        network: softnet
    purge: true
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  become: true

- name: The VMs that the pools ask for
  action_packer.mac_runners.tart_vms:
    vms: "{{ mac_runners_pools | action_packer.mac_runners.tart_machines }}"
    fleet: acme
    pools: "{{ mac_runners_pools }}"
    purge: true
  become: true

- name: Remove every VM of ours from the Mac
  action_packer.mac_runners.tart_vms:
    vms: []
    purge: true
    fleet: acme
  become: true
"""

RETURN = r"""
vms:
  description: All VMs of ours that are there afterwards; in check mode those that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name in Tart.
      type: str
      sample: mac-runners-ios-1
    slot:
      description: The slot.
      type: str
      sample: ios-1
    state:
      description: One of V(running), V(suspended), V(stopped), V(incomplete).
      type: str
      sample: running
    image:
      description: What it was made from.
      type: str
      sample: ghcr.io/acme/macos:1
    guest:
      description: The guest system.
      type: str
      sample: macos
    cpus:
      description: Number of virtual CPUs.
      type: int
      sample: 4
    memory:
      description: Memory in bytes.
      type: int
      sample: 12884901888
held:
  description: Slots whose running VMs have to be stopped. With O(hold=true) nothing was changed when there are any.
  returned: always
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The VM, the image, or with C(tidy) the TART_HOME.
      type: str
      sample: mac-runners-ios-1
    action:
      description: One of C(pull), C(stop), C(unload), C(delete), C(forget), C(clone), C(set), C(write job), C(start), C(drop), C(tidy).
      type: str
      sample: set
    detail:
      description: What exactly.
      type: str
      sample: "cpus 4 -> 6"
failures:
  description: What went wrong, by VM.
  returned: when a VM failed
  type: dict
  sample:
    mac-runners-ios-3: "VM mac-runners-ios-3 did not start: The number of VMs exceeds the system limit"
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, find_place, parse_vms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_converge import Outcome, Request, converge, resource_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import DAEMONS_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner

VM = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "started", "stopped", "absent"], "default": "started"},
    "image": {"type": "str"},
    "guest": {"type": "str", "choices": ["macos", "linux"], "default": "macos"},
    "cpus": {"type": "int"},
    "memory": {"type": "str"},
    "disk": {"type": "str"},
    "space": {"type": "str"},
    "network": {"type": "str", "choices": ["nat", "softnet"], "default": "nat"},
}
OPTIONS = {
    **TERMS,
    "vms": {"type": "list", "elements": "dict", "default": [], "options": VM},
    "images": {"type": "list", "elements": "str", "default": []},
    "purge": {"type": "bool", "default": False},
    "recreate": {"type": "bool", "default": False},
    "drop_images": {"type": "bool", "default": False},
    "account": {"type": "str"},
    "tart_home": {"type": "path"},
    "tart": {"type": "path", "default": "/opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart"},
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "registry_hostname": {"type": "str"},
    "stop_timeout": {"type": "int", "default": 120},
    "start_timeout": {"type": "int", "default": 120},
    "force": {"type": "bool", "default": False},
    "hold": {"type": "bool", "default": False},
    "log_dir": {"type": "path", "default": "/var/log/mac_runners"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=OPTIONS,
        supports_check_mode=True,
        required_together=[("registry_username", "registry_password")],
    )
    try:
        tell(module, manage(module))
    except MacRunnersError as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> Outcome:
    """Read the arguments and bring the VMs to their state."""
    run, place = runner(module), place_of(module.params)
    images = tuple(module.params["images"])
    names = ("purge", "recreate", "drop_images", "stop_timeout", "start_timeout", "force", "hold", "fleet", "pools", "capacity", "licences")
    request = Request(parse_vms(module.params["vms"]), check=module.check_mode, images=images, **{name: module.params[name] for name in names})
    return converge(run, Tart(run, place, secrets_of(module.params)), place, request)


def place_of(params: t.Mapping[str, t.Any]) -> Place:
    """Where the VMs live."""
    account = params["account"] or os.environ.get("SUDO_USER")
    return find_place(account, params["tart_home"], params["tart"], params["state_dir"], params["log_dir"], DAEMONS_DIR)


def secrets_of(params: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """Credentials as Tart takes them from its environment."""
    names = ("registry_username", "registry_password", "registry_hostname")
    return {f"TART_{name.upper()}": params[name] for name in names if params[name]}


def tell(module: AnsibleModule, outcome: Outcome) -> None:
    """End the module."""
    for warning in outcome.warnings:
        module.warn(warning)
    result: t.Dict[str, t.Any] = {"changed": outcome.plan.changed, "steps": outcome.plan.summary(), "held": list(outcome.held)}
    result["vms"] = [resource_of(seen) for seen in outcome.store.values() if seen.ours]
    if module._diff:
        result["diff"] = outcome.plan.diff
    if outcome.errors:
        text = "; ".join(f"{name}: {error}" for name, error in sorted(outcome.errors.items()))
        module.fail_json(msg=text, failures=outcome.errors, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
