#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: chroot_jails
short_description: Make jails for chroot, an experiment
version_added: 0.1.0
description:
  - Copies what programs need to start, from the Mac, into a template for its build of macOS, and clones a jail for each slot from it,
    with devices and the Mac's resolver. On APFS a clone takes no space of its own at first.
  - A jail is C(BASE/NAME/root). It gets its name when it is whole, and another one before it is removed, so that what a killed run left is
    never taken for a jail, and is cleared by the next run.
  - Nothing outside of the base is changed. No link is followed and no mount is entered. What has no marker of ours is not touched, nor a
    jail in which something is mounted, nor one whose account has processes.
  - When the Mac is updated or O(contents) changes, jails are made anew from another template, and what was in them is lost.
  - Programs of a jail have no set-user-ID or set-group-ID bit.
notes:
  - Needs root, and a Mac without System Integrity Protection, since macOS starts no program in a jail otherwise. To switch it off makes
    the Mac weaker for everything that runs on it.
  - A jail is a very weak isolation, for trusted code. Processes, network, keychains and services of macOS are not separated, and root leaves
    it at will.
extends_documentation_fragment:
  - action_packer.mac_runners._lease
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_macos
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
    details:
      - Whether programs start in a jail is seen only when a template is made. Accounts that are not there yet are taken as to be made.
      - Who works in a jail that has to go is not asked, since a play drains its slot first.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  jails:
    description:
      - The jails.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The slot whose jail it is, of a pool with the isolation C(chroot) in O(pools).
        type: str
        required: true
      state:
        description:
          - With V(absent) it is removed with all that is in it.
        type: str
        choices: [present, absent]
        default: present
      user:
        description:
          - The account that jobs in the jail run as. It gets the home C(/Users/USER) in the jail.
          - While it has processes, the jail is neither removed nor made anew.
        type: str
  experimental:
    description:
      - Has to be V(true) for a jail to be made, which accepts that this isolation is an experiment.
    type: bool
    default: false
  purge:
    description:
      - Whether jails of ours that are not in O(jails) are removed.
    type: bool
    default: false
  base:
    description:
      - The directory of all jails. It is made when it is missing, and removed with the last jail.
      - Jails and the template are on the volume of this directory.
    type: path
    default: /opt/mac_runners/jails
  contents:
    description:
      - What of the Mac is in every jail. Without it that is dyld's cache of libraries, C(/bin), C(/sbin), most of C(/usr), the frameworks of
        C(/System/Library), some of C(/private/etc), and Apple's Command Line Tools, each where the Mac has it.
      - Only what root alone can write to is taken. Links are copied as links.
    type: list
    elements: dict
    suboptions:
      path:
        description:
          - A file or directory of the Mac. With V(*) at its end it is all whose names begin so.
        type: path
        required: true
      target:
        description:
          - Where it is in a jail, O(contents[].path) when not given. With V(*) at the end of the path it is their directory.
        type: path
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.mac_admission
  - module: action_packer.mac_runners.sandbox_profiles
"""

EXAMPLES = r"""
- name: A jail for each slot of a pool
  action_packer.mac_runners.chroot_jails:
    experimental: true
    fleet: acme
    pools: "{{ mac_runners_pools }}"
    jails:
      - name: build-1
        user: mac-runners-build-1
      - name: build-2
        user: mac-runners-build-2
  become: true

- name: Remove all jails
  action_packer.mac_runners.chroot_jails:
    fleet: acme
    purge: true
  become: true
"""

RETURN = r"""
jails:
  description: Jails of ours that are there afterwards, by name; in check mode those that are there now.
  returned: success
  type: dict
  contains:
    path:
      description: The directory to change the root to.
      type: str
      sample: /opt/mac_runners/jails/build-1/root
    template:
      description: What it was cloned from.
      type: str
      sample: .template-25B78-2cf24dba5fb0
    user:
      description: Whose jail it is.
      type: str
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: The jail, the template, or the directory of all.
      type: str
      sample: build-1
    action:
      description: One of C(clear) (what a killed run left), C(make), C(repair), C(build), C(create), C(reset), C(link) (the resolver), C(remove).
      type: str
      sample: create
    detail:
      description: What exactly.
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.converge import Request, converge, described
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner

JAIL = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "user": {"type": "str"},
}
CONTENT = {"path": {"type": "path", "required": True}, "target": {"type": "path"}}
OPTIONS = {
    **TERMS,
    "jails": {"type": "list", "elements": "dict", "default": [], "options": JAIL},
    "experimental": {"type": "bool", "default": False},
    "purge": {"type": "bool", "default": False},
    "base": {"type": "path", "default": "/opt/mac_runners/jails"},
    "contents": {"type": "list", "elements": "dict", "options": CONTENT},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Bring the jails to their state; return the module's result."""
    names = ("jails", "base", "contents", "purge", "state_dir")
    request = Request(accepted=module.params["experimental"], check=module.check_mode, **{name: module.params[name] for name in names})
    terms = Terms(*(module.params[name] for name in ("fleet", "pools", "capacity", "licences")))
    done = converge(runner(module), request, terms)
    result = {"changed": done.plan.changed, "steps": done.plan.summary(), "jails": described(request.base, done.store)}
    return {**result, "diff": done.plan.diff} if module._diff else result


if __name__ == "__main__":
    main()
