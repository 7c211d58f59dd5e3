# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_profile
short_description: Write the sandbox profile of a policy
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Takes a policy in the words of its reader (what is read, written, executed, which network, which services) and returns the
    profile for C(sandbox-exec). A comment above each rule names the line of the policy that made it.
  - What no line allows is denied. Keys, keychains, tokens and the sockets of agents and of Docker are denied whatever else is said,
    and so is what belongs to other slots.
  - Fails for a policy that contradicts itself, that leaks, or that names a path otherwise than the kernel sees it, and names each
    field with what was given and what is allowed.
options:
  _input:
    description:
      - The policy. Paths are absolute, and each stands for itself and all below it.
    type: dict
    required: true
    suboptions:
      name:
        description: The name of the slot, for comments and messages.
        type: str
        required: true
      home:
        description: The home of the account that jobs run as.
        type: path
        required: true
      presets:
        description:
          - What kinds of jobs run. Presets can be mixed; what every process needs to start is always allowed.
          - The value V(build) allows Apple's command line tools, Homebrew, git, Python and Swift.
          - The value V(xcode) allows Xcode with the simulators.
          - The value V(node) allows Node.js with npm.
          - The value V(strict) also denies what macOS allows by itself and builds can do without.
        type: list
        elements: str
        choices: [build, xcode, node, strict]
        default: []
      work:
        description: What is read, written and executed, such as the work directory.
        type: list
        elements: path
        default: []
      read:
        description: What is read.
        type: list
        elements: path
        default: []
      write:
        description: What is read and written, and never executed.
        type: list
        elements: path
        default: []
      execute:
        description: What is read and executed, and never written.
        type: list
        elements: path
        default: []
      shared:
        description: What is read even where it lies in a directory of another slot.
        type: list
        elements: path
        default: []
      deny:
        description: What is denied whatever else is said.
        type: list
        elements: path
        default: []
      others:
        description: What belongs to other slots, such as their homes. It is denied.
        type: list
        elements: path
        default: []
      sockets:
        description: Sockets in the file system that may be connected to.
        type: list
        elements: path
        default: []
      network:
        description:
          - Whom jobs may connect to.
          - The value V(none) allows nobody.
          - The value V(loopback) allows this Mac. All processes of a Mac share its loopback.
          - The value V(ports) allows the ports of O(_input.connect), and the slot's own on this Mac.
          - The value V(all) allows everybody.
        type: str
        choices: [none, loopback, ports, all]
        default: none
      connect:
        description: Ports such as V(443), on any host, or V(localhost:8080), on this Mac. macOS cannot tell other hosts apart.
        type: list
        elements: str
        default: []
      ports:
        description: The range of ports that jobs may listen on, such as V(20000-20099). None when not given, or without a network.
        type: str
      services:
        description:
          - Purposes V(accounts), V(temp), V(dns), V(tls), V(swift), V(xcode), V(simulator), V(keychain), or names of Mach services.
          - The value V(keychain) also opens the keychains of the account itself.
          - A service acts outside the sandbox for those who ask it.
        type: list
        elements: str
        default: []
seealso:
  - plugin: action_packer.mac_runners.sandbox_lint
    plugin_type: filter
  - plugin: action_packer.mac_runners.sandbox_decision
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep the profile of a slot beside the inventory
  vars:
    policy:
      name: lint-1
      home: /Users/mac-runners-lint-1
      presets: [build, node]
      work: [/Users/mac-runners-lint-1/work, /Users/mac-runners-lint-1/tmp]
      others: [/Users/mac-runners-lint-2]
      network: ports
      connect: [443]
      ports: 20000-20099
  ansible.builtin.copy:
    content: "{{ policy | action_packer.mac_runners.sandbox_profile }}"
    dest: "{{ inventory_dir }}/lint-1.sb"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The text of the profile, in pure ASCII.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import SeatbeltError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import parse_sandbox
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.render import render
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain


def sandbox_profile(policy: t.Any) -> str:
    """The profile of ``policy``; see DOCUMENTATION for its fields."""
    try:
        return render(parse_sandbox(plain(policy)))
    except SeatbeltError as error:
        raise AnsibleFilterError(f"sandbox_profile: {error}") from error


class FilterModule:
    """The filter sandbox_profile."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"sandbox_profile": sandbox_profile}
