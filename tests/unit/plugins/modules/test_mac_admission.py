# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module mac_admission at its edge: arguments, results, check mode, what it says when it fails."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, path_of, read_lease, write_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
from ansible_collections.action_packer.mac_runners.plugins.modules import mac_admission

from tests.unit.plugins.module_utils.leases import lease_bytes, lease_state

Json = t.Dict[str, t.Any]
GIB = 2**30
BOOT = "6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10"
IOS = {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "x"}
LINUX = {"name": "linux", "isolation": "docker", "count": 4, "memory": "3GiB", "image": "x"}


class Mac:
    """A Mac on which two VMs of 12 GiB fit to the byte, and the module with the arguments that all tasks have."""

    def __init__(self, state_dir: str, run: t.Callable[..., Json]) -> None:
        self.state_dir, self.run = state_dir, run
        self.memory, self.workloads = 32 * GIB, []  # type: int, t.List[Json]
        self.readings: t.List[Json] = []

    def read_facts(self, run: t.Any, **where: t.Any) -> Json:
        self.readings.append(where)
        known = {"arch": "arm64", "cores": 10, "macos": "26.1", "disk_free": 400 * GIB, "boot_id": BOOT, "unread": []}
        return {"memory": self.memory, "workloads": self.workloads, **known}

    def ask(self, *pools: Json, **options: t.Any) -> Json:
        return self.run(mac_admission, **{"fleet": "test", "pools": list(pools), "mac": "mac-1", "state_dir": self.state_dir, **options})


@pytest.fixture
def mac(tmp_path: pathlib.Path, run_module: t.Callable[..., Json], monkeypatch: pytest.MonkeyPatch) -> Mac:
    made = Mac(str(tmp_path / "state"), run_module)
    monkeypatch.setattr(mac_admission, "read_facts", made.read_facts)
    return made


def test_the_first_and_the_second_admission(mac: Mac) -> None:
    first = mac.ask(IOS)
    lease = read_lease(mac.state_dir)
    assert lease is not None and lease.digest == Terms("test", [IOS]).digest
    assert (first["changed"], first["steps"]) == (True, [{"resource": "lease", "action": "admit", "detail": "fleet test (generation 1, admitted)"}])
    assert first["lease"] == json.loads(json.dumps(dataclasses.asdict(lease))) and "diff" not in first
    before = lease_bytes(mac.state_dir)
    second = mac.ask(IOS)
    assert (second["changed"], second["steps"], second["lease"]) == (False, [], first["lease"])
    assert lease_bytes(mac.state_dir) == before


def test_diff_mode_has_a_diff_also_when_it_is_empty(mac: Mac) -> None:
    shown = {"fleet": "test", "generation": 1, "state": "admitted", "pools": [IOS]}
    assert mac.ask(IOS, _ansible_diff=True)["diff"] == {"before": {}, "after": {"lease": shown}}
    assert mac.ask(IOS, _ansible_diff=True)["diff"] == {"before": {}, "after": {}}
    assert mac.ask(state="absent", _ansible_diff=True)["diff"] == {"before": {"lease": shown}, "after": {}}


def test_check_mode_predicts_and_writes_nothing(mac: Mac) -> None:
    predicted = mac.ask(IOS, _ansible_check_mode=True)
    assert predicted["changed"] and not os.path.exists(mac.state_dir)
    done = mac.ask(IOS)
    assert predicted["steps"] == done["steps"]
    assert {**predicted["lease"], "since": 0} == {**done["lease"], "since": 0}
    before = lease_bytes(mac.state_dir)
    with mac_lock("somebody", mac.state_dir, 0):
        assert mac.ask(LINUX, _ansible_check_mode=True)["lease"]["generation"] == 2
        assert mac.ask(state="absent", _ansible_check_mode=True)["changed"]
    assert lease_bytes(mac.state_dir) == before


def test_all_that_was_asked_for_is_judged(mac: Mac) -> None:
    """Capacity and licences as they are given, with what is in the given places."""
    options = {"capacity": {"headroom": "1GiB"}, "licences": {"tart": {"fsl_confirmed": True}}}
    result = mac.ask(IOS, tart_homes=["/opt/tart"], docker_sockets=["/run/docker.sock"], **options)
    assert mac.readings == [{"tart_homes": ["/opt/tart"], "docker_sockets": ["/run/docker.sock"]}]
    assert result["lease"]["digest"] == Terms("test", [IOS], *options.values()).digest
    assert {"what": "headroom", "bytes": -GIB} in result["lease"]["ledger"]


