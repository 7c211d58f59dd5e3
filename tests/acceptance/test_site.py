# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three Macs over ssh: predicted, converged, unchanged, shown, taken away."""

from __future__ import annotations

import pathlib
import typing as t

from tests.acceptance.fleet import FOREIGN_VM, LINUX_IMAGE, Fleet, docker_pool, seed, tart_pool


def test_three_macs_converge_and_are_left_as_they_were(
    boot_mac: t.Callable[..., t.Any], engines: t.Callable[[], t.Any], tmp_path: pathlib.Path
) -> None:
    started = [engines() for number in range(3)]
    for engine in started:
        engine.docker("run", "--detach", "--name", "somebodys-database", "--network", "none", LINUX_IMAGE)
    macs = [
        boot_mac(
            memory="64GiB",
            cores=12,
            disk_free="800GiB",
            docker_socket=engine.socket,
            docker_vm_memory="16GiB",
            docker_vm_cpus=8,
            seed=seed(vms=[FOREIGN_VM]),
        )
        for engine in started
    ]
    fleet = Fleet(tmp_path, macs)
    for name in fleet.macs:
        fleet.pools(name, tart_pool(count=2), docker_pool(count=3))
    fleet.visit()
    before, containers = fleet.pictures(), [engine.picture() for engine in started]

    predicted = fleet.play("site", "--check", "--diff")
    assert not fleet.writing_calls(), "a check wrote"
    assert fleet.pictures() == before, "a check changed a Mac"
    assert [engine.picture() for engine in started] == containers

    converged = fleet.play("site", "--diff")
    assert predicted.diff_of("Bring the") == converged.diff_of("Bring the") != []
    assert all(predicted.changed(mac) > 0 for mac in fleet.macs)
    for name in ("mac-runners-ios-2", "mac-runners-linux-3"):
        assert name in predicted.text and name in converged.text

    again = fleet.play("site")
    assert [again.changed(mac) for mac in fleet.macs] == [0, 0, 0]

    status = fleet.play("status").text
    for mac, engine in zip(fleet.macs, started):
        running = engine.docker("ps", "--format", "{{.Names}}").split()
        assert sorted(running) == ["mac-runners-linux-1", "mac-runners-linux-2", "mac-runners-linux-3", "somebodys-database"]
        for slot in ("ios-1", "ios-2", "linux-1", "linux-2", "linux-3"):
            assert any(line.split()[:2] == [mac, slot] and " running" in line for line in status.splitlines()), status
    assert status.count(f"by fleet {fleet.directory} (generation 1, admitted)") == 3
    assert status.count("somebodys-vm") == 3 and status.count("somebodys-database") == 3

    fleet.play("teardown")
    assert fleet.pictures() == before
    assert [engine.picture() for engine in started] == containers
