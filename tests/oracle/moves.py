# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The move of fewest runners of one pool to one other Mac, found by trying all of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.oracle import oracle

Move = Mapping[str, Any]
Verdicts = Mapping[str, Mapping[str, Any]]


def after(fleet: oracle.Fleet, host: str, move: Move) -> dict[str, Any]:
    """The fleet with so many runners of a pool declared on the other Mac, each as large as it was."""
    changed = {name: copy.deepcopy(dict(variables)) for name, variables in fleet.items()}
    source, target = changed[host]["mac_runners_pools"], changed[move["to"]]
    pool = next(one for one in source if one["name"] == move["pool"])
    read = next(one for one in oracle.read_mac(host, fleet[host]).pools if one.name == move["pool"])
    moved = {**pool, "count": move["count"], "memory": read.memory, "cpus": read.cpus, "disk": read.disk}
    pool["count"] = read.count - move["count"]
    pools = target["mac_runners_pools"] = target.get("mac_runners_pools") or []
    same = next((one for one in pools if one["name"] == move["pool"]), None)
    if same is None:
        pools.append(moved)
    else:
        there = next(one for one in oracle.read_mac(move["to"], fleet[move["to"]]).pools if one.name == move["pool"])
        same["count"] = there.count + move["count"]
    return changed


def same_pool(fleet: oracle.Fleet, host: str, move: Move) -> bool:
    """Whether a pool of this name on the other Mac, if there is one, has the same runners."""
    found = [[one for one in oracle.read_mac(name, fleet[name]).pools if one.name == move["pool"]] for name in (host, move["to"])]
    if not found[1]:
        return True
    here, there = (copy.copy(pools[0]) for pools in found)
    here.count = there.count = 0
    here.minimum, here.overhead, here.image_disk = there.minimum, there.overhead, there.image_disk
    return here == there


def works(fleet: oracle.Fleet, host: str, arguments: Mapping[str, Any], move: Move) -> bool:
    if not same_pool(fleet, host, move):
        return False
    verdicts = oracle.judge(after(fleet, host, move), arguments["now"], arguments["unreachable"], arguments["unasked"], arguments.get("versions"))
    return all(verdict["fits"] for name, verdict in verdicts.items() if name in (host, move["to"]))


def smaller(fleet: oracle.Fleet, host: str, mine: Verdicts, below: int) -> Iterator[Move]:
    """Every move of fewer than so many runners to a Mac that fits."""
    for pool in oracle.read_mac(host, fleet[host]).pools:
        for count in range(1, min(pool.count + 1, below)):
            for target in mine:
                if mine[target]["fits"]:
                    yield {"pool": pool.name, "count": count, "to": target}


def objections(
    fleet: oracle.Fleet, host: str, arguments: Mapping[str, Any], moves: Sequence[Move], mine: Verdicts
) -> list[str]:
    """What is wrong with the proposed moves off a refused Mac; none proposed must mean that none works."""
    below = 10**6
    for move in moves:
        if not works(fleet, host, arguments, move):
            return [f"the proposed move does not work: {move}"]
        below = move["count"]
    found = next((move for move in smaller(fleet, host, mine, below) if works(fleet, host, arguments, move)), None)
    return [f"a smaller move works: {found}, proposed {list(moves)}"] if found else []
