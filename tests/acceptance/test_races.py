# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays raced against one Mac."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import Fleet, differences, docker_pool, finished, seed, tart_pool

Boot = t.Callable[..., t.Any]
RACES = int(os.environ.get("MAC_RUNNERS_RACES", "1"))


def _mac(boot_mac: Boot, engine: t.Any) -> t.Any:
    return boot_mac(memory="64GiB", disk_free="800GiB", docker_socket=engine.socket, docker_vm_memory="16GiB", docker_vm_cpus=8, seed=seed())


def _inventory(directory: pathlib.Path, mac: t.Any, suffix: str) -> Fleet:
    directory.mkdir()
    fleet = Fleet(directory, [mac])
    fleet.pools("mac-1", tart_pool(f"ios{suffix}", count=2), docker_pool(f"linux{suffix}", count=2))
    return fleet


def test_of_two_inventories_one_wins_and_the_other_changes_nothing(
    boot_mac: Boot, engines: t.Callable[[], t.Any], tmp_path: pathlib.Path
) -> None:
    engine = engines()
    mac = _mac(boot_mac, engine)
    fleets = {name: _inventory(tmp_path / name, mac, name) for name in ("a", "b")}
    fleets["a"].visit()
    before, wins = mac.snapshot(), {"a": 0, "b": 0}
    for race in range(RACES):
        seen = len(mac.calls(writing=True))
        # Each is the first to start in every second race.
        order = ["a", "b"] if race % 2 == 0 else ["b", "a"]
        outcomes = dict(zip(order, [finished(play, rc=None) for play in [fleets[name].start("site") for name in order]]))
        (winner,) = [name for name in order if outcomes[name].rc == 0]
        loser = "b" if winner == "a" else "a"
        wins[winner] += 1

        said = " ".join(outcomes[loser].text.split())
        assert outcomes[loser].rc == 2 and f"this Mac is held by fleet {fleets[winner].directory}" in said, outcomes[loser].text
        assert outcomes[loser].changed("mac-1") == 0
        made = [" ".join(map(str, call["argv"])) for call in mac.calls(writing=True)[seen:]]
        assert any(f"mac-runners-ios{winner}-" in call for call in made)
        assert not any(f"mac-runners-ios{loser}-" in call for call in made)
        assert sorted(engine.docker("ps", "--format", "{{.Names}}").split()) == [f"mac-runners-linux{winner}-{n}" for n in (1, 2)]
        assert fleets[winner].play("site").changed("mac-1") == 0

        fleets[winner].play("teardown")
        assert differences(before, mac.snapshot()) == []
    print(f"races won: {wins}")


@pytest.mark.long
def test_three_runs_of_one_inventory_have_one_result(boot_mac: Boot, engines: t.Callable[[], t.Any], tmp_path: pathlib.Path) -> None:
    engine = engines()
    mac = _mac(boot_mac, engine)
    fleet = _inventory(tmp_path / "fleet", mac, "")
    plays = [fleet.start("site") for number in range(3)]
    for play in plays:
        finished(play)
    assert fleet.play("site").changed("mac-1") == 0
    assert sorted(engine.docker("ps", "--format", "{{.Names}}").split()) == ["mac-runners-linux-1", "mac-runners-linux-2"]
    fleet.play("teardown")
