# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module tart_vms at its edge: arguments, results, check mode, what it says when it fails."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import remove_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import reading
from ansible_collections.action_packer.mac_runners.plugins.modules import tart_vms

from tests.unit.plugins.module_utils._isolation.tart_mac import GIB, FakeMac
from tests.unit.plugins.module_utils._isolation.tart_task import POOL, POOLS, admit, request_for
from tests.unit.plugins.module_utils.leases import lease_state

Json = t.Dict[str, t.Any]
Play = t.Callable[..., Json]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="launchd jobs have to belong to root")

IOS = {"name": "ios-1", "image": "ghcr.io/acme/macos:1", "cpus": 4, "memory": "12GiB"}
LINUX = {"name": "lin-1", "image": "ghcr.io/acme/linux:1", "guest": "linux", "cpus": 2, "memory": "4GiB", "state": "stopped"}


@pytest.fixture
def mac(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> FakeMac:
    """A small Mac that the module takes for the one on which it runs; its pools were admitted."""
    made = FakeMac(str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(reading, "read_facts", lambda run, tart_homes: made.facts())
    monkeypatch.setattr(tart_vms, "runner", lambda module: made.run)
    monkeypatch.setattr(tart, "find_account", lambda name: made.place.account)
    monkeypatch.setattr(tart_vms, "DAEMONS_DIR", made.place.daemons_dir)
    admit(made, request_for())
    return made


@pytest.fixture
def play(run_module: t.Callable[..., Json], mac: FakeMac) -> Play:
    """Runs the module with the arguments that all tasks have."""
    place = {"account": "runner", "tart": mac.place.tart, "state_dir": mac.place.state_dir, "log_dir": mac.place.log_dir}
    return functools.partial(run_module, tart_vms, fleet="test", pools=POOLS, **place)


def test_from_nothing_to_all_and_back(mac: FakeMac, play: Play) -> None:
    result = play(vms=[IOS, LINUX])
    assert (result.get("failed"), result["changed"]) == (None, True) and "diff" not in result
    assert {"resource": "mac-runners-ios-1", "action": "clone", "detail": "ghcr.io/acme/macos:1"} in result["steps"]
    assert result["vms"] == [
        {
            "name": "mac-runners-ios-1",
            "slot": "ios-1",
            "state": "running",
            "image": "ghcr.io/acme/macos:1",
            "guest": "macos",
            "cpus": 4,
            "memory": 12 * GIB,
        },
        {
            "name": "mac-runners-lin-1",
            "slot": "lin-1",
            "state": "stopped",
            "image": "ghcr.io/acme/linux:1",
            "guest": "linux",
            "cpus": 2,
            "memory": 4 * GIB,
        },
    ]
    result = play(vms=[], purge=True)
    assert (result["changed"], result["vms"], mac.states) == (True, [], {})


HEAVY = (".fleet", ".checks", "._room", ".reading", ".tart_apply", ".tart_room", "._lease", "._lock", "._pools")


def heavy_modules() -> t.List[str]:
    return [name for name in sys.modules if name.endswith(HEAVY)]


def test_a_run_with_nothing_to_do_is_one_call_and_imports_nothing_heavy(mac: FakeMac, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play(vms=[IOS])
    mac.calls.clear()
    for name in heavy_modules():
        monkeypatch.delitem(sys.modules, name)
    result = play(vms=[IOS], purge=True)
    assert (result["changed"], result["steps"], mac.calls) == (False, [], [["list", "--source", "local", "--format", "json"]])
    assert heavy_modules() == []


def test_diff_mode_has_a_diff_also_when_it_is_empty(play: Play) -> None:
    diff = play(vms=[IOS], _ansible_diff=True)["diff"]
    assert (diff["before"], diff["after"]["mac-runners-ios-1"]["memory"]) == ({}, "12 GiB")
    assert play(vms=[IOS], _ansible_diff=True)["diff"] == {"before": {}, "after": {}}


def test_check_mode_predicts_and_changes_nothing(mac: FakeMac, play: Play) -> None:
    remove_lease(mac.place.state_dir)
    predicted = play(vms=[IOS, LINUX], _ansible_check_mode=True, _ansible_diff=True)
    assert (predicted["changed"], predicted["vms"], mac.writing_calls, os.listdir(mac.place.state_dir)) == (True, [], [], [])
    admit(mac, request_for())
    done = play(vms=[IOS, LINUX], _ansible_diff=True)
    assert (predicted["steps"], predicted["diff"]) == (done["steps"], done["diff"])


def test_check_mode_refuses_what_does_not_fit(mac: FakeMac, play: Play) -> None:
    mac.memory = 32 * GIB
    result = play(vms=[IOS], _ansible_check_mode=True)
    assert result["failed"] and result["msg"].startswith("no room on this Mac: memory: needs ")


def test_without_a_lease_nothing_is_built(mac: FakeMac, play: Play) -> None:
    remove_lease(mac.place.state_dir)
    result = play(vms=[IOS])
    assert result["failed"] and result["msg"].startswith("this Mac has no lease: its pools were not admitted; run the playbook ")
    assert mac.writing_calls == []


def test_the_lease_is_asked_for_with_all_variables(mac: FakeMac, play: Play) -> None:
    options = {"pools": [POOL], "capacity": {"headroom": "1GiB"}, "licences": {"tart": {"fsl_confirmed": True}}}
    result = play(vms=[IOS], **options)
    assert result["failed"] and "is for other pools, capacity or licences than this task has" in result["msg"]
    admit(mac, request_for(**options))
    assert not play(vms=[IOS], **options).get("failed") and lease_state(mac.place.state_dir) == "admitted"


def test_another_fleet_is_refused_also_to_take_away(mac: FakeMac, play: Play) -> None:
    play(vms=[IOS])
    mac.calls.clear()
    result = play(vms=[], purge=True, fleet="theirs")
    assert result["failed"] and result["msg"].startswith("this Mac is held by fleet test (generation 1, admitted), and this run is fleet theirs: ")
    assert mac.writing_calls == []


def test_a_vm_that_is_no_slot_is_refused(mac: FakeMac, play: Play) -> None:
    result = play(vms=[{**IOS, "name": "ios-3"}])
    assert result["msg"] == "mac-runners-ios-3 is no tart slot of a pool of this Mac: only what was admitted is built"
    assert mac.writing_calls == []


def test_who_holds_the_lock_is_named(mac: FakeMac, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    # The module waits for five minutes; here they are over when it looks again.
    clock = iter(range(0, 10000, 1000))
    with mac_lock("admission of fleet test", mac.place.state_dir, 0):
        monkeypatch.setattr("time.monotonic", lambda: next(clock))
        result = play(vms=[IOS])
    assert result["failed"] and result["msg"].startswith(f"this Mac is being changed by admission of fleet test (process {os.getpid()}, for ")
    assert mac.writing_calls == []


def test_what_fails_for_one_vm_is_told_and_the_others_are_made(mac: FakeMac, play: Play) -> None:
    result = play(vms=[{**IOS, "image": "ghcr.io/acme/none:1"}, LINUX])
    assert result["failed"] and list(result["failures"]) == ["mac-runners-ios-1"]
    assert result["msg"].startswith("mac-runners-ios-1: ") and "404" in result["msg"]
    assert [vm["name"] for vm in result["vms"]] == ["mac-runners-lin-1"]


def test_another_image_is_a_warning_unless_it_is_to_be_made_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    play(vms=[IOS])
    warned: t.List[str] = []
    # Where controller plugins were imported before, Ansible shows a warning rather than returning it.
    monkeypatch.setattr(tart_vms.AnsibleModule, "warn", lambda module, warning: warned.append(warning))
    other = {**IOS, "image": "ghcr.io/acme/macos:2"}
    result = play(vms=[other])
    assert not result["changed"] and "was made from ghcr.io/acme/macos:1, not from ghcr.io/acme/macos:2" in warned[0]
    result = play(vms=[other], recreate=True)
    assert (result["changed"], result["vms"][0]["image"]) == (True, "ghcr.io/acme/macos:2")


def test_images_that_were_pulled_are_dropped(mac: FakeMac, play: Play) -> None:
    play(vms=[IOS])
    result = play(purge=True, drop_images=True)
    assert {"resource": "ghcr.io/acme/macos:1", "action": "drop"}.items() <= result["steps"][-2].items()
    assert mac.cached == set()


def test_every_mistake_is_named_with_vm_and_field(mac: FakeMac, play: Play) -> None:
    wrong = [
        {**IOS, "memory": "12 potatoes"},
        {"name": "Ios", "cpus": 4, "memory": "1000001"},
        {**IOS, "name": "lin-1", "cpus": 0},
        {**IOS, "name": "lin-1"},
    ]
    result = play(vms=wrong)
    for start in (
        'VM "ios-1", field memory: got 12 potatoes; allowed: ',
        'VM "Ios", field name: got Ios; allowed: a slot name such as ios-1',
        'VM "Ios", field image: got nothing; allowed: ',
        'VM "Ios", field memory: got 1000001; allowed: whole MiB',
        'VM "lin-1", field cpus: got 0; allowed: a whole number from 1 to 1024',
        'VM "lin-1", field name: given more than once',
    ):
        assert start in result["msg"]
    assert result["failed"] and mac.calls == []


def test_whose_the_mac_is_has_to_be_said(run_module: t.Callable[..., Json]) -> None:
    assert run_module(tart_vms, account="nobody")["msg"] == "missing required arguments: fleet"


@pytest.mark.parametrize(
    ("options", "message"),
    (
        ({"vms": [IOS], "fleet": ""}, "field fleet: got nothing; allowed: a name for whose Macs these are"),
        ({"vms": [{**IOS, "guest": "windows"}]}, "value of guest must be one of: macos, linux, got: windows"),
        ({"vms": [{**IOS, "state": "paused"}]}, "value of state must be one of: present, started, stopped, absent, got: paused"),
        ({"vms": [{**IOS, "ram": "1GiB"}]}, "ram"),
        ({"vms": [{"image": "x"}]}, "missing required arguments: name found in vms"),
        ({"registry_username": "me"}, "parameters are required together: registry_username, registry_password"),
    ),
)
def test_arguments(mac: FakeMac, play: Play, options: Json, message: str) -> None:
    result = play(**options)
    assert result["failed"] and message in result["msg"] and mac.calls == []


def test_a_password_is_told_to_nobody(mac: FakeMac, play: Play) -> None:
    result = play(vms=[IOS], registry_username="me", registry_password="hunter2-hunter2", _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] and "hunter2" not in json.dumps([result, mac.calls])


ACCOUNTS = (
    (None, "account: got nothing; allowed: the user to whom the VMs belong, such as the login user"),
    ("root", "account: got root, which is root; allowed: a user with a login keychain of its own"),
    ("no-such-user", "account: got no-such-user, which is no user of this Mac; allowed: an existing user"),
)


@pytest.mark.parametrize(("account", "message"), ACCOUNTS, ids=("none", "root", "unknown"))
def test_whose_the_vms_are_has_to_be_known(
    run_module: t.Callable[..., Json], monkeypatch: pytest.MonkeyPatch, account: t.Optional[str], message: str
) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    result = run_module(tart_vms, fleet="test", account=account)
    assert (result["failed"], result["msg"]) == (True, message)
    if account is not None:
        monkeypatch.setenv("SUDO_USER", account)
        assert run_module(tart_vms, fleet="test")["msg"] == message


def test_where_the_vms_are(mac: FakeMac, play: Play) -> None:
    params = {"account": "runner", "tart_home": None, "tart": "/opt/tart", "state_dir": "/s", "log_dir": "/l"}
    assert tart_vms.place_of(params).tart_home == mac.place.tart_home
    assert tart_vms.place_of({**params, "tart_home": "/Volumes/vms/../tart"}).tart_home == "/Volumes/tart"
    play(vms=[IOS])
    result = play(vms=[IOS], tart_home=mac.place.account.home + "/other", _ansible_check_mode=True)
    assert result["failed"] and 'VM "ios-1": this slot already has a VM in ' in result["msg"]


def test_a_mac_without_tart_says_what_brings_it(mac: FakeMac, play: Play) -> None:
    result = play(vms=[IOS], tart="/no/such/tart")
    assert result["msg"] == "Tart is not at /no/such/tart; the role action_packer.mac_runners.tart installs it"
    assert mac.calls == []
