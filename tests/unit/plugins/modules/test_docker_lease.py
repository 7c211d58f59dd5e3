# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module docker_runners and the lease of the Mac: what is made needs one, what is taken away needs that nobody else holds the Mac."""

from __future__ import annotations

import dataclasses
import os
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import docker_converge as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_plan import plan_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import parse_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import Container
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, path_of, write_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import reading
from ansible_collections.action_packer.mac_runners.plugins.modules import docker_runners

from tests.unit.plugins.module_utils._isolation.docker_engine import Engine
from tests.unit.plugins.module_utils.leases import OUR_OWN, WRONG, Changes, lease_bytes, lease_state

Json = t.Dict[str, t.Any]
GIB = 2**30
BOOT = "6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10"
ONE = {"name": "linux-1", "image": "acme/linux:1", "memory": "3GiB"}
TWO = {**ONE, "name": "linux-2"}
POOL = {"name": "linux", "isolation": "docker", "count": 2, "memory": "3GiB", "image": "acme/linux:1", "lifecycle": "persistent"}
OLD = {**ONE, "name": "old-1", "memory": "10GiB"}
OLD_POOL = {**POOL, "name": "old", "count": 1, "memory": "10GiB"}


class Killed(BaseException):
    """The module was killed."""


class Mac:
    """A Mac with room for 15 GiB of containers, its engine, and the module with the arguments that all tasks have."""

    def __init__(self, state_dir: str, run: t.Callable[..., Json]) -> None:
        self.state_dir, self.run, self.engine = state_dir, run, Engine()
        self.foreign: t.List[Json] = []

    def facts(self) -> Json:
        loads = [
            {"kind": "docker", "name": name, "state": "running", "memory": fields["memory"], "owned": True}
            for name, fields in self.engine.containers.items()
        ]
        return {"memory": 26 * GIB, "arch": "arm64", "cores": 10, "macos": "26.1", "disk_free": 2**40, "boot_id": BOOT, "workloads": loads + self.foreign}

    def look(self, goal: core.Goal) -> core.View:
        current = {
            name: Container(name, name, True, True, dict(fields)) for name, fields in self.engine.containers.items()
        }
        return core.View(current, plan_containers(goal.specs, current, purge=goal.purge), "linux/arm64")

    def add(self, *containers: Json) -> None:
        """Containers that are there already."""
        for spec in parse_containers(list(containers)):
            self.engine.containers[spec.name] = {**spec.fields, "status": "running"}

    def admit(self, *pools: Json, **changes: t.Any) -> None:
        lease = Lease("test", Terms("test", list(pools)).digest, generation=1, boot=BOOT, state="admitted", since=0)
        write_lease(self.state_dir, dataclasses.replace(lease, **changes))

    def ask(self, *containers: Json, **options: t.Any) -> Json:
        given = {"fleet": "test", "pools": [POOL], "state_dir": self.state_dir, "docker_socket": "/no/socket", **options}
        return self.run(docker_runners, containers=list(containers), **given)


@pytest.fixture
def mac(tmp_path: t.Any, run_module: t.Callable[..., Json], monkeypatch: pytest.MonkeyPatch) -> Mac:
    made = Mac(str(tmp_path / "state"), run_module)
    monkeypatch.setattr(reading, "read_facts", lambda run, docker_sockets: made.facts())
    monkeypatch.setattr(core, "look", lambda socket_path, goal: made.look(goal))
    monkeypatch.setattr(docker_runners, "sdk", lambda module: lambda socket_path, stop_timeout, ids, force: made.engine)
    return made


def test_containers_are_made_under_the_lease(mac: Mac) -> None:
    mac.admit(POOL)
    result = mac.ask(ONE, TWO)
    assert not result.get("failed") and result["changed"]
    assert [entry["status"] for entry in result["containers"]] == ["running", "running"]
    assert lease_state(mac.state_dir) == "admitted"
    assert not mac.ask(ONE, TWO)["changed"]


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_nothing_is_made_under_a_wrong_lease(mac: Mac, changes: Changes, message: str) -> None:
    mac.admit(POOL, **changes)
    before = lease_bytes(mac.state_dir)
    result = mac.ask(ONE)
    assert result["failed"] and message in result["msg"]
    assert (mac.engine.calls, lease_bytes(mac.state_dir)) == ([], before)


def test_nothing_is_made_without_a_lease(mac: Mac) -> None:
    result = mac.ask(ONE)
    assert result["failed"] and result["msg"].startswith("this Mac has no lease: its pools were not admitted; run the playbook ")
    assert mac.engine.calls == [] and os.listdir(mac.state_dir) == ["lock"]


