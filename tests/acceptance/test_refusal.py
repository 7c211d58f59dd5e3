# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refused fleet is not touched, whoever in it is at fault."""

from __future__ import annotations

import json
import pathlib
import typing as t

from tests.acceptance.fleet import Fleet, seed, tart_pool

GIB = 1024**3
MIB = 1024**2


def test_one_mac_of_eight_a_mebibyte_over_stops_all(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    macs = [boot_mac(memory="32GiB", cores=10, seed=seed()) for number in range(8)]
    fleet = Fleet(tmp_path, macs)
    for name in fleet.macs:
        fleet.pools(name, tart_pool(count=2, memory="12GiB"))
    fleet.pools("mac-5", tart_pool(count=1, memory=12 * GIB), tart_pool("more", count=1, memory=12 * GIB + MIB))
    fleet.visit()
    before = fleet.pictures()

    plan_file = tmp_path / "plan.json"
    refused = fleet.play("site", "-e", f"mac_runners_plan_file={plan_file}", rc=2)

    assert fleet.writing_calls() == []
    assert fleet.pictures() == before
    plan = json.loads(plan_file.read_text())
    assert [name for name, mac in plan["macs"].items() if not mac["fits"]] == ["mac-5"]
    (violation,) = plan["macs"]["mac-5"]["violations"]
    assert violation["check"] == "memory" and violation["need"] - violation["have"] == MIB
    assert "mac-5 is refused" in refused.text
    assert [change["message"] for change in plan["macs"]["mac-5"]["changes"]] == [
        "pool ios: memory 12 GiB -> 11.999 GiB (12287 MiB)"
    ]


def test_unreachable_mac_is_left_out_or_refuses(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    macs = [boot_mac(memory="32GiB", seed=seed()) for number in range(2)]
    fleet = Fleet(tmp_path, macs)
    for name in fleet.macs:
        fleet.pools(name, tart_pool())
    macs[1].stop()
    del fleet.macs["mac-2"]

    assert "mac-2" in fleet.play("site", "-e", "mac_runners_unreachable=refuse", rc=None).text
    assert fleet.writing_calls() == []

    left_out = fleet.play("site", rc=4)
    assert "NOT REACHED" in left_out.text and left_out.changed("mac-1") > 0


def test_a_foreign_vm_takes_the_slot(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> None:
    vm = {"home": "/Users/somebody/.tart", "user": "somebody", "name": "theirs", "os": "darwin", "cpu": 4}
    foreign = {**vm, "memory": "8GiB", "state": "suspended"}
    mac = boot_mac(memory="64GiB", disk_free="800GiB", seed=seed(vms=[foreign]))
    fleet = Fleet(tmp_path, [mac])
    fleet.pools("mac-1", tart_pool(count=2))
    assert "theirs (suspended)" in fleet.play("site", rc=2).text
    assert fleet.writing_calls() == []
    fleet.play("site", "-e", '{"mac_runners_capacity": {"count_suspended": false}}')
