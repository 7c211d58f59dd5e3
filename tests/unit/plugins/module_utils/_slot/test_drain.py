# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slot whose runner shall end: drain, and other versions or settings."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import Environment, OutdatedError, StoppedError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending
from tests.unit.plugins.module_utils._slot.fakes import DONE, GOOD, LISTENING, RUNS, FakeWorld, Killed, error, revive, slot, turns


def test_drain_ends_an_idle_runner_at_once(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True

    world.scripts = iter([[LISTENING, drain, "The runner registration has been deleted from the server, please re-configure.", 0]])
    assert turns(world, 2) == [0.0, 1.0]
    assert (world.record.state, world.record.failures, world.github, world.boxes) == ("drained", 0, {}, {})
    calls = len(world.calls)
    assert turns(world, 3) == [1.0] * 3
    assert len(world.calls) == calls, "a drained slot does nothing"
    world.drain, world.scripts = False, iter([GOOD])
    turns(world, 1)
    assert world.record.jobs == 1


def test_a_drained_runner_that_hangs_is_destroyed_after_its_grace(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True

    world.scripts = iter([[LISTENING, drain, *[1.0] * 100]])
    began = world.time
    turns(world, 2, grace=10.0)
    assert (world.record.state, world.github, world.boxes) == ("drained", {}, {})
    assert 10 <= world.time - began < 30


def test_drain_waits_for_a_job_however_long(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True

    world.scripts = iter([[LISTENING, RUNS, drain, 100000.0, DONE, 0]])
    turns(world, 2)
    assert (world.record.state, world.record.jobs, world.lost) == ("drained", 1, [])
    assert world.calls.count("remove") == 0


def test_drain_does_not_believe_github_against_what_is_seen_here(world: FakeWorld) -> None:
    """GitHub says removed, while a worker runs that has not yet said so."""

    def drain(world: FakeWorld) -> None:
        world.drain = True
        world.answers["remove"] = ["removed"]

    def worker(world: FakeWorld) -> None:
        next(iter(world.boxes.values())).worker = True

    world.scripts = iter([[LISTENING, drain, worker, *[5.0] * 20, RUNS, 5.0, DONE, 0]])
    turns(world, 1)
    assert (world.record.jobs, world.lost) == (1, [])


def test_drain_asks_again_when_github_says_busy(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True
        world.answers["remove"] = ["busy", "busy"]

    world.scripts = iter([[LISTENING, drain, *[1.0] * 1000]])
    began = world.time
    turns(world, 2)
    assert world.record.state == "drained"
    assert world.time - began >= 60, "it is not asked more than twice a minute"


def test_drain_goes_on_when_github_does_not_answer(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True
        world.errors["remove"] = [error("no answer")]

    world.scripts = iter([[LISTENING, drain, *[1.0] * 1000]])
    turns(world, 2)
    assert (world.record.state, world.github) == ("drained", {})


def test_a_clock_that_is_set_back_holds_no_drain(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain, world.jump = True, -86400.0
        world.answers["remove"] = ["busy", "removed"]

    world.scripts = iter([[LISTENING, drain, *[1.0] * 100]])
    turns(world, 2, grace=10.0)
    assert world.record.state == "drained"


def test_a_drain_that_comes_while_the_environment_is_made_registers_nothing(world: FakeWorld) -> None:
    prepare = world.prepare

    def made(cycle: int, runner: str) -> Environment:
        world.drain = True
        return prepare(cycle, runner)

    world.prepare = made  # type: ignore[method-assign]
    assert turns(world, 2) == [0.0, 1.0]
    assert (world.record.state, world.boxes, world.calls.count("register")) == ("drained", {}, 0)


def renewed(world: FakeWorld, **plan: t.Any) -> None:
    program = slot(world, **plan)
    with pytest.raises(OutdatedError):
        for _turn in range(5):
            program.turn()


def outdate(world: FakeWorld) -> None:
    world.old = True


def test_another_version_withdraws_an_idle_runner_and_begins_anew(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, outdate, "The runner registration has been deleted from the server", 0]])
    renewed(world)
    assert (world.github, world.boxes, world.record.failures) == ({}, {}, 0)
    assert [fields["state"] for event, fields in world.log if event == "state"][-2:] == ["withdrawing", "destroying"]
    # The record is all that the new program has.
    world.old, world.scripts = False, iter([GOOD])
    turns(world, 1)
    assert (world.record.jobs, world.record.cycle, world.record.pending, len(world.done)) == (1, 2, (), 1)


def test_another_version_waits_for_the_job(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, outdate, 100000.0, DONE, 0]])
    renewed(world)
    assert (world.record.jobs, world.lost, world.boxes) == (1, [], {})
    assert world.calls.count("remove") == 0


def test_a_drained_slot_begins_anew_and_stays_drained(world: FakeWorld) -> None:
    world.drain = True
    program = slot(world)
    program.turn()
    assert world.record.state == "drained"
    world.old = True
    with pytest.raises(OutdatedError):
        program.turn()
    world.old = False
    assert turns(world, 2) == [1.0, 1.0] and world.record.state == "drained"


@pytest.mark.parametrize("call", ["check", "observe", "remove", "register"])
def test_what_fails_does_not_keep_the_cure_away(world: FakeWorld, call: str) -> None:
    """Whatever the settings did wrong, other settings are taken at once."""
    world.record = world.record._replace(pending=(Pending("old", 7, 0.0),))
    world.errors[call] = [error("the settings are wrong")] * 3
    program = slot(world)
    program.turn()
    assert world.record.state == "waiting"
    world.old = True
    with pytest.raises(OutdatedError):
        program.turn()


@pytest.mark.parametrize("index", range(1, 14))
def test_killed_anywhere_on_the_way_to_another_version_nothing_is_lost(world: FakeWorld, index: int) -> None:
    world.scripts = iter([[LISTENING, outdate, "The runner registration has been deleted from the server", 0], GOOD, GOOD])
    world.kill_at = index
    with pytest.raises((Killed, OutdatedError)):
        turns(world, 3)
    revive(world)
    world.scripts = iter([GOOD] * 4)
    world.time += 61
    # Where it was killed before the other version came, that comes now.
    with contextlib.suppress(OutdatedError):
        turns(world, 2)
    world.old = False
    turns(world, 2)
    assert (world.boxes, world.github, world.record.pending, world.lost) == ({}, {}, (), [])
    assert len(world.done) == len(set(world.done)) == world.record.jobs >= 1


def test_a_drained_slot_takes_back_what_github_held_busy(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, 137]])
    world.answers["remove"] = ["busy"]
    program = slot(world)
    program.turn()
    world.drain = True
    program.turn()
    assert (world.record.state, len(world.record.pending)) == ("drained", 1)
    program.turn()
    assert world.calls.count("remove") == 1, "it is not asked more than twice a minute"
    for _half_minute in range(3):
        world.errors["remove"] = world.errors.get("remove", [error("no answer")])
        world.time += 31
        assert program.turn() == 1.0
        assert world.record.state == "drained"
    assert (world.github, world.record.pending, world.record.failures) == ({}, (), 0)


