# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slot turn by turn: jobs, drain, deadlines, failures, and kill -9 at every outgoing call."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import VANISHED, Environment, Once, OutdatedError, SlotError, StoppedError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending
from tests.unit.plugins.module_utils._slot.fakes import DONE, GOOD, LISTENING, RUNS, FakeWorld, Killed, error, slot

IDLE: list[t.Any] = [LISTENING, *[1.0] * 500]


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def turns(world: FakeWorld, number: int, **plan: t.Any) -> list[float]:
    program = slot(world, **plan)
    return [program.turn() for _turn in range(number)]


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


def test_without_admission_nothing_is_made_or_registered(world: FakeWorld) -> None:
    world.errors["check"] = [error("this Mac has no lease"), error("this Mac has no lease")]
    assert turns(world, 2) == [5.0, 10.0]
    assert (world.record.state, world.record.message, world.record.failures) == ("waiting", "this Mac has no lease", 2)
    assert not {"prepare", "register"} & set(world.calls)
    turns(world, 1)
    assert (world.record.jobs, world.record.failures, world.record.message) == (1, 0, "")


def test_a_refused_registration_leaves_no_environment_and_is_looked_for(world: FakeWorld) -> None:
    world.errors["register"] = [error("GitHub answered 502")]
    turns(world, 1)
    assert [entry.runner for entry in world.record.pending] == [0]
    turns(world, 1)
    assert world.record.jobs == 1
    # Its list may be late: the name is looked for until a minute has passed.
    assert len(world.record.pending) == 1
    world.time += 61
    turns(world, 1)
    assert world.record.pending == ()


def test_a_registration_that_acted_without_an_answer_is_taken_back(world: FakeWorld) -> None:
    world.kill_at, world.kill_after = _index(world, "register"), True
    with pytest.raises(Killed):
        turns(world, 1)
    assert len(world.github) == 1
    revive(world)
    turns(world, 1)
    assert (world.github, world.record.jobs, world.record.pending) == ({}, 1, ())


def revive(world: FakeWorld) -> None:
    world.calls, world.kill_at = [], 0


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


def test_a_runner_that_never_listens_is_stuck_and_replaced(world: FakeWorld) -> None:
    world.scripts = iter([["Runner connect error: no route", *[1.0] * 1000], GOOD])
    began = world.time
    assert turns(world, 1, registration=60.0, grace=10.0) == [5.0]
    assert world.record.state == "stuck"
    assert "did not listen for jobs within 60 s" in world.record.message and "no route" in world.record.message
    assert 70 <= world.time - began < 100
    turns(world, 1)
    assert (world.record.jobs, world.github, world.record.state) == (1, {}, "destroying")


def test_an_overdue_job_ends_only_where_the_pool_says_so(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, *[10.0] * 20], [LISTENING, RUNS, *[10.0] * 20, DONE, 0]])
    turns(world, 1, job=60.0)
    assert len(world.lost) == 1 and "took longer than the 60 s" in world.record.message
    turns(world, 1)
    assert len(world.lost) == 1 and world.record.jobs == 2


def test_a_clock_that_is_set_forward_ends_no_job(world: FakeWorld) -> None:
    def jump(world: FakeWorld) -> None:
        world.jump = 86400.0

    world.scripts = iter([[LISTENING, RUNS, jump, *[10.0] * 5, DONE, 0]])
    turns(world, 1, job=60.0)
    assert (world.lost, world.record.jobs, world.record.message) == ([], 1, "")


def test_a_clock_that_is_set_back_holds_no_drain(world: FakeWorld) -> None:
    def drain(world: FakeWorld) -> None:
        world.drain, world.jump = True, -86400.0
        world.answers["remove"] = ["busy", "removed"]

    world.scripts = iter([[LISTENING, drain, *[1.0] * 100]])
    turns(world, 2, grace=10.0)
    assert world.record.state == "drained"


def test_a_job_is_a_job_although_nobody_can_look_at_it(world: FakeWorld) -> None:
    """Nor are other settings taken over while only these find it again."""

    def blind(world: FakeWorld) -> None:
        world.old = True
        raise SlotError("the engine does not answer")

    world.scripts = iter([[LISTENING, RUNS, blind, DONE, 0]])
    assert turns(world, 1) == [5.0]
    assert (world.record.state, world.record.job, world.record.message) == ("job", "build", "the engine does not answer")
    with pytest.raises(OutdatedError):
        turns(world, 2)
    assert (world.lost, world.record.jobs) == ([], 1)


def test_what_a_job_is_called_is_cut_and_can_be_shown(world: FakeWorld) -> None:
    name = "\x1b" * 60000
    world.scripts = iter([[LISTENING, RUNS.replace("build", name), 1.0, DONE.replace("build", name), 0]])
    turns(world, 1)
    assert world.record.jobs == 1 and world.record.job == "?" * 200


def test_a_drain_that_comes_while_the_environment_is_made_registers_nothing(world: FakeWorld) -> None:
    prepare = world.prepare

    def made(cycle: int, runner: str) -> Environment:
        world.drain = True
        return prepare(cycle, runner)

    world.prepare = made  # type: ignore[method-assign]
    assert turns(world, 2) == [0.0, 1.0]
    assert (world.record.state, world.boxes, world.calls.count("register")) == ("drained", {}, 0)


