# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A runner that its isolation ended: what people are told, whatever the runner itself said."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import Environment, Seen
from tests.unit.plugins.module_utils._slot.fakes import DONE, LISTENING, RUNS, FakeWatch, FakeWorld, turns

WHY = 'pool "lint", field memory: the job uses 1.60 GiB of 1.50 GiB and was ended'


class Telling(FakeWatch):
    def read(self, seconds: float) -> Seen:
        seen = super().read(seconds)
        return seen if seen.exit_code is None else seen._replace(fault=WHY)


class Ending(FakeWorld):
    def watch(self, environment: Environment) -> FakeWatch:
        return Telling(self, self.boxes[environment.id])


@pytest.mark.parametrize("script", [[LISTENING, RUNS, DONE, 0], [LISTENING, RUNS, 137]])
def test_the_reason_is_told_and_the_job_counted(script: list[t.Any]) -> None:
    world = Ending()
    world.scripts = iter([script])
    assert turns(world, 1) == [0.0]
    assert (world.record.message, world.record.jobs, world.record.failures, len(world.logs)) == (WHY, 1, 0, 1)
    assert not world.boxes


def test_an_idle_runner_that_was_ended_is_no_dropped_one() -> None:
    world = Ending()
    world.keeps = True
    world.scripts = iter([[LISTENING, 100.0, 0]])
    assert turns(world, 1) == [5.0]
    assert (world.record.message, world.record.failures) == (WHY, 1) and "renew" not in world.calls and not world.boxes
