#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: github_runners
short_description: Keep the runners of a fleet at GitHub as wanted, and clean up what was left behind
version_added: 0.1.0
description:
  - Reads all runners of one target with one sweep (100 runners a request), whatever the number of Macs. Run it once a target, on the
    controller.
  - Runners of ours (see O(name_prefixes)) that are not among O(runners) count as left behind. So take both from the same Macs, all of
    the fleet and not those of C(--limit), also because the name of one Mac can begin like that of another. Leave a Mac that was taken
    out of the inventory in O(name_prefixes) until its runners are gone.
  - A runner that runs a job is never removed. GitHub has the last word on that when one is removed.
  - Runners register themselves. Ephemeral ones are registered by their slots, each for one job, and this module only removes
    what a slot left behind. For persistent ones that are wanted and missing it can get a registration token, one for all of them.
  - Of wanted persistent runners labels and runner group are corrected. That does not disturb their jobs.
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
      - The sweep is made, nothing is changed, no token is minted, and no time is remembered.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - A registration token is minted on each run until the missing runners have registered.
options:
  runners:
    description:
      - The wanted runners of all Macs. Runners of ours that are not listed are removed once they were offline for O(grace).
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of a persistent runner, or of an ephemeral slot. The runners of a slot are called like it, with a dash and eight
            hexadecimal digits added.
          - It begins with one of O(name_prefixes) and has at most 64 characters, 55 for an ephemeral slot.
        type: str
        required: true
      state:
        description:
          - The value V(present) keeps it. What an ephemeral slot left behind offline is removed after O(grace) all the same. A
            persistent runner that is offline is kept for ever.
          - The value V(absent) removes it without a grace when it is offline, or when it is online, idle at GitHub and
            O(runners[].idle=true).
        type: str
        default: present
      lifecycle:
        description:
          - Either V(ephemeral) or V(persistent).
        type: str
        default: ephemeral
      labels:
        description:
          - The labels that a persistent runner has beside those that the runner brings itself and the label of the fleet.
        type: raw
      runner_group:
        description:
          - The runner group in which a persistent runner is, and in which an ephemeral one registers. It must exist.
          - A repository has no groups to choose from.
        type: str
      trust:
        description:
          - Whose code it may run, as in its pool. A group that public repositories may use is refused unless this is V(untrusted).
        type: str
        default: internal
      idle:
        description:
          - Say V(true) when its Mac itself was asked and no job runs there. GitHub may call a runner idle that runs a job, so without
            this an online runner is not removed.
        type: raw
        default: false
      id:
        description:
          - The number with which a persistent runner is configured on its Mac, V(0) when it is not configured there. One that GitHub
            knows by another number counts as missing, unless it runs a job. Not compared when not given.
        type: raw
      registers:
        description:
          - Say V(false) for a persistent runner that cannot register in this run, for instance since its Mac is not part of it. It then never
            counts as missing.
        type: raw
        default: true
  grace:
    description:
      - Seconds for which a runner must have been seen offline before it is removed as left behind. At least 300, since a runner that
        boots is offline too.
    type: int
    default: 3600
  offline_file:
    description:
      - Where it is remembered since when runners are seen offline, which GitHub does not tell. A controller that forgets it only
        begins the grace anew. GitHub itself drops ephemeral runners after a day and others after two weeks.
    type: path
    default: ~/.ansible/mac_runners/offline.json
  registration_token_file:
    description:
      - The file into which a registration token is written when wanted persistent runners are missing. It gets the mode V(0600). Any
        number of runners can register with it within the hour.
      - Its directory must exist. When not given no token is minted. The token is in no result and in no log.
    type: path
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.github_runners_info
"""

EXAMPLES = r"""
---
- name: Clean up after the slots of the fleet
  action_packer.mac_runners.github_runners:
    url: https://github.com/acme
    app:
      client_id: Iv23liABCDEFGHIJKLMN
      key_file: /etc/mac-runners/app.pem
    fleet: acme
    name_prefixes: [mac-mini-1-, mac-mini-2-]
    runners:
      - name: mac-mini-1-ios-1
      - name: mac-mini-2-ios-1
  delegate_to: localhost
  run_once: true

- name: Keep persistent runners, and get a token for those that have yet to register
  action_packer.mac_runners.github_runners:
    url: https://github.com/acme
    token: "{{ github_token }}"
    fleet: acme
    name_prefixes: [mac-mini-1-]
    runners:
      - name: mac-mini-1-linux-1
        lifecycle: persistent
        labels: [docker]
        runner_group: macs
    registration_token_file: /run/user/1000/registration-token
  delegate_to: localhost
  run_once: true

