# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Admission of all pools of a Mac at once, and giving the Mac back, also by several processes."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._admission import RefusedError, Request, admit, release
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import (
    Lease,
    LeaseError,
    Terms,
    building,
    path_of,
    read_lease,
    write_lease,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import LockedError, mac_lock
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB

from tests.unit.plugins.module_utils.leases import lease_bytes, lease_state, process

Json = t.Dict[str, t.Any]
BOOT = "6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10"
IOS = {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "x"}
LINUX = {"name": "linux", "isolation": "docker", "count": 4, "memory": "3GiB", "image": "x"}


@pytest.fixture
def state_dir(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "state")


def facts(**changes: t.Any) -> Json:
    """A Mac on which two VMs of 12 GiB fit to the byte."""
    return {
        "memory": 32 * GIB,
        "arch": "arm64",
        "cores": 10,
        "macos": "26.1",
        "disk_free": 400 * GIB,
        "boot_id": BOOT,
        "workloads": [],
        "unread": [],
        **changes,
    }


def request(*pools: Json, fleet: str = "test", **options: t.Any) -> Request:
    return Request(Terms(fleet, list(pools)), "mac-1", **{"wait": 0.0, **options})


def go(state_dir: str, asked: Request, **changes: t.Any) -> t.Tuple[ResourcePlan, t.Optional[Lease]]:
    return admit(state_dir, asked, lambda: facts(**changes))


def admitted(state_dir: str, *pools: Json, **options: t.Any) -> Lease:
    _plan, lease = go(state_dir, request(*pools, **options))
    assert lease is not None
    return lease


def never() -> t.Any:
    raise AssertionError("the Mac was read without need")


# Admission


def test_the_first_admission(state_dir: str) -> None:
    started = int(time.time())
    plan, lease = go(state_dir, request(IOS))
    assert lease is not None and lease == read_lease(state_dir)
    assert (lease.fleet, lease.generation, lease.boot, lease.state) == ("test", 1, BOOT, "admitted")
    assert (lease.digest, lease.pools) == (Terms("test", [IOS]).digest, (IOS,))
    assert started <= lease.since <= time.time()
    assert {"what": "pool ios: 2 x 12 GiB", "bytes": -24 * GIB} in lease.ledger
    assert plan.changed and plan.summary() == [{"resource": "lease", "action": "admit", "detail": "fleet test (generation 1, admitted)"}]
    assert plan.diff == {"before": {}, "after": {"lease": {"fleet": "test", "generation": 1, "state": "admitted", "pools": [IOS]}}}
    assert sorted(os.listdir(state_dir)) == ["lease.json", "lock"]


def test_the_second_admission_changes_nothing(state_dir: str) -> None:
    first = admitted(state_dir, IOS)
    before = lease_bytes(state_dir), os.stat(path_of(state_dir))
    plan, lease = go(state_dir, request(IOS))
    assert (plan.changed, plan.diff, lease) == (False, {"before": {}, "after": {}}, first)
    assert (lease_bytes(state_dir), os.stat(path_of(state_dir))) == before


def test_each_new_decision_is_a_new_generation(state_dir: str) -> None:
    generations = [admitted(state_dir, *pools).generation for pools in ((IOS,), (IOS,), (), (LINUX,), (IOS,))]
    assert generations == [1, 1, 2, 3, 4]
    plan, _lease = go(state_dir, request(LINUX))
    assert plan.summary() == [
        {"resource": "lease", "action": "admit", "detail": "fleet test (generation 4, admitted) -> fleet test (generation 5, admitted)"}
    ]
    assert (plan.diff["before"]["lease"]["pools"], plan.diff["after"]["lease"]["pools"]) == ([IOS], [LINUX])


@pytest.mark.parametrize("terms", (Terms("test", [IOS], {"headroom": "1GiB"}), Terms("test", [IOS], None, {"tart": {"fsl_confirmed": True}})))
def test_other_numbers_or_licences_are_a_new_decision(state_dir: str, terms: Terms) -> None:
    admitted(state_dir, IOS)
    plan, lease = go(state_dir, Request(terms, "mac-1", wait=0))
    assert plan.changed and lease is not None and (lease.generation, lease.digest) == (2, terms.digest)


def test_a_start_of_the_mac_is_a_new_decision(state_dir: str) -> None:
    admitted(state_dir, IOS)
    _plan, lease = go(state_dir, request(IOS), boot_id="another")
    assert lease is not None and (lease.generation, lease.boot) == (2, "another")
    assert read_lease(state_dir) == lease


def test_a_start_that_is_not_known_is_none(state_dir: str) -> None:
    _plan, lease = go(state_dir, request(IOS), boot_id=None)
    assert lease is not None and lease.boot == ""
    assert not go(state_dir, request(IOS), boot_id=None)[0].changed


def test_what_a_killed_run_was_building_stays_said(state_dir: str) -> None:
    with pytest.raises(KeyboardInterrupt), building(state_dir, admitted(state_dir, IOS)):
        raise KeyboardInterrupt
    plan, lease = go(state_dir, request(IOS))
    assert lease is not None and (plan.changed, lease.state) == (False, "being built")
    assert lease_state(state_dir) == "being built"


def test_a_mac_that_was_released_is_admitted_anew(state_dir: str) -> None:
    write_lease(state_dir, dataclasses.replace(admitted(state_dir, IOS), state="released"))
    plan, lease = go(state_dir, request(IOS))
    assert lease is not None and plan.changed and (lease.generation, lease.state) == (2, "admitted")


def test_a_mac_without_pools_can_be_held(state_dir: str) -> None:
    assert admitted(state_dir).pools == ()


# Refusal

REFUSED: t.Mapping[str, t.Tuple[t.Sequence[Json], Json, str]] = {
    "memory": ([IOS], {"memory": 32 * GIB - 1}, "memory: needs "),
    "beside what is foreign": ([IOS], {"workloads": [{"kind": "docker", "name": "db", "state": "running", "memory": 1}]}, "memory: needs "),
    "a licence": ([{**IOS, "count": 3}], {"memory": 512 * GIB}, "macos-vm-licence: "),
    "trust": ([{**LINUX, "trust": "untrusted"}], {}, "trust: "),
    "a Mac that was not read whole": ([IOS], {"unread": ["tart: no answer"]}, "facts: could not be read: tart: no answer"),
    "a wrong pool": ([{**IOS, "memory": "12 potatoes"}], {}, 'pool "ios", field memory: got "12 potatoes"; allowed: '),
    "two pools of one name": ([IOS, IOS], {}, "names: "),
    "wrong facts": ([IOS], {"cores": "many"}, 'field facts.cores: got "many"; allowed: '),
}


@pytest.mark.parametrize(("pools", "changes", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("check", (False, True))
def test_a_refusal_leaves_the_earlier_lease_byte_for_byte(
    state_dir: str, check: bool, pools: t.Sequence[Json], changes: Json, message: str
) -> None:
    admitted(state_dir, LINUX)
    before, listed = lease_bytes(state_dir), sorted(os.listdir(state_dir))
    with pytest.raises(RefusedError) as caught:
        go(state_dir, request(*pools, check=check), **changes)
    assert str(caught.value).startswith("the pools do not fit on this Mac, nothing was changed: ")
    assert message in str(caught.value)
    assert (lease_bytes(state_dir), sorted(os.listdir(state_dir))) == (before, listed)


def test_a_refusal_makes_no_lease(state_dir: str) -> None:
    with pytest.raises(RefusedError):
        go(state_dir, request(IOS), memory=16 * GIB)
    assert read_lease(state_dir) is None


@pytest.mark.parametrize(
    ("terms", "message"),
    (
        (Terms("test", [IOS], {"reserv": 1}), "mac_runners_capacity"),
        (Terms("test", [IOS], {"headroom": "x"}), 'field mac_runners_capacity.headroom: got "x"; allowed: '),
        (Terms("test", [IOS], None, {"tart": 1}), "mac_runners_licences"),
        (Terms("test", "ios"), 'field mac_runners_pools: got "ios"; allowed: '),
    ),
)
def test_wrong_variables_are_named_and_admit_nothing(state_dir: str, terms: Terms, message: str) -> None:
    with pytest.raises(RefusedError) as caught:
        go(state_dir, Request(terms, "mac-1", wait=0))
    assert message in str(caught.value) and read_lease(state_dir) is None


def test_a_mac_that_cannot_be_read_at_all_keeps_its_lease(state_dir: str) -> None:
    admitted(state_dir, IOS)
    before = lease_bytes(state_dir)

    def broken() -> Json:
        raise OSError("no sysctl")

    with pytest.raises(OSError, match="no sysctl"):
        admit(state_dir, request(LINUX), broken)
    assert lease_bytes(state_dir) == before


def test_a_killed_admission_leaves_the_earlier_lease(state_dir: str) -> None:
    admitted(state_dir, IOS)
    before = lease_bytes(state_dir)
    with process(SLOW, state_dir, "test") as other:
        other.kill()
        assert other.wait(30) == -signal.SIGKILL
    assert lease_bytes(state_dir) == before
    assert go(state_dir, request(LINUX))[0].changed


# Whose Mac it is


@pytest.mark.parametrize("check", (False, True))
def test_the_mac_of_another_fleet_is_not_even_read(state_dir: str, check: bool) -> None:
    admitted(state_dir, IOS, fleet="theirs")
    before = lease_bytes(state_dir)
    with pytest.raises(LeaseError, match=r"held by fleet theirs \(generation 1, admitted\), and this run is fleet test: nothing was changed"):
        admit(state_dir, request(IOS, check=check), never)
    assert lease_bytes(state_dir) == before


def test_it_is_taken_over_only_when_told(state_dir: str) -> None:
    admitted(state_dir, LINUX, fleet="theirs")
    plan, lease = go(state_dir, request(IOS, takeover=True))
    assert lease is not None and lease == read_lease(state_dir) and (lease.fleet, lease.generation) == ("test", 2)
    assert plan.summary() == [
        {"resource": "lease", "action": "take over", "detail": "fleet theirs (generation 1, admitted) -> fleet test (generation 2, admitted)"}
    ]
    assert not go(state_dir, request(IOS, takeover=True))[0].changed
    with pytest.raises(LeaseError, match="held by fleet test"):
        go(state_dir, request(LINUX, fleet="theirs"))


def test_the_same_pools_of_another_fleet_are_taken_over_too(state_dir: str) -> None:
    admitted(state_dir, IOS, fleet="theirs")
    assert go(state_dir, request(IOS, takeover=True))[0].steps[0].action == "take over"


def test_a_refused_takeover_leaves_the_mac_to_the_other_fleet(state_dir: str) -> None:
    admitted(state_dir, LINUX, fleet="theirs")
    before = lease_bytes(state_dir)
    with pytest.raises(RefusedError):
        go(state_dir, request(IOS, takeover=True), memory=16 * GIB)
    assert lease_bytes(state_dir) == before


@pytest.mark.parametrize("check", (False, True))
@pytest.mark.parametrize(("content", "takeover", "said"), (("{", False, "is damaged"), ('{"schema": 2}', True, "has schema 2")))
def test_a_lease_that_cannot_be_read_is_not_replaced(state_dir: str, content: str, takeover: bool, said: str, check: bool) -> None:
    os.makedirs(state_dir)
    pathlib.Path(path_of(state_dir)).write_text(content)
    asked = request(IOS, takeover=takeover, check=check)
    with pytest.raises(LeaseError, match=said):
        admit(state_dir, asked, never)
    with pytest.raises(LeaseError, match=said):
        release(state_dir, asked, never)
    assert lease_bytes(state_dir) == content.encode()


def test_a_takeover_makes_a_new_lease_of_a_damaged_one(state_dir: str) -> None:
    os.makedirs(state_dir)
    pathlib.Path(path_of(state_dir)).write_text("{")
    plan, lease = go(state_dir, request(IOS, takeover=True))
    assert plan.changed and lease == read_lease(state_dir)
    pathlib.Path(path_of(state_dir)).write_text("{")
    assert not release(state_dir, request(IOS, takeover=True), never).changed
    assert read_lease(state_dir) is None


# Check mode


@pytest.mark.parametrize("takeover", (False, True))
def test_check_mode_says_what_is_then_done(state_dir: str, takeover: bool) -> None:
    if takeover:
        admitted(state_dir, LINUX, fleet="theirs")
    predicted, would_be = go(state_dir, request(IOS, takeover=takeover, check=True))
    done, lease = go(state_dir, request(IOS, takeover=takeover))
    assert (predicted.steps, predicted.diff) == (done.steps, done.diff)
    assert would_be is not None and lease is not None and dataclasses.replace(would_be, since=lease.since) == lease


def test_check_mode_makes_nothing(state_dir: str) -> None:
    assert go(state_dir, request(IOS, check=True))[0].changed
    assert not release(state_dir, request(check=True), never).changed
    assert not os.path.exists(state_dir)


def test_check_mode_writes_nothing_and_needs_no_lock(state_dir: str) -> None:
    admitted(state_dir, IOS)
    before, listed = lease_bytes(state_dir), sorted(os.listdir(state_dir))
    with mac_lock("somebody", state_dir, 0):
        assert go(state_dir, request(LINUX, check=True))[0].changed
        assert not go(state_dir, request(IOS, check=True))[0].changed
        assert release(state_dir, request(check=True), never).changed
    assert (lease_bytes(state_dir), sorted(os.listdir(state_dir))) == (before, listed)


# Giving the Mac back


def test_a_mac_on_which_nothing_is_left_is_given_back(state_dir: str) -> None:
    admitted(state_dir, IOS)
    plan = release(state_dir, request(), lambda: [])
    assert plan.summary() == [{"resource": "lease", "action": "release", "detail": "fleet test (generation 1, admitted)"}]
    assert (list(plan.diff["before"]), plan.diff["after"]) == (["lease"], {})
    assert os.listdir(state_dir) == ["lock"]
    assert not release(state_dir, request(), never).changed
    assert admitted(state_dir, IOS, fleet="theirs").generation == 1


def test_a_mac_on_which_something_is_left_stays_ours_and_builds_no_more(state_dir: str) -> None:
    lease = admitted(state_dir, IOS)
    with pytest.raises(LeaseError, match="^the Mac is not given back, this is still on it: mac-runners-ios-1, mac-runners-ios-2$"):
        release(state_dir, request(), lambda: ["mac-runners-ios-1", "mac-runners-ios-2"])
    assert read_lease(state_dir) == dataclasses.replace(lease, state="released")
    with pytest.raises(LeaseError, match=r"held by fleet test \(generation 1, released\)"):
        go(state_dir, request(IOS, fleet="theirs"))
    assert release(state_dir, request(), lambda: []).changed
    assert read_lease(state_dir) is None


@pytest.mark.parametrize("check", (False, True))
def test_nobody_gives_back_the_mac_of_another_fleet(state_dir: str, check: bool) -> None:
    admitted(state_dir, IOS, fleet="theirs")
    before = lease_bytes(state_dir)
    with pytest.raises(LeaseError, match="held by fleet theirs"):
        release(state_dir, request(check=check), never)
    assert lease_bytes(state_dir) == before


def test_it_is_given_back_for_them_when_told(state_dir: str) -> None:
    admitted(state_dir, IOS, fleet="theirs")
    predicted = release(state_dir, request(takeover=True, check=True), never)
    done = release(state_dir, request(takeover=True), lambda: [])
    assert (predicted.steps, predicted.diff) == (done.steps, done.diff) and done.changed
    assert read_lease(state_dir) is None


def test_a_mac_that_nobody_ever_touched_is_given_back_without_a_trace(tmp_path: pathlib.Path) -> None:
    """A lock would need a directory, which the teardown would then have to remove: a change on a Mac without anything of ours."""
    assert not release(str(tmp_path / "none"), request(), never).changed
    assert os.listdir(tmp_path) == []


def test_what_a_killed_first_admission_left_goes_too(state_dir: str) -> None:
    with process(KILLED_WHILE_WRITING, state_dir) as other:
        assert other.wait(30) == -signal.SIGKILL
    assert sorted(os.listdir(state_dir)) == [".lease.json.new", "lock"]
    assert not release(state_dir, request(), never).changed
    assert os.listdir(state_dir) == ["lock"]


# Several at once, as processes

PRELUDE = """
import os, signal, sys, time
from ansible_collections.action_packer.mac_runners.plugins.module_utils._admission import Request, admit
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms
def facts():
    return {"memory": 2**35, "arch": "arm64", "cores": 10, "macos": "26.1", "disk_free": 2**39, "workloads": [], "unread": []}
"""
SLOW = (
    PRELUDE
    + """
def slow():
    print("ready", flush=True)
    time.sleep(60)
    return facts()
admit(sys.argv[1], Request(Terms(sys.argv[2]), wait=5), slow)
"""
)
KILLED_WHILE_WRITING = (
    PRELUDE
    + """
os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
print("ready", flush=True)
admit(sys.argv[1], Request(Terms("test"), wait=5), facts)
"""
)
COUNTER = (
    PRELUDE
    + """
print("ready", flush=True)
for turn in range(20):
    admit(sys.argv[1], Request(Terms("test", None, {"headroom": 1 + turn + 100 * int(sys.argv[2])}), wait=60), facts)
"""
)


def test_who_waits_too_long_is_told_for_whom(state_dir: str) -> None:
    with process(SLOW, state_dir, "acme") as other:
        for call in (lambda: go(state_dir, request(IOS, wait=0.2)), lambda: release(state_dir, request(wait=0.2), never)):
            with pytest.raises(LockedError) as caught:
                call()
            assert str(caught.value).startswith(f"this Mac is being changed by admission of fleet acme (process {other.pid}, for ")
            assert str(caught.value).endswith(" s); waited 0.2 s")
    assert read_lease(state_dir) is None


def test_a_killed_holder_leaves_no_lock(state_dir: str) -> None:
    with process(SLOW, state_dir, "acme") as other:
        os.kill(other.pid, signal.SIGKILL)
        assert other.wait(30) == -signal.SIGKILL
        assert b"admission of fleet acme" in pathlib.Path(state_dir, "lock").read_bytes()
        assert admitted(state_dir, IOS).generation == 1


def test_no_child_of_an_admission_keeps_the_lock(state_dir: str) -> None:
    children: t.List["subprocess.Popen[bytes]"] = []

    def reading() -> Json:
        children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False))
        time.sleep(0.2)
        return facts()

    admit(state_dir, request(IOS), reading)
    with children[0] as child:
        try:
            assert go(state_dir, request(LINUX))[0].changed
            assert child.poll() is None
        finally:
            child.kill()


def test_no_decision_of_several_at_once_is_lost(state_dir: str) -> None:
    with process(COUNTER, state_dir, "1") as one, process(COUNTER, state_dir, "2") as other:
        assert (one.wait(60), other.wait(60)) == (0, 0)
    lease = read_lease(state_dir)
    assert lease is not None and lease.generation == 40
