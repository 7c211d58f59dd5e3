#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runner_accounts
short_description: Make, reset and remove the service users of native runners
version_added: 0.1.0
description:
  - Brings the service users of all slots of the isolations C(sandbox), C(account) and C(chroot) of a Mac to their state, in one task.
    Each has a group of its own with the same number, is hidden, has no password and no way to log in, and a home that it alone can enter.
  - The directory of users is read once, however many accounts there are.
  - Only users and groups whose name begins with C(mac-runners-) and whose record has this collection's marker are ever changed,
    reset or removed. A name, a number or a home that somebody else has is refused, and nothing is changed.
  - A reset, and a removal too, ends all processes of the account and removes what it mounted, its files in shared directories, its cron
    table, its System V objects and its home, and follows no link and enters no mount on the way.
  - An account whose number or home changes is removed and made anew, with what runs there.
  - What the account of an installed slot has is its slot's. Such an account is not removed, moved or reset, and its home is not made anew;
    a run that would have to is refused, and nothing is changed.
  - A run that was killed is finished by the next one.
  - When one account fails, all others are still brought to their state. Then the module fails and names each failure.
  - An account is a very weak isolation. Only pools of trusted code are accepted.
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
      - Slots of accounts that O(purge) would remove count as gone, since a play removes them first.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Each run with O(reset) resets.
options:
  accounts:
    description:
      - What the accounts of single pools have that is not the default. Every native pool of O(pools) has accounts, named here or not.
    type: list
    elements: dict
    default: []
    suboptions:
      pool:
        description:
          - The name of the pool. Required.
        type: str
      uid_base:
        description:
          - The UID and GID of the account of the pool's first slot. Each further slot has the next one.
          - From V(701) to V(29999). By default the first native pool of O(pools) begins at O(uid_base), and each further one 100 later.
            Give it when pools come and go, so that the others keep their numbers.
        type: raw
      shell:
        description:
          - The login shell. With V(/usr/bin/false) not even root can log in as the account.
          - One of V(/usr/bin/false), V(/bin/zsh), V(/bin/bash), V(/bin/sh).
          - Jobs run without it.
        type: str
        default: /usr/bin/false
      template:
        description:
          - A directory that belongs to root alone and whose content each new home gets. Homes are empty but for C(tmp) when not given.
        type: path
      disk_quota:
        description:
          - Whether each home is on an APFS volume of its own, C(/Volumes/mac-runners-SLOT), that takes at most the pool's C(disk). It shares the
            free space of the Mac's container, and macOS mounts it by itself after a restart.
          - Another size or its absence makes the account anew. Not for the isolation C(chroot), whose homes are in jails.
        type: bool
        default: false
  uid_base:
    description:
      - Where the numbers of the accounts begin.
    type: int
    default: 1701
  homes:
    description:
      - The directory of the homes, which root alone can change. Slots of the isolation C(chroot) need V(/Users).
    type: path
    default: /Users
  purge:
    description:
      - Whether accounts of ours are removed that no slot of O(pools) has.
      - Removing a user needs Full Disk Access.
    type: bool
    default: false
  reset:
    description:
      - Slots whose accounts are reset, as between two jobs. What runs there is ended.
    type: list
    elements: str
    default: []
notes:
  - Needs root.
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.mac_admission
"""

EXAMPLES = r"""
---
- name: An account for each slot of the native pools, and no others
  action_packer.mac_runners.runner_accounts:
    accounts:
      - pool: lint
        uid_base: 1801
    purge: true
    fleet: acme
    pools: "{{ mac_runners_pools }}"
    capacity: "{{ mac_runners_capacity | default({}) }}"
  become: true

- name: Two slots are as new
  action_packer.mac_runners.runner_accounts:
    reset: [lint-1, lint-2]
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  become: true

- name: None of ours is left
  action_packer.mac_runners.runner_accounts:
    purge: true
    fleet: acme
  become: true
"""

RETURN = r"""
accounts:
  description: The accounts of ours as they are after the run, or in check mode as they would be.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the user and of its group.
      type: str
      sample: mac-runners-lint-1
    uid:
      description: The number of both.
      type: int
      sample: 1701
    home:
      description: The home.
      type: str
      sample: /Users/mac-runners-lint-1
    shell:
      description: The login shell.
      type: str
      sample: /usr/bin/false
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The account.
      type: str
      sample: mac-runners-lint-1
    action:
      description: One of C(create), C(repair), C(volume), C(home), C(close), C(reset), C(remove).
      type: str
      sample: create
    detail:
      description: What exactly, or why.
      type: str
      sample: uid 1701, home /Users/mac-runners-lint-1
failures:
  description: What went wrong, by account.
  returned: when an account failed
  type: dict
  sample:
    mac-runners-lint-2: "processes of user 1702 do not end: 4711"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.converge import converge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.plan import Goal
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.spec import parse_accounts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX

# Where a list says raw or gives no choices, the core checks: its message names the pool.
ACCOUNT = {
    "pool": {"type": "str"},
    "uid_base": {"type": "raw"},
    "shell": {"type": "str", "default": "/usr/bin/false"},
    "template": {"type": "path"},
    "disk_quota": {"type": "bool", "default": False},
}
OPTIONS = {
    **TERMS,
    "accounts": {"type": "list", "elements": "dict", "default": [], "options": ACCOUNT},
    "uid_base": {"type": "int", "default": 1701},
    "homes": {"type": "path", "default": "/Users"},
    "purge": {"type": "bool", "default": False},
    "reset": {"type": "list", "elements": "str", "default": []},
}
#: Seconds that a single call of a tool may take.
TIMEOUT = 120.0


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    params = module.params
    try:
        accounts = parse_accounts(params["pools"], params["accounts"], params["capacity"], params["uid_base"], params["homes"])
        goal = Goal(accounts, params["purge"], frozenset(OWNED_PREFIX + slot for slot in params["reset"]))
        terms = Terms(*(params[name] for name in ("fleet", "pools", "capacity", "licences")))
        result = converge(runner(module, TIMEOUT), goal, terms, params["state_dir"], module.check_mode)
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**(result if module._diff else {key: value for key, value in result.items() if key != "diff"}))


if __name__ == "__main__":
    main()
