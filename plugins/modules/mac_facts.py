#!/usr/bin/python

# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mac_facts
short_description: Measure a Mac and everything that runs on it
version_added: 0.1.0
description:
  - Reads what a capacity plan needs to know of a Mac, which is its memory, cores, free disk, chip, macOS, System Integrity
    Protection, tools, Docker Engine, and every VM and container on it, be they ours or of others, of any user, running,
    suspended or stopped.
  - Virtual machines that no tool tells of are found in the process table.
  - Changes nothing, follows no links out of a home, and needs nothing but the Python of macOS. C(psutil) is used for the
    process table where it can be imported.
  - What should be readable and is not stands in RV(ansible_facts.mac_runners_measured.unread). Such a Mac counts as full.
  - On a machine that is not a Mac only its size and its Docker Engine are read, with a warning.
extends_documentation_fragment:
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.facts_module
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    description: Target operating systems that this action can run on.
    platforms: macos
    support: full
    details:
      - Needs C(become=true), since only root can read what other users run. Without it the Mac counts as full.
options:
  tart_homes:
    description:
      - Directories used as E(TART_HOME) that are read beside those that are found.
      - Found without it are C(.tart) in every user's home, and what the jobs of launchd set.
      - A C(.tart) that is a link to a directory of the same user is followed. Name the target of any other here.
    type: list
    elements: path
    default: []
  docker_sockets:
    description:
      - Sockets of Docker Engines that are asked before those that are found.
      - Found without it are C(/var/run/docker.sock) and the sockets of Colima, Docker Desktop, OrbStack, Lima and Rancher
        Desktop in every user's home.
    type: list
    elements: path
    default: []
  disk_path:
    description:
      - A path on the volume whose free space counts.
      - By default the first of O(tart_homes), else the volume that users write to.
    type: path
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.fleet_plan
  - plugin: action_packer.mac_runners.capacity_plan
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Measure the Mac
  action_packer.mac_runners.mac_facts:
  become: true

- name: Measure a Mac whose VMs are on another disk
  action_packer.mac_runners.mac_facts:
    tart_homes:
      - /Volumes/VMs/tart
  become: true

- name: Show the VMs that others run here
  ansible.builtin.debug:
    msg: "{{ ansible_facts.mac_runners_measured.workloads | rejectattr('owned') | map(attribute='name') }}"
