# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan of VMs says, for every state that can be met."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Seen, TartError, Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_plan import (
    Images,
    VmPlan,
    images_of,
    plan_vms,
    resource_plan,
)

GIB = 1024**3
GB = 10**9
JOB = {"Label": "l", "ProgramArguments": ["tart", "run", "x"]}
SOFT_JOB = {"Label": "l", "ProgramArguments": ["tart", "run", "--net-softnet", "x"]}
VM = Vm("ios-1", "img", "macos", 4, 12 * GIB, None, None, "nat", "started")
GOOD = Seen("mac-runners-ios-1", "running", "img", False, "macos", 4, 12 * GIB, 54 * GB, JOB)


def plan(vm: Vm, seen: t.Optional[Seen], recreate: bool = False, purge: bool = False) -> VmPlan:
    store = {seen.name: seen} if seen is not None else {}
    return plan_vms([vm], store, {vm.name: JOB}, purge, recreate)[0]


def verbs(planned: VmPlan) -> t.List[str]:
    return [action.verb for action in planned.actions]


STOPPED = GOOD._replace(state="stopped", job=None)


@pytest.mark.parametrize(
    ("wanted", "seen", "expected"),
    [
        pytest.param(VM, None, ["clone", "set", "start"], id="new"),
        pytest.param(VM._replace(state="stopped"), None, ["clone", "set"], id="new, stopped"),
        pytest.param(VM._replace(state="present"), None, ["clone", "set"], id="new, present"),
        pytest.param(VM._replace(state="absent"), None, [], id="nothing to remove"),
        pytest.param(VM, GOOD, [], id="as wanted"),
        pytest.param(VM, STOPPED, ["start"], id="stopped, without job"),
        pytest.param(VM, STOPPED._replace(job=JOB), ["start"], id="stopped, with job"),
        pytest.param(VM, GOOD._replace(state="suspended"), ["start"], id="suspended is resumed"),
        pytest.param(VM._replace(cpus=6), GOOD, ["stop", "set", "start"], id="more cpus"),
        pytest.param(VM._replace(memory=8 * GIB), GOOD, ["stop", "set", "start"], id="less memory"),
        pytest.param(VM._replace(cpus=6), STOPPED, ["set", "start"], id="more cpus, stopped"),
        pytest.param(VM._replace(disk=60 * GB), GOOD, ["stop", "set", "start"], id="larger disk"),
        pytest.param(VM._replace(disk=30 * GB), GOOD, [], id="a disk does not shrink"),
        pytest.param(VM._replace(network="softnet"), GOOD, ["stop", "start"], id="another network"),
        pytest.param(VM, GOOD._replace(job=SOFT_JOB), ["stop", "start"], id="another network, back"),
        pytest.param(VM, GOOD._replace(job=None), ["write job"], id="started by hand: left running"),
        pytest.param(VM, GOOD._replace(job={**JOB, "Nice": 1}), ["write job"], id="another job file: left running"),
        pytest.param(VM, GOOD._replace(job={}), ["write job"], id="a job file that cannot be read"),
        pytest.param(VM, GOOD._replace(intent=True), ["forget"], id="killed between marker and end"),
        pytest.param(VM, GOOD._replace(image=None, intent=True, state="stopped"), ["unload", "delete", "clone", "set", "start"], id="half-made"),
        pytest.param(VM, Seen(GOOD.name, "absent", intent=True), ["clone", "set", "start"], id="begun, nothing there"),
        pytest.param(VM, GOOD._replace(state="incomplete", job=None), ["delete", "clone", "set", "start"], id="files missing"),
        pytest.param(VM._replace(state="stopped"), GOOD, ["stop", "unload"], id="stop"),
        pytest.param(VM._replace(state="stopped"), STOPPED, [], id="is stopped"),
        pytest.param(VM._replace(state="stopped"), STOPPED._replace(job=JOB), ["unload"], id="stopped, but would start with the Mac"),
        pytest.param(VM._replace(state="stopped"), STOPPED._replace(state="suspended"), ["stop"], id="suspended is not stopped"),
        pytest.param(VM._replace(state="stopped", cpus=6), GOOD, ["stop", "unload", "set"], id="stop and resize"),
        pytest.param(VM._replace(state="present"), GOOD, [], id="present and running"),
        pytest.param(VM._replace(state="present"), STOPPED, [], id="present and stopped"),
        pytest.param(VM._replace(state="present", cpus=6), GOOD, ["stop", "set", "start"], id="present, resized, runs again"),
        pytest.param(VM._replace(state="present", cpus=6), STOPPED, ["set"], id="present, resized, stays off"),
        pytest.param(VM._replace(state="absent"), GOOD, ["stop", "unload", "delete"], id="remove"),
        pytest.param(VM._replace(state="absent"), STOPPED, ["delete"], id="remove a stopped one"),
        pytest.param(VM._replace(state="absent"), Seen(GOOD.name, "absent", intent=True, job=JOB), ["unload", "forget"], id="remove traces"),
    ],
)
def test_actions(wanted: Vm, seen: t.Optional[Seen], expected: t.List[str]) -> None:
    assert verbs(plan(wanted, seen)) == expected


