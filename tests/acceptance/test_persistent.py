# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Persistent runners on a Mac over ssh: registered, at work, drained, made anew, taken away; no job is lost."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.acceptance.fleet import Fleet
from tests.acceptance.jobs import OTHER_IMAGE, Workplace, end_while_waited_for, pool, workplace


@pytest.fixture
def place(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Workplace]:
    """One Mac with two persistent runners to come, and an engine that somebody started in a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "60")
    with workplace(tmp_path, registers=True) as made:
        mac = boot_mac(memory="32GiB", cores=8, disk_free="400GiB", docker_socket=made.engine.socket, docker_vm_memory="8GiB", docker_vm_cpus=6)
        fleet = Fleet(tmp_path, [mac])
        made.tell(fleet)
        fleet.pools("mac-1", kept())
        fleet.visit()
        yield made


def kept(**fields: t.Any) -> dict[str, t.Any]:
    return pool(lifecycle="persistent", **fields)


def names(place: Workplace) -> list[str]:
    """The runners that GitHub knows."""
    return sorted(runner.name for runner in place.broker.scope.runners.values())


def custom_labels(place: Workplace) -> set[str]:
    return {label for runner in place.broker.scope.runners.values() for label, kind in runner.labels if kind == "custom"}


BOTH = ["mac-1-linux-1", "mac-1-linux-2"]


def test_persistent_runners_come_work_and_go_without_losing_a_job(place: Workplace) -> None:
    fleet, scope = place.fleet, place.broker.scope
    before = fleet.pictures()
    predicted = fleet.play("site", "--check", "--diff")
    assert fleet.pictures() == before and names(place) == [] and not fleet.writing_calls(), "a check changed something"

    converged = fleet.play("site", "--diff", "-vvv")
    assert predicted.diff_of("Register the persistent") == converged.diff_of("Register the persistent") != []
    assert names(place) == BOTH and len(scope.registration_tokens) == 1
    assert not any(token in converged.text for token in [place.token, *scope.registration_tokens])
    place.wait("runners online", lambda: place.online() == BOTH)
    assert {"docker", "quick"} <= {label for runner in scope.runners.values() for label, _kind in runner.labels}
    jobs = [place.broker.queue("echo whole", labels=["docker", "quick"]) for _number in range(3)]
    place.finish(*jobs)
    again = fleet.play("site")
    assert again.changed("mac-1") == 0 and len(scope.registration_tokens) == 1, again.text
    assert fleet.play("status").text.count("registered as mac-1-linux-") == 2

    # A busy runner is waited for, takes no second job, and stays drained until somebody takes that back.
    job, slot = place.long_job()
    refused = fleet.play("drain", "-e", "mac_runners_wait=2", rc=2)
    assert f"still busy: {slot}: a job runs on its Mac" in refused.text and names(place) == [f"mac-1-{slot}"], refused.text
    assert custom_labels(place) > {"draining"} and "quick" not in custom_labels(place)
    end_while_waited_for(fleet.start("drain"), "Wait until no persistent runner has a job", lambda: place.end(slot))
    place.finish(job)
    assert names(place) == [] and fleet.play("site").changed("mac-1") == 0 and names(place) == []
    assert "drained by an operator" in fleet.play("status").text
    fleet.play("undrain")
    place.wait("runners online", lambda: place.online() == BOTH)
    place.finish(place.broker.queue("echo whole", labels=["docker", "quick"]))

    # Another image: each container is made anew once its runner is off GitHub, and registers again.
    job, slot = place.long_job()
    fleet.pools("mac-1", kept(image=OTHER_IMAGE))
    end_while_waited_for(fleet.start("site"), "Wait for the jobs of persistent runners", lambda: place.end(slot))
    place.finish(job)
    place.wait("runners online", lambda: place.online() == BOTH)
    assert place.image_of(slot) == OTHER_IMAGE and fleet.play("site").changed("mac-1") == 0

    fleet.pools("mac-1", kept(count=1, image=OTHER_IMAGE))
    fleet.play("site")
    assert (place.containers(), names(place)) == (["mac-runners-linux-1"], ["mac-1-linux-1"])

    job, slot = place.long_job()
    refused = fleet.play("teardown", "-e", "mac_runners_wait=2", rc=2)
    assert "nothing was stopped" in refused.text and place.containers() and not job.result
    place.end(slot)
    left = fleet.play("teardown", "-vvv")
    place.finish(job)
    assert place.token not in left.text
    assert (fleet.pictures(), place.containers(), scope.runners, scope.jobs_lost) == (before, [], {}, 0)
