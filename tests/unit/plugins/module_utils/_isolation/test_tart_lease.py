# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMs and the lease of the Mac: what is built needs one, what is taken away needs that nobody else holds the Mac."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import LeaseError, path_of, remove_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import NoRoomError

from tests.unit.plugins.module_utils.leases import OUR_OWN, WRONG, Changes, lease_bytes, lease_state

from .tart_mac import GIB, FakeMac, Killed
from .tart_task import ALL, IOS, IOS2, LINUX, POOL, POOLS, admit, ask, do, request_for, steps

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="launchd jobs have to belong to root"),
    pytest.mark.usefixtures("quick"),
]

OLD = IOS._replace(slot="old-1", memory=40 * GIB)
OLD_POOL = {**POOL, "name": "old", "count": 1, "memory": "40GiB"}
BIG = IOS._replace(memory=40 * GIB, image="ghcr.io/acme/macos:2")
BIG_POOL = {**POOL, "count": 1, "memory": "40GiB"}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_nothing_is_built_under_a_wrong_lease(mac: FakeMac, changes: Changes, message: str) -> None:
    admit(mac, request_for(*ALL), **changes)
    before = lease_bytes(mac.place.state_dir)
    with pytest.raises(LeaseError) as caught:
        ask(mac, *ALL)
    assert message in str(caught.value)
    assert (mac.writing_calls, lease_bytes(mac.place.state_dir)) == ([], before)


def test_nothing_is_built_without_a_lease(mac: FakeMac) -> None:
    with pytest.raises(LeaseError, match="this Mac has no lease"):
        ask(mac, *ALL)
    assert mac.writing_calls == [] and os.listdir(mac.place.state_dir) == ["lock"]


@pytest.mark.parametrize("changes", ({"boot": ""}, {"state": "being built"}), ids=("start not known", "an earlier run was killed"))
def test_leases_that_will_do(mac: FakeMac, changes: Changes) -> None:
    admit(mac, request_for(*ALL), **changes)
    assert ask(mac, *ALL).errors == {}
    assert lease_state(mac.place.state_dir) == "admitted"


@pytest.mark.parametrize("options", ({"pools": POOLS[:1]}, {"capacity": {"headroom": "1GiB"}}, {"licences": {"tart": {"fsl_confirmed": True}}}))
def test_a_task_with_other_variables_than_the_admission(mac: FakeMac, options: t.Dict[str, t.Any]) -> None:
    admit(mac, request_for(IOS))
    with pytest.raises(LeaseError, match="is for other pools, capacity or licences"):
        ask(mac, IOS, **options)
    assert mac.writing_calls == []


def test_check_mode_needs_no_lease_and_no_lock(mac: FakeMac) -> None:
    assert ask(mac, *ALL, check=True).plan.changed
    assert mac.writing_calls == [] and not os.path.exists(mac.place.state_dir)


def test_a_run_with_nothing_to_do_needs_no_lease(mac: FakeMac) -> None:
    do(mac, *ALL)
    remove_lease(mac.place.state_dir)
    assert not ask(mac, *ALL, purge=True).plan.changed


SMALLER = (IOS._replace(memory=8 * GIB), IOS2._replace(cpus=2), LINUX)
TAKEN: t.Mapping[str, t.Sequence[Vm]] = {
    "purged": (),
    "absent": tuple(vm._replace(state="absent") for vm in ALL),
    "stopped": tuple(vm._replace(state="stopped") for vm in ALL),
    "smaller": SMALLER,
}


