#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: runner_registrations
short_description: Register persistent runners in their containers and VMs, and keep in mind which are drained
version_added: 0.1.0
description:
  - Registers a list of persistent runners at GitHub, each in its container that M(action_packer.mac_runners.docker_runners) made, or its
    VM with a macOS guest that M(action_packer.mac_runners.tart_vms) made, with the runner's own C(config.sh). Without O(runners) it only
    tells what is registered, and whether a job runs.
  - A registration token goes to the standard input of a program in the container or the guest. It is in no argument list, no result and no log.
  - A runner counts as registered when the files of its container or guest say so with the name, the address and the number by which GitHub
    knows it. A registration that was interrupted is made anew. Where a job runs, everything is left alone.
  - In a guest a LaunchAgent of its user, C(dev.action-packer.mac-runners.runner), runs the listener whenever the runner is registered, after a
    restart of the guest too. The guest needs Tart's agent, which needs that user to be logged in.
  - A runner that an operator drained has a mark on the Mac until that is taken back. The mark alone keeps no job away, so use
    M(action_packer.mac_runners.runner_withdrawals) for that.
  - When one runner fails, all others are still registered; then the module fails and names each failure.
extends_documentation_fragment:
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    platforms: posix
  check_mode:
    support: full
    details:
      - No token is needed.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  runners:
    description:
      - The runners that shall be registered. All mistakes are reported at once.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the runner's slot, C(<pool>-<number>).
          - Required.
        type: str
      runner_name:
        description:
          - The name of the runner at GitHub.
          - Required.
        type: str
      url:
        description:
          - The repository, organisation or enterprise where it registers.
          - Required.
        type: str
      labels:
        description:
          - Its labels beside those that the runner brings itself. The label of the fleet has to be among them, as
            M(action_packer.mac_runners.github_runners) returns it, for without it that module takes the runner for somebody else's.
        type: raw
      group:
        description:
          - The name of its runner group, the default one when not given.
        type: str
      id:
        description:
          - The number by which GitHub knows the runner, V(0) when it does not.
        type: raw
        default: 0
  tokens:
    description:
      - The address of each target to a registration token for it, as M(action_packer.mac_runners.github_runners) writes it into its
        O(action_packer.mac_runners.github_runners#module:registration_token_file). Only needed when a runner has to be registered.
    type: dict
    default: {}
  drain:
    description:
      - With V(true) the runners that have a container or VM are marked as drained, with V(false) their marks are taken away. Nothing is marked when not given.
    type: bool
  only:
    description:
      - The slots that O(drain) means, all of the Mac when empty.
    type: list
    elements: str
    default: []
  fleet:
    description:
      - Whose Macs these are. When given, nothing is changed on a Mac that another fleet holds.
    type: str
  isolations:
    description:
      - Where runners are looked for.
    type: list
    elements: str
    choices: [docker, tart]
    default: [docker]
  docker_socket:
    description:
      - The path of the engine's socket. When not given it is found as M(action_packer.mac_runners.docker_runners) does.
    type: path
  runner_dir:
    description:
      - Where the runner is in its containers.
    type: str
    default: /home/runner
  tart:
    description:
      - Where the VMs are.
    type: dict
    default: {}
    suboptions:
      account:
        description:
          - The user of the Mac to whom the VMs belong. The user who became root when it is not given or empty.
        type: str
      home:
        description:
          - Where Tart keeps its VMs. C(.tart) in the home of the account when it is not given or empty.
        type: path
      program:
        description:
          - The program Tart.
        type: path
        default: /opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart
      runner_dir:
        description:
          - Where the runner is in guests, absolute or below the home of the guest's user.
        type: str
        default: actions-runner
  guest_timeout:
    description:
      - Seconds that guests which are on have to answer, all together. One that does not counts as busy, and a warning tells of it.
    type: int
    default: 120
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.docker_runners
  - module: action_packer.mac_runners.tart_vms
  - module: action_packer.mac_runners.github_runners
  - module: action_packer.mac_runners.runner_withdrawals
"""

EXAMPLES = r"""
- name: See which persistent runners are registered and busy
  action_packer.mac_runners.runner_registrations:
  become: true

- name: The same of those in VMs
  action_packer.mac_runners.runner_registrations:
    isolations: [tart]
    tart:
      account: admin
  become: true

- name: Register a runner
  action_packer.mac_runners.runner_registrations:
    runners:
      - name: linux-1
        runner_name: mac-mini-1-linux-1
        url: https://github.com/acme
        labels: [docker, "managed-by:acme"]
    tokens:
      https://github.com/acme: "{{ lookup('ansible.builtin.file', '/run/user/1000/registration-token') }}"
  become: true
"""

RETURN = r"""
runners:
  description: The persistent runners that have a container or a VM with a macOS guest, as they are after the run.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The slot.
      type: str
      sample: linux-1
    running:
      description: Whether its container or VM runs.
      type: bool
      sample: true
    busy:
      description: Whether a job runs in it, or nobody can tell.
      type: bool
      sample: false
    drained:
      description: Whether an operator drained it.
      type: bool
      sample: false
    runner_name:
      description: The name with which it is configured, empty when it is not.
      type: str
      sample: mac-mini-1-linux-1
    url:
      description: Where it registered.
      type: str
      sample: https://github.com/acme
    id:
      description: Its number at GitHub as its own files say, 0 when it is not configured.
      type: int
      sample: 23
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The slot.
      type: str
      sample: linux-1
    action:
      description: One of C(register), C(drain), C(undrain).
      type: str
      sample: register
    detail:
      description: Why.
      type: str
      sample: it is not configured
failures:
  description: What went wrong, by slot.
  returned: when a runner failed
  type: dict
  sample:
    linux-1: its container does not run
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._drain_marks import plan_marks, read_marks, write_marks
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.registrations import TartPlaces, looked, merged, register
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import read_lease, require_holder
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import STATE, runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import Seen, make_plan, parse_wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, joined

# Where a list says raw or gives no choices, the core checks: its message names the runner.
RUNNER = {
    "name": {"type": "str"},
    "runner_name": {"type": "str"},
    "url": {"type": "str"},
    "labels": {"type": "raw"},
    "group": {"type": "str"},
    "id": {"type": "raw", "default": 0},
}
TART = {
    "account": {"type": "str"},
    "home": {"type": "path"},
    "program": {"type": "path", "default": "/opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart"},
    "runner_dir": {"type": "str", "default": "actions-runner"},
}
OPTIONS = {
    **STATE,
    "runners": {"type": "list", "elements": "dict", "default": [], "options": RUNNER},
    "tokens": {"type": "dict", "default": {}, "no_log": True},
    "drain": {"type": "bool"},
    "only": {"type": "list", "elements": "str", "default": []},
    "fleet": {"type": "str"},
    "isolations": {"type": "list", "elements": "str", "choices": ["docker", "tart"], "default": ["docker"]},
    "docker_socket": {"type": "path"},
    "runner_dir": {"type": "str", "default": "/home/runner"},
    "tart": {"type": "dict", "default": {}, "options": TART, "apply_defaults": True},
    "guest_timeout": {"type": "int", "default": 120},
}
Result = t.Dict[str, t.Any]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        module.exit_json(**converge(module))
    except (MacRunnersError, OSError) as error:
        module.fail_json(msg=str(error))


def converge(module: AnsibleModule) -> Result:
    """Look, mark, register what is not, look back, tell."""
    params, wanted = module.params, parse_wanted(module.params["runners"])
    given = params["tart"]
    places = TartPlaces(*(given[name] for name in ("account", "home", "program", "runner_dir")), params["state_dir"], params["guest_timeout"])
    docker = (params["docker_socket"] or "", params["runner_dir"]) if "docker" in params["isolations"] else None
    parts, troubles = looked(docker, places if "tart" in params["isolations"] else None, runner(module), bool(wanted))
    for trouble in troubles:
        module.warn(trouble)
    seen = merged(parts)
    marks = plan_marks(read_marks(params["state_dir"]), seen, params["drain"], params["only"])
    plan = make_plan(wanted, seen)
    result = told(module, joined(marks, plan))
    if not module.check_mode and result["changed"]:
        if params["fleet"]:
            require_holder(read_lease(params["state_dir"]), params["fleet"])
        write_marks(params["state_dir"], marks)
    failures = {} if module.check_mode else register(parts, wanted, plan, params["tokens"])
    if result["changed"] and not module.check_mode:
        seen = merged([(there, there.look()) for there, _seen in parts])
    result = {**result, "runners": listed(seen, marks.after)}
    if failures:
        shown = "; ".join(f"runner {slot}: {why}" for slot, why in sorted(failures.items()))
        changed = marks.changed or len(failures) < len(plan.steps)
        module.fail_json(**{**result, "msg": shown, "failures": failures, "changed": changed})
    return result


def told(module: AnsibleModule, plan: ResourcePlan) -> Result:
    """What a plan is in a result."""
    result: Result = {"changed": plan.changed, "steps": plan.summary()}
    return {**result, "diff": plan.diff} if module._diff else result


def listed(seen: t.Mapping[str, Seen], marks: t.Container[str]) -> t.List[Result]:
    """As results show them."""
    return [{**seen[slot].shown, "drained": slot in marks} for slot in sorted(seen)]


if __name__ == "__main__":
    main()