@pytest.mark.parametrize("options", ({"pools": [POOL, OLD_POOL]}, {"capacity": {"headroom": 0}}, {"licences": {"tart": {"fsl_confirmed": True}}}))
def test_a_task_with_other_variables_than_the_admission(mac: Mac, options: Json) -> None:
    mac.admit(POOL)
    result = mac.ask(ONE, **options)
    assert result["failed"] and "is for other pools, capacity or licences than this task has" in result["msg"]
    assert mac.engine.calls == []


def test_nothing_is_made_that_is_no_slot(mac: Mac) -> None:
    mac.admit(POOL)
    for check in (True, False):
        result = mac.ask(OLD, _ansible_check_mode=check)
        assert result["msg"] == "mac-runners-old-1 is no docker slot of a pool of this Mac: only what was admitted is built"
    assert mac.engine.calls == []


def test_check_mode_needs_no_lease_and_no_lock(mac: Mac) -> None:
    assert mac.ask(ONE, _ansible_check_mode=True)["changed"]
    assert mac.engine.calls == [] and not os.path.exists(mac.state_dir)


TAKEN: t.Mapping[str, t.Sequence[Json]] = {
    "purged": (),
    "absent": ({**ONE, "state": "absent"}, {**TWO, "state": "absent"}),
    "smaller": ({**ONE, "memory": "1GiB"}, {**TWO, "cpus": 1}),
}