def test_a_drain_that_is_taken_back_leaves_the_runner_where_it_is(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True
        world.errors["remove"] = [error("no answer")]

    def undrain(world: FakeWorld) -> None:
        world.drain = False

    world.scripts = iter([[LISTENING, drain, 1.0, undrain, 100.0, RUNS, DONE, 0]])
    turns(world, 1)
    states = [fields["state"] for event, fields in world.log if event == "state"]
    assert states[states.index("listening") :] == ["listening", "withdrawing", "listening", "job", "destroying"]
    assert (world.record.jobs, len(world.started)) == (1, 1)


def test_what_github_has_removed_ends_although_the_drain_is_taken_back(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain = True

    def undrain(world: FakeWorld) -> None:
        world.drain = False

    world.scripts = iter([[LISTENING, drain, 1.0, undrain, *[1.0] * 100], GOOD])
    turns(world, 2, grace=10.0)
    assert (len(world.started), world.record.jobs, world.record.failures, world.lost) == (2, 1, 0, [])


HERE, THERE = {"socket": "/run/here"}, {"socket": "/run/there"}


def test_the_place_of_an_environment_is_known_as_long_as_it_is_there(world: FakeWorld) -> None:
    def look(world: FakeWorld) -> None:
        assert world.record.place == HERE

    world.scripts = iter([[look, LISTENING, RUNS, look, DONE, 0]])
    turns(world, 1, place=HERE)
    assert (world.record.place, world.record.jobs) == ({}, 1)


def test_an_environment_elsewhere_is_seen_to_its_end_before_other_settings_count(world: FakeWorld) -> None:
    def stop(world: FakeWorld) -> None:
        world.stop = True

    world.scripts = iter([[LISTENING, RUNS, stop, 1.0, DONE, 0], GOOD])
    with pytest.raises(StoppedError):
        turns(world, 1, place=HERE)
    world.stop = False
    program = slot(world, place=THERE)
    program.turn()
    with pytest.raises(OutdatedError):
        program.turn()
    assert (world.record.jobs, world.lost, world.record.place, world.calls.count("prepare")) == (1, [], {}, 1)
    turns(world, 1, place=THERE)
    assert world.record.jobs == 2


def test_an_idle_runner_elsewhere_is_withdrawn(world: FakeWorld) -> None:
    def stop(world: FakeWorld) -> None:
        world.stop = True

    world.scripts = iter([[LISTENING, stop, *[1.0] * 100]])
    with pytest.raises(StoppedError):
        turns(world, 1, place=HERE)
    world.stop = False
    program = slot(world, place=THERE)
    with pytest.raises(OutdatedError):
        for _turn in range(3):
            program.turn()
    assert (world.boxes, world.github, world.record.place) == ({}, {}, {})


def test_a_place_at_which_nobody_can_look_any_more_does_not_hold_an_idle_slot(world: FakeWorld) -> None:
    world.record = world.record._replace(state="listening", runner="mac-1-linux-1-00000001", place=HERE)
    world.errors["observe"] = [error("the engine does not answer")]
    with pytest.raises(OutdatedError):
        turns(world, 1, place=THERE)
    assert world.record.place == {}
