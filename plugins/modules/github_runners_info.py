#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_runners_info
short_description: Read the runners, runner groups and accepted runner versions of a target at GitHub
version_added: 0.1.0
description:
  - Reads all runners of a repository, an organisation or an enterprise, 100 a request, or with O(name) just one, with a single request.
  - With O(fleet) and O(name_prefixes) it says which of them are ours.
  - With O(runner_versions) it says which versions of the runner GitHub still takes, and until when.
  - The credential needs no more than to read.
extends_documentation_fragment:
  - action_packer.mac_runners._github
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.info_module
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    platforms: posix
options:
  runners:
    description:
      - Whether runners are read. Say V(false) when only the rest is wanted.
    type: bool
    default: true
  name:
    description:
      - Read only the runner of this name.
    type: str
  fleet:
    description:
      - Whose runners count as ours, as for M(action_packer.mac_runners.github_runners).
    type: str
  name_prefixes:
    description:
      - How the names of ours begin, as for M(action_packer.mac_runners.github_runners).
    type: list
    elements: str
    default: []
  groups:
    description:
      - Whether the runner groups are read too. A repository has none.
    type: bool
    default: false
  runner_versions:
    description:
      - Versions of the runner of which it is asked until when GitHub takes them, one request each.
    type: list
    elements: str
    default: []
  downloads:
    description:
      - Whether the packages of the runner are read that GitHub offers to the target, with their checksums.
    type: bool
    default: false
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.github_runners
"""

EXAMPLES = r"""
---
- name: See what is registered
  action_packer.mac_runners.github_runners_info:
    url: https://github.com/acme
    token: "{{ github_token }}"
    fleet: acme
    name_prefixes: [mac-mini-1-]
    groups: true
  delegate_to: localhost
  run_once: true
  register: at_github

- name: Ask until when the pinned version of the runner is taken
  action_packer.mac_runners.github_runners_info:
    url: https://github.com/acme
    token: "{{ github_token }}"
    runner_versions: [2.337.0]
    runners: false
  delegate_to: localhost
  run_once: true
  register: at_github
  failed_when: at_github.runner_versions | selectattr('verdict', 'equalto', 'refused') | length > 0

- name: Show who is busy
  ansible.builtin.debug:
    msg: "{{ at_github.runners | selectattr('busy') | map(attribute='name') }}"
"""

RETURN = r"""
runners:
  description: The runners, by name; empty with O(runners=false).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: mac-mini-1-ios-1-5f0c2a1b
    id:
      description: Its number.
      type: int
      sample: 23
    status:
      description: Either C(online) or C(offline).
      type: str
      sample: online
    busy:
      description: Whether GitHub thinks that it runs a job. It may call a runner idle that runs one.
      type: bool
      sample: false
    labels:
      description: All its labels.
      type: list
      elements: str
      sample: [ARM64, macOS, managed-by:acme, self-hosted, xcode-26]
    runner_group_id:
      description: The number of its runner group, null where GitHub does not tell.
      type: int
      sample: 1
    os:
      description: Its operating system, C(unknown) until it was connected once.
      type: str
      sample: macos
    version:
      description: The version of the runner, null until it was connected once.
      type: str
      sample: 2.337.0
    ephemeral:
      description: Whether it takes one job only, null where GitHub does not tell.
      type: bool
      sample: true
    owned:
      description: Whether it is ours, by name and label; false when O(fleet) or O(name_prefixes) was not given.
      type: bool
      sample: true
runner_groups:
  description: The runner groups, by name.
  returned: when O(groups=true)
  type: list
  elements: dict
  contains:
    id:
      description: Its number.
      type: int
      sample: 3
    name:
      description: Its name.
      type: str
      sample: macs
    default:
      description: Whether it is the one where runners go that name none.
      type: bool
      sample: false
    public:
      description: Whether public repositories may use it.
      type: bool
      sample: false
    visibility:
      description: Which repositories, or organisations of an enterprise, may use it.
      type: str
      sample: selected
