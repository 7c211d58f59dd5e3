# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mac_admission on one simulated Mac, over ssh; each test finds it without a lease."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import shutil
import typing as t

import pytest

pytest_plugins = ["tests.macsim.pytest_plugin"]

MODULE = "action_packer.mac_runners.mac_admission"
LICENCES = {"tart": {"fsl_confirmed": True}}


def ios(**fields: t.Any) -> t.Dict[str, t.Any]:
    """A pool that fills a Mac of 32 GiB to the last byte; fields override."""
    return {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "ghcr.io/acme/macos:26", "lifecycle": "persistent", **fields}


def admit(fleet: str = "acme", pools: t.Any = None, **options: t.Any) -> t.Dict[str, t.Any]:
    """A task that admits; with ``fails`` the play goes on when it fails."""
    fails = options.pop("fails", False)
    arguments = {"fleet": fleet, "mac": "mini", "pools": [ios()] if pools is None else pools, "licences": LICENCES, **options}
    return {"name": f"Admit {fleet}", MODULE: arguments, "ignore_errors": fails}


def release(fleet: str = "acme", **options: t.Any) -> t.Dict[str, t.Any]:
    """A task that gives the Mac back."""
    return {"name": f"Release {fleet}", MODULE: {"fleet": fleet, "state": "absent"}, "ignore_errors": options.get("fails", False)}


