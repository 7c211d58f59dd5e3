# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots on a Mac over ssh: installed, at work, drained, upgraded, taken away."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import typing as t

import pytest

from tests.acceptance.company import PasswordProxy
from tests.acceptance.fleet import Fleet, finished, seed, tart_pool
from tests.acceptance.jobs import IMAGE, OTHER_IMAGE, Workplace, end_while_waited_for, give_guests_a_runner, pool, release, tart_workplace, workplace

UBUNTU = "ghcr.io/acme/ubuntu:24.04"


@pytest.fixture
def place(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> t.Iterator[Workplace]:
    """One Mac with an engine, told of GitHub, visited."""
    with workplace(tmp_path) as made:
        mac = boot_mac(memory="32GiB", cores=8, disk_free="400GiB", docker_socket=made.engine.socket, docker_vm_memory="8GiB", docker_vm_cpus=6)
        fleet = Fleet(tmp_path, [mac])
        made.tell(fleet)
        fleet.pools("mac-1", pool())
        fleet.visit()
        yield made


def test_a_mac_runs_jobs_and_is_left_as_it_was(place: Workplace) -> None:
    fleet = place.fleet
    before, images = fleet.pictures(), place.engine.docker("images", "--quiet")
    predicted = fleet.play("site", "--check", "--diff")
    assert fleet.pictures() == before and not fleet.writing_calls(), "a check changed something"

    converged = fleet.play("site", "--diff")
    assert predicted.diff_of("Bring the") == converged.diff_of("Bring the") != []
    jobs = [place.broker.queue("echo whole") for _number in range(4)]
    place.finish(*jobs)
    assert {job.runs[0].rpartition("-")[0] for job in jobs} <= {"mac-1-linux-1", "mac-1-linux-2"}
    assert fleet.play("site").changed("mac-1") == 0
    assert place.token not in converged.text + fleet.play("site", "-vvv").text

    place.wait("idle slots", lambda: place.state("linux-1") == place.state("linux-2") == "listening")
    status = fleet.play("status").text
    assert status.count(" listening ") == 2, status

    # With a password, for which the canary of the gate looks; runners in containers do not reach this proxy, so there are no more jobs.
    with PasswordProxy(place.github.port) as proxy:
        place.tell(fleet, proxy)
        fleet.play("site")
        place.wait("slots that register through the proxy", lambda: proxy.passed)
        fleet.play("teardown")
    assert proxy.refused == 0
    assert fleet.pictures() == before
    assert (place.containers(), place.engine.docker("images", "--quiet"), place.broker.scope.runners) == ([], images, {})


def test_without_github_nothing_runs_and_with_an_app_only_what_may(place: Workplace, tmp_path: pathlib.Path) -> None:
    fleet, lint = place.fleet, {"name": "lint", "isolation": "sandbox", "trust": "trusted", "lifecycle": "persistent"}
    github = {"url": f"{place.github.url}/acme", "runner_group": "macs", "app": place.app(tmp_path / "app.pem")}
    planned = fleet.play("site", "-e", json.dumps({"mac_runners_github": {}}))
    assert "neither mac_runners_github.url nor github.url of the pool" in " ".join(planned.text.split())
    assert place.slots() == {} and not (fleet.macs["mac-1"].root / "opt/mac_runners/slot").exists()

    refused = fleet.play("site", "-e", json.dumps({"mac_runners_github": github}), rc=2)
    assert 'mac-1, pool "linux", field runner_group: got "macs"' in refused.text
    group = place.broker.scope.add_group("macs")
    fleet.pools("mac-1", pool(count=1), lint)
    refused = fleet.play("site", "-e", json.dumps({"mac_runners_github": github}), rc=2)
    assert "accept_key_beside_weak" in refused.text and place.slots() == {}

    accepted = {"mac_runners_github": {**github, "accept_key_beside_weak": True}}
    fleet.play("site", "-e", json.dumps(accepted))
    place.finish(place.broker.queue("echo whole", labels=["docker", "quick"]))
    place.wait("a runner", lambda: place.state("linux-1") == "listening")
    assert {runner.group for runner in place.broker.scope.runners.values()} == {group.id}
    again = fleet.play("site", "-vvv", "-e", json.dumps(accepted))
    assert again.changed("mac-1") == 0
    assert not any(line in again.text for line in (tmp_path / "app.pem").read_text().splitlines()[1:-1])


def test_what_goes_waits_for_its_job(place: Workplace) -> None:
    fleet = place.fleet
    before = fleet.pictures()
    fleet.play("site")
    job, slot = place.long_job()
    fleet.pools("mac-1", pool(count=0))
    end_while_waited_for(fleet.start("site"), "Wait for the jobs of slots that have to go", lambda: place.end(slot))
    place.finish(job)
    assert (place.slots(), place.containers(), place.broker.scope.runners, place.broker.scope.jobs_lost) == ({}, [], {}, 0)

    fleet.pools("mac-1", pool(count=1))
    fleet.play("site")
    job, slot = place.long_job()
    place.begun(job)
    refused = fleet.play("teardown", "-e", "mac_runners_wait=3", rc=2)
    assert "linux-1: job build" in refused.text and "nothing was ended" in refused.text
    assert place.state("linux-1") == "job" and not job.result, "a job was ended"

    drained = fleet.play("drain", "-e", "mac_runners_wait=1", rc=2)
    assert "still busy: linux-1: job build" in drained.text
    place.end(slot)
    place.finish(job)
    place.wait("a drained slot", lambda: place.state("linux-1") == "drained")
    assert "drained by an operator" in fleet.play("status").text
    fleet.play("undrain")
    place.finish(place.broker.queue("echo again"))

    lost = place.broker.queue("sleep 1000")
    place.begun(lost)
    fleet.play("teardown", "-e", "mac_runners_force=true")
    assert (fleet.pictures(), place.containers(), lost.result) == (before, [], "")


def test_busy_slots_take_over_an_image_and_a_program_between_jobs(place: Workplace, tmp_path: pathlib.Path) -> None:
    fleet = place.fleet
    fleet.pools("mac-1", pool(count=1))
    fleet.play("site")
    first = place.slots()["linux-1"]["program"]
    job, slot = place.long_job()
    fleet.pools("mac-1", pool(count=1, image=OTHER_IMAGE))
    fleet.play("site")
    assert place.image_of("linux-1") == IMAGE and not job.result, "the job's environment was changed"
    place.end(slot)
    place.finish(job)
    place.wait("the new image", lambda: place.image_of("linux-1") == OTHER_IMAGE)

    job, slot = place.long_job()
    newer = release(tmp_path, "newer")
    play = fleet.start("upgrade", **newer)
    place.wait("a switch of the program", lambda: place.current() not in ("", first))
    os.killpg(play.pid, signal.SIGKILL)
    play.communicate()
    second = place.current()
    assert place.slots()["linux-1"]["program"] == first and not job.result
    end_while_waited_for(fleet.start("upgrade", **newer), "Wait until every slot runs the program that is installed", lambda: place.end(slot))
    place.finish(job)
    place.wait("the new program", lambda: place.slots()["linux-1"]["program"] == second)
    assert place.versions() == sorted([first, second])
    again = finished(fleet.start("upgrade", **newer))
    assert again.changed("mac-1") == 0

    broken = release(tmp_path, "broken", "raise SystemExit(3)")
    place.wait("an idle slot", lambda: place.state("linux-1") == "listening")
    failed = finished(fleet.start("site", "-e", "runner_start_timeout=20", **broken), rc=2)
    assert f"{second} is current again" in failed.text, failed.text[-3000:]
    assert place.current() == second
    place.finish(place.broker.queue("echo with the program before"))


@pytest.mark.long
def test_tart_slots_beside_a_persistent_vm(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    with tart_workplace() as place:
        mac = boot_mac(memory="32GiB", cores=8, disk_free="800GiB", seed=seed(images={UBUNTU: {"os": "linux", "cpu": 2, "memory": "4GiB", "disk_gb": 10}}))
        give_guests_a_runner(mac)
        fleet = Fleet(tmp_path, [mac])
        place.tell(fleet)
        ephemeral = {"name": "ubuntu", "isolation": "tart", "guest": "linux", "count": 2, "cpus": 2, "memory": "4GiB", "image": UBUNTU}
        kept = tart_pool("kept", guest="linux", memory="4GiB", image=UBUNTU)
        fleet.pools("mac-1", ephemeral, kept)
        fleet.visit()
        before = fleet.pictures()
        fleet.play("site")
        job = place.broker.queue("sleep 40; echo whole")
        place.begun(job, 120)
        again = fleet.play("site")
        assert again.changed("mac-1") == 0 and not job.result, again.text
        place.finish(job)
        place.finish(*[place.broker.queue("echo more") for _number in range(2)], seconds=120)
        fleet.play("teardown")
        assert (fleet.pictures(), place.broker.scope.runners) == (before, {})
