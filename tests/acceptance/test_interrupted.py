# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play killed in the middle of its work: the next one mends, the one after changes nothing."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
import typing as t

import pytest

from tests.acceptance.fleet import ROOT, Fleet, docker_pool, seed, tart_pool


def _kill_when(fleet: Fleet, reached: t.Callable[[], bool]) -> None:
    """Start site and kill it, with all its processes, once something is reached."""
    process = subprocess.Popen(
        fleet.command("site"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if reached():
            break
        time.sleep(0.02)
    assert process.poll() is None, "the play was over before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _calls(mac: t.Any, *words: str) -> int:
    return sum(all(word in call["argv"] for word in words) for call in mac.calls())


def _mends(fleet: Fleet) -> None:
    fleet.play("site")
    assert fleet.play("site").changed("mac-1") == 0
    assert "missing" not in fleet.play("status").text


@pytest.mark.long
@pytest.mark.parametrize("verb", ["clone", "set", "run"])
def test_killed_in_the_middle_of_tart(verb: str, boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    mac = boot_mac(memory="64GiB", disk_free="800GiB", seed=seed())
    fleet = Fleet(tmp_path, [mac])
    fleet.pools("mac-1", tart_pool(count=2, memory="10GiB"))
    _kill_when(fleet, lambda: _calls(mac, verb) > 0)
    _mends(fleet)


@pytest.mark.long
@pytest.mark.parametrize("containers", [1, 4])
def test_killed_in_the_middle_of_docker(
    containers: int, boot_mac: t.Callable[..., t.Any], engines: t.Callable[[], t.Any], tmp_path: pathlib.Path
) -> None:
    engine = engines()
    mac = boot_mac(
        memory="64GiB",
        disk_free="800GiB",
        docker_socket=engine.socket,
        docker_vm_memory="16GiB",
        docker_vm_cpus=8,
        seed=seed(),
    )
    fleet = Fleet(tmp_path, [mac])
    fleet.pools("mac-1", docker_pool(count=8))
    _kill_when(fleet, lambda: len(engine.docker("ps", "--all", "--quiet").split()) >= containers)
    _mends(fleet)
    assert len(engine.docker("ps", "--quiet").split()) == 8
