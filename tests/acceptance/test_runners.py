# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots on a Mac over ssh: installed, at work, drained, upgraded, taken away."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import Fleet
from tests.acceptance.jobs import Workplace, pool, workplace


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

    fleet.play("teardown")
    assert fleet.pictures() == before
    assert (place.containers(), place.engine.docker("images", "--quiet"), place.broker.scope.runners) == ([], images, {})
