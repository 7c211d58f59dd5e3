# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No way leads round the capacity check: each is safe, or refused with a sentence."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import FOREIGN_VM, MACOS_IMAGE, Fleet, seed, tart_pool

Boot = t.Callable[..., t.Any]
COLLECTION = "action_packer.mac_runners"
TOO_MANY = tart_pool(count=3, memory="8GiB")
FITTING = tart_pool(count=1, memory="8GiB")
BUILD_VMS = {
    "name": "Build the VMs",
    f"{COLLECTION}.tart_vms": {
        "vms": f"{{{{ mac_runners_pools | {COLLECTION}.tart_machines }}}}",
        "fleet": "mine",
        "pools": "{{ mac_runners_pools }}",
        "licences": "{{ mac_runners_licences }}",
        "account": "admin",
    },
    "become": True,
}
BUILD_CONTAINERS = {
    "name": "Build the containers",
    f"{COLLECTION}.docker_runners": {
        "containers": [{"name": "linux-1", "image": "acme/runner:1", "memory": "512MiB"}],
        "fleet": "mine",
        "pools": "{{ mac_runners_pools }}",
        "docker_socket": "/nowhere.sock",
    },
    "become": True,
}


def role(name: str, tasks_from: str = "main", **variables: t.Any) -> dict[str, t.Any]:
    """A task that runs a role of the collection."""
    task = {"name": f"Role {name}", "ansible.builtin.import_role": {"name": f"{COLLECTION}.{name}", "tasks_from": tasks_from}}
    return {**task, "vars": variables} if variables else task


@pytest.fixture
def fleet(boot_mac: Boot, tmp_path: pathlib.Path) -> Fleet:
    """Two Macs that nobody touched; the first shall run more macOS VMs than Apple allows."""
    macs = [boot_mac(memory="64GiB", disk_free="800GiB", cores=12, seed=seed()) for number in range(2)]
    fleet = Fleet(tmp_path, macs)
    fleet.pools("mac-1", TOO_MANY)
    fleet.pools("mac-2", FITTING)
    return fleet


def vms(fleet: Fleet, mac: str) -> list[str]:
    """The VMs of a Mac that are ours."""
    names = [path.rpartition("/")[2] for path in fleet.pictures()[mac]["machines"]]
    return sorted(name for name in names if name.startswith("mac-runners-"))


def test_no_choice_of_tasks_goes_round_the_plan(fleet: Fleet) -> None:
    for arguments in (["--tags", "never-heard-of"], ["--tags", "all"], ["--skip-tags", "always"], ["--limit", "mac-1"]):
        refused = fleet.play("site", *arguments, rc=2)
        assert "mac-1 is refused" in refused.text, arguments
        assert fleet.writing_calls() == [], arguments


def test_a_tag_that_nothing_has_changes_nothing(fleet: Fleet) -> None:
    fleet.pools("mac-1", FITTING)
    outcome = fleet.play("site", "--tags", "never-heard-of")
    assert outcome.changed("mac-1") == outcome.changed("mac-2") == 0
    assert fleet.writing_calls() == []


@pytest.mark.parametrize("task", ["Admit all pools of the Mac at once", "Make the directories of the runners"])
def test_who_starts_later_is_judged_all_the_same(fleet: Fleet, task: str) -> None:
    refused = fleet.play("site", "--start-at-task", task, rc=2)
    assert any(sentence in refused.text for sentence in ("mac-1 is refused", "the fleet was not judged in this run")), refused.text
    assert vms(fleet, "mac-1") == vms(fleet, "mac-2") == []


def test_who_starts_at_the_build_has_no_lease(boot_mac: Boot, tmp_path: pathlib.Path) -> None:
    fleet = Fleet(tmp_path, [boot_mac(memory="64GiB", disk_free="800GiB", seed=seed(version="2.36.0"))])
    fleet.pools("mac-1", FITTING)
    refused = fleet.play("site", "--start-at-task", "Bring the VMs of all pools to their state", "-e", "tart_program=/opt/homebrew/bin/tart", rc=2)
    assert "this Mac has no lease" in " ".join(refused.text.split())


def test_a_limit_does_not_hide_the_cores_of_the_others_from_the_licence(fleet: Fleet) -> None:
    facts = {"memory": "512GiB", "arch": "arm64", "cores": 96, "macos": "26.1", "tart": {"version": "2.30.0"}, "workloads": [], "unread": []}
    licence = {"tart_version": "2.30.0", "mac_runners_licences": {}}
    fleet.pools("mac-1", FITTING, mac_runners_facts={**facts, "cores": 12}, **licence)
    fleet.pools("mac-2", FITTING, mac_runners_facts=facts, **licence)
    refused = fleet.play("plan", "--limit", "mac-1", rc=2)
    assert "tart-licence" in refused.text


