# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last look before something is built: what is wanted, beside what is on the Mac now."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import NoRoomError, Wanted, require_room
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB

Json = t.Dict[str, t.Any]
IOS = {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "x"}


def facts(**changes: t.Any) -> Json:
    return {
        "memory": 32 * GIB,
        "arch": "arm64",
        "cores": 10,
        "macos": "26.1",
        "disk_free": 400 * GIB,
        "workloads": [],
        "unread": [],
        **changes,
    }


def vm(name: str, memory: int = 12 * GIB, guest: str = "macos", exists: bool = False) -> Wanted:
    return Wanted(f"mac-runners-{name}", "tart", memory, 4, 20 * GIB, guest, "ghcr.io/acme/macos:26", exists)


def container(name: str, memory: int = 2 * GIB) -> Wanted:
    return Wanted(f"mac-runners-{name}", "docker", memory, 2, 5 * GIB, "linux", "acme/linux:1")


def workload(name: str, kind: str = "tart", memory: int = 12 * GIB, owned: bool = False, state: str = "running", guest: str = "macos") -> Json:
    return {"kind": kind, "name": name, "memory": memory, "owned": owned, "state": state, "guest": guest}


def pools_of(wanted: t.Sequence[Wanted]) -> t.List[Json]:
    """Pools that have no slots but those that are wanted, each as large as the largest of them."""
    pools: t.Dict[str, Json] = {}
    for item in wanted:
        name = item.name[len("mac-runners-") :].rpartition("-")[0]
        pool = pools.setdefault(name, {"name": name, "isolation": item.isolation, "guest": item.guest, "image": "x", "count": 0, "memory": 0, "cpus": 1})
        pool["count"] += 1
        pool["memory"], pool["cpus"] = max(pool["memory"], item.memory), max(pool["cpus"], item.cpus)
    return list(pools.values())


def judge(given: Json, wanted: t.Sequence[Wanted], **options: t.Any) -> None:
    """The look on a Mac that has no pools but those of what is wanted, unless others are given."""
    require_room(given, wanted, **{"pools": pools_of(wanted), **options})


FITS: t.Sequence[t.Tuple[str, Json, t.Sequence[Wanted], Json]] = (
    ("nothing wanted", facts(), (), {}),
    ("two VMs, to the byte", facts(), (vm("ios-1"), vm("ios-2")), {}),
    ("those that are there are not counted twice", facts(workloads=[workload("mac-runners-ios-1", owned=True)]), (vm("ios-1"), vm("ios-2")), {}),
    ("one that is there needs no disk", facts(disk_free=20 * GIB), (vm("ios-1", exists=True),), {}),
    ("a stopped VM of ours", facts(workloads=[workload("mac-runners-old-1", owned=True, state="stopped")]), (vm("ios-1"), vm("ios-2")), {}),
    ("pools of the same isolation are those wanted", facts(), (vm("ios-1"), vm("ios-2")), {"pools": [IOS]}),
    ("one of VMs that are all wanted was made by hand", facts(), (vm("ios-1", 24 * GIB),), {"capacity": {"headroom": "2GiB"}}),
    ("docker", facts(), tuple(container(f"linux-{n}") for n in range(1, 9)), {}),
)


@pytest.mark.parametrize(("given", "wanted", "options"), [row[1:] for row in FITS], ids=[row[0] for row in FITS])
def test_room(given: Json, wanted: t.Sequence[Wanted], options: Json) -> None:
    judge(given, wanted, **options)