def test_it_waits_as_long_as_github_asks_for(world: FakeWorld) -> None:
    world.errors["register"] = [SlotError("GitHub's rate limit is reached", 600.0)]
    assert turns(world, 1) == [660.0]


def test_an_older_runner_that_github_drops_ends_with_1_and_is_no_failure(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, 120.0, "The runner no longer exists on the server.", 1], GOOD])
    assert turns(world, 2) == [0.0, 0.0]
    assert (world.record.jobs, world.record.failures) == (1, 0)


def test_a_runner_that_hangs_after_its_job_is_destroyed(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, DONE, *[1.0] * 100]])
    turns(world, 1, grace=10.0)
    assert (world.record.jobs, world.boxes, world.lost) == (1, {}, [])
    assert "did not end within 10 s after its job build" in world.record.message


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (["An error occurred: Not configured", 1], "error (1)"),
        ([LISTENING, 5], "another session"),
        (["Runner version is deprecated", 7], "image with a newer runner"),
        ([LISTENING, 3], "update itself"),
        ([139], "ended with 139; it said nothing"),
        (["√ Connected to GitHub", 0], "before it listened"),
        ([LISTENING, "The runner no longer exists on the server.", 0], "without a job"),
    ],
)
def test_a_runner_that_ends_without_a_job_backs_off_and_says_why(world: FakeWorld, script: list[t.Any], said: str) -> None:
    world.scripts = iter([script, GOOD])
    assert turns(world, 1) == [5.0]
    assert said in world.record.message
    assert list(world.logs) == ["000001"]
    turns(world, 1)
    assert (world.record.jobs, world.record.failures, world.github) == (1, 0, {})


def test_a_runner_that_github_drops_after_minutes_is_followed_at_once(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, 120.0, "The runner no longer exists on the server.", 0], GOOD])
    assert turns(world, 2) == [0.0, 0.0]
    assert (world.record.jobs, world.record.failures) == (1, 0)


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


def test_a_job_whose_environment_ended_under_it_is_told_and_counts(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, VANISHED], GOOD])
    assert turns(world, 1) == [0.0]
    assert (world.record.message, world.record.jobs) == ("the runner was cut off (its environment ended, or its listener was killed) during the job build", 1)


def test_a_job_is_remembered_when_its_environment_ended_while_nobody_looked(world: FakeWorld) -> None:
    def stop(world: FakeWorld) -> None:
        world.stop = True

    world.scripts = iter([[LISTENING, RUNS, stop, VANISHED], GOOD])
    with pytest.raises(StoppedError):
        turns(world, 1)
    world.stop = False
    # What it said before is gone with it.
    next(iter(world.boxes.values())).output.clear()
    assert turns(world, 1) == [0.0]
    assert "during the job build" in world.record.message and world.record.jobs == 1


def test_a_runner_that_dies_in_its_job_is_no_reason_to_wait(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, 137], GOOD])
    assert turns(world, 1) == [0.0]
    assert world.record.message == "the runner ended with 137 during the job build"
    turns(world, 1)
    assert (world.github, world.record.jobs) == ({}, 2)


def test_what_github_still_holds_busy_does_not_hold_the_slot(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, 137], GOOD, GOOD])
    turns(world, 1)
    world.answers["remove"] = ["busy"]
    turns(world, 1)
    assert (world.record.jobs, len(world.record.pending)) == (2, 1)
    turns(world, 1)
    assert (world.record.pending, world.github) == ((), {})


def test_github_is_not_asked_again_and_again_about_what_it_holds_busy(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, 137], *[GOOD] * 30])
    world.answers["remove"] = ["busy"] * 9
    program = slot(world)
    began = world.time
    while world.time - began < 80:
        program.turn()
    assert world.record.jobs > 6 and world.calls.count("remove") == 3


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


def test_logs_that_cannot_be_kept_do_not_keep_the_environment(world: FakeWorld) -> None:
    world.errors["keep"] = [OSError(28, "No space left on device")]
    assert turns(world, 1) == [0.0]
    assert (world.boxes, world.record.jobs) == ({}, 1)
    assert [event for event, _fields in world.log if event == "logs-lost"] == ["logs-lost"]


def test_an_environment_that_cannot_be_destroyed_is_tried_again_and_its_job_counts_once(world: FakeWorld) -> None:
    world.errors["destroy"] = [error("the engine gave no answer"), error("the engine gave no answer")]
    turns(world, 2)
    assert (len(world.boxes), world.record.jobs, world.record.failures) == (1, 1, 2)
    turns(world, 2)
    assert (world.boxes, world.record.jobs, world.record.failures) == ({}, 2, 0)


def test_a_config_starts_one_runner() -> None:
    config = Once("secret")
    assert repr(config) == str(config) == "<JIT config>"
    assert config.spend() == "secret"
    with pytest.raises(SlotError, match="used already"):
        config.spend()
