# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Room for containers: what goes, what comes, what the pools say of others."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.wanted import wanted_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_room import Rules, require_room_for
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec, parse_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import NoRoomError

GIB = 2**30
#: Room for two containers of 3 GiB, to the byte.
FACTS = {
    "memory": 15 * GIB,
    "cores": 8,
    "arch": "arm64",
    "disk_free": 400 * GIB,
    "macos": "26.1",
    "workloads": [],
    "unread": [],
}


def spec(name, memory=3 * GIB):
    return ContainerSpec(name, image="acme/linux:1", memory=memory)


def container(name, owned=True, memory=3 * GIB):
    return {"kind": "docker", "name": f"mac-runners-{name}", "state": "running", "memory": memory, "owned": owned}


def pool_of(specs):
    """The pool "a", which has no slots but those that are wanted."""
    return {"name": "a", "isolation": "docker", "count": len(specs), "memory": max(spec.memory for spec in specs), "image": "acme/linux:1"}


def room(specs, workloads=(), going=(), **rules):
    facts = {**FACTS, "workloads": list(workloads)}
    names = {load["name"] for load in workloads}
    rules.setdefault("pools", [pool_of(specs)])
    require_room_for(specs, facts, Rules(**rules), names, {f"mac-runners-{name}" for name in going})


def no_room_for(*arguments, **rules):
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        room(*arguments, **rules)


def test_to_the_byte():
    room([spec("a-1"), spec("a-2")])
    no_room_for([spec("a-1"), spec("a-2", 3 * GIB + 1)])


def test_what_is_wanted_and_there_counts_once():
    room([spec("a-1"), spec("a-2")], [container("a-1"), container("a-2", memory=4 * GIB)])


def test_what_stays_counts_and_what_goes_does_not():
    no_room_for([spec("a-1"), spec("a-2")], [container("b-1")])
    room([spec("a-1"), spec("a-2")], [container("b-1")], going=["b-1"])


def test_a_foreign_container_never_goes():
    no_room_for([spec("a-1"), spec("a-2")], [container("b-1", owned=False)], going=["b-1"])


def test_other_docker_pools_and_other_isolations_count():
    ephemeral = {"name": "job", "isolation": "docker", "memory": "3GiB", "image": "acme/linux:1"}
    persistent = {"name": "a", "isolation": "docker", "lifecycle": "persistent", "count": 2, "memory": "3GiB", "image": "acme/linux:1"}
    room([spec("a-1"), spec("a-2")], pools=[persistent])
    sandbox = {"name": "lint", "isolation": "sandbox", "trust": "trusted", "memory": "1GiB"}
    no_room_for([spec("a-1"), spec("a-2")], pools=[persistent, ephemeral])
    no_room_for([spec("a-1"), spec("a-2")], pools=[persistent, sandbox])


def test_a_container_that_is_no_slot_of_a_pool_is_not_made():
    with pytest.raises(NoRoomError, match="^mac-runners-b-1 is no docker slot of a pool of this Mac"):
        room([spec("b-1")])


def test_a_container_that_goes_needs_no_pool():
    room([spec("a-1"), ContainerSpec("b-1", present=False)])


def test_wrong_variables_are_named():
    with pytest.raises(NoRoomError, match="mac_runners_capacity"):
        room([spec("a-1")], capacity={"reserv": 1})


def test_an_unread_mac_is_full():
    with pytest.raises(NoRoomError, match="facts: "):
        require_room_for([spec("a-1")], {**FACTS, "unread": ["tart"]}, Rules(pools=[pool_of([spec("a-1")])]), (), ())


def test_persistent_docker_pools_become_containers():
    pools, mistakes = parse_pools(
        [
            {
                "name": "linux",
                "isolation": "docker",
                "lifecycle": "persistent",
                "count": 2,
                "memory": "3GiB",
                "image": "acme/linux:1",
                "network": "none",
                "pids_limit": 99,
            },
            {"name": "job", "isolation": "docker", "image": "acme/linux:1"},
            {"name": "ios", "isolation": "tart", "lifecycle": "persistent", "image": "acme/macos:1"},
        ],
        Policy(),
    )
    assert not mistakes
    containers = wanted_containers(pools, ["run.sh"], "5:6")
    assert [entry["name"] for entry in containers] == ["linux-1", "linux-2"]
    assert containers[0] == {
        "name": "linux-1",
        "image": "acme/linux:1",
        "memory": 3 * GIB,
        "cpus": 2,
        "pids_limit": 99,
        "disk": 10 * GIB,
        "network": "none",
        "command": ["run.sh"],
        "user": "5:6",
    }
    assert len(parse_containers(containers)) == 2
    assert "command" not in wanted_containers(pools)[0]
