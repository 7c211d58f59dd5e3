# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole way of a list of VMs on a small Mac, also when it is killed on it."""

from __future__ import annotations

import json
import os
import plistlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import TartError, Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart, is_remote, reference
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_converge import converge

from .tart_mac import GIB, FakeMac, Killed
from .tart_task import ALL, IOS, IOS2, LINUX, POOL, do, request_for, steps

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="launchd jobs have to belong to root"),
    pytest.mark.usefixtures("quick"),
]


def test_from_nothing_to_all_and_back(mac: FakeMac) -> None:
    outcome = do(mac, *ALL)
    assert outcome.errors == {}
    assert {seen.name: seen.state for seen in outcome.store.values()} == {
        "mac-runners-ios-1": "running", "mac-runners-ios-2": "running", "mac-runners-lin-1": "stopped",
    }
    assert mac.calls.count(["pull", IOS.image]) == 1
    assert ["set", "mac-runners-lin-1", "--disk-size", "30", "--random-mac"] in mac.calls
    assert ["set", "mac-runners-ios-1", "--memory", "12288", "--random-mac"] in mac.calls
    with open(mac.path("mac-runners-ios-1", ".mac-runners.json"), encoding="utf-8") as stream:
        assert json.load(stream) == {"owner": "action_packer.mac_runners", "schema": 1, "image": IOS.image, "slot": "ios-1"}
    removed = do(mac, purge=True, drop_images=True)
    assert removed.errors == {} and removed.store == {}
    left = [sorted(os.listdir(path)) for path in (mac.place.account.home, mac.place.daemons_dir, mac.place.log_dir, mac.place.state_dir)]
    assert left == [[], [], [], ["lease.json", "lock"]]
    assert (mac.loaded, mac.cached) == ({}, set())
    assert not do(mac, purge=True, drop_images=True).plan.changed


def test_what_others_pulled_stays(mac: FakeMac) -> None:
    mac.tart.pull(LINUX.image)
    mac.tart.must("clone", LINUX.image, "theirs")
    do(mac, *ALL)
    do(mac, IOS, purge=True, drop_images=True)
    assert mac.cached == {LINUX.image, IOS.image}
    do(mac, purge=True, drop_images=True)
    assert mac.cached == {LINUX.image}
    assert os.listdir(mac.place.vms_dir) == ["theirs"]


def test_an_image_stays_while_a_vm_of_ours_is_made_from_it(mac: FakeMac) -> None:
    do(mac, *ALL)
    outcome = do(mac, LINUX, drop_images=True)
    assert not outcome.plan.changed and mac.cached == {IOS.image, LINUX.image}


def test_looking_makes_no_directories(mac: FakeMac) -> None:
    assert not do(mac, purge=True).plan.changed
    assert do(mac, *ALL, check=True).plan.changed
    assert os.listdir(mac.place.account.home) == []


def test_a_second_run_is_one_reading_call(mac: FakeMac) -> None:
    do(mac, *ALL)
    mac.calls.clear()
    outcome = do(mac, *ALL, purge=True)
    assert (outcome.plan.changed, mac.calls) == (False, [["list", "--source", "local", "--format", "json"]])


def test_check_mode_says_what_is_then_done(mac: FakeMac) -> None:
    predicted = do(mac, *ALL, check=True)
    assert mac.writing_calls == [] and not os.path.exists(mac.place.state_dir)
    done = do(mac, *ALL)
    assert (predicted.plan.steps, predicted.plan.diff) == (done.plan.steps, done.plan.diff)


def test_check_mode_gives_back_the_room_that_is_then_given_back(mac: FakeMac) -> None:
    """Two macOS VMs for two others, which never run beside each other."""
    do(mac, IOS, IOS2)
    others = [vm._replace(slot=f"new-{number}") for number, vm in enumerate((IOS, IOS2), 1)]
    pools = [{**POOL, "name": "new"}]
    predicted = do(mac, *others, pools=pools, purge=True, check=True)
    done = do(mac, *others, pools=pools, purge=True)
    assert (predicted.plan.steps, predicted.plan.diff) == (done.plan.steps, done.plan.diff)
    assert sorted(done.store) == ["mac-runners-new-1", "mac-runners-new-2"]


def test_check_mode_keeps_what_then_stays(mac: FakeMac) -> None:
    do(mac, IOS, IOS2)
    for check in (True, False):
        with pytest.raises(MacRunnersError, match="macos-vm-licence"):
            do(mac, IOS._replace(slot="new-1"), pools=[{**POOL, "name": "new", "count": 1}], check=check)