def test_the_name_of_the_mac_counts(mac: Mac) -> None:
    """A runner's name begins with it, and has 64 characters at most."""
    result = mac.ask(IOS, mac="m" * 64)
    assert result["failed"] and "names: " in result["msg"]


def test_a_refusal_says_need_and_have_and_leaves_the_earlier_lease(mac: Mac) -> None:
    mac.ask(LINUX)
    before = lease_bytes(mac.state_dir)
    mac.memory -= 1
    result = mac.ask(IOS)
    assert result["failed"] and result["msg"].startswith("the pools do not fit on this Mac, nothing was changed: memory: needs 32 GiB, has ")
    assert "lease" not in result and lease_bytes(mac.state_dir) == before


def test_wrong_input_names_pool_and_field(mac: Mac) -> None:
    result = mac.ask({**IOS, "memory": "12 potatoes"})
    assert result["failed"] and 'pool "ios", field memory: got "12 potatoes"; allowed: ' in result["msg"]
    assert read_lease(mac.state_dir) is None


def test_another_fleet_is_refused_unless_told(mac: Mac) -> None:
    write_lease(mac.state_dir, Lease("theirs", "d", 4, BOOT, "admitted", 0))
    before = lease_bytes(mac.state_dir)
    for options in ({}, {"_ansible_check_mode": True}, {"state": "absent"}, {"state": "absent", "_ansible_check_mode": True}):
        result = mac.ask(IOS, **options)
        assert result["failed"] and result["msg"].startswith("this Mac is held by fleet theirs (generation 4, admitted), and this run is fleet test: ")
    assert lease_bytes(mac.state_dir) == before and mac.readings == []
    result = mac.ask(IOS, takeover=True)
    assert (result["steps"][0]["action"], result["lease"]["fleet"], result["lease"]["generation"]) == ("take over", "test", 5)


def test_a_mac_is_given_back_when_nothing_of_ours_is_on_it(mac: Mac) -> None:
    mac.ask(IOS)
    ours = {"kind": "tart", "name": "mac-runners-ios-1", "state": "stopped", "owned": True}
    mac.workloads = [ours, {"kind": "tart", "name": "theirs", "state": "stopped", "owned": False}]
    result = mac.ask(state="absent")
    assert result["failed"] and result["msg"] == "the Mac is not given back, this is still on it: mac-runners-ios-1"
    assert lease_state(mac.state_dir) == "released"
    del mac.workloads[0]
    result = mac.ask(state="absent")
    assert (result["changed"], result["steps"][0]["action"]) == (True, "release") and "lease" not in result
    assert not mac.ask(state="absent")["changed"]
    assert os.listdir(mac.state_dir) == ["lock"]


def test_a_lock_that_is_held_too_long_names_its_holder(mac: Mac) -> None:
    with mac_lock("tart_vms of fleet theirs", mac.state_dir, 0):
        for state in ("present", "absent"):
            result = mac.ask(state=state, lock_wait=0)
            assert result["failed"] and result["msg"].endswith("waited 0 s")
            assert result["msg"].startswith(f"this Mac is being changed by tart_vms of fleet theirs (process {os.getpid()}, for ")


def test_a_damaged_lease_is_said(mac: Mac) -> None:
    os.makedirs(mac.state_dir)
    pathlib.Path(path_of(mac.state_dir)).write_text("{")
    result = mac.ask(IOS)
    assert result["failed"] and result["msg"].startswith(f"the lease {path_of(mac.state_dir)} is damaged (")


def test_whose_the_mac_is_has_to_be_said(run_module: t.Callable[..., Json]) -> None:
    assert run_module(mac_admission)["msg"] == "missing required arguments: fleet"


@pytest.mark.parametrize(
    ("options", "message"),
    (
        ({"fleet": None}, "field fleet: got nothing; allowed: a name for whose Macs these are"),
        ({"fleet": ""}, "field fleet: got nothing; allowed: a name for whose Macs these are"),
        ({"fleet": " "}, 'field fleet: got " "; allowed: a text that is not empty and has no control characters'),
        ({"fleet": "acme\nother"}, r'field fleet: got "acme\nother"; allowed: a text that is not empty and has no control characters'),
        ({"state": "gone"}, "value of state must be one of: present, absent, got: gone"),
        ({"pools": "ios"}, "Elements value for option 'pools' is of type"),
        ({"takeover": "perhaps"}, "The value 'perhaps' is not a valid boolean"),
        ({"poolz": []}, "Unsupported parameters for (basic.py) module: poolz"),
    ),
)
def test_arguments(mac: Mac, options: Json, message: str) -> None:
    result = mac.ask(**options)
    assert result["failed"] and message in result["msg"] and not os.path.exists(mac.state_dir)
