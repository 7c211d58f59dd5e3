# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sandbox_lint
short_description: Find what is wrong with a sandbox profile, and what leaks through it
version_added: 0.1.0
author:
  - action_packer contributors (@action-packer)
description:
  - Reads a profile for C(sandbox-exec), hand-written or generated, and returns what it found, the worst first.
  - What is not understood is reported as such and never passed over in silence.
  - A comment right above a rule, such as C(; lint-ok&#58; writable-executable (built and run there\)), accepts a finding.
positional: params, imports, macos, accepted
options:
  _input:
    description: The text of the profile.
    type: str
    required: true
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
  accepted:
    description: Whether to return findings that a comment accepts, too.
    type: bool
    default: false
seealso:
  - plugin: action_packer.mac_runners.sandbox_profile
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a profile with errors
  ansible.builtin.assert:
    that: errors | length == 0
    fail_msg: "{{ errors }}"
  vars:
    profile: "{{ lookup('ansible.builtin.file', 'runner.sb') }}"
    errors: "{{ profile | action_packer.mac_runners.sandbox_lint | selectattr('severity', 'eq', 'error') }}"
"""

RETURN = r"""
_value:
  description:
    - The findings, each with C(id), C(severity) (V(error), V(warning) or V(note)), C(file), C(line), C(column), C(rule) (the text),
      C(what) (what was found), C(why), C(fix), and C(accepted) (the reason in a comment, or empty).
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint import lint_text
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._sandbox import checked


def sandbox_lint(
    profile: t.Any,
    params: t.Mapping[str, str] | None = None,
    imports: t.Mapping[str, str] | None = None,
    macos: str = "26.0",
    accepted: bool = False,
) -> list[dict[str, t.Any]]:
    """What was found in ``profile``; see RETURN for the shape."""
    checked("sandbox_lint", profile, params, imports, macos)
    try:
        findings = lint_text(str(profile), plain(params), plain(imports), str(macos))
    except ValueError as error:
        raise AnsibleFilterError(f"sandbox_lint: {error}") from error
    return [one._asdict() for one in findings if accepted or not one.accepted]


class FilterModule:
    """The filter sandbox_lint."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return the filter by its name."""
        return {"sandbox_lint": sandbox_lint}
