#!/usr/bin/python
# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_runners
short_description: Make and remove containers for persistent runners
version_added: 0.1.0
description:
  - Brings a list of containers of one Docker Engine to their state. Each container has enforced limits of memory, CPUs and
    processes, no capabilities, no new privileges, no root, and no way to the engine's socket or to files of the Mac.
  - The Mac's capacity is checked again, under the Mac's lock, before anything changes. What does not fit is refused, and
    nothing is changed.
  - Only containers whose name begins with C(mac-runners-) and that have the label C(dev.action-packer.mac-runners.pool) are
    ever stopped, changed or removed. A container that has a wanted name without that label is refused by name.
  - Limits and the restart policy are changed in place. Any other difference makes a new container; the old one is
    stopped first. What was written inside it is lost.
  - A container in which a job of GitHub's runner runs is not stopped, unless O(force=true). The module then fails and names it.
  - A tag that moved in its registry makes no new container. Pin images by digest, or give each version its own tag.
  - Images that were pulled stay, also when no container needs them any more.
  - When one container fails, all others are still brought to their state; then the module fails and names each failure.
extends_documentation_fragment:
  - action_packer.mac_runners._lease
  - action_packer.mac_runners._lease.state
  - action_packer.mac_runners._attributes
  - action_packer.mac_runners._attributes.actiongroup_mac_runners
attributes:
  platform:
    platforms: posix
    details:
      - Needs C(become=true) on a Mac when something must be made, since only root can read what other users run there. Without
        it the Mac counts as full.
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  containers:
    description:
      - The containers. A mistake is reported with the container's name and the field; all mistakes at once.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the runner's slot, C(<pool>-<number>), such as V(linux-1). The container is named
            C(mac-runners-linux-1).
          - Required.
        type: str
      state:
        description:
          - With V(present) the container exists and runs.
          - With V(absent) it does not exist.
        type: str
        default: present
      image:
        description:
          - The image, pulled when the engine lacks it. It must be made for the engine's own architecture.
          - Required unless O(containers[].state=absent).
        type: str
      memory:
        description:
          - The hard limit of memory, such as V(3GiB), or bytes. There is no swap on top.
          - Required unless O(containers[].state=absent).
        type: raw
      cpus:
        description:
          - How many CPUs it may use, a whole number.
        type: raw
        default: 2
      pids_limit:
        description:
          - How many processes and threads it may have, from 16 to 4194304.
        type: raw
        default: 4096
      disk:
        description:
          - Disk that is reckoned with when capacity is checked, such as V(10GiB). Engines cannot enforce it.
          - What O(capacity) says of docker when not given.
        type: raw
      command:
        description:
          - The command and its arguments, as a list. The image's own when not given.
          - The image C(ghcr.io/actions/actions-runner) has none of its own.
        type: raw
      network:
        description:
          - With V(bridge) the container reaches the network through the engine.
          - With V(none) it has no network.
        type: str
        default: bridge
      user:
        description:
          - The user and group that the container runs as, C(UID:GID), neither of them 0.
        type: str
        default: "1001:1001"
      read_only:
        description:
          - Whether everything but C(/tmp) is read-only. GitHub's runner writes beside its own files, and does not work so.
        type: raw
        default: false
      restart:
        description:
          - With V(unless-stopped) the engine starts it again when it ended, and after the engine was restarted.
          - With V(no) only the next run of this module does.
        type: str
        default: unless-stopped
  images:
    description:
      - Images that are pulled when the engine lacks them, also when no container of the list needs them, such as those from which slots
        start their runners.
    type: list
    elements: str
    default: []
  purge:
    description:
      - Whether containers for persistent runners of ours that are not in O(containers) are removed.
      - When nothing is wanted and no engine answers, there is nothing to remove, and a warning says so.
    type: bool
    default: false
  docker_socket:
    description:
      - The path of the engine's socket.
      - When not given, C(DOCKER_HOST) counts, then the only engine that answers among those of all accounts (Colima,
        Docker Desktop, OrbStack, Lima, Rancher Desktop) and C(/var/run/docker.sock).
    type: path
  stop_timeout:
    description:
      - Seconds that a container has to end by itself before it is killed.
    type: int
    default: 30
  force:
    description:
      - Whether a container is stopped although a job runs in it. The job is lost.
    type: bool
    default: false
  hold:
    description:
      - Whether nothing is changed when a running container would have to be stopped. RV(held) then names its slot, so that its runner can be
        taken off GitHub first, for instance with M(action_packer.mac_runners.runner_withdrawals).
    type: bool
    default: false
  sdk_interpreter:
    description:
      - A Python that has the Docker SDK, used when something must be changed and the Python that runs the module lacks it.
    type: path
    default: /opt/mac_runners/venv/bin/python3