@pytest.fixture(name="shared", scope="module")
def shared_fixture(boot_module_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_module_mac("admission", memory="32GiB", cores=10, disk_free="400GiB")


@pytest.fixture(name="mac")
def mac_fixture(shared: t.Any) -> t.Any:
    shared.fault()
    shutil.rmtree(state_of(shared), ignore_errors=True)
    return shared


def state_of(mac: t.Any) -> pathlib.Path:
    return t.cast(pathlib.Path, mac.root / "private/var/db/mac_runners")


def lease_of(mac: t.Any) -> t.Dict[str, t.Any]:
    return t.cast(t.Dict[str, t.Any], json.loads((state_of(mac) / "lease.json").read_text()))


def actions(result: t.Mapping[str, t.Any]) -> t.List[str]:
    return [step["action"] for step in result["steps"]]


def test_a_check_says_what_an_admission_does_and_the_second_does_nothing(mac: t.Any) -> None:
    before = mac.snapshot()
    check = mac.tasks([admit()], "--check", "--diff")
    (predicted,) = check.results
    assert mac.snapshot() == before
    assert predicted["changed"] is True
    shown = predicted["diff"]
    assert (shown["before"], shown["after"]["lease"]["fleet"], shown["after"]["lease"]["generation"]) == ({}, "acme", 1)
    assert all(f"+{words}" in check.text.replace(" ", "") for words in ("fleet:acme", "name:ios", "memory:12GiB")), check.text
    first, second, again = mac.tasks([admit(), admit(), {**admit(), "check_mode": True}]).results
    assert [first["changed"], second["changed"], again["changed"]] == [True, False, False]
    assert (first["steps"], {**first["lease"], "since": 0}) == (predicted["steps"], {**predicted["lease"], "since": 0})
    assert (second["steps"], second["lease"]) == ([], first["lease"])
    file = state_of(mac) / "lease.json"
    assert (oct(file.stat().st_mode)[-3:], file.stat().st_uid, oct(file.parent.stat().st_mode)[-3:]) == ("600", 0, "700")
    assert {**lease_of(mac), "schema": None} == {**first["lease"], "schema": None}
    assert sum(line["bytes"] for line in lease_of(mac)["ledger"] if line["bytes"] < 0) == -(32 << 30)


def test_what_does_not_fit_is_refused_and_the_lease_before_stays(mac: t.Any) -> None:
    wrong = {
        "too many": ios(count=3, memory="8GiB"),
        "too large": ios(memory="12289MiB"),
        "no size": ios(memory="12 Gigs"),
        "no isolation": {**ios(), "isolation": "vmware"},
    }
    results = mac.tasks([admit(), *(admit(pools=[pool], fails=True) for pool in wrong.values()), admit(fleet="", fails=True), admit()], "--diff").results
    assert [result["failed"] for result in results] == [False, True, True, True, True, True, False]
    said = dict(zip([*wrong, "no fleet"], [result["msg"] for result in results[1:-1]]))
    assert said["too many"].startswith("the pools do not fit on this Mac, nothing was changed: macos-vm-licence: ")
    assert said["too large"].endswith("nothing was changed: memory: needs 32.002 GiB (32770 MiB), has 32 GiB")
    assert all(word in said["no size"] for word in ("ios", "memory", "12 Gigs")), said["no size"]
    assert all(word in said["no isolation"] for word in ("ios", "isolation", "vmware", "tart")), said["no isolation"]
    assert "fleet" in said["no fleet"]
    assert results[-1]["changed"] is False
    assert (lease_of(mac)["generation"], sorted(path.name for path in state_of(mac).iterdir())) == (1, ["lease.json", "lock"])


def test_another_fleet_is_refused_until_it_takes_over(mac: t.Any) -> None:
    first, refused, kept, taken, lost, given, nothing = mac.tasks(
        [admit(), admit("globex", fails=True), release("globex", fails=True), admit("globex", takeover=True), release("acme", fails=True), release("globex"),
         release("globex")], "--diff"
    ).results
    for result in (refused, kept):
        assert "held by fleet acme (generation 1, admitted), and this run is fleet globex" in result["msg"]
        assert "mac_runners_takeover: true" in result["msg"]
    assert (actions(taken), taken["lease"]["generation"]) == (["take over"], 2)
    assert taken["steps"][0]["detail"] == "fleet acme (generation 1, admitted) -> fleet globex (generation 2, admitted)"
    assert (taken["diff"]["before"]["lease"]["fleet"], taken["diff"]["after"]["lease"]["fleet"]) == ("acme", "globex")
    assert "held by fleet globex" in lost["msg"]
    assert (given["changed"], actions(given), given["diff"]["after"]) == (True, ["release"], {})
    assert (nothing["changed"], nothing["steps"]) == (False, [])
    assert not (state_of(mac) / "lease.json").exists()


def test_two_fleets_at_once_one_gets_the_mac(mac: t.Any) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        plays = list(pool.map(lambda fleet: mac.tasks([admit(fleet)], check=False), ("acme", "globex")))
    assert sorted(play.rc for play in plays) == [0, 2]
    winner = next(play for play in plays if play.rc == 0).results[0]["lease"]["fleet"]
    assert any(f"this Mac is held by fleet {winner} " in play.results[0]["msg"] for play in plays if play.rc)
    assert (lease_of(mac)["fleet"], lease_of(mac)["generation"]) == (winner, 1)


def test_a_mac_that_cannot_be_read_and_a_user_who_is_not_root(mac: t.Any) -> None:
    mac.fault([{"tool": "vm_stat", "rc": 1, "stderr": "broken\n"}])
    unread, stranger = mac.tasks([admit(fails=True), {**admit(fails=True), "vars": {"ansible_become": False}}]).results
    assert "facts: " in unread["msg"] and "vm_stat" in unread["msg"]
    assert stranger["failed"] and "Traceback" not in json.dumps(stranger), stranger
    assert "root" in stranger["msg"] or "ermission denied" in stranger["msg"], stranger["msg"]
    assert not (state_of(mac) / "lease.json").exists()


def test_a_reboot_makes_the_lease_stale(mac: t.Any) -> None:
    mac.tasks([admit()])
    mac.reboot()
    predicted, after, again = mac.tasks([{**admit(), "check_mode": True}, admit(), admit()]).results
    assert predicted["steps"] == after["steps"] != []
    assert [after["changed"], again["changed"], after["lease"]["generation"]] == [True, False, 2]
