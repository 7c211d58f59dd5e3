#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runner_package
short_description: Install GitHub's runner package on a Mac, pinned, several versions side by side
version_added: 0.1.0
description:
  - Unpacks the package into C(ROOT/actions-runner/VERSION), checked by its SHA-256 before anything is unpacked, and lets the link
    C(ROOT/actions-runner/current) name it. At every moment there is either the old or the new one, and a version is there as a
    whole or not at all. What a killed run left is mended by the next.
  - The link is not switched while a process runs from the version that it names, and no version is changed or removed under a process
    that runs from it. The new version is installed beside and the task ends with a warning; drain the slots and run it again.
  - Versions that nobody needs are removed. Needed are the pinned one, the current one, those that processes run from, those that the
    settings of a slot name, those in O(keep), and the newest O(retain) of the others.
  - Everything belongs to root; nobody else can write to it.
  - An archive is refused when it has absolute names, names with C(..), links that lead out of it, or anything but files, directories
    and links, or when its C(bin/Runner.Listener) was not made for macOS on this Mac's processor.
  - GitHub takes each version of the runner for some time only. With the dates that M(action_packer.mac_runners.github_runners_info)
    reads, a version that GitHub refuses is refused here too, before anything is changed, and one that ends within 30 days is warned of.
  - A version that GitHub refuses without naming a date, since it is older than the oldest one that it registers, is refused by the plan
    (M(action_packer.mac_runners.fleet_plan)) and not here. Which one is the oldest depends on the target, a GitHub Enterprise Server has
    its own, and the package of a Mac belongs to no target.
notes:
  - Needs root.
extends_documentation_fragment:
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_macos
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
    details:
      - Archives are neither fetched nor looked at, so that one that is missing or another one is not predicted.
      - With O(state=absent) slots count as gone, since a play removes them first.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - With V(present) the version is there and, unless processes hold the link, the current one.
      - With V(absent) all versions are removed, unless a process or a slot uses one.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - The version, such as V(2.337.0). Required when O(state=present), like O(sha256).
    type: str
  sha256:
    description:
      - The SHA-256 of the archive. A version that is there and was made from another archive is never replaced; the task fails.
    type: str
  mirror:
    description:
      - Where the Mac fetches C(vVERSION/actions-runner-osx-ARCH-VERSION.tar.gz), with its own processor as C(ARCH). A mirror has
        the same folders and names as GitHub.
    type: str
    default: https://github.com/actions/runner/releases/download
  url:
    description:
      - Where the Mac fetches the archive, in place of O(mirror). A user name and a password belong into C(.netrc) of root.
    type: str
  archive:
    description:
      - The archive, a file on the Mac, for instance one that was copied from the controller.
    type: path
  keep:
    description:
      - Versions that are never removed by O(state=present).
    type: list
    elements: str
    default: []
  retain:
    description:
      - How many versions that nobody needs stay, the newest ones, to go back to.
    type: int
    default: 1
  registration_deprecates_at:
    description:
      - From when on the version cannot register, as GitHub tells it, with its zone. Nothing when not known.
    type: str
  runtime_deprecates_at:
    description:
      - From when on the version gets no jobs, as GitHub tells it, with its zone. Nothing when not known.
    type: str
  root:
    description:
      - The directory below which tools are installed. It is made when it is missing.
    type: path
    default: /opt/mac_runners/tools
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.github_runners_info
  - module: action_packer.mac_runners.mac_tools
"""

EXAMPLES = r"""
---
- name: Ask until when GitHub takes the version
  action_packer.mac_runners.github_runners_info:
    url: https://github.com/acme
    token: "{{ github_token }}"
    runners: false
    runner_versions: [2.337.0]
  delegate_to: localhost
  run_once: true
  register: at_github

