# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A full Mac whose memory moves from one isolation to the other and back."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import Fleet, docker_pool, seed, tart_pool


@pytest.mark.long
def test_memory_moves_between_isolations(boot_mac: t.Callable[..., t.Any], engines: t.Callable[[], t.Any], tmp_path: pathlib.Path) -> None:
    engine = engines()
    # 40 = reserve 8 + headroom 2 + Docker VM 14 + 16 for VMs; the Docker VM has 3 for itself and 11 for containers.
    mac = boot_mac(
        memory="40GiB",
        disk_free="800GiB",
        docker_socket=engine.socket,
        docker_vm_memory="14GiB",
        docker_vm_cpus=8,
        seed=seed(),
    )
    fleet = Fleet(tmp_path, [mac])

    fleet.pools("mac-1", tart_pool(count=2, memory="8GiB"), docker_pool("a", count=5, memory="2GiB"))
    fleet.play("site")
    assert sorted(engine.docker("ps", "--format", "{{.Names}}").split()) == [f"mac-runners-a-{n}" for n in range(1, 6)]

    # Full again, with other names and sizes: what was there must go or shrink first.
    fleet.pools("mac-1", tart_pool("xcode", count=1, memory="16GiB"), docker_pool("a", count=1, memory="1GiB"), docker_pool("b", count=1, memory="10GiB"))
    fleet.play("site")
    assert sorted(engine.docker("ps", "--format", "{{.Names}}").split()) == ["mac-runners-a-1", "mac-runners-b-1"]
    assert fleet.play("site").changed("mac-1") == 0
    status = fleet.play("status").text
    assert "xcode-1" in status and "ios-" not in status and "missing" not in status