requirements:
  - Docker SDK for Python, 7.1.0 or later, when something must be changed
author:
  - action_packer contributors (@action-packer)
seealso:
  - module: action_packer.mac_runners.mac_facts
  - plugin: action_packer.mac_runners.docker_containers
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Two runners that stay, each of which runs whenever it is registered, and no others
  action_packer.mac_runners.docker_runners:
    containers:
      - name: linux-1
        image: ghcr.io/actions/actions-runner:2.337.0
        command: "{{ command }}"
        memory: 3GiB
      - name: linux-2
        image: ghcr.io/actions/actions-runner:2.337.0
        command: "{{ command }}"
        memory: 3GiB
    purge: true
    docker_socket: /Users/runner/.colima/default/docker.sock
    fleet: acme
    pools: "{{ mac_runners_pools }}"
    capacity: "{{ mac_runners_capacity | default({}) }}"
  vars:
    command: [/bin/sh, -c, "cd /home/runner; while :; do [ -s .runner ] && ./bin/Runner.Listener run; sleep 5; done"]
  become: true

- name: All persistent runners of the pools, each of which runs whenever it is registered
  action_packer.mac_runners.docker_runners:
    containers: "{{ mac_runners_pools | action_packer.mac_runners.docker_containers(command=command) }}"
    fleet: acme
    pools: "{{ mac_runners_pools }}"
  vars:
    command: [/bin/sh, -c, "cd /home/runner; while :; do [ -s .runner ] && ./bin/Runner.Listener run; sleep 5; done"]
  become: true

- name: None of ours is left
  action_packer.mac_runners.docker_runners:
    purge: true
    fleet: acme
  become: true
"""

RETURN = r"""
containers:
  description:
    - The containers of ours as they are after the run, or in check mode as they would be; sizes in bytes.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The container's name.
      type: str
      sample: mac-runners-linux-1
    status:
      description: What the engine calls its state.
      type: str
      sample: running
    image:
      description: The image by the name from which it was made.
      type: str
      sample: ghcr.io/actions/actions-runner:2.337.0
    memory:
      description: Its limit of memory.
      type: int
      sample: 3221225472
    cpus:
      description: Its CPUs.
      type: float
      sample: 2
    pids_limit:
      description: How many processes it may have.
      type: int
      sample: 4096
    oom_killed:
      description: Whether the engine saw, since the last start, that a process was killed because the container went past its memory.
      type: bool
      sample: false
    exit_code:
      description: With what it ended, 0 while it runs.
      type: int
      sample: 0
    restarts:
      description: How often the engine started it again.
      type: int
      sample: 0
held:
  description: Slots whose running containers have to be stopped. With O(hold=true) nothing was changed when there are any.
  returned: always
  type: list
  elements: str
  sample: []
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: dict
  contains:
    resource:
      description: The container, or the image.
      type: str
      sample: mac-runners-linux-1
    action:
      description: One of C(pull), C(create), C(start), C(unpause), C(update), C(stop), C(remove).
      type: str
      sample: update
    detail:
      description: Why.
      type: str
      sample: "memory: 2147483648 -> 3221225472, memory_swap: 2147483648 -> 3221225472"
failures:
  description: What went wrong, by container.
  returned: when a container failed
  type: dict
  sample:
    mac-runners-linux-2: image ghcr.io/acme/none:1 cannot be pulled
