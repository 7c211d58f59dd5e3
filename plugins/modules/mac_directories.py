#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mac_directories
short_description: Manage directories that belong to root
version_added: 0.1.0
description:
  - Makes a list of directories that belong to root, with the mode that they shall have, in one task.
  - Removes directories only when nothing is in them but what is expected there. Otherwise nothing at all is removed.
  - A symbolic link or a file in the place of a directory is refused, and so is a place where others than root could put one.
notes:
  - Needs root.
extends_documentation_fragment:
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_posix
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  directories:
    description:
      - The directories. One below another may be in the same list, in any order.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - The absolute path. The directory above must exist or be in O(directories).
        type: path
        required: true
      mode:
        description:
          - The octal mode, as text, from V(0700) to V(0755).
        type: str
        default: "0755"
      state:
        description:
          - Whether it exists.
        type: str
        choices: [present, absent]
        default: present
      contents:
        description:
          - What may be removed with it when O(directories[].state=absent), as patterns of names such as V(*.log).
          - A pattern with a slash at its end, such as V(venv/), is a directory that is removed with everything in it.
        type: list
        elements: str
        default: []
author:
  - action_packer contributors (@action-packer)
"""

EXAMPLES = r"""
- name: Directories of the runners
  action_packer.mac_runners.mac_directories:
    directories:
      - path: /opt/mac_runners
      - path: /var/db/mac_runners
        mode: "0700"
  become: true

- name: Remove them, if there is nothing else in them
  action_packer.mac_runners.mac_directories:
    directories:
      - path: /opt/mac_runners
        state: absent
        contents: [venv/]
      - path: /var/db/mac_runners
        state: absent
        contents: [lock]
  become: true
"""

RETURN = r"""
directories:
  description: Those of O(directories) that exist afterwards; in check mode those that exist now.
  returned: success
  type: list
  elements: str
  sample: [/opt/mac_runners]
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: The directory.
      type: str
      sample: /opt/mac_runners
    action:
      description: One of C(make), C(repair), C(remove).
      type: str
      sample: make
    detail:
      description: What exactly.
      type: str
      sample: "mode 0755, root:wheel"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories as core

DIRECTORY = {
    "path": {"type": "path", "required": True},
    "mode": {"type": "str", "default": "0755"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "contents": {"type": "list", "elements": "str", "default": []},
}
OPTIONS = {"directories": {"type": "list", "elements": "dict", "required": True, "options": DIRECTORY}}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Bring the directories to their state; return the module's result."""
    wanted = core.parse_directories(module.params["directories"])
    core.require_closed_places(wanted)
    plan = core.plan_directories(wanted, core.read_directories(wanted))
    if not module.check_mode:
        core.apply_directories(plan, wanted)
    result: t.Dict[str, t.Any] = {"changed": plan.changed, "steps": plan.summary()}
    result["directories"] = sorted(core.read_directories(wanted))
    return {**result, "diff": plan.diff} if module._diff else result


if __name__ == "__main__":
    main()