def test_one_mac_after_the_other_is_judged_each(fleet: Fleet) -> None:
    plays = fleet.plays({"name": "One by one", "serial": 1, "tasks": [role("tart")]})
    refused = fleet.play(plays, rc=2)
    assert "mac-1 is refused" in refused.text and fleet.writing_calls() == []
    fleet.pools("mac-1", FITTING)
    fleet.pools("mac-2", TOO_MANY)
    refused = fleet.play(plays, rc=2)
    assert "mac-2 is refused" in refused.text
    assert (vms(fleet, "mac-1"), vms(fleet, "mac-2")) == (["mac-runners-ios-1"], [])


@pytest.mark.parametrize("name", ["tart", "docker"])
def test_a_role_alone_judges_the_fleet(fleet: Fleet, name: str) -> None:
    refused = fleet.play(fleet.plays({"name": "A role alone", "tasks": [role(name)]}), rc=2)
    assert "mac-1 is refused" in refused.text
    assert fleet.writing_calls() == []


def test_a_verdict_that_nobody_made_is_none(fleet: Fleet) -> None:
    plays = fleet.plays({"name": "A role alone", "tasks": [role("tart")]})
    refused = fleet.play(plays, "-e", "capacity_verdict=1", rc=2)
    assert "mac-1 is refused" in refused.text and fleet.writing_calls() == []
    fleet.pools("mac-1", FITTING)
    refused = fleet.play(plays, "-e", "capacity_verdict=1", rc=2)
    assert "the fleet was not judged in this run" in " ".join(refused.text.split())
    assert fleet.writing_calls() == []


def test_a_role_alone_does_what_fits(fleet: Fleet) -> None:
    plays = fleet.plays({"name": "A role alone", "tasks": [role("tart")]})
    fleet.pools("mac-1", FITTING)
    fleet.play(plays)
    assert vms(fleet, "mac-1") == vms(fleet, "mac-2") == ["mac-runners-ios-1"]
    again = fleet.play(plays)
    assert again.changed("mac-1") == again.changed("mac-2") == 0


def test_a_module_alone_asks_for_the_lease(fleet: Fleet) -> None:
    fleet.pools("mac-1", FITTING)
    fleet.play("site", "--limit", "mac-1", "-e", "mac_runners_fleet=mine")
    fleet.pools("mac-1", tart_pool(count=2))
    outcome = fleet.play(fleet.plays({"name": "A module alone", "tasks": [BUILD_VMS]}), rc=2)
    assert "the lease of this Mac (fleet mine (generation 1, admitted)) is for other pools, capacity or licences" in " ".join(outcome.text.split())
    assert vms(fleet, "mac-1") == ["mac-runners-ios-1"]
    assert vms(fleet, "mac-2") == []


def test_other_numbers_between_plan_and_build_are_noticed(fleet: Fleet) -> None:
    loose = {"headroom": 0, "reserve": 0}
    fleet.pools("mac-1", FITTING)
    plays = fleet.plays(
        {"import_playbook": f"{COLLECTION}.plan"},
        {"name": "Build by other numbers", "tasks": [role("capacity", "admit"), role("tart", tart_capacity=loose)]},
    )
    refused = fleet.play(plays, rc=2)
    assert "is for other pools, capacity or licences than this task has" in " ".join(refused.text.split())
    assert vms(fleet, "mac-1") == []


def _appears(vm: str) -> dict[str, t.Any]:
    """A task: somebody starts a VM of their own."""
    tart = "/opt/homebrew/bin/tart"
    start = f"{tart} run --no-graphics {vm} </dev/null >/dev/null 2>&1 & until {tart} list | grep -q running; do sleep 0.1; done"
    argv = ["/usr/bin/sudo", "-n", "-u", "somebody", "-H", "/bin/sh", "-c", start]
    return {"name": "Somebody starts a VM", "ansible.builtin.command": {"argv": argv}, "become": True}


@pytest.mark.parametrize("moment", ["between plan and admission", "between admission and build"])
def test_a_foreign_vm_that_appears_is_respected(moment: str, boot_mac: Boot, tmp_path: pathlib.Path) -> None:
    theirs = {**FOREIGN_VM, "os": "darwin", "cpu": 4, "memory": "8GiB", "state": "stopped", "image": MACOS_IMAGE}
    mac = boot_mac(memory="64GiB", disk_free="800GiB", seed=seed(vms=[theirs], version="2.36.0"))
    fleet = Fleet(tmp_path, [mac])
    fleet.pools("mac-1", tart_pool(count=2))
    admission, build = role("capacity", "admit"), role("tart")
    steps = [_appears("somebodys-vm"), admission, build] if "plan" in moment else [admission, _appears("somebodys-vm"), build]
    refused = fleet.play(fleet.plays({"import_playbook": f"{COLLECTION}.plan"}, {"name": "Build", "tasks": steps}), rc=2)
    assert "macos-vm-licence" in refused.text and "somebodys-vm" in refused.text
    assert vms(fleet, "mac-1") == []
    assert any("somebodys-vm" in call["argv"] and call["rc"] is None for call in mac.calls("tart")), "the foreign VM was stopped"
