# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fails, hangs, breaks off or is late in a slot."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import REMOVING, VANISHED, OutdatedError, SlotError, StoppedError
from tests.unit.plugins.module_utils._slot.fakes import DONE, GOOD, LISTENING, RUNS, FakeWorld, Killed, error, revive, slot, turns


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


def half_removed(world: FakeWorld) -> None:
    for box in world.boxes.values():
        box.environment, box.worker = box.environment._replace(state=REMOVING), False


def test_a_half_removed_environment_is_removed_and_nothing_is_asked_of_it(world: FakeWorld) -> None:
    world.errors["destroy"] = [error("the device is busy")]
    turns(world, 1)
    half_removed(world)
    turns(world, 1)
    assert (world.boxes, world.calls.count("watch"), world.record.jobs, world.record.failures) == ({}, 2, 2, 0)


def test_a_job_whose_environment_somebody_removed_half_holds_no_drain_up(world: FakeWorld) -> None:
    world.scripts = iter([[LISTENING, RUNS, blind]])
    turns(world, 1)
    half_removed(world)
    world.drain = True
    turns(world, 1)
    assert (world.boxes, world.calls.count("watch"), world.record.state) == ({}, 1, "drained")


def forget(world: FakeWorld) -> None:
    world.github.clear()


def blind(world: FakeWorld) -> None:
    raise SlotError("the engine does not answer")


def test_a_job_whose_runner_github_does_not_know_any_more_is_over(world: FakeWorld) -> None:
    """Whatever its environment, in which it can write, says of it."""
    world.scripts = iter([[LISTENING, RUNS, 3600.0, forget, *[100.0] * 20], GOOD])
    turns(world, 1, grace=60.0)
    assert (world.boxes, world.record.jobs, world.calls.count("knows")) == ({}, 1, 3)
    assert world.record.message == "GitHub does not know the runner of its job build any more: the job is over"
    assert [fields["message"] for event, fields in world.log if event == "ended"] == [world.record.message]
    turns(world, 1)
    assert (world.record.pending, world.record.jobs) == ((), 2)


def test_a_job_goes_on_as_long_as_github_knows_its_runner_or_does_not_answer(world: FakeWorld) -> None:
    world.errors["knows"] = [error("no answer")] * 5
    world.scripts = iter([[LISTENING, RUNS, *[600.0] * 20, DONE, 0]])
    turns(world, 1)
    assert (world.lost, world.record.jobs, world.record.message) == ([], 1, "")
    assert world.calls.count("knows") == 20, "no more than once in ten minutes"


def test_one_look_at_github_does_not_end_a_job(world: FakeWorld) -> None:
    def back(world: FakeWorld) -> None:
        world.github.update(hidden)

    def hide(world: FakeWorld) -> None:
        hidden.update(world.github)
        world.github.clear()

    hidden: dict[str, int] = {}
    world.scripts = iter([[LISTENING, RUNS, hide, 598.0, back, *[600.0] * 3, DONE, 0]])
    turns(world, 1, grace=10.0)
    assert (world.lost, world.record.jobs, world.record.message) == ([], 1, "")


def test_a_job_that_nobody_can_look_at_is_over_when_github_says_so(world: FakeWorld) -> None:
    """Its engine is gone for good, and other settings name another one."""
    world.scripts = iter([[LISTENING, RUNS, blind]])
    world.errors["observe"] = []
    program = slot(world, grace=10.0)
    program.turn()
    world.errors["observe"] = [error("the engine does not answer")] * 9
    program.turn()
    world.old = True
    world.time += 601
    program.turn()
    assert (world.record.state, world.calls.count("knows")) == ("job", 1)
    forget(world)
    world.time += 601
    program.turn()
    world.time += 11
    with pytest.raises(OutdatedError):
        program.turn()
    assert (world.record.state, world.record.job, world.record.place) == ("cleaning", "", {})


def test_a_job_whose_environment_is_gone_holds_nothing_up(world: FakeWorld) -> None:
    """Neither a drain nor other settings, although GitHub does not answer."""
    world.scripts = iter([[LISTENING, RUNS, blind]])
    turns(world, 1)
    assert world.record.state == "job"
    world.boxes.clear()
    world.errors["remove"] = [error("no answer")] * 2
    program = slot(world)
    program.turn()
    assert (world.record.state, world.record.job, world.record.runner) == ("waiting", "", "")
    assert [fields["state"] for event, fields in world.log if event == "state"][-2:] == ["cleaning", "waiting"]
    world.drain = True
    program.turn()
    program.turn()
    assert (world.record.state, world.github) == ("drained", {})


def test_failures_are_forgotten_once_a_runner_has_lived(world: FakeWorld) -> None:
    def look(world: FakeWorld) -> None:
        seen.append(world.record.failures)

    seen: list[int] = []
    world.errors["check"] = [error("no room")] * 3
    world.scripts = iter([[LISTENING, 5.0, look, 60.0, LISTENING, look, RUNS, DONE, 0]])
    turns(world, 4)
    assert seen == [3, 0]


def test_a_record_that_somebody_damaged_is_written_again(world: FakeWorld) -> None:
    def damage(world: FakeWorld) -> None:
        world.damaged = True

    def look(world: FakeWorld) -> None:
        seen.append(world.damaged)

    seen: list[bool] = []
    world.scripts = iter([[LISTENING, damage, LISTENING, look, RUNS, DONE, 0]])
    program = slot(world)
    program.turn()
    assert seen == [False]
    world.drain = True
    program.turn()
    world.damaged = True
    program.turn()
    assert not world.damaged and world.record.state == "drained"


def test_a_runner_that_listens_late_is_not_stuck_any_more(world: FakeWorld) -> None:
    world.answers["remove"] = ["busy"]
    world.scripts = iter([["Runner connect error: no route", 100.0, 1.0, LISTENING, 1.0, RUNS, DONE, 0]])
    turns(world, 1, registration=60.0)
    states = [fields["state"] for event, fields in world.log if event == "state"]
    assert states[states.index("stuck") :] == ["stuck", "listening", "job", "destroying"]
    assert (world.record.jobs, world.record.failures, world.record.message) == (1, 0, "")


def test_what_has_booted_waits_for_github(world: FakeWorld) -> None:
    world.keeps = True
    world.errors["register"] = [error("GitHub answered 502")] * 2
    world.scripts = iter([[], [], GOOD])
    assert turns(world, 3) == [5.0, 10.0, 0.0]
    assert (world.calls.count("prepare"), world.calls.count("check"), world.calls.count("destroy")) == (1, 3, 1)
    assert (world.record.jobs, len(world.started)) == (1, 1)
    world.time, world.scripts = world.time + 61, iter([GOOD])
    turns(world, 1)
    assert world.record.pending == ()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_what_has_booted_waits_it_begins_with_a_fresh_environment(after: bool) -> None:
    def prepared() -> FakeWorld:
        world = FakeWorld()
        world.keeps, world.scripts = True, iter([GOOD] * 6)
        world.errors["register"] = [error("GitHub answered 502")]
        return world

    recorded = prepared()
    turns(recorded, 2)
    for index in range(recorded.calls.index("register") + 2, len(recorded.calls) + 1):
        world = prepared()
        world.kill_at, world.kill_after = index, after
        with pytest.raises(Killed):
            turns(world, 2)
        revive(world)
        world.time += 61
        world.errors.clear()
        turns(world, 2)
        assert (world.boxes, world.github, world.record.pending, world.lost) == ({}, {}, (), [])
        assert len(world.done) == len(set(world.done)) == world.record.jobs >= 1