- name: Install GitHub's runner
  action_packer.mac_runners.runner_package:
    version: 2.337.0
    sha256: 60c4df330c83f68f39fa0ab4d58d07c3d0728546f26280d607041cb5a0fea7df
    registration_deprecates_at: "{{ at_github.runner_versions[0].registration_deprecates_at }}"
    runtime_deprecates_at: "{{ at_github.runner_versions[0].runtime_deprecates_at }}"
  become: true

- name: Install it from a mirror of one's own
  action_packer.mac_runners.runner_package:
    version: 2.337.0
    sha256: 60c4df330c83f68f39fa0ab4d58d07c3d0728546f26280d607041cb5a0fea7df
    mirror: https://mirror.example/actions-runner
  become: true
"""

RETURN = r"""
package:
  description: What is there afterwards, in check mode what is there now; empty when nothing is.
  returned: success
  type: dict
  sample:
    current: 2.337.0
    releases: [2.336.0, 2.337.0]
waiting:
  description: Why the link was not switched, empty when it was or need not be.
  returned: success
  type: str
  sample: ""
in_use:
  description: The processes that run from each version; empty too when nothing there had to be touched.
  returned: success
  type: dict
  sample:
    2.336.0: [501, 502]
age:
  description: What follows from the dates of GitHub, as RV(action_packer.mac_runners.github_runners_info#module:runner_versions).
  returned: when O(state=present) and a date was given
  type: dict
  sample:
    version: 2.337.0
    verdict: ends
    ends: "2026-12-20T00:00:00Z"
    registration_deprecates_at:
    runtime_deprecates_at: "2026-12-20T00:00:00Z"
    message: the runner 2.337.0 gets no jobs from 2026-12-20T00:00:00Z on, in 25.1 days; pin a newer version before
steps:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    resource:
      description: Always C(actions-runner).
      type: str
      sample: actions-runner
    action:
      description: One of C(clear) (what a killed run left), C(install), C(replace) (a damaged version), C(switch), C(prune), C(remove).
      type: str
      sample: switch
    detail:
      description: What exactly.
      type: str
      sample: "2.336.0 -> 2.337.0"
"""

import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._download import download
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import runner_package as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.releases import described
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import STATE, runner

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "version": {"type": "str"},
    "sha256": {"type": "str"},
    "mirror": {"type": "str", "default": core.GITHUB},
    "url": {"type": "str"},
    "archive": {"type": "path"},
    "keep": {"type": "list", "elements": "str", "default": []},
    "retain": {"type": "int", "default": 1},
    "registration_deprecates_at": {"type": "str"},
    "runtime_deprecates_at": {"type": "str"},
    "root": {"type": "path", "default": "/opt/mac_runners/tools"},
    **STATE,
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, mutually_exclusive=[("url", "archive")], supports_check_mode=True)
    try:
        module.exit_json(**manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """Bring the package to its state; return the module's result."""
    params, run = module.params, runner(module)
    package = core.parse_package(params, core.read_arch(run))
    result = age(module)
    outcome = core.converge(run, download, package, params["state_dir"], module.check_mode)
    if outcome.waiting:
        module.warn(outcome.waiting)
    there = described(package.root, [package.tool]).get(core.NAME, {})
    in_use = {version: list(pids) for version, pids in outcome.running.items()}
    result.update(changed=outcome.plan.changed, steps=outcome.plan.summary(), package=there, waiting=outcome.waiting, in_use=in_use)
    return {**result, "diff": outcome.plan.diff} if module._diff else result


def age(module: AnsibleModule) -> t.Dict[str, t.Any]:
    """What follows from the dates of GitHub, where they were given."""
    params = module.params
    dates = params["registration_deprecates_at"], params["runtime_deprecates_at"]
    if params["state"] == "absent" or not any(dates):
        return {}
    verdict, warning = core.judge_age(params["version"], *dates, now=time.time())
    if warning:
        module.warn(warning)
    return {"age": verdict._asdict()}


if __name__ == "__main__":
    main()
