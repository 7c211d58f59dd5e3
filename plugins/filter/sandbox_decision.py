# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_decision
short_description: Say what a sandbox profile decides
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Answers whether a process below a profile may do an operation, and which rule decides, by the order that was measured on Macs.
  - Answers V(unknown) where something was not understood, was not asked or has not been measured. It never guesses.
  - It judges the profile alone. System integrity protection, privacy settings and permissions of files come on top.
positional: operation, argument, params, imports, macos
options:
  _input:
    description: The text of the profile.
    type: str
    required: true
  operation:
    description: The operation, such as V(file-read-data), V(process-exec) or V(network-outbound).
    type: str
    required: true
  argument:
    description:
      - What the operation is done to. An absolute path for files and programs; a path, or V(localhost:8080), V(github.com:443) or
        V(tcp4:github.com:443), for connections, where V(localhost) stands for any address of this Mac; a name for services, sysctls and
        preferences; V(self), V(others), V(children), V(pgrp), V(same-sandbox) or V(initproc) for signals and processes.
    type: str
  params:
    description: Parameters of the profile, as C(sandbox-exec -D) takes them. What is not given is not set.
    type: dict
    default: {}
  imports:
    description: Texts of the files that the profile imports, by the name that it uses.
    type: dict
    default: {}
  macos:
    description: The version of macOS to judge by. There are tables for 10.12 to 10.15 and 14.4; others are judged by the nearest.
    type: str
    default: "26.0"
seealso:
  - plugin: action_packer.mac_runners.sandbox_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Make sure that jobs cannot read the keys of an account
  ansible.builtin.assert:
    that: (profile | action_packer.mac_runners.sandbox_decision('file-read-data', '/Users/ci/.ssh/id_ed25519')).verdict == 'deny'
  vars:
    profile: "{{ lookup('ansible.builtin.file', 'runner.sb') }}"
"""

RETURN = r"""
_value:
  description: The decision.
  type: dict
  contains:
    verdict:
      description: V(allow), V(deny) or V(unknown).
      type: str
    operation:
      description: The operation whose rules decided; the one that was asked for or one that it falls back to.
      type: str
    step:
      description:
        - V(filtered) (the last rule with filters that holds), V(unfiltered) (the rule without), V(implicit) (built into macOS),
          V(derived) (as implicit, but known from compiled profiles only), V(default) (no rule at all), or empty.
      type: str
    confidence:
      description: V(measured), V(tables) (read in macOS's own tables), V(derived), or V(none) for an unknown verdict.
      type: str
    rules:
      description: The deciding rule, or all that leave the verdict open, each with C(file), C(line), C(column) and C(text).
      type: list
      elements: dict
    why:
      description: The reason in one sentence.
      type: str
    model:
      description: The version of macOS whose tables were used.
      type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.decision import decide, shown
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import SeatbeltError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._sandbox import checked


def sandbox_decision(
    profile: t.Any,
    operation: str,
    argument: str | None = None,
    params: t.Mapping[str, str] | None = None,
    imports: t.Mapping[str, str] | None = None,
    macos: str = "26.0",
) -> dict[str, t.Any]:
    """What ``profile`` decides; see RETURN for the shape."""
    checked("sandbox_decision", profile, params, imports, macos)
    try:
        loaded = load(str(profile), plain(params), plain(imports), str(macos))
        decided = decide(loaded, str(operation), None if argument is None else str(argument))
    except (SeatbeltError, ValueError) as error:
        raise AnsibleFilterError(f"sandbox_decision: {error}") from error
    return {**decided._asdict(), "rules": [shown(rule) for rule in decided.rules], "model": loaded.model}


class FilterModule:
    """The filter sandbox_decision."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"sandbox_decision": sandbox_decision}
