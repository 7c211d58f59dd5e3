#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mac_environment
short_description: Make a Python environment with pinned packages
version_added: 0.1.0
description:
  - Makes a Python environment from requirements that are pinned and hashed. pip checks every file by its hash, and only wheels
    are installed, so that nothing is compiled or run. It is the pip of O(python), as Apple's Python has it; the environment gets none.
  - The environment says in C(requirements.txt) what it was made from. When that differs, the environment is made anew, since pip
    cannot take away what is no longer wanted. While that goes on nothing can use it.
  - An environment that a run left unfinished, or whose Python is gone, is made anew as well.
  - What is at O(path) and is no Python environment is refused. So are a link in its place, and a place where others than root
    can write.
  - Several runs on one Mac wait for each other, and only the first one has anything to do.
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
      - Wheels are not looked at, so that one that is missing is not predicted.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  path:
    description:
      - The directory of the environment.
    type: path
    default: /opt/mac_runners/venv
  python:
    description:
      - The Python from which it is made. With another one it is made anew.
    type: path
    default: /usr/bin/python3
  requirements:
    description:
      - What is in it, in the words of pip, one package a line with all that it needs. Every line has the form
        C(NAME==VERSION --hash=sha256:DIGEST), with as many hashes as there are wheels to choose from.
    type: str
    required: true
  index_url:
    description:
      - The package index, such as a mirror in your network. That of pip's own configuration when not given.
    type: str
  find_links:
    description:
      - A directory with the wheels, on the Mac, where root alone can write. No package index is asked then.
    type: path
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.docker_runners
"""

EXAMPLES = r"""
- name: The Docker SDK and what it needs
  action_packer.mac_runners.mac_environment:
    requirements: "{{ lookup('ansible.builtin.file', 'docker.txt') }}"
  become: true

- name: From a mirror
  action_packer.mac_runners.mac_environment:
    requirements: |
      psutil==7.2.2 --hash=sha256:1a7b04c10f32cc88ab39cbf606e117fd74721c831c98a27dc04578deb0c16979
    index_url: https://pypi.example.com/simple
  become: true

- name: From wheels that were copied to the Mac
  action_packer.mac_runners.mac_environment:
    requirements: "{{ lookup('ansible.builtin.file', 'docker.txt') }}"
    find_links: /opt/wheels
  become: true
"""

RETURN = r"""
path:
  description: The directory of the environment.
  returned: success
  type: str
  sample: /opt/mac_runners/venv
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: The directory of the environment.
      type: str
      sample: /opt/mac_runners/venv
    action:
      description: C(make), or C(make anew) when something was there.
      type: str
      sample: make
    detail:
      description: The packages.
      type: str
      sample: psutil==7.2.2
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.environment import converge, parse_venv
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import STATE, runner

OPTIONS = {
    "path": {"type": "path", "default": "/opt/mac_runners/venv"},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "requirements": {"type": "str", "required": True},
    "index_url": {"type": "str", "no_log": True},
    "find_links": {"type": "path"},
    **STATE,
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True, mutually_exclusive=[("index_url", "find_links")])
    try:
        module.exit_json(**manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Bring the environment to its state; return the module's result."""
    venv = parse_venv(module.params)
    plan = converge(runner(module), venv, module.params["state_dir"], module.check_mode)
    result: t.Dict[str, t.Any] = {"changed": plan.changed, "path": venv.path, "steps": plan.summary()}
    return {**result, "diff": plan.diff} if module._diff else result


if __name__ == "__main__":
    main()