"""

RETURN = r"""
ansible_facts:
  description: Facts of this Mac. A fact that does not exist on this Mac is left out.
  returned: success
  type: dict
  contains:
    mac_runners_measured_slots:
      description:
        - The slots that are installed on this Mac and what each is doing, as M(action_packer.mac_runners.runner_slots) returns them.
        - Only root can read them.
      returned: success
      type: list
      elements: dict
      sample: [{name: linux-1, state: listening, since: 1795509376, failures: 0}]
    mac_runners_measured_native:
      description: Isolations of native runners of which something of ours is on this Mac, which are accounts, sandbox profiles and jails.
      returned: success
      type: list
      elements: str
      sample: [account, sandbox]
    mac_runners_measured:
      description: What was measured, in the shape of C(mac_runners_facts).
      returned: success
      type: dict
      contains:
        memory:
          description: Memory of the Mac in bytes.
          type: int
          sample: 68719476736
        memory_available:
          description: Memory in bytes that is not taken now.
          type: int
          sample: 51539607552
        pressure:
          description: Memory pressure, V(1) for normal, V(2) for a warning, V(4) for critical.
          type: int
          sample: 1
        swap_used:
          description: Swap in use, in bytes.
          type: int
          sample: 0
        chip:
          description: The processor's name.
          type: str
          sample: Apple M2 Max
        model:
          description: The Mac's model.
          type: str
          sample: Mac14,13
        arch:
          description: What the Mac is made of, V(arm64) or V(x86_64), whatever Rosetta tells processes.
          type: str
          sample: arm64
        cores:
          description: Number of cores.
          type: int
          sample: 12
        performance_cores:
          description: Number of performance cores.
          type: int
          sample: 8
        macos:
          description: Version of macOS.
          type: str
          sample: "26.1"
        build:
          description: Build of macOS.
          type: str
          sample: 25B78
        sip:
          description: System Integrity Protection, V(enabled), V(disabled), V(custom) when parts are off, or V(unknown).
          type: str
          sample: enabled
        rosetta:
          description: Whether Rosetta is installed. Left out on Intel.
          type: bool
          sample: true
        virtual_machine:
          description: Whether the Mac is itself a virtual machine.
          type: bool
          sample: false
        virtualisation:
          description: Whether the Mac can run virtual machines.
          type: bool
          sample: true
        boot_time:
          description: When the Mac started, in seconds since 1970.
          type: int
          sample: 1780966300
        boot_id:
          description: Names the time since the last start; another one after each. Unlike C(boot_time), a clock that is set leaves it.
          type: str
          sample: 6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10
        disk_free:
          description: Free bytes of the APFS container that O(disk_path) is in.
          type: int
          sample: 429496729600
        tart:
          description: Path, version and directories of Tart. Left out when it is not installed.
          type: dict
          sample: {path: /opt/homebrew/bin/tart, version: 2.36.0, homes: [/Users/admin/.tart]}
        docker:
          description:
            - The Docker Engine. Its C(memory) in bytes and C(cpus) are those of its VM.
            - Left out when there is none. When nobody listens at its socket, C(running) is V(false).
          type: dict
          sample: {engine: colima, running: true, memory: 17179869184, cpus: 6, socket: /Users/admin/.colima/default/docker.sock}
        container:
          description: Path and version of Apple's container. Left out when it is not installed.
          type: dict
          sample: {path: /usr/local/bin/container, version: 1.4.1}
        tools:
          description: Path of the developer tools, path and version of Colima. What is absent is left out.
          type: dict
          sample:
            xcode_select: {path: /Library/Developer/CommandLineTools}
            colima: {path: /opt/homebrew/bin/colima, version: 0.9.1}
        workloads:
          description: Every VM and container on this Mac.
          type: list
          elements: dict
          contains:
            kind:
              description:
                - What it is, V(tart), V(docker), V(container), or V(vm-process).
                - The last is a VM that no tool tells of, or the VM of a second Docker Engine.
              type: str
              sample: tart
            name:
              description: Its name.
              type: str
              sample: someone-else
            state:
              description: One of V(running), V(paused), V(suspended), V(stopped).
              type: str
              sample: running
            guest:
              description: V(macos), V(linux), or V(null) when it cannot be known.
              type: str
              sample: linux
            memory:
              description: >-
                Its memory or limit in bytes, V(null) without one. For a process that no tool tells of, what it takes now;
                V(0) for what lives inside a VM that is listed itself.
              type: int
              sample: 4294967296
            owned:
              description: Whether it is ours, by name and marker.
              type: bool
              sample: false
            place:
              description: Where it lives, such as a directory, a socket, or a user.
              type: str
              sample: /Users/someone/.tart
        images:
          description: Images that are already here, by tag, digest and id.
          type: list
          elements: str
          sample: ["ghcr.io/acme/macos:1"]
        holder:
          description: The fleet that holds this Mac by its lease, and the lease's state. Left out when nobody does.
          type: str
          sample: fleet acme (generation 3, admitted)
        unread:
          description: What should be readable and is not, one sentence each. When not empty, the Mac counts as full.
          type: list
          elements: str
          sample: []
        measured_at:
          description: When this was measured, in seconds since 1970.
          type: int
          sample: 1795509376
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.reading import read_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._native import tell_native
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import tell_slots

#: Seconds; Apple's container is known to hang for ever, and each of these commands takes well below one.
COMMAND_TIMEOUT = 60


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "tart_homes": {"type": "list", "elements": "path", "default": []},
            "docker_sockets": {"type": "list", "elements": "path", "default": []},
            "disk_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    try:
        facts = read_facts(
            runner(module, timeout=COMMAND_TIMEOUT),
            tart_homes=module.params["tart_homes"],
            docker_sockets=module.params["docker_sockets"],
            disk_path=module.params["disk_path"] or "",
            warn=module.warn,
        )
    except MacRunnersError as error:
        module.fail_json(msg=str(error))
    told = {"mac_runners_measured_slots": tell_slots(), "mac_runners_measured_native": tell_native()}
    module.exit_json(changed=False, ansible_facts={"mac_runners_measured": facts, **told})


if __name__ == "__main__":
    main()
