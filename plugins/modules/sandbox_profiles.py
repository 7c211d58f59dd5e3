#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sandbox_profiles
short_description: Install profiles for sandbox-exec, from policies or hand-written
version_added: 0.1.0
description:
  - Writes a profile from a policy, or takes a hand-written one. Each is read and linted, and tried on the Mac with
    C(sandbox-exec), before the first of them is installed. With an error in one of them nothing at all is changed.
  - A profile is a file of root that never changes and has the SHA-256 of its text as its name, C(ROOT/NAME/SHA256.sb). The link
    C(ROOT/NAME/current.sb) names one of them, and at every moment it is either the old or the new one.
  - Older versions stay, because whoever begins to start a job may have chosen one. Only removing a profile removes them. Jobs that run are
    not touched by that, since a process keeps the profile that it was started with.
  - A path of a policy that goes through a link of the Mac is refused, since macOS compares what the link leads to.
  - A profile takes no room, so that no lease is asked for.
notes:
  - Needs root.
  - The sandbox is a weak isolation, for trusted code. What is known of it, and what is not, is in the collection's page on sandbox profiles.
extends_documentation_fragment:
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_macos
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
    details:
      - Profiles are tried with C(sandbox-exec) in check mode too, from a temporary directory.
  diff_mode:
    support: full
    details:
      - Shows the texts of the profiles.
  idempotent:
    support: full
options:
  profiles:
    description:
      - The profiles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the profile, a lower-case letter and at most 40 more of C(a-z), C(0-9) and C(-).
        type: str
        required: true
      state:
        description:
          - With V(absent) all versions of it are removed.
        type: str
        choices: [present, absent]
        default: present
      policy:
        description:
          - The policy that the profile is written from, with the fields that the filter
            P(action_packer.mac_runners.sandbox_profile#filter) describes. Its C(name) is O(profiles[].name) when not given.
          - One of O(profiles[].policy) and O(profiles[].content) is required when O(profiles[].state=present).
        type: dict
      content:
        description:
          - The text of a hand-written profile.
          - What the linter calls an error is refused with line and column, unless a comment above the rule accepts it. C(sandbox-exec)
            has the last word.
        type: str
      params:
        description:
          - Parameters that the profile is linted and tried with, as C(sandbox-exec -D) takes them. They are no secrets and are not kept, since
            whoever starts a program in the profile gives its own.
        type: dict
        default: {}
      imports:
        description:
          - Texts of the files that the profile imports, by the name that it uses, for the linter. On the Mac they are where they are.
        type: dict
        default: {}
  purge:
    description:
      - Whether profiles of ours that are not in O(profiles) are removed. What has no marker of ours is never touched.
    type: bool
    default: false
  root:
    description:
      - The directory below which profiles are installed. It is made when it is missing, and removed with the last profile.
    type: path
    default: /opt/mac_runners/sandbox
author:
  - action_packer contributors (@action-packer)
seealso:
  - plugin: action_packer.mac_runners.sandbox_lint
    plugin_type: filter
  - plugin: action_packer.mac_runners.sandbox_decision
    plugin_type: filter
"""

EXAMPLES = r"""
- name: One profile from a policy, and one that was written by hand
  action_packer.mac_runners.sandbox_profiles:
    profiles:
      - name: lint-1
        policy:
          home: /Users/mac-runners-lint-1
          presets: [build, node]
          work: [/Users/mac-runners-lint-1/work]
      - name: formatter
        content: |
          (version 1)
          (deny default)
          (allow process-exec* (subpath "/usr/bin"))
          (allow file-read* (literal "/") (subpath "/usr") (subpath "/System/Library") (subpath (param "SOURCES")))
        params:
          SOURCES: /Users/ci/sources
  become: true

- name: Remove all profiles of ours
  action_packer.mac_runners.sandbox_profiles:
    profiles: []
    purge: true
  become: true
"""

RETURN = r"""
profiles:
  description: Profiles of ours that are there afterwards, by name; in check mode those that are there now.
  returned: success
  type: dict
  contains:
    path:
      description: The file of the current version, which never changes. Jobs are started with this one.
      type: str
      sample: /opt/mac_runners/sandbox/lint-1/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824.sb
    current:
      description: The link to the current version.
      type: str
      sample: /opt/mac_runners/sandbox/lint-1/current.sb
    version:
      description: The SHA-256 of its text.
      type: str
    versions:
      description: All versions that are there.
      type: list
      elements: str
findings:
  description:
    - What the linter found and no comment accepts, of no error's weight. Each has C(profile), and what the filter
      P(action_packer.mac_runners.sandbox_lint#filter) returns.
  returned: success
  type: list
  elements: dict
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: The profile, or the directory of all of them.
      type: str
      sample: lint-1
    action:
      description: One of C(repair), C(clear) (what a killed run left), C(install), C(replace) (a damaged file), C(switch), C(remove).
      type: str
      sample: install
    detail:
      description: What exactly.
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_converge import converge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_store import described, text_diff
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import told, warnings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import STATE, runner

#: Seconds in which macOS compiles a profile and starts a program.
TRIAL_SECONDS = 30
PROFILE = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "policy": {"type": "dict"},
    "content": {"type": "str"},
    "params": {"type": "dict", "default": {}},
    "imports": {"type": "dict", "default": {}},
}
OPTIONS = {
    "profiles": {"type": "list", "elements": "dict", "required": True, "options": PROFILE},
    "purge": {"type": "bool", "default": False},
    "root": {"type": "path", "default": "/opt/mac_runners/sandbox"},
    **STATE,
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Bring the profiles to their state; return the module's result."""
    params = module.params
    done = converge(runner(module, TRIAL_SECONDS), params["profiles"], params["root"], params["purge"], params["state_dir"], module.check_mode)
    for warning in warnings(done.wanted) + done.warnings:
        module.warn(warning)
    result: t.Dict[str, t.Any] = {"changed": done.plan.changed, "steps": done.plan.summary(), "findings": told(done.wanted)}
    result["profiles"] = described(params["root"], done.wanted)
    return {**result, "diff": text_diff(params["root"], done.plan)} if module._diff else result


if __name__ == "__main__":
    main()