- name: Take a runner off GitHub whose Mac was found to be idle
  action_packer.mac_runners.github_runners:
    url: https://github.com/acme
    token: "{{ github_token }}"
    fleet: acme
    name_prefixes: [mac-mini-1-]
    runners:
      - name: mac-mini-1-linux-1
        lifecycle: persistent
        state: absent
        idle: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
runners:
  description: The runners of ours as they are after the run, or in check mode as they would be.
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
      description: Whether GitHub thinks that it runs a job.
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
missing:
  description: Wanted persistent runners that are not registered, or not as their Mac has them configured.
  returned: always
  type: list
  elements: str
  sample: [mac-mini-1-linux-1]
kept:
  description: Runners of ours that are not wanted or left behind and stay for now, and why.
  returned: always
  type: dict
  sample:
    mac-mini-1-ios-2-5f0c2a1c: it runs a job
fleet_label:
  description: The label by which runners of the fleet are known.
  returned: always
  type: str
  sample: managed-by:acme
registration_token:
  description: Where the registration token is. The token itself is not returned.
  returned: when one was minted
  type: dict
  sample:
    file: /run/user/1000/registration-token
    expires_at: "2026-11-25T04:15:00Z"
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The runner, or the target.
      type: str
      sample: mac-mini-1-ios-2-5f0c2a1c
    action:
      description: One of C(remove), C(set labels), C(move), C(mint).
      type: str
      sample: remove
    detail:
      description: Why, or what changes.
      type: str
      sample: nobody wants it, seen offline for 4210 s
quota:
  description: How many requests were sent, how long was waited for GitHub's limits, and what GitHub said of its hourly quota.
  returned: always
  type: dict
  sample:
    requests: 11
    waited: 0.0
    limit: 5000
    remaining: 4989
    reset: 1764040000
failures:
  description: What went wrong, by runner.
  returned: when something failed
  type: dict
  sample:
    mac-mini-1-linux-1: "another runner has this name and is not ours: it lacks the label managed-by:acme; rename or remove it at GitHub"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import edge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.sweep import Outcome, Request, sweep
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import parse_wanted

# Where a list says raw or gives no choices, the core checks: its message names the runner.
RUNNER = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present"},
    "lifecycle": {"type": "str", "default": "ephemeral"},
    "labels": {"type": "raw"},
    "runner_group": {"type": "str"},
    "trust": {"type": "str", "default": "internal"},
    "idle": {"type": "raw", "default": False},
    "id": {"type": "raw"},
    "registers": {"type": "raw", "default": True},
}
OPTIONS = {
    "runners": {"type": "list", "elements": "dict", "default": [], "options": RUNNER},
    **edge.OURS,
    "grace": {"type": "int", "default": 3600},
    "offline_file": {"type": "path", "default": "~/.ansible/mac_runners/offline.json"},
    # A path, no secret.
    "registration_token_file": {"type": "path", "no_log": False},
}


def main() -> None:
    """Run the module."""
    module = edge.module_with(OPTIONS)
    try:
        converge(module)
    except MacRunnersError as error:
        module.fail_json(msg=str(error))


def converge(module: AnsibleModule) -> None:
    """Sweep once, tell."""
    params = module.params
    client = edge.connect(module, "write")
    ownership = Ownership.of(params["fleet"], params["name_prefixes"])
    request = Request(
        wanted=parse_wanted(params["runners"], ownership, client.target),
        ownership=ownership,
        grace=params["grace"],
        offline_file=params["offline_file"],
        token_file=params["registration_token_file"] or "",
        check=module.check_mode,
    )
    tell(module, request, sweep(client, request), edge.quota_of(client))


def tell(module: AnsibleModule, request: Request, outcome: Outcome, quota: t.Mapping[str, t.Any]) -> None:
    """End the module."""
    for warning in outcome.warnings:
        module.warn(warning)
    result: t.Dict[str, t.Any] = {"changed": outcome.plan.changed, "steps": outcome.plan.summary(), "runners": outcome.runners}
    result.update(missing=list(outcome.missing), kept=outcome.kept, quota=quota, fleet_label=request.ownership.label)
    if outcome.token_expires:
        result["registration_token"] = {"file": request.token_file, "expires_at": outcome.token_expires}
    if module._diff:
        result["diff"] = outcome.plan.diff
    if outcome.failures:
        text = "; ".join(f"{name}: {error}" for name, error in sorted(outcome.failures.items()))
        module.fail_json(msg=text, failures=outcome.failures, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
