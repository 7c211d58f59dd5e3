# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From containers that are to containers that shall be."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_plan import (
    ForeignError,
    missing_images,
    needs_room,
    plan_containers,
    refuse_foreign,
    shrinking,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import Container

SPEC = ContainerSpec("linux-1", image="acme/linux:1", memory=2**30)


def made(of=SPEC, owned=True, persistent=True, exit_code=0, oom_killed=False, **fields):
    return Container(of.name, "id-" + of.slot, owned, persistent, {**of.fields, **fields}, exit_code, oom_killed)


def steps(specs, containers, **options):
    plan = plan_containers(specs, {container.name: container for container in containers}, **options)
    return [f"{step.action} {step.resource.replace('mac-runners-', '')}" for step in plan.steps]


@pytest.mark.parametrize(
    "fields, wanted",
    [
        ({}, []),
        ({"status": "restarting"}, []),
        ({"status": "created"}, ["start"]),
        ({"status": "exited"}, ["start"]),
        ({"status": "paused"}, ["unpause"]),
        ({"status": "dead"}, ["remove", "create", "start"]),
        ({"status": "removing"}, ["remove", "create", "start"]),
        ({"memory": 1, "memory_swap": 1}, ["update"]),
        ({"memory_swap": -1}, ["update"]),
        ({"cpus": 1.5}, ["update"]),
        ({"pids_limit": 0}, ["update"]),
        ({"restart": "no", "status": "exited"}, ["update", "start"]),
        ({"image": "acme/linux:2"}, ["stop", "remove", "create", "start"]),
        ({"user": "0"}, ["stop", "remove", "create", "start"]),
        ({"privileged": True}, ["stop", "remove", "create", "start"]),
        ({"mounts": ["/var/run/docker.sock:/x"]}, ["stop", "remove", "create", "start"]),
        ({"spec": "of another command"}, ["stop", "remove", "create", "start"]),
        ({"image": "acme/linux:2", "status": "created"}, ["remove", "create", "start"]),
        ({"image": "acme/linux:2", "status": "paused"}, ["stop", "remove", "create", "start"]),
    ],
)
def test_steps_of_one_that_shall_run(fields, wanted):
    assert steps([SPEC], [made(**fields)]) == [f"{action} linux-1" for action in wanted]


def test_one_that_is_not_there_is_made_from_an_image_that_is_pulled():
    assert missing_images([SPEC, ContainerSpec("linux-2", image="acme/linux:1")], {}) == ["acme/linux:1"]
    assert steps([SPEC], [], pulls=["acme/linux:1"]) == ["pull acme/linux:1", "create linux-1", "start linux-1"]


def test_what_goes_goes_first():
    old, other = ContainerSpec("old-1"), ContainerSpec("gone-1", present=False)
    containers = [made(old), made(ContainerSpec("gone-1"), status="exited")]
    assert steps([SPEC, other], containers, purge=True) == ["remove gone-1", "stop old-1", "remove old-1", "create linux-1", "start linux-1"]
    assert steps([SPEC, other], containers) == ["remove gone-1", "create linux-1", "start linux-1"]


def test_purge_leaves_what_is_foreign_and_what_a_slot_made():
    containers = [made(ContainerSpec("job-1"), persistent=False), made(ContainerSpec("theirs-1"), owned=False)]
    assert steps([], containers, purge=True) == []


@pytest.mark.parametrize("present", [True, False])
def test_a_foreign_container_of_a_wanted_name_is_refused(present):
    spec = ContainerSpec("linux-1", present=present)
    with pytest.raises(ForeignError, match="container mac-runners-linux-1 exists"):
        refuse_foreign([spec], {spec.name: made(owned=False)})


@pytest.mark.parametrize(
    "fields, details",
    [
        ({"memory": 5, "memory_swap": 5}, [f"memory: 5 -> {2**30}"]),
        ({"memory_swap": -1}, [f"memory_swap: -1 -> {2**30}"]),
        ({"spec": "another"}, ["its command is another"] * 2 + [""] * 2),
        ({"status": "exited", "exit_code": 3}, ["it ended with 3"]),
        ({"status": "exited", "exit_code": 137, "oom_killed": True}, ["it ended with 137, killed for going past its memory"]),
        ({"status": "dead"}, ["it is dead", "", ""]),
    ],
)
def test_why_is_told(fields, details):
    plan = plan_containers([SPEC], {SPEC.name: made(**fields)})
    assert [step.detail for step in plan.steps] == details


def test_changed_and_diff_follow_from_the_steps():
    idle = plan_containers([SPEC], {SPEC.name: made()})
    assert not idle.changed and idle.diff == {"before": {}, "after": {}}
    gone = plan_containers([], {SPEC.name: made()}, purge=True)
    assert gone.changed and gone.diff == {"before": {SPEC.name: made().fields}, "after": {}}


def test_removals_and_stops_never_need_room():
    assert not needs_room(plan_containers([], {SPEC.name: made()}, purge=True))
    assert needs_room(plan_containers([SPEC], {}))
    assert needs_room(plan_containers([SPEC], {SPEC.name: made(memory=1)}))


@pytest.mark.parametrize(
    ("fields", "shrinks"),
    (
        ({"memory": 2**31}, True),
        ({"cpus": 4}, True),
        ({"memory": 2**31, "cpus": 1}, False),
        ({"memory": 2**29}, False),
        ({"memory": 2**31, "status": "exited"}, False),
        ({"memory": 2**31, "status": "paused"}, False),
        ({"memory": 2**31, "image": "acme/linux:2"}, False),
        ({}, False),
    ),
)
def test_what_no_more_is_done_to_than_to_make_it_smaller(fields, shrinks):
    plan = plan_containers([SPEC], {SPEC.name: made(**fields)})
    assert shrinking(plan) == ({SPEC.name} if shrinks else set())