@pytest.mark.parametrize("containers", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("changes", OUR_OWN.values(), ids=OUR_OWN)
def test_to_take_away_needs_no_lease_for_these_terms(mac: Mac, changes: Changes, containers: t.Sequence[Json]) -> None:
    mac.add(ONE, TWO)
    mac.admit(POOL, **changes)
    before = lease_bytes(mac.state_dir)
    result = mac.ask(*containers, purge=True)
    assert (result.get("failed"), result["changed"], lease_bytes(mac.state_dir)) == (None, True, before)
    assert not mac.ask(*containers, purge=True)["changed"]


@pytest.mark.parametrize("containers", TAKEN.values(), ids=TAKEN)
def test_to_take_away_needs_no_lease_at_all(mac: Mac, containers: t.Sequence[Json]) -> None:
    mac.add(ONE, TWO)
    result = mac.ask(*containers, purge=True, pools=[])
    assert (result.get("failed"), result["changed"], lease_state(mac.state_dir)) == (None, True, "none")


@pytest.mark.parametrize("containers", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("damaged", (False, True))
def test_nothing_is_taken_away_where_somebody_else_may_be(mac: Mac, containers: t.Sequence[Json], damaged: bool) -> None:
    mac.add(ONE, TWO)
    mac.admit(POOL, fleet="theirs")
    if damaged:
        os.truncate(path_of(mac.state_dir), 10)
    result = mac.ask(*containers, purge=True)
    assert result["failed"] and ("is damaged" if damaged else "this Mac is held by fleet theirs") in result["msg"]
    assert mac.engine.calls == []


@pytest.mark.parametrize("larger", ({"memory": "4GiB"}, {"cpus": 3}, {"memory": "1GiB", "cpus": 3}))
def test_more_memory_or_cpus_need_a_lease(mac: Mac, larger: Json) -> None:
    mac.add(ONE)
    result = mac.ask({**ONE, **larger})
    assert result["failed"] and "this Mac has no lease" in result["msg"] and mac.engine.calls == []


def test_the_room_of_what_goes_is_used_by_what_comes(mac: Mac) -> None:
    mac.add(OLD)
    mac.admit(POOL)
    result = mac.ask(ONE, TWO, purge=True)
    assert not result.get("failed")
    gone, made = mac.engine.calls.index(("remove", "mac-runners-old-1")), mac.engine.calls.index(("create", "mac-runners-linux-1"))
    assert gone < made and sorted(mac.engine.containers) == ["mac-runners-linux-1", "mac-runners-linux-2"]


def test_without_what_goes_there_is_no_room(mac: Mac) -> None:
    mac.add(OLD)
    mac.admit(POOL)
    result = mac.ask(ONE, TWO)
    assert result["failed"] and result["msg"].startswith("no room on this Mac: memory: ") and mac.engine.calls == []


def test_one_that_cannot_go_is_told_and_counts(mac: Mac) -> None:
    mac.add(OLD)
    mac.admit(POOL)
    mac.engine.broken.add(("remove", "mac-runners-old-1"))
    result = mac.ask(ONE, TWO, purge=True)
    assert result["failed"] and result["failures"]["mac-runners-old-1"] == "cannot remove"
    assert result["failures"]["mac-runners-linux-1"].startswith("no room on this Mac: memory: ")
    assert list(mac.engine.containers) == ["mac-runners-old-1"]


def test_room_that_somebody_else_took_meanwhile_is_gone(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """A foreign container starts while one of ours should go and does not: the rest is judged by what is there then."""
    mac.add({**OLD, "memory": "1GiB"})
    mac.admit(POOL)
    mac.engine.broken.add(("remove", "mac-runners-old-1"))
    monkeypatch.setattr(mac.engine, "stop", lambda name: mac.foreign.append({"kind": "docker", "name": "db", "state": "running", "memory": 9 * GIB}))
    result = mac.ask(ONE, TWO, purge=True)
    assert result["failures"]["mac-runners-linux-1"].startswith("no room on this Mac: memory: ")
    assert list(mac.engine.containers) == ["mac-runners-old-1"]


SWAPPED = [{**POOL, "count": 1, "memory": "10GiB"}, {**OLD_POOL, "memory": "3GiB"}]
SWAP = ({**ONE, "memory": "10GiB"}, {**OLD, "memory": "3GiB"})


def test_what_shrinks_is_smaller_before_anything_grows(mac: Mac) -> None:
    mac.add(ONE, OLD)
    mac.admit(*SWAPPED)
    assert not mac.ask(*SWAP, pools=SWAPPED).get("failed")
    assert mac.engine.calls == [("update", "mac-runners-old-1"), ("update", "mac-runners-linux-1")]
    assert {name: fields["memory"] // GIB for name, fields in mac.engine.containers.items()} == {"mac-runners-linux-1": 10, "mac-runners-old-1": 3}


def test_one_that_cannot_shrink_is_told_and_counts_as_it_is(mac: Mac) -> None:
    """Room for 15 GiB: 10 that stay, 1 and 9 that are wanted do not fit."""
    web = {**ONE, "name": "web-1", "memory": "1GiB"}
    pools = [{**SWAPPED[0], "memory": "9GiB"}, SWAPPED[1], {**POOL, "name": "web", "count": 1, "memory": "1GiB"}]
    mac.add(ONE, OLD, {**web, "memory": "2GiB"})
    mac.admit(*pools)
    mac.engine.broken.add(("update", "mac-runners-old-1"))
    result = mac.ask({**ONE, "memory": "9GiB"}, SWAP[1], web, pools=pools)
    assert sorted(result["failures"]) == ["mac-runners-linux-1", "mac-runners-old-1"]
    assert result["failures"]["mac-runners-old-1"] == "cannot update"
    assert result["failures"]["mac-runners-linux-1"].startswith("no room on this Mac: memory: ")
    assert [fields["memory"] // GIB for name, fields in sorted(mac.engine.containers.items())] == [3, 10, 1]


def test_others_go_on_beside_one_that_cannot_shrink(mac: Mac) -> None:
    mac.add(ONE, TWO)
    mac.admit(POOL)
    mac.engine.broken.add(("update", "mac-runners-linux-1"))
    result = mac.ask({**ONE, "memory": "1GiB"}, {**TWO, "memory": "1GiB"})
    assert result["failures"] == {"mac-runners-linux-1": "cannot update"}
    assert mac.engine.containers["mac-runners-linux-2"]["memory"] == GIB


def test_what_is_being_built_stays_said_after_a_kill(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    mac.admit(POOL)

    def killed(name: str) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(mac.engine, "start", killed)
        with pytest.raises(Killed):
            mac.ask(ONE)
    assert lease_state(mac.state_dir) == "being built"
    assert not mac.ask(ONE).get("failed")
    assert lease_state(mac.state_dir) == "admitted"


def test_check_mode_reckons_with_the_room_that_another_isolation_gives_back_first(mac: Mac) -> None:
    """VMs that no pool wants are gone when the containers are made, or they are not made."""
    mac.admit(POOL)
    mac.foreign = [{"kind": "tart", "name": "mac-runners-old-1", "state": "running", "memory": 12 * GIB, "owned": True, "guest": "macos"}]
    assert mac.ask(ONE, TWO, _ansible_check_mode=True)["changed"]
    refused = mac.ask(ONE, TWO)
    assert refused["failed"] and refused["msg"].startswith("no room on this Mac: memory: ")
    mac.foreign[0]["owned"] = False
    assert mac.ask(ONE, TWO, _ansible_check_mode=True)["failed"]
    mac.foreign = []
    assert mac.ask(ONE, TWO)["changed"]