runner_versions:
  description: What GitHub does with each of O(runner_versions).
  returned: always
  type: list
  elements: dict
  contains:
    version:
      description: The version.
      type: str
      sample: 2.337.0
    verdict:
      description:
        - The value V(good) means that GitHub takes it and names no end.
        - The value V(ends) means that it is taken until RV(runner_versions[].ends).
        - The value V(refused) means that it cannot register any more, or gets no jobs.
        - The value V(unknown) means that GitHub tells no date, as older GitHub Enterprise Servers do.
      type: str
      sample: ends
    ends:
      description: When it ends or has ended, null where that is not known.
      type: str
      sample: "2026-12-20T00:00:00Z"
    registration_deprecates_at:
      description: From when on it cannot register, null where GitHub tells no date.
      type: str
      sample: "2027-01-20T00:00:00Z"
    runtime_deprecates_at:
      description: From when on it gets no jobs, null where GitHub tells no date.
      type: str
      sample: "2026-12-20T00:00:00Z"
    message:
      description: The verdict in words.
      type: str
      sample: the runner 2.337.0 gets no jobs from 2026-12-20T00:00:00Z on, in 25.1 days; pin a newer version before
downloads:
  description: The packages that GitHub offers to the target.
  returned: when O(downloads=true)
  type: list
  elements: dict
  contains:
    os:
      description: One of C(osx), C(linux), C(win).
      type: str
      sample: osx
    architecture:
      description: One of C(arm64), C(x64), C(arm).
      type: str
      sample: arm64
    version:
      description: The version.
      type: str
      sample: 2.337.0
    url:
      description: Where the package is.
      type: str
      sample: https://github.com/actions/runner/releases/download/v2.337.0/actions-runner-osx-arm64-2.337.0.tar.gz
    sha256:
      description: Its checksum, null where the server does not tell it.
      type: str
      sample: 60c4df330c83f68f39fa0ab4d58d07c3d0728546f26280d607041cb5a0fea7df
quota:
  description: How many requests were sent, how long was waited for GitHub's limits, and what GitHub said of its hourly quota.
  returned: always
  type: dict
  sample:
    requests: 2
    waited: 0.0
    limit: 5000
    remaining: 4998
    reset: 1764040000
"""

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import edge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import Runner, find_runner, list_groups, list_runners
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.plan import state_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.versions import judge_versions, list_downloads

OPTIONS = {
    "runners": {"type": "bool", "default": True},
    "name": {"type": "str"},
    "fleet": {"type": "str"},
    "name_prefixes": {"type": "list", "elements": "str", "default": []},
    "groups": {"type": "bool", "default": False},
    "runner_versions": {"type": "list", "elements": "str", "default": []},
    "downloads": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = edge.module_with(OPTIONS)
    try:
        client = edge.connect(module, "read")
        result = gather(client, module.params)
    except MacRunnersError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, quota=edge.quota_of(client), **result)


def gather(client: Client, params: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Read what was asked for."""
    verdicts = judge_versions(client, params["runner_versions"])
    runners = read_runners(client, params)
    ownership = Ownership.of(params["fleet"], params["name_prefixes"])
    result: t.Dict[str, t.Any] = {
        "runners": [
            {"name": one.name, **state_of(one), "owned": ownership.covers(one.name, one.all_labels)}
            for one in sorted(runners, key=lambda runner: runner.name)
        ],
        "runner_versions": [verdict._asdict() for verdict in verdicts],
    }
    if params["groups"]:
        result["runner_groups"] = [dataclasses.asdict(group) for group in sorted(list_groups(client), key=lambda group: group.name)]
    if params["downloads"]:
        result["downloads"] = [package._asdict() for package in list_downloads(client)]
    return result


def read_runners(client: Client, params: t.Mapping[str, t.Any]) -> t.List[Runner]:
    """All runners, one, or none, as it was asked for."""
    if not params["runners"]:
        return []
    if params["name"]:
        found = find_runner(client, params["name"])
        return [found] if found else []
    return list_runners(client)


if __name__ == "__main__":
    main()