def test_check_mode_before_tart_is_installed(mac: FakeMac) -> None:
    place = mac.place._replace(tart="/nowhere/tart")
    outcome = converge(mac.run, Tart(mac.run, place), place, request_for(*ALL, check=True))
    assert ("mac-runners-ios-1", "clone") in steps(outcome) and mac.calls == []
    with pytest.raises(TartError, match="Tart is not at /nowhere/tart"):
        converge(mac.run, Tart(mac.run, place), place, request_for(*ALL))


def test_the_job(mac: FakeMac) -> None:
    do(mac, IOS, LINUX._replace(state="started"))
    path = os.path.join(mac.place.daemons_dir, "dev.action-packer.mac-runners.vm.lin-1.plist")
    with open(path, "rb") as stream:
        job = plistlib.load(stream)
    assert job["UserName"] == "runner"
    assert job["ProgramArguments"][5:] == [mac.place.tart, "run", "--no-graphics", "--net-softnet", "mac-runners-lin-1"]
    assert job["EnvironmentVariables"]["TART_HOME"] == mac.place.tart_home
    assert os.stat(path).st_mode & 0o777 == 0o644


def test_a_foreign_vm_with_our_prefix(mac: FakeMac) -> None:
    mac.make("mac-runners-ios-2", os="linux")
    mac.make("theirs", os="linux")
    with pytest.raises(TartError, match="VM mac-runners-ios-2 exists and is not ours"):
        do(mac, *ALL)
    do(mac, purge=True)
    assert mac.writing_calls == []


def test_a_resize_leaves_the_others_running(mac: FakeMac) -> None:
    do(mac, *ALL)
    mac.calls.clear()
    outcome = do(mac, IOS._replace(cpus=8), IOS2, LINUX)
    assert {call[1] for call in mac.writing_calls if call[0] in ("exec", "set", "stop")} == {"mac-runners-ios-1"}
    assert mac.config("mac-runners-ios-1")["cpuCount"] == 8
    assert outcome.store["mac-runners-ios-1"].state == "running"


def test_a_vm_with_a_job_stays_and_the_others_change(mac: FakeMac) -> None:
    do(mac, IOS, IOS2)
    mac.busy = {"mac-runners-ios-1"}
    smaller, renewed = (IOS._replace(cpus=2), IOS2._replace(cpus=2)), (IOS._replace(image="ghcr.io/acme/macos:2"),)
    for wanted, options in (((), {"purge": True}), (smaller, {}), (renewed, {"recreate": True})):
        outcome = do(mac, *wanted, **options)
        assert list(outcome.errors) == ["mac-runners-ios-1"] and "a job runs in it" in outcome.errors["mac-runners-ios-1"]
        assert mac.states["mac-runners-ios-1"] == "running" and "ios-1" in outcome.held
    assert [call for call in mac.calls if call[0] in ("stop", "delete") and call[1] == "mac-runners-ios-1"] == []
    assert do(mac, purge=True, force=True).errors == {} and mac.states == {}


def test_with_hold_nothing_changes_when_a_vm_would_stop(mac: FakeMac) -> None:
    do(mac, IOS)
    before = list(mac.writing_calls)
    outcome = do(mac, IOS._replace(cpus=2), IOS2, hold=True)
    assert (outcome.held, outcome.plan.changed, mac.writing_calls) == (("ios-1",), False, before)
    assert do(mac, IOS, IOS2, hold=True).held == () and len(mac.states) == 2


def test_a_guest_without_agent_is_switched_off(mac: FakeMac) -> None:
    do(mac, IOS)
    mac.agents = False
    refused = do(mac, IOS._replace(state="stopped"))
    assert "its guest does not tell whether a job runs in it" in refused.errors["mac-runners-ios-1"]
    outcome = do(mac, IOS._replace(state="stopped"), force=True)
    assert ["stop", "mac-runners-ios-1", "--timeout", "30"] in mac.calls
    assert (outcome.store["mac-runners-ios-1"].state, mac.loaded, os.listdir(mac.place.daemons_dir)) == ("stopped", {}, [])


def test_the_limit_of_macos_is_told_and_the_others_start(mac: FakeMac) -> None:
    mac.limit = 1
    outcome = do(mac, *ALL)
    assert list(outcome.errors) == ["mac-runners-ios-2"]
    assert "exceeds the system limit (other running VMs: mac-runners-ios-1)" in outcome.errors["mac-runners-ios-2"]
    assert "two macOS guests at most" in outcome.errors["mac-runners-ios-2"]
    assert list(mac.loaded) == ["dev.action-packer.mac-runners.vm.ios-1"]
    mac.limit = 2
    assert do(mac, *ALL).errors == {}
    assert not do(mac, *ALL).plan.changed