REFUSED: t.Sequence[t.Tuple[str, Json, t.Sequence[Wanted], Json, str]] = (
    ("one byte more", facts(), (vm("ios-1"), vm("ios-2", 12 * GIB + 1)), {}, "no room on this Mac: memory: needs "),
    ("a third VM", facts(memory=64 * GIB), tuple(vm(f"ios-{n}") for n in (1, 2, 3)), {}, "no room on this Mac: macos-vm-licence: "),
    ("a foreign VM", facts(memory=64 * GIB, workloads=[workload("other")]), (vm("ios-1"), vm("ios-2")), {}, "no room on this Mac: macos-vm-licence: "),
    ("foreign memory", facts(workloads=[workload("other", memory=GIB, guest="linux")]), (vm("ios-1"), vm("ios-2")), {}, "no room on this Mac: memory: "),
    (
        "a VM of ours that is not wanted and still runs",
        facts(workloads=[workload("mac-runners-old-1", owned=True)]),
        (vm("ios-1"), vm("ios-2")),
        {},
        "no room on this Mac: macos-vm-licence: ",
    ),
    (
        "pools of another isolation",
        facts(),
        (vm("ios-1"), vm("ios-2")),
        {"pools": [IOS, {"name": "lint", "isolation": "sandbox", "trust": "trusted"}]},
        "no room on this Mac: memory: ",
    ),
    (
        "a Mac that was not read whole",
        facts(unread=["docker: no answer"]),
        (vm("ios-1"),),
        {},
        "no room on this Mac: facts: could not be read: docker: no answer",
    ),
    ("no memory known", facts(memory=None), (vm("ios-1"),), {}, "no room on this Mac: facts: "),
    ("disk", facts(disk_free=93 * GIB), (vm("ios-1"),), {}, "no room on this Mac: disk: "),
    ("Intel", facts(arch="x86_64"), (vm("ios-1"),), {}, "no room on this Mac: platform: "),
    (
        "the Docker VM",
        facts(docker={"engine": "colima", "memory": 4 * GIB, "cpus": 4}),
        (container("linux-1"),),
        {},
        "no room on this Mac: docker-vm: ",
    ),
    (
        "Docker Desktop",
        facts(docker={"engine": "docker-desktop", "memory": 8 * GIB, "cpus": 4}),
        (container("linux-1"),),
        {},
        "no room on this Mac: docker-desktop-licence: ",
    ),
    ("a wrong variable", facts(), (vm("ios-1"),), {"capacity": {"reserve": "4G"}}, 'field mac_runners_capacity.reserve: got "4G"; allowed: '),
    ("a wrong pool", facts(), (vm("ios-1"),), {"pools": "text"}, 'field mac_runners_pools: got "text"; allowed: a list'),
    ("wrong facts", facts(cores="x"), (vm("ios-1"),), {}, 'field facts.cores: got "x"; allowed: '),
)


