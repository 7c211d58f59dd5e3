# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts as they will be when a task builds, for its check mode."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.foretelling import foretold

GIB = 1 << 30
POOLS = [
    {"name": "ios", "isolation": "tart", "memory": "8GiB", "image": "x"},
    {"name": "web", "isolation": "docker", "memory": "2GiB", "image": "x"},
]


def load(kind: str, name: str, memory: t.Any = 16 * GIB, owned: bool = True) -> t.Dict[str, t.Any]:
    return {"kind": kind, "name": name, "memory": memory, "owned": owned, "state": "running"}


ROWS: t.Tuple[t.Tuple[str, t.Dict[str, t.Any], t.Any], ...] = (
    ("foreign", load("tart", "mac-runners-old-1", owned=False), 16 * GIB),
    ("foreign of this isolation", load("docker", "mac-runners-going-1", owned=False), 16 * GIB),
    ("of this isolation", load("docker", "mac-runners-web-1"), 16 * GIB),
    ("of this isolation, in no pool, and it stays", load("docker", "mac-runners-old-1"), 16 * GIB),
    ("of this isolation, and it goes", load("docker", "mac-runners-going-1"), None),
    ("of another isolation, in no pool", load("tart", "mac-runners-old-1"), None),
    ("of another isolation than its pool has now", load("tart", "mac-runners-web-1"), None),
    ("of another isolation, larger than wanted", load("tart", "mac-runners-ios-1"), 8 * GIB),
    ("of another isolation, smaller than wanted", load("tart", "mac-runners-ios-1", 4 * GIB), 4 * GIB),
)


@pytest.mark.parametrize(("given", "memory"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_takes_room_when_containers_are_built(given: t.Dict[str, t.Any], memory: t.Any) -> None:
    """``memory``: what it takes then, None when it is gone."""
    facts = foretold({"memory": 64 * GIB, "workloads": [given]}, "docker", POOLS, None, {"mac-runners-going-1"})
    expected = [] if memory is None else [{**given, "memory": memory}]
    assert facts == {"memory": 64 * GIB, "workloads": expected}


def test_without_workloads_and_with_wrong_pools_nothing_is_invented() -> None:
    assert foretold({"workloads": None}, "tart", "text", None)["workloads"] == []
