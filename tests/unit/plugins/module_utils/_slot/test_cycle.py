# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slot turn by turn: jobs, environments that are kept, and kill -9 at every outgoing call."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import VANISHED, Once, SlotError, StoppedError
from tests.unit.plugins.module_utils._slot.fakes import DONE, GOOD, LISTENING, RUNS, FakeWorld, Killed, error, revive, slot, turns


def test_each_job_has_a_fresh_environment_and_a_name_of_its_own(world: FakeWorld) -> None:
    assert turns(world, 3) == [0.0, 0.0, 0.0]
    assert len(set(world.started)) == 3 and len(set(world.done)) == 3
    assert (world.boxes, world.github, world.record.pending) == ({}, {}, ())
    assert (world.record.jobs, world.record.cycle, world.record.failures) == (3, 3, 0)
    assert sorted(world.logs) == ["000001", "000002", "000003"]
    # GitHub removes an ephemeral runner after its job: nobody asks it to.
    assert world.calls.count("remove") == 0


def test_the_states_of_a_cycle_are_told_in_order(world: FakeWorld) -> None:
    turns(world, 1)
    assert [fields["state"] for event, fields in world.log if event == "state"] == [
        "checking",
        "preparing",
        "registering",
        "starting",
        "listening",
        "job",
        "destroying",
    ]


def test_a_registration_that_acted_without_an_answer_is_taken_back(world: FakeWorld) -> None:
    world.kill_at, world.kill_after = _index(world, "register"), True
    with pytest.raises(Killed):
        turns(world, 1)
    assert len(world.github) == 1
    revive(world)
    turns(world, 1)
    assert (world.github, world.record.jobs, world.record.pending) == ({}, 1, ())


def _index(world: FakeWorld, name: str) -> int:
    other = FakeWorld()
    turns(other, 1)
    return other.calls.index(name) + 1


def _calls_of_a_cycle() -> list[str]:
    world = FakeWorld()
    turns(world, 1)
    return world.calls


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("index", "name"), list(enumerate(_calls_of_a_cycle(), start=1)))
def test_killed_at_any_call_the_next_turns_mend_it(world: FakeWorld, index: int, name: str, after: bool) -> None:
    world.kill_at, world.kill_after = index, after
    with pytest.raises(Killed):
        turns(world, 1)
    assert world.calls[-1] == name
    revive(world)
    world.time += 61
    turns(world, 2)
    assert (world.boxes, world.github, world.record.pending, world.lost) == ({}, {}, (), [])
    assert len(world.started) == len(set(world.started)), "an environment was used twice"
    assert len(world.done) == len(set(world.done)), "a job ran twice"
    assert world.record.jobs == len(world.done) >= 2
    assert world.record.failures == 0


def test_stopped_in_a_job_it_is_found_again_and_its_job_goes_on(world: FakeWorld) -> None:
    def stop(world: FakeWorld) -> None:
        world.stop = True

    world.scripts = iter([[LISTENING, RUNS, stop, 1.0, DONE, 0]])
    with pytest.raises(StoppedError):
        turns(world, 1)
    assert (world.record.state, world.lost) == ("job", [])
    since, world.stop = world.record.job_since, False
    turns(world, 1)
    assert (len(world.started), world.record.jobs, world.record.job_since) == (1, 1, since)


DROPPED = [LISTENING, 120.0, "The runner no longer exists on the server.", 0]


def test_a_dropped_runner_is_registered_again_in_the_environment_that_no_job_used(world: FakeWorld) -> None:
    world.keeps, world.scripts = True, iter([DROPPED, GOOD])
    assert turns(world, 2) == [0.0, 0.0]
    assert len(set(world.started)) == 1 and len(world.started) == 2 and world.calls.count("prepare") == 1
    assert (world.record.jobs, world.record.cycle, world.github, world.record.pending, world.boxes) == (1, 1, {}, (), {})


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_it_registers_again_it_begins_with_a_fresh_environment(after: bool) -> None:
    def prepared(scripts: t.Iterable[list[t.Any]]) -> FakeWorld:
        world = FakeWorld()
        world.keeps, world.scripts = True, iter(scripts)
        return world

    recorded = prepared([DROPPED, GOOD])
    turns(recorded, 2)
    first = recorded.calls.index("renew")
    for index in range(first, len(recorded.calls) + 1):
        world = prepared([DROPPED, GOOD, GOOD, GOOD])
        world.kill_at, world.kill_after = index, after
        with pytest.raises(Killed):
            turns(world, 2)
        revive(world)
        world.time += 61
        turns(world, 2)
        assert (world.boxes, world.github, world.record.pending, world.lost) == ({}, {}, (), [])
        assert len(world.done) == len(set(world.done)) == world.record.jobs >= 1


@pytest.mark.parametrize(
    "script",
    [
        [LISTENING, 5.0, "The runner no longer exists on the server.", 0],
        [LISTENING, 120.0, 1],
        [120.0, "hello", 0],
        [LISTENING, 120.0, RUNS, 0],
        [LISTENING, 120.0, RUNS, DONE, 0],
        [LISTENING, 120.0, VANISHED],
    ],
    ids=["short", "failed", "never listened", "in a job", "after a job", "vanished"],
)
def test_no_other_end_keeps_an_environment(world: FakeWorld, script: list[t.Any]) -> None:
    world.keeps, world.scripts = True, iter([script, GOOD])
    turns(world, 1)
    assert (world.calls.count("renew"), world.boxes) == (0, {})


def test_an_environment_is_not_kept_while_github_calls_its_runner_busy(world: FakeWorld) -> None:
    world.keeps, world.scripts = True, iter([DROPPED, GOOD])
    world.answers["remove"] = ["busy"]
    turns(world, 1)
    assert (world.calls.count("renew"), world.boxes) == (0, {})


def test_a_kept_environment_goes_when_a_drain_comes_before_it_is_used(world: FakeWorld) -> None:
    world.keeps, world.scripts = True, iter([DROPPED, GOOD])
    program = slot(world)
    program.turn()
    assert len(world.boxes) == 1
    world.drain = True
    program.turn()
    assert (world.boxes, world.record.state, world.github) == ({}, "drained", {})


def test_a_kept_environment_without_admission_is_not_used(world: FakeWorld) -> None:
    world.keeps, world.scripts = True, iter([DROPPED, GOOD, GOOD])
    program = slot(world)
    program.turn()
    world.errors["check"] = [error("the lease is void")]
    program.turn()
    program.turn()
    assert world.calls.count("prepare") == 2 and world.record.jobs == 1


def test_a_config_starts_one_runner() -> None:
    config = Once("secret")
    assert repr(config) == str(config) == "<JIT config>"
    assert config.spend() == "secret"
    with pytest.raises(SlotError, match="used already"):
        config.spend()