@pytest.mark.parametrize(("given", "wanted", "options", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_no_room(given: Json, wanted: t.Sequence[Wanted], options: Json, message: str) -> None:
    with pytest.raises(NoRoomError) as caught:
        judge(given, wanted, **options)
    assert str(caught.value).startswith(message)


def test_an_image_is_paid_for_unless_something_made_of_it_exists() -> None:
    """54 GiB for the image, 20 for each VM, 20 kept free."""
    judge(facts(disk_free=94 * GIB), [vm("ios-1")])
    judge(facts(disk_free=40 * GIB), [vm("ios-1"), vm("ios-2", exists=True)])
    with pytest.raises(NoRoomError, match="disk"):
        judge(facts(disk_free=40 * GIB - 1), [vm("ios-1"), vm("ios-2", exists=True)])


def test_licences_that_the_operator_declares_are_heard() -> None:
    given = facts(docker={"engine": "docker-desktop", "memory": 8 * GIB, "cpus": 4})
    judge(given, [container("linux-1")], licences={"docker_desktop": {"subscription": "team"}})


@pytest.mark.parametrize("state", ("running", "paused", "suspended"))
def test_ours_of_another_isolation_that_no_pool_wants_takes_room(state: str) -> None:
    """Nothing stops it before the VMs would start."""
    left = workload("mac-runners-old-1", "container", 2 * GIB, owned=True, state=state, guest="linux")
    with pytest.raises(NoRoomError, match="memory"):
        judge(facts(workloads=[left]), [vm("ios-1"), vm("ios-2")])


def test_ours_of_another_isolation_that_a_pool_wants_is_counted_once() -> None:
    ours = workload("mac-runners-web-1", "container", 2 * GIB, owned=True, guest="linux")
    pools = [IOS, {"name": "web", "isolation": "container", "memory": "2GiB", "image": "x"}]
    judge(facts(workloads=[ours], memory=37 * GIB), [vm("ios-1"), vm("ios-2")], pools=pools)


@pytest.mark.parametrize("place", ("wanted", "another slot"))
def test_a_vm_of_a_pool_that_became_one_of_containers_takes_room_until_it_is_gone(place: str) -> None:
    """It has the very name of the container that takes its slot."""
    pools = [{"name": "web", "isolation": "docker", "count": 2, "memory": "2GiB", "image": "x"}]
    left = workload(f"mac-runners-web-{1 if place == 'wanted' else 2}", "tart", 12 * GIB, owned=True, guest="linux")
    least = (6 + 2 + 3 + 2 * 2 + 12) * GIB
    require_room(facts(memory=least, workloads=[left]), [container("web-1")], pools=pools)
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        require_room(facts(memory=least - 1, workloads=[left]), [container("web-1")], pools=pools)


def test_a_slot_covers_one_vm_however_many_have_its_name() -> None:
    """As when the VMs moved to another account, or to another TART_HOME."""
    twice = [workload("mac-runners-ios-1", owned=True), workload("mac-runners-ios-1", owned=True)]
    require_room(facts(workloads=twice[1:]), [vm("ios-1"), vm("ios-2")], pools=[IOS])
    with pytest.raises(NoRoomError, match="macos-vm-licence"):
        require_room(facts(memory=64 * GIB, workloads=twice), [vm("ios-1"), vm("ios-2")], pools=[IOS])


def test_a_slot_that_is_not_wanted_here_counts_all_the_same() -> None:
    """A module that is told to start one VM must leave the room of the pool's other one."""
    require_room(facts(), [vm("ios-1")], pools=[IOS])
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        require_room(facts(memory=32 * GIB - 1), [vm("ios-1")], pools=[IOS])


def test_a_slot_that_is_to_shrink_counts_in_full_until_it_did() -> None:
    pools = [{**IOS, "memory": "8GiB"}]
    ours = [workload("mac-runners-ios-2", memory=16 * GIB, owned=True)]
    require_room(facts(workloads=ours), [vm("ios-1", 8 * GIB)], pools=pools)
    with pytest.raises(NoRoomError, match="^no room on this Mac: memory: "):
        require_room(facts(workloads=ours, memory=32 * GIB - 1), [vm("ios-1", 8 * GIB)], pools=pools)


LINUX = {"name": "linux", "isolation": "docker", "count": 2, "memory": "2GiB", "image": "x"}
STRANGERS: t.Sequence[t.Tuple[str, Wanted, str]] = (
    ("a slot past the last", vm("ios-3"), "mac-runners-ios-3 is no tart slot of a pool of this Mac: only what was admitted is built"),
    ("no pool", vm("mac-1"), "mac-runners-mac-1 is no tart slot of a pool of this Mac: only what was admitted is built"),
    ("another isolation", vm("linux-1"), "mac-runners-linux-1 is no tart slot of a pool of this Mac: only what was admitted is built"),
    ("a pool of VMs", container("ios-1"), "mac-runners-ios-1 is no docker slot of a pool of this Mac: only what was admitted is built"),
    ("another guest", vm("ios-1", guest="linux"), "mac-runners-ios-1 is no tart slot of a pool of this Mac: only what was admitted is built"),
    (
        "a byte more",
        vm("ios-1", 12 * GIB + 1),
        f"mac-runners-ios-1, field memory: got 12 GiB ({12 * GIB + 1} bytes); allowed: at most 12 GiB, as admitted for pool ios",
    ),
    ("a CPU more", vm("ios-1")._replace(cpus=5), "mac-runners-ios-1, field cpus: got 5; allowed: at most 4, as admitted for pool ios"),
)


@pytest.mark.parametrize(("wanted", "message"), [row[1:] for row in STRANGERS], ids=[row[0] for row in STRANGERS])
def test_nothing_is_built_that_is_no_slot_of_a_pool(wanted: Wanted, message: str) -> None:
    """However much room there is, and also when the others are in order."""
    with pytest.raises(NoRoomError) as caught:
        require_room(facts(memory=512 * GIB), [vm("ios-2"), wanted], pools=[IOS, LINUX])
    assert str(caught.value) == message


def test_without_pools_nothing_is_built() -> None:
    for pools in (None, []):
        with pytest.raises(NoRoomError, match="mac-runners-ios-1 is no tart slot"):
            require_room(facts(), [vm("ios-1")], pools=pools)


def test_a_slot_may_be_smaller_than_its_pool() -> None:
    require_room(facts(), [vm("ios-1", 8 * GIB)._replace(cpus=2), vm("ios-2")], pools=[IOS])
