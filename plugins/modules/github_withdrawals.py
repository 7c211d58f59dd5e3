#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_withdrawals
short_description: Take persistent runners off GitHub once they are idle
version_added: 0.1.0
description:
  - Removes the listed runners at GitHub, which then sends them no job any more. Only a runner that is idle both at GitHub and on
    its Mac is removed, and GitHub has the last word.
  - A runner that is busy is left no label but C(draining) and the one of the fleet, so that no new job comes to it, and is
    named in RV(busy). Ask again until nothing is named any more.
  - Each runner is asked for by its name, with two or three requests. For whole fleets M(action_packer.mac_runners.github_runners) needs fewer.
  - It is what M(action_packer.mac_runners.runner_withdrawals) runs on the controller.
extends_documentation_fragment:
  - action_packer.mac_runners._github
  - action_packer.mac_runners._github.ours
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    platforms: posix
  check_mode:
    support: full
    details:
      - The runners are looked for, and nothing is changed.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  runners:
    description:
      - The runners that shall go.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name at GitHub.
        type: str
        required: true
      idle:
        description:
          - Say V(true) when its Mac itself was asked just now and no job runs there. GitHub may call a runner idle that runs a job.
        type: raw
        default: false
  force:
    description:
      - Whether a runner is removed although a job runs, as far as GitHub lets it go. RV(busy) then stays empty.
    type: bool
    default: false
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.github_runners
  - module: action_packer.mac_runners.runner_withdrawals
"""

EXAMPLES = r"""
- name: Take a runner off GitHub on whose Mac no job runs
  action_packer.mac_runners.github_withdrawals:
    url: https://github.com/acme
    token: "{{ github_token }}"
    fleet: acme
    name_prefixes: [mac-mini-1-]
    runners:
      - name: mac-mini-1-linux-1
        idle: true
  delegate_to: localhost
  register: gone
  until: gone.busy | length == 0
  retries: 60
  delay: 30
"""

RETURN = r"""
busy:
  description: Runners that are still at GitHub, and why.
  returned: always
  type: dict
  sample:
    mac-mini-1-linux-1: GitHub says that it runs a job
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The runner.
      type: str
      sample: mac-mini-1-linux-1
    action:
      description: One of C(remove), C(set labels).
      type: str
      sample: remove
    detail:
      description: Why.
      type: str
      sample: idle
quota:
  description: How many requests were sent, how long was waited for GitHub's limits, and what GitHub said of its hourly quota.
  returned: always
  type: dict
  sample:
    requests: 2
    waited: 0.0
    limit: 5000
    remaining: 4989
    reset: 1764040000
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import edge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import parse_wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.withdrawal import withdraw

OPTIONS = {
    "runners": {
        "type": "list",
        "elements": "dict",
        "required": True,
        # Where the core checks, its message names the runner.
        "options": {"name": {"type": "str", "required": True}, "idle": {"type": "raw", "default": False}},
    },
    **edge.OURS,
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = edge.module_with(OPTIONS)
    try:
        module.exit_json(**manage(module))
    except MacRunnersError as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Ask for each runner, take off those that may go, tell."""
    params = module.params
    client = edge.connect(module, "write")
    ownership = Ownership.of(params["fleet"], params["name_prefixes"])
    listed = [{**one, "lifecycle": "persistent", "state": "absent"} for one in params["runners"]]
    outcome = withdraw(client, ownership, parse_wanted(listed, ownership, client.target), params["force"], module.check_mode)
    result: t.Dict[str, t.Any] = {"changed": outcome.plan.changed, "steps": outcome.plan.summary(), "busy": outcome.busy, "quota": edge.quota_of(client)}
    return {**result, "diff": outcome.plan.diff} if module._diff else result


if __name__ == "__main__":
    main()
