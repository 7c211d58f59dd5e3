#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runner_slots
short_description: Install the slots that run ephemeral runners
version_added: 0.1.0
description:
  - Installs a list of slots on a Mac in one task, all with one program, and with the credential by which they register their runners
    at GitHub. Each slot is a LaunchDaemon that registers a runner for one job, starts it in a fresh environment, destroys that, and
    begins anew.
  - The program is built on the controller and brought to a Mac that lacks it. Versions lie side by side; the one before is kept, and
    none is removed that a slot still runs.
  - New settings and a new program can be installed while jobs run. A slot takes them over between two jobs. When a new program
    does not come up, the one before is taken back and the module fails.
  - A slot that has to go is drained first, and removed once it is idle. A job is never ended unless O(force=true).
    While it runs, the slot is in RV(busy); run the module again until that is empty.
  - A run that was killed is finished by the next one.
extends_documentation_fragment:
  - action_packer.mac_runners._lease
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.platform_macos
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  action:
    description: Has a corresponding action plugin, so that some parts of it run on the controller.
    support: full
options:
  slots:
    description:
      - The slots, as P(action_packer.mac_runners.runner_slots#filter) makes them of pools.
      - When not given, slots stay as they are, and only O(drain) does something. An empty list with O(purge=true) removes
        everything that this module made.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The slot, such as V(linux-1).
        type: str
        required: true
      runner_name:
        description:
          - How the names of its runners begin, at most 55 characters.
        type: str
        required: true
      github:
        description:
          - Where its runners register. C(url) is the target, C(labels) are the runners' labels but the fleet's, C(group) is the number
            of their runner group.
        type: dict
        required: true
      docker:
        description:
          - What a slot of the isolation C(docker) has to know. C(socket) of the engine (the only engine that answers when not given),
            C(user) of the containers as C(UID:GID), and C(runner_dir), where the image has its runner.
        type: dict
      tart:
        description:
          - What a slot of the isolation C(tart) has to know. C(account), C(tart_home), C(tart), the program, C(runner_dir), where
            the image has its runner, and C(boot_seconds), in which the guest has to boot.
        type: dict
      native:
        description:
          - What a slot of the isolations C(sandbox), C(account) and C(chroot) has to know. C(uid) and C(home) of its account,
            C(template), what each new home gets, C(runner_package), the directory with GitHub's runner, C(profile) and C(parameters) of
            a sandbox, C(jail), the directory that is the root of a chroot, and C(limits) of a job.
        type: dict
      registration_seconds:
        description:
          - Seconds in which a started runner has to listen for jobs. 300 when not given.
        type: int
      job_seconds:
        description:
          - Seconds that a job may take before it is ended. For ever when not given.
        type: int
      grace_seconds:
        description:
          - Seconds that a runner that was taken off GitHub has to end by itself. 60 when not given.
        type: int
      keep_jobs:
        description:
          - Of how many jobs the runner's logs are kept. 10 when not given.
        type: int
      keep_size:
        description:
          - How large the kept logs of a job may become. C(20MiB) when not given.
        type: str
  purge:
    description:
      - Whether slots that are not in O(slots) are drained and removed.
    type: bool
    default: false
  absent:
    description:
      - Slots that have to go, as with O(purge). Those that are not there are no error.
    type: list
    elements: str
    default: []
  force:
    description:
      - Whether slots that have to go are removed at once. The job that one of them runs is lost. What it runs is ended where its record
        says that it is, also when O(slots) name another place by now.
    type: bool
    default: false
  drain:
    description:
      - With V(true) the slots begin no new job. They are in RV(busy) until they are idle.
      - With V(false) they begin jobs again.
      - When not given, slots stay as they are.
    type: bool
  only:
    description:
      - The slots that O(drain) is about. All slots of the Mac when empty.
    type: list
    elements: str
    default: []
  token:
    description:
      - The token of GitHub by which slots register their runners. It is kept on the Mac, for root alone.
      - Exactly one of O(token) and O(app) is needed as soon as there are slots.
    type: str
  app:
    description:
      - The GitHub App by which slots register their runners.
    type: dict
    suboptions:
      client_id:
        description:
          - The client id of the App.
        type: str
        required: true
      key:
        description:
          - The App's private key itself. It is kept on the Mac, for root alone.
        type: str
        required: true
      installation_id:
        description:
          - The number of the App's installation. It is looked up when not given.
        type: int
  ca:
    description:
      - The certificates of a private certificate authority, by which slots know GitHub.
    type: str
  proxy:
    description:
      - The proxy through which slots reach GitHub.
    type: str
  program:
    description:
      - The program. The action plugin fills this in.
    type: dict
    suboptions:
      version:
        description:
          - Its version, which ends with the beginning of its SHA-256.
        type: str
        required: true
      sha256:
        description:
          - The SHA-256 of its file.
        type: str
        required: true
      path:
        description:
          - Its file on the Mac. When it is not given and the Mac lacks the program, nothing is done and RV(program_missing) is true.
        type: path
  python:
    description:
      - The Python that runs the slots, which root alone can replace. The one that runs this module when not given.
    type: path
  tart_homes:
    description:
      - Unusual directories with Tart VMs, at which slots look too before they start something.
    type: list
    elements: path
    default: []
  docker_sockets:
    description:
      - Unusual sockets of Docker Engines, at which slots look too before they start something.
    type: list
    elements: path
    default: []
  start_timeout:
    description:
      - Seconds that a slot has to come up with a program, from V(1) to V(86400).
    type: int
    default: 60
  wait:
    description:
      - Seconds to wait for slots that shall become idle and only have to withdraw a runner without a job, from V(0) to V(86400).
    type: int
    default: 10
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.github_runners
  - plugin: action_packer.mac_runners.runner_slots
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: All slots of the Mac's pools, and no others
  action_packer.mac_runners.runner_slots:
    slots: >-
      {{ mac_runners_pools | action_packer.mac_runners.runner_slots(inventory_hostname, mac_runners_github,
      {'https://github.com/acme': groups_at_github.runner_groups}) }}
    purge: true
    token: "{{ mac_runners_github.token }}"
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  become: true

- name: No slot begins a new job
  action_packer.mac_runners.runner_slots:
    drain: true
    fleet: acme
  become: true
  register: drained
  until: drained.busy | length == 0
  retries: 60
  delay: 10

- name: Everything goes, once it is idle
  action_packer.mac_runners.runner_slots:
    slots: []
    purge: true
    fleet: acme
  become: true
"""

RETURN = r"""
slots:
  description: The slots of the Mac afterwards; in check mode those that are there now.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The slot.
      type: str
      sample: linux-1
    state:
      description:
        - What it is doing, such as V(listening), V(job), V(waiting), V(stuck) or V(drained). Empty before its first start.
      type: str
      sample: job
    since:
      description: Since when, in seconds since 1970.
      type: int
      sample: 1795509376
    job:
      description: The job that it runs. Empty without one.
      type: str
      sample: build
    job_since:
      description: Since when, in seconds since 1970, V(0) without a job.
      type: int
      sample: 1795509376
    runner:
      description: The name of its runner at GitHub.
      type: str
      sample: mac-mini-1-linux-1-5f0c2a1b
    message:
      description: What went wrong last. Empty when nothing did.
      type: str
      sample: no room on this Mac
    failures:
      description: How often something went wrong in a row.
      type: int
      sample: 0
    retry_at:
      description: When it tries again, in seconds since 1970, V(0) when it does not wait.
      type: int
      sample: 0
    jobs:
      description: How many jobs it ran.
      type: int
      sample: 12
    program:
      description: The version of the program that runs.
      type: str
      sample: 0.1.0-0f2cd0f2cd0f
    isolation:
      description: The isolation by which it runs jobs. Empty when its settings do not say it.
      type: str
      sample: docker
    mark:
      description: Why it begins no new job, V(drain) when an operator said so, V(removal) when it has to go, or empty.
      type: str
      sample: ""
    running:
      description: Whether its program runs.
      type: bool
      sample: true
busy:
  description: Slots that have to become idle and are not yet, and what each is busy with.
  returned: always
  type: dict
  sample:
    linux-2: job build on mac-mini-1-linux-2-5f0c2a1b
program:
  description: The version of the program that is current. Empty when there is none.
  returned: success
  type: str
  sample: 0.1.0-0f2cd0f2cd0f
program_missing:
  description: Whether the Mac lacks the program, so that nothing was done. The action plugin then brings it.
  returned: when O(slots) are given
  type: bool
  sample: false
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The slot, or one of C(program), C(credentials), C(newsyslog).
      type: str
      sample: linux-1
    action:
      description: One of C(drain), C(undrain), C(install), C(switch), C(write), C(settings), C(load), C(remove), C(prune).
      type: str
      sample: load
    detail:
      description: What exactly.
      type: str
      sample: its daemon is new
failures:
  description: What went wrong, by slot.
  returned: when a slot failed
  type: dict
  sample:
    linux-2: "launchd job dev.action-packer.mac-runners.slot.linux-2 cannot be loaded: code 5"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install import Outcome, converge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_apply import Tools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import Layout, tell_slots
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_request import goal_of

SLOT = {
    "name": {"type": "str", "required": True},
    "runner_name": {"type": "str", "required": True},
    "github": {"type": "dict", "required": True},
    "docker": {"type": "dict"},
    "tart": {"type": "dict"},
    "native": {"type": "dict"},
    "registration_seconds": {"type": "int"},
    "job_seconds": {"type": "int"},
    "grace_seconds": {"type": "int"},
    "keep_jobs": {"type": "int"},
    "keep_size": {"type": "str"},
}
APP = {
    "client_id": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": True},
    "installation_id": {"type": "int"},
}
PROGRAM = {"version": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}, "path": {"type": "path"}}
OPTIONS = {
    **TERMS,
    "slots": {"type": "list", "elements": "dict", "options": SLOT},
    "purge": {"type": "bool", "default": False},
    "absent": {"type": "list", "elements": "str", "default": []},
    "force": {"type": "bool", "default": False},
    "drain": {"type": "bool"},
    "only": {"type": "list", "elements": "str", "default": []},
    "token": {"type": "str", "no_log": True},
    "app": {"type": "dict", "options": APP},
    "ca": {"type": "str"},
    # There may be a password in it.
    "proxy": {"type": "str", "no_log": True},
    "program": {"type": "dict", "options": PROGRAM},
    "python": {"type": "path"},
    "tart_homes": {"type": "list", "elements": "path", "default": []},
    "docker_sockets": {"type": "list", "elements": "path", "default": []},
    "start_timeout": {"type": "int", "default": 60},
    "wait": {"type": "int", "default": 10},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        tell(module, manage(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def manage(module: AnsibleModule) -> Outcome:
    """Read the arguments and bring the slots to their state."""
    params, program = module.params, module.params["program"] or {}
    layout = Layout(state_dir=params["state_dir"])
    tools = Tools(runner(module), layout, program.get("path") or "", program.get("sha256") or "", params["start_timeout"], params["wait"])
    terms = Terms(*(params[name] for name in ("fleet", "pools", "capacity", "licences")))
    return converge(tools, goal_of(params, layout), terms, module.check_mode)


def tell(module: AnsibleModule, outcome: Outcome) -> None:
    """End the module."""
    result: t.Dict[str, t.Any] = {"changed": outcome.plan.changed, "steps": outcome.plan.summary(), "busy": dict(outcome.busy)}
    result.update(slots=tell_slots(module.params["state_dir"]), program=outcome.installed.current, program_missing=outcome.lacking)
    if module._diff:
        result["diff"] = outcome.plan.diff
    if outcome.failures:
        text = "; ".join(f"slot {name}: {error}" for name, error in sorted(outcome.failures.items()))
        module.fail_json(msg=text, failures=dict(outcome.failures), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
