#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mac_tools
short_description: Install pinned releases of tools side by side
version_added: 0.1.0
description:
  - Unpacks releases of tools from gzipped tar archives, each checked by its SHA-256 before anything is unpacked, into
    C(ROOT/NAME/VERSION), and lets the link C(ROOT/NAME/current) name one of them. At every moment there is either the old or the
    new one, and a release is there as a whole or not at all.
  - Other releases of the tool stay, because a program that runs, such as a VM, uses the release from which it was started.
    Only O(tools[].state=absent) removes them.
  - Everything belongs to root; nobody else can write to it.
  - An archive is refused when it has absolute names, names with C(..), links that lead out of it, or anything but files,
    directories and links. So is a place where others than root can write, and a link in the place of a directory.
  - Several runs on one Mac wait for each other, and only the first one has anything to do. Archives are fetched before.
notes:
  - Needs root.
extends_documentation_fragment:
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_posix
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
    details:
      - Archives are neither fetched nor looked at, so that one that is missing or another one is not predicted.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  tools:
    description:
      - The tools. Those that are not named stay as they are.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the tool, which is that of its directory.
        type: str
        required: true
      state:
        description:
          - With V(present) the release is there and is the current one.
          - With V(absent) all releases of the tool are removed. When anything else is in its directory, nothing is.
        type: str
        choices: [present, absent]
        default: present
      version:
        description:
          - The release. Required when O(tools[].state=present), like O(tools[].sha256), O(tools[].program), and one of
            O(tools[].url) and O(tools[].archive).
        type: str
      sha256:
        description:
          - The SHA-256 of the archive. A release that is there and was made from another archive is never replaced; the task fails.
        type: str
      program:
        description:
          - The path of the program in the release. A release in which it is missing is installed anew.
        type: str
      url:
        description:
          - Where the Mac fetches the archive, at most 1 GiB. A user name and a password belong into C(.netrc) of root.
        type: str
      archive:
        description:
          - The archive, a file on the Mac.
        type: path
  root:
    description:
      - The directory below which tools are installed. It is made when it is missing.
    type: path
    default: /opt/mac_runners/tools
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.tart_vms
"""

EXAMPLES = r"""
- name: Tart, as /opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart
  action_packer.mac_runners.mac_tools:
    tools:
      - name: tart
        version: 2.35.0
        sha256: 60c4df330c83f68f39fa0ab4d58d07c3d0728546f26280d607041cb5a0fea7df
        url: https://github.com/openai/tart/releases/download/2.35.0/tart.tar.gz
        program: tart.app/Contents/MacOS/tart
  become: true

- name: Remove all its releases
  action_packer.mac_runners.mac_tools:
    tools:
      - name: tart
        state: absent
  become: true
"""

RETURN = r"""
tools:
  description: The tools of O(tools) that are there afterwards, by name; in check mode those that are there now.
  returned: success
  type: dict
  sample:
    tart:
      current: 2.35.0
      releases: [2.34.0, 2.35.0]
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: The tool.
      type: str
      sample: tart
    action:
      description: One of C(clear) (what a killed run left), C(install), C(replace) (a damaged release), C(switch), C(remove).
      type: str
      sample: switch
    detail:
      description: What exactly.
      type: str
      sample: "2.34.0 -> 2.35.0"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._download import download
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.releases import converge, described, parse_tools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import STATE, runner

TOOL = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "version": {"type": "str"},
    "sha256": {"type": "str"},
    "program": {"type": "str"},
    "url": {"type": "str"},
    "archive": {"type": "path"},
}
OPTIONS = {
    "tools": {"type": "list", "elements": "dict", "required": True, "options": TOOL},
    "root": {"type": "path", "default": "/opt/mac_runners/tools"},
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
    """Bring the tools to their state; return the module's result."""
    root = module.params["root"]
    tools = parse_tools(module.params["tools"], root)
    plan = converge(runner(module), download, tools, root, module.params["state_dir"], module.check_mode)
    result: t.Dict[str, t.Any] = {"changed": plan.changed, "steps": plan.summary(), "tools": described(root, tools)}
    return {**result, "diff": plan.diff} if module._diff else result


if __name__ == "__main__":
    main()