"""

import functools
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import docker_converge as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_find import find_socket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import parse_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineDownError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import TERMS, runner

# Where a list says raw or gives no choices, the core checks: its message names the container.
CONTAINER = {
    "name": {"type": "str"},
    "state": {"type": "str", "default": "present"},
    "image": {"type": "str"},
    "memory": {"type": "raw"},
    "cpus": {"type": "raw", "default": 2},
    "pids_limit": {"type": "raw", "default": 4096},
    "disk": {"type": "raw"},
    "command": {"type": "raw"},
    "network": {"type": "str", "default": "bridge"},
    "user": {"type": "str", "default": "1001:1001"},
    "read_only": {"type": "raw", "default": False},
    "restart": {"type": "str", "default": "unless-stopped"},
}
OPTIONS = {
    **TERMS,
    "containers": {"type": "list", "elements": "dict", "default": [], "options": CONTAINER},
    "images": {"type": "list", "elements": "str", "default": []},
    "purge": {"type": "bool", "default": False},
    "docker_socket": {"type": "path"},
    "stop_timeout": {"type": "int", "default": 30},
    "force": {"type": "bool", "default": False},
    "hold": {"type": "bool", "default": False},
    "sdk_interpreter": {"type": "path", "default": "/opt/mac_runners/venv/bin/python3"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    try:
        converge(module)
    except MacRunnersError as error:
        module.fail_json(msg=str(error))


def converge(module: AnsibleModule) -> None:
    """Look, change what has to be changed, tell."""
    goal = core.Goal(parse_containers(module.params["containers"]), module.params["purge"], tuple(module.params["images"]))
    try:
        socket_path = find_socket(module.params["docker_socket"] or "")
        view = core.look(socket_path, goal)
    except EngineDownError as error:
        if goal.makes_something:
            raise
        module.warn(f"no container was looked for: {error}")
        module.exit_json(changed=False, containers=[], steps=[], held=[])
    for trouble in core.troubles(view.current):
        module.warn(trouble)
    if module.check_mode:
        room(module, goal, reader(module, socket_path), view)
        done = core.predicted(view)
    elif core.waits(view, module.params["hold"]):
        done = core.unchanged(view)
    else:
        done = change(module, goal, socket_path) if view.plan.changed else core.result(view)
    module.exit_json(**{key: value for key, value in done.items() if module._diff or key != "diff"})


def change(module: AnsibleModule, goal: core.Goal, socket_path: str) -> core.Result:
    """Look again under the lock, check lease and room, bring every container to its state, look back."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms, boot_of, permitted
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock

    changer_class, state_dir = sdk(module), module.params["state_dir"]
    terms = Terms(*(module.params[name] for name in ("fleet", "pools", "capacity", "licences")))
    with mac_lock(f"docker_runners of fleet {terms.fleet}", state_dir):
        view, facts = core.look(socket_path, goal), reader(module, socket_path)
        with permitted(state_dir, terms, core.needs_room(view.plan), lambda: boot_of(facts())):
            room(module, goal, facts, view)
            changer = changer_class(socket_path, module.params["stop_timeout"], core.ids_of(view), module.params["force"])
            failures = core.apply(view, goal, changer, functools.partial(room, module, goal, reader(module, socket_path), view))
            return core.outcome(view, core.look(socket_path, goal).current, failures)


def reader(module: AnsibleModule, socket_path: str) -> t.Callable[[], core.Result]:
    """Facts of the Mac as they are when first asked for."""

    def read() -> core.Result:
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.reading import read_facts

        return read_facts(runner(module), docker_sockets=[socket_path])

    return functools.lru_cache(maxsize=None)(read)


def room(module: AnsibleModule, goal: core.Goal, facts: t.Callable[[], core.Result], view: core.View, staying: t.Container[str] = ()) -> None:
    """Check that the Mac, as it is now, has room for the plan."""
    core.check_room(view, goal, facts, [module.params[name] for name in ("capacity", "licences", "pools")], staying, module.check_mode)


def sdk(module: AnsibleModule) -> t.Any:
    """The class that changes containers; goes over to an interpreter that has the SDK when this one lacks it."""
    from ansible.module_utils.common.respawn import has_respawned, respawn_module

    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import docker_sdk

    interpreter = module.params["sdk_interpreter"]
    if docker_sdk.SDK_ERROR and not has_respawned() and os.path.exists(interpreter):
        respawn_module(interpreter)
    if docker_sdk.SDK_ERROR:
        library = missing_required_lib("docker", url="https://docker-py.readthedocs.io")
        module.fail_json(msg=f"{library} The role host puts it into {interpreter}.", exception=docker_sdk.SDK_ERROR)
    return docker_sdk.SdkChanger


if __name__ == "__main__":
    main()