@pytest.mark.parametrize("vms", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("changes", OUR_OWN.values(), ids=OUR_OWN)
def test_to_take_away_needs_no_lease_for_these_terms(mac: FakeMac, changes: Changes, vms: t.Sequence[Vm]) -> None:
    do(mac, *ALL)
    admit(mac, request_for(*ALL), **changes)
    before = lease_bytes(mac.place.state_dir)
    outcome = ask(mac, *vms, purge=True)
    assert (outcome.plan.changed, outcome.errors, lease_bytes(mac.place.state_dir)) == (True, {}, before)
    assert not ask(mac, *vms, purge=True).plan.changed


@pytest.mark.parametrize("vms", TAKEN.values(), ids=TAKEN)
def test_to_take_away_needs_no_lease_at_all(mac: FakeMac, vms: t.Sequence[Vm]) -> None:
    do(mac, *ALL)
    remove_lease(mac.place.state_dir)
    assert ask(mac, *vms, purge=True, pools=[]).errors == {}
    assert not ask(mac, *vms, purge=True, pools=[]).plan.changed
    assert lease_state(mac.place.state_dir) == "none"


@pytest.mark.parametrize("vms", TAKEN.values(), ids=TAKEN)
def test_nothing_is_taken_away_from_another_fleet(mac: FakeMac, vms: t.Sequence[Vm]) -> None:
    do(mac, *ALL)
    mac.calls.clear()
    admit(mac, request_for(*ALL), fleet="theirs")
    with pytest.raises(LeaseError, match="this Mac is held by fleet theirs"):
        ask(mac, *vms, purge=True)
    assert mac.writing_calls == []


def test_nothing_is_taken_away_under_a_lease_that_cannot_be_read(mac: FakeMac) -> None:
    do(mac, *ALL)
    mac.calls.clear()
    with open(path_of(mac.place.state_dir), "w", encoding="utf-8") as stream:
        stream.write("{")
    with pytest.raises(LeaseError, match="is damaged"):
        ask(mac, purge=True)
    assert mac.writing_calls == []


def test_more_memory_or_cpus_need_a_lease(mac: FakeMac) -> None:
    do(mac, IOS._replace(memory=8 * GIB))
    remove_lease(mac.place.state_dir)
    for larger in (IOS._replace(memory=9 * GIB), IOS._replace(memory=8 * GIB, cpus=5)):
        with pytest.raises(LeaseError, match="this Mac has no lease"):
            ask(mac, larger)


def test_a_start_needs_a_lease_and_room(mac: FakeMac) -> None:
    stopped = IOS._replace(state="stopped")
    do(mac, stopped)
    mac.memory = 32 * GIB
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        do(mac, IOS)
    remove_lease(mac.place.state_dir)
    for vm in (IOS, IOS._replace(memory=8 * GIB)):
        with pytest.raises(LeaseError, match="this Mac has no lease"):
            ask(mac, vm)
    assert mac.states == {}


def test_the_room_of_what_goes_is_used_by_what_comes(mac: FakeMac) -> None:
    """54 GiB are for VMs: 40 and 40 do not fit together, and what goes is gone before the rest is judged."""
    do(mac, OLD, pools=[OLD_POOL])
    mac.calls.clear()
    outcome = do(mac, BIG, purge=True, pools=[BIG_POOL])
    assert outcome.errors == {} and list(outcome.store) == ["mac-runners-ios-1"]
    assert ("mac-runners-old-1", "delete") in steps(outcome) and ("mac-runners-ios-1", "clone") in steps(outcome)
    assert mac.calls.index(["delete", "mac-runners-old-1"]) < mac.calls.index(["clone", BIG.image, "mac-runners-ios-1"])
    assert lease_state(mac.place.state_dir) == "admitted"


def test_without_what_goes_there_is_no_room(mac: FakeMac) -> None:
    do(mac, OLD, pools=[OLD_POOL])
    mac.calls.clear()
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        do(mac, BIG, pools=[BIG_POOL])
    assert mac.writing_calls == [] and mac.states == {"mac-runners-old-1": "running"}


def test_what_shrinks_is_smaller_before_anything_grows(mac: FakeMac) -> None:
    pools = [{**POOL, "count": 1, "memory": "14GiB"}, {**POOL, "name": "old", "count": 1, "memory": "40GiB"}]
    do(mac, OLD, IOS._replace(memory=14 * GIB), pools=pools)
    mac.calls.clear()
    swapped = [{**POOL, "count": 1, "memory": "40GiB"}, {**POOL, "name": "old", "count": 1, "memory": "14GiB"}]
    outcome = do(mac, IOS._replace(memory=40 * GIB), OLD._replace(memory=14 * GIB), pools=swapped)
    assert outcome.errors == {}
    assert [call for call in mac.calls if call[0] == "set"] == [
        ["set", "mac-runners-old-1", "--memory", "14336"], ["set", "mac-runners-ios-1", "--memory", "40960"],
    ]
    assert {seen.memory for seen in outcome.store.values() if seen.state == "running"} == {14 * GIB, 40 * GIB}


def test_room_that_somebody_else_took_meanwhile_is_gone(mac: FakeMac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign VM starts while ours goes: the rest is judged by what is there then."""
    do(mac, OLD, pools=[OLD_POOL])
    delete = mac.tart_delete

    def delete_and_lose(name: str) -> Result:
        mac.make("theirs", os="linux", memorySize=20 * GIB)
        mac.states["theirs"] = "running"
        return delete(name)

    monkeypatch.setattr(mac, "tart_delete", delete_and_lose)
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        do(mac, BIG, purge=True, pools=[BIG_POOL])
    assert os.listdir(mac.place.vms_dir) == ["theirs"]
    assert lease_state(mac.place.state_dir) == "admitted"


@pytest.mark.parametrize("kept", ((), (OLD._replace(memory=14 * GIB),)), ids=("was to go", "was to shrink"))
def test_one_that_cannot_be_stopped_counts_as_it_is(mac: FakeMac, monkeypatch: pytest.MonkeyPatch, kept: t.Sequence[Vm]) -> None:
    do(mac, OLD, pools=[OLD_POOL])
    mac.calls.clear()
    for verb in ("tart_exec", "tart_stop"):
        monkeypatch.setattr(mac, verb, lambda name, *words: Result(1, "", "it hangs\n"))
    outcome = do(mac, BIG, *kept, purge=True, force=True, pools=[BIG_POOL, {**OLD_POOL, "memory": "14GiB"}])
    assert sorted(outcome.errors) == ["mac-runners-ios-1", "mac-runners-old-1"]
    assert "it hangs" in outcome.errors["mac-runners-old-1"]
    assert outcome.errors["mac-runners-ios-1"].startswith("no room on this Mac: memory: ")
    assert mac.states == {"mac-runners-old-1": "running"}
    assert not [call for call in mac.calls if call[0] in ("pull", "clone", "set")]


def test_others_go_on_beside_one_that_cannot_be_stopped(mac: FakeMac, monkeypatch: pytest.MonkeyPatch) -> None:
    do(mac, OLD, pools=[OLD_POOL])
    for verb in ("tart_exec", "tart_stop"):
        monkeypatch.setattr(mac, verb, lambda name, *words: Result(1, "", "it hangs\n"))
    outcome = do(mac, LINUX._replace(state="started"), purge=True, pools=POOLS[1:])
    assert list(outcome.errors) == ["mac-runners-old-1"]
    assert mac.states == {"mac-runners-old-1": "running", "mac-runners-lin-1": "running"}


def test_what_is_being_built_stays_said_after_a_kill(tmp_path: t.Any) -> None:
    """A kill before and after the effect of every writing call of a run that builds."""
    for kill_after in range(1, 200):
        mac = FakeMac(str(tmp_path / str(kill_after)))
        do(mac, OLD, pools=[OLD_POOL])
        mac.writes, mac.kill_after = 0, kill_after
        try:
            do(mac, *ALL, purge=True)
            break
        except Killed:
            assert lease_state(mac.place.state_dir) == "being built"
    else:
        raise AssertionError("it never ended")
    assert kill_after > 4 and lease_state(mac.place.state_dir) == "admitted"


def test_a_killed_removal_leaves_the_lease_as_it_was(mac: FakeMac) -> None:
    do(mac, *ALL)
    before = lease_bytes(mac.place.state_dir)
    mac.writes, mac.kill_after = 0, 3
    with pytest.raises(Killed):
        do(mac, purge=True)
    assert lease_bytes(mac.place.state_dir) == before
