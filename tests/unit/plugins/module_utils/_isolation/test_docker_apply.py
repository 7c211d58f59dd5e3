# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the steps: order, failures of one beside others, limits that an engine drops."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import docker_converge as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_plan import plan_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import Container

from .docker_engine import Engine

IMAGE = "acme/linux:1"


def spec(number, **options):
    return ContainerSpec(f"linux-{number}", **{"image": IMAGE, "memory": 2**30, **options})


def apply(engine, specs, current=(), pulls=(), recheck=lambda staying: None):
    containers = {it.name: Container(it.name, it.slot, True, True, it.fields) for it in current}
    engine.containers.update({it.name: dict(it.fields) for it in current})
    view = core.View(containers, plan_containers(specs, containers, pulls, purge=True), "linux/arm64")
    return core.apply(view, core.Goal(tuple(specs), True), engine, recheck)


def test_all_are_made_and_started():
    engine = Engine()
    assert apply(engine, [spec(n) for n in range(1, 20)], pulls=[IMAGE]) == {}
    assert {fields["status"] for fields in engine.containers.values()} == {"running"} and len(engine.containers) == 19
    assert engine.calls[0] == ("pull", IMAGE)


def test_a_failure_is_told_beside_all_others_that_were_done():
    engine = Engine(broken=[("create", "mac-runners-linux-2"), ("start", "mac-runners-linux-4")])
    assert apply(engine, [spec(n) for n in range(1, 6)]) == {"mac-runners-linux-2": "cannot create", "mac-runners-linux-4": "cannot start"}
    running = [name for name, fields in sorted(engine.containers.items()) if fields["status"] == "running"]
    assert running == ["mac-runners-linux-1", "mac-runners-linux-3", "mac-runners-linux-5"]


@pytest.mark.parametrize("dropped", [{"memory_swap": -1}, {"pids_limit": 0}, {"cpus": 0}, {"cap_drop": []}])
def test_a_container_whose_limit_the_engine_dropped_never_runs(dropped):
    engine = Engine(dropped=dropped)
    (field,) = dropped
    said = apply(engine, [spec(1)])["mac-runners-linux-1"]
    assert said.startswith(f"the Docker Engine did not keep {field}: wanted ") and engine.containers == {}
    assert ("start", "mac-runners-linux-1") not in engine.calls


def test_a_limit_that_is_dropped_at_an_update_is_told():
    engine = Engine(dropped={"memory_swap": -1})
    assert "did not keep memory_swap" in apply(engine, [spec(1, memory=2**31)], [spec(1)])["mac-runners-linux-1"]


def test_an_image_that_cannot_be_pulled_fails_its_containers_alone():
    engine = Engine(broken=[("pull", "acme/none:1")])
    said = apply(engine, [spec(1), spec(2, image="acme/none:1")], pulls=[IMAGE, "acme/none:1"])
    assert said == {"mac-runners-linux-2": "cannot pull"} and list(engine.containers) == ["mac-runners-linux-1"]


def test_a_pulled_image_for_another_architecture_makes_no_container():
    engine = Engine(platform="linux/amd64")
    said = apply(engine, [spec(1)], pulls=[IMAGE])
    assert said == {"mac-runners-linux-1": f"image {IMAGE} is for linux/amd64, this Docker Engine runs linux/arm64"}
    assert engine.containers == {}


def test_what_had_to_go_and_stays_is_reckoned_with_before_others_come():
    asked = []

    def no_room(staying):
        asked.append(sorted(staying))
        raise MacRunnersError("no room")

    engine = Engine(broken=[("stop", "mac-runners-old-1")])
    said = apply(engine, [spec(1)], [ContainerSpec("old-1"), ContainerSpec("old-2")], recheck=no_room)
    assert said == {"mac-runners-old-1": "cannot stop", "mac-runners-linux-1": "no room"}
    assert asked == [["mac-runners-old-1"]] and list(engine.containers) == ["mac-runners-old-1"]


def test_with_room_for_both_the_others_come_all_the_same():
    engine = Engine(broken=[("remove", "mac-runners-old-1")])
    assert apply(engine, [spec(1)], [ContainerSpec("old-1")]) == {"mac-runners-old-1": "cannot remove"}
    assert engine.containers["mac-runners-linux-1"]["status"] == "running"
