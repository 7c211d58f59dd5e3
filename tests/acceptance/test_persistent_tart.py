# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Persistent runners in VMs of Tart on a Mac over ssh: registered, at work, restarted, drained, made anew, taken away; no job is lost."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import MACOS_IMAGE, Fleet, seed, tart_pool
from tests.acceptance.jobs import END, Workplace, end_while_waited_for, give_guests_a_runner, tart_workplace

OTHER_IMAGE = "ghcr.io/acme/macos-xcode:27"
BOTH = ["mac-1-ios-1", "mac-1-ios-2"]
IMAGE = {"os": "darwin", "cpu": 4, "memory": "8GiB", "disk_gb": 54}
PLIST = ".guest/Library/LaunchAgents/dev.action-packer.mac-runners.runner.plist"


@pytest.fixture
def place(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> t.Iterator[Workplace]:
    """One Mac with two persistent runners to come."""
    with tart_workplace() as made:
        mac = boot_mac(memory="64GiB", cores=12, disk_free="900GiB", seed=seed(images={MACOS_IMAGE: IMAGE, OTHER_IMAGE: IMAGE}))
        give_guests_a_runner(mac)
        fleet = Fleet(tmp_path, [mac])
        made.tell(fleet)
        fleet.pools("mac-1", kept())
        fleet.visit()
        yield made


def kept(**fields: t.Any) -> dict[str, t.Any]:
    return tart_pool(**{"count": 2, "labels": ["xcode"], **fields})


def vm(place: Workplace, slot: str) -> pathlib.Path:
    """The directory of a VM on the Mac."""
    found: list[pathlib.Path] = list(place.fleet.macs["mac-1"].root.glob(f"Users/*/.tart/vms/mac-runners-{slot}"))
    return found[0] if found else pathlib.Path("/nowhere")


def vms(place: Workplace) -> list[str]:
    return sorted(path.name for path in place.fleet.macs["mac-1"].root.glob("Users/*/.tart/vms/*"))


def image_of(place: Workplace, slot: str) -> str:
    return (vm(place, slot) / ".mac-runners.json").read_text()


def ids(place: Workplace) -> dict[str, int]:
    """The runners that GitHub knows, and their numbers."""
    return {runner.name: number for number, runner in place.broker.scope.runners.items()}


def end(place: Workplace, slot: str) -> None:
    """Let the long job in a slot's VM come to its end."""
    (vm(place, slot) / ".guest" / END).touch()


@pytest.mark.long
def test_persistent_runners_come_work_and_stay_drained(place: Workplace) -> None:
    fleet, scope = place.fleet, place.broker.scope
    before = fleet.pictures()
    fleet.play("site", "--check", "--diff")
    assert fleet.pictures() == before and ids(place) == {} and not fleet.writing_calls(), "a check changed something"

    converged = fleet.play("site", "--diff", "-vvv")
    assert sorted(ids(place)) == BOTH and len(scope.registration_tokens) == 1
    assert len(converged.diff_of("Register the persistent")) > 0
    assert not any(token in converged.text for token in [place.token, *scope.registration_tokens])
    calls = str([call["argv"] for call in fleet.macs["mac-1"].calls()])
    assert not any(token in calls or token in (vm(place, "ios-1") / PLIST).read_text() for token in scope.registration_tokens)
    place.wait("runners online", lambda: place.online() == BOTH)
    place.finish(*[place.broker.queue("echo whole", labels=["tart", "xcode"]) for _number in range(3)])
    again = fleet.play("site")
    assert again.changed("mac-1") == 0 and len(scope.registration_tokens) == 1, again.text
    assert fleet.play("status").text.count("registered as mac-1-ios-") == 2
    known = ids(place)

    # A guest that is off is started again; its runner comes by itself, under the same registration.
    account = vm(place, "ios-1").parents[2].name
    fleet.macs["mac-1"].exec("/usr/bin/sudo", "-u", account, "-H", *tart(place), "exec", "mac-runners-ios-1", "sudo", "shutdown", "-h", "now")
    place.wait("one runner", lambda: place.online() == ["mac-1-ios-2"])
    fleet.play("site")
    place.wait("runners online", lambda: place.online() == BOTH)
    assert ids(place) == known and len(scope.registration_tokens) == 1

    # A busy runner is waited for, takes no second job, and stays drained until somebody takes that back.
    job, slot = place.long_job("tart", "xcode")
    refused = fleet.play("drain", "-e", "mac_runners_wait=2", rc=2)
    assert f"still busy: {slot}: a job runs on its Mac" in refused.text and list(ids(place)) == [f"mac-1-{slot}"], refused.text
    end_while_waited_for(fleet.start("drain"), "Wait until no persistent runner has a job", lambda: end(place, slot))
    place.finish(job)
    assert ids(place) == {} and fleet.play("site").changed("mac-1") == 0 and ids(place) == {}
    fleet.play("undrain")
    place.wait("runners online", lambda: place.online() == BOTH)
    assert scope.jobs_lost == 0


@pytest.mark.long
def test_another_image_fewer_runners_and_teardown_lose_no_job(place: Workplace) -> None:
    fleet, scope = place.fleet, place.broker.scope
    before = fleet.pictures()
    fleet.play("site")
    place.wait("runners online", lambda: place.online() == BOTH)
    # Each VM stops once its runner is off GitHub, and the new one registers again.
    job, slot = place.long_job("tart", "xcode")
    fleet.pools("mac-1", kept(image=OTHER_IMAGE), tart_recreate=True)
    end_while_waited_for(fleet.start("site"), "Wait for the jobs of persistent runners", lambda: end(place, slot))
    place.finish(job)
    place.wait("runners online", lambda: place.online() == BOTH)
    assert OTHER_IMAGE in image_of(place, slot) and fleet.play("site").changed("mac-1") == 0

    fleet.pools("mac-1", kept(count=1, image=OTHER_IMAGE))
    fleet.play("site")
    assert (vms(place), list(ids(place))) == (["mac-runners-ios-1"], ["mac-1-ios-1"])

    job, slot = place.long_job("tart", "xcode")
    refused = fleet.play("teardown", "-e", "mac_runners_wait=2", rc=2)
    assert "nothing was stopped" in refused.text and vms(place) and not job.result
    end(place, slot)
    left = fleet.play("teardown", "-vvv")
    place.finish(job)
    assert place.token not in left.text
    assert (fleet.pictures(), ids(place), scope.jobs_lost) == (before, {}, 0)


@pytest.mark.long
def test_a_module_alone_stops_no_vm_with_a_job(place: Workplace) -> None:
    fleet = place.fleet
    fleet.play("site")
    job, slot = place.long_job("tart", "xcode")
    remove = {"vms": [], "purge": True, "fleet": "{{ mac_runners_fleet | default(inventory_dir, true) }}", "account": "{{ ansible_user }}"}
    purge = fleet.plays({"become": True, "tasks": [{"action_packer.mac_runners.tart_vms": remove}]})
    refused = fleet.play(purge, rc=2)
    assert f"mac-runners-{slot}: a job runs in it" in refused.text and vms(place) == [f"mac-runners-{slot}"], refused.text
    end(place, slot)
    place.finish(job)
    fleet.play("teardown")


def tart(place: Workplace) -> list[str]:
    return ["/opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart"]