def test_another_image_is_told_and_left() -> None:
    planned = plan(VM._replace(image="new"), GOOD)
    assert planned.actions == ()
    assert planned.warnings == ("VM mac-runners-ios-1 was made from img, not from new; it stays as it is unless recreate is true",)


def test_another_image_with_recreate() -> None:
    assert verbs(plan(VM._replace(image="new"), GOOD, recreate=True)) == ["stop", "unload", "delete", "clone", "set", "start"]


def test_sizes_of_a_present_vm_that_somebody_else_runs_are_left() -> None:
    planned = plan(VM._replace(state="present", cpus=6), GOOD._replace(job=None))
    assert (planned.actions, len(planned.warnings)) == ((), 1)


@pytest.mark.parametrize("state", ["started", "stopped", "present", "absent"])
@pytest.mark.parametrize("there", ["running", "stopped", "suspended", "incomplete"])
def test_a_foreign_vm_is_refused(state: str, there: str) -> None:
    with pytest.raises(TartError, match="nothing was changed: VM mac-runners-ios-1 exists and is not ours"):
        plan(VM._replace(state=state), Seen(GOOD.name, there))


def test_another_guest_is_refused() -> None:
    with pytest.raises(TartError, match="field guest: got linux; allowed: macos"):
        plan(VM._replace(guest="linux"), GOOD)


def test_all_refusals_at_once() -> None:
    store = {name: Seen(name, "stopped") for name in ("mac-runners-ios-1", "mac-runners-ios-2")}
    with pytest.raises(TartError) as caught:
        plan_vms([VM, VM._replace(slot="ios-2")], store, {name: JOB for name in store}, False, False)
    assert str(caught.value).count("is not ours") == 2


def test_purge_takes_ours_alone() -> None:
    store = {
        seen.name: seen
        for seen in (
            GOOD,
            STOPPED._replace(name="mac-runners-old-1"),
            Seen("mac-runners-half-1", "stopped", intent=True),
            Seen("mac-runners-theirs-1", "running"),
            Seen("mac-runners-trace-1", "absent", job=JOB),
        )
    }
    plans = plan_vms([VM], store, {VM.name: JOB}, True, False)
    assert {planned.name: verbs(planned) for planned in plans} == {
        "mac-runners-ios-1": [],
        "mac-runners-old-1": ["delete"],
        "mac-runners-half-1": ["delete", "forget"],
        "mac-runners-trace-1": ["unload"],
    }


def test_diff_and_steps_come_from_one_plan() -> None:
    planned = [plan(VM._replace(cpus=6), GOOD)]
    resources = resource_plan(planned)
    assert resources.changed
    assert resources.diff == {
        "before": {GOOD.name: {"state": "running", "image": "img", "guest": "macos", "cpus": 4, "memory": "12 GiB", "network": "nat"}},
        "after": {GOOD.name: {"state": "running", "image": "img", "guest": "macos", "cpus": 6, "memory": "12 GiB", "network": "nat"}},
    }
    assert resources.summary()[1] == {"resource": GOOD.name, "action": "set", "detail": "cpus 4 -> 6"}


def test_no_actions_is_no_change() -> None:
    resources = resource_plan([plan(VM, GOOD)])
    assert (resources.changed, resources.diff) == (False, {"before": {}, "after": {}})


def test_an_image_is_pulled_once_for_all() -> None:
    other = VM._replace(slot="ios-2")
    plans = plan_vms([VM, other], {}, {VM.name: JOB, other.name: JOB}, False, False)
    assert images_of(plans) == ["img"]
    assert [step.action for step in resource_plan(plans, Images(("img",))).steps].count("pull") == 1