def test_an_image_that_is_not_there(mac: FakeMac) -> None:
    outcome = do(mac, IOS, LINUX._replace(image="ghcr.io/acme/none:1"))
    assert list(outcome.errors) == ["mac-runners-lin-1"] and "404" in outcome.errors["mac-runners-lin-1"]
    assert list(outcome.store) == ["mac-runners-ios-1"]


def test_a_guest_that_the_image_has_not(mac: FakeMac) -> None:
    outcome = do(mac, IOS._replace(guest="linux"), pools=[{**POOL, "guest": "linux"}])
    assert 'field guest: got linux; ghcr.io/acme/macos:1 has a macos guest' in outcome.errors["mac-runners-ios-1"]
    assert outcome.store == {} and sorted(os.listdir(mac.place.state_dir)) == ["lease.json", "lock", "tart"]


def test_no_room_no_change(mac: FakeMac) -> None:
    for options in ({"check": True}, {}):
        with pytest.raises(MacRunnersError, match="no room on this Mac: .*memory"):
            do(mac, IOS._replace(memory=80 * GIB), pools=[{**POOL, "count": 1, "memory": "80GiB"}], **options)
    assert mac.writing_calls == []


def test_pools_of_the_same_isolation_count(mac: FakeMac) -> None:
    pools = [
        {**POOL, "count": 1},
        {"name": "other", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "i:1"},
    ]
    with pytest.raises(MacRunnersError, match="macos-vm-licence"):
        do(mac, IOS, pools=pools)
    assert do(mac, IOS, pools=pools[:1]).errors == {}


def test_a_slot_of_another_home(mac: FakeMac) -> None:
    do(mac, IOS)
    elsewhere = mac.place._replace(tart_home=mac.place.account.home + "/.other", tart="/nowhere/tart")
    with pytest.raises(TartError, match="this slot already has a VM in"):
        converge(mac.run, Tart(mac.run, elsewhere), elsewhere, request_for(IOS, check=True))


@pytest.mark.parametrize("wanted", [ALL, (IOS._replace(cpus=8), IOS2._replace(state="stopped")), ()], ids=["make", "change", "remove"])
def test_killed_anywhere_the_next_run_finishes(tmp_path: t.Any, wanted: t.Tuple[Vm, ...]) -> None:
    """A kill before and after the effect of every writing call; the call then goes on without us."""
    for kill_after in range(1, 200):
        mac = FakeMac(str(tmp_path / str(kill_after)))
        if wanted != ALL:
            do(mac, *ALL)
        mac.make("mac-runners-theirs-1", os="linux")
        mac.writes, mac.kill_after = 0, kill_after
        try:
            do(mac, *wanted, purge=True, drop_images=True)
            break
        except Killed:
            mac.kill_after = None
        assert do(mac, *wanted, purge=True, drop_images=True).errors == {}
        assert not do(mac, *wanted, purge=True, drop_images=True).plan.changed
        assert mac.config("mac-runners-theirs-1") == {"version": 1, "macAddress": "of the image", "os": "linux"}
        assert sorted(os.listdir(mac.place.vms_dir)) == sorted(["mac-runners-theirs-1", *(vm.name for vm in wanted)])
        assert sorted(os.listdir(mac.place.state_dir)) == (["lease.json", "lock", "tart"] if wanted else ["lease.json", "lock"])
    else:
        raise AssertionError("it never ended")
    assert kill_after > 4


def test_secrets_stay_out_of_argument_lists(mac: FakeMac) -> None:
    seen: t.List[t.Any] = []

    def run(argv: t.Sequence[str], env: t.Any = None, stdin: str = "") -> t.Any:
        seen.append((list(argv), env))
        return mac.tart_pull(argv[-1])

    Tart(run, mac.place, {"TART_REGISTRY_PASSWORD": "hunter2", "TART_REGISTRY_USERNAME": "me"}).pull(IOS.image)
    ((argv, env),) = seen
    assert "hunter2" not in " ".join(argv)
    assert env == {"TART_REGISTRY_PASSWORD": "hunter2", "TART_REGISTRY_USERNAME": "me"}
    assert "--preserve-env=TART_REGISTRY_PASSWORD,TART_REGISTRY_USERNAME" in argv


@pytest.mark.parametrize(
    ("image", "remote", "full"),
    [
        ("ghcr.io/acme/x", True, "ghcr.io/acme/x:latest"),
        ("ghcr.io/acme/x:1", True, "ghcr.io/acme/x:1"),
        ("localhost:5000/x", True, "localhost:5000/x:latest"),
        ("ghcr.io/acme/x@sha256:ab", True, "ghcr.io/acme/x@sha256:ab"),
        ("golden", False, "golden:latest"),
    ],
)
def test_references(image: str, remote: bool, full: str) -> None:
    assert (is_remote(image), reference(image)) == (remote, full)
