# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching the memory of a job: which reading is followed by what."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits import memory
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.memory import END, FAR, KILL, NEAR, NOTHING, WARN, MemoryWatch, memory_of

LIMIT = 100 * 2**24


def actions(watch: MemoryWatch, *percents: int) -> t.List[str]:
    """What follows from readings 3 s apart."""
    return [watch.take(LIMIT * percent // 100, 3.0 * number).action for number, percent in enumerate(percents)]


def test_a_job_is_told_of_and_then_ended_once() -> None:
    watch = MemoryWatch("lint", LIMIT, True)
    assert actions(watch, 10, 89, 90, 95, 100, 100, 100, 99) == [NOTHING, NOTHING, WARN, NOTHING, NOTHING, END, NOTHING, NOTHING]


def test_the_messages_name_pool_and_limit() -> None:
    watch = MemoryWatch("lint", LIMIT, True)
    assert watch.take(LIMIT * 95 // 100, 0.0).message == 'pool "lint", field memory: the job uses 1.48 GiB of 1.56 GiB and is ended at its limit'
    watch.take(LIMIT, 1.0)
    assert watch.take(LIMIT + LIMIT // 4, 2.0).message == 'pool "lint", field memory: the job uses 1.95 GiB of 1.56 GiB and was ended'


def test_a_single_peak_ends_nothing() -> None:
    assert END not in actions(MemoryWatch("lint", LIMIT, True), 40, 120, 60, 120, 60, 120)


def test_it_is_told_of_again_only_after_it_was_far_away() -> None:
    assert actions(MemoryWatch("lint", LIMIT, True), 90, 85, 90, 70, 90) == [WARN, NOTHING, NOTHING, NOTHING, WARN]


def test_with_warn_nothing_is_ever_ended() -> None:
    assert actions(MemoryWatch("lint", LIMIT, False), 95, 100, 100, 300, 300) == [WARN, NOTHING, NOTHING, NOTHING, NOTHING]


def test_what_runs_away_or_does_not_end_is_killed() -> None:
    assert actions(MemoryWatch("lint", LIMIT, True), 100, 160) == [WARN, KILL]
    assert actions(MemoryWatch("lint", LIMIT, True), 100, 100, 150) == [WARN, END, KILL]
    late = actions(MemoryWatch("lint", LIMIT, True), *[100] * 13)
    assert late == [WARN, END, *[NOTHING] * 9, KILL, KILL], "30 s after it was asked to end"


def test_a_program_that_begins_anew_goes_on_where_it_was() -> None:
    assert actions(MemoryWatch("lint", LIMIT, True, ended=True), 99, *[99] * 10) == [*[NOTHING] * 10, KILL]


def test_it_is_read_seldom_while_it_is_far_from_its_limit() -> None:
    watch = MemoryWatch("lint", LIMIT, True)
    watch.take(LIMIT // 10, 100.0)
    assert watch.next_at == 100.0 + FAR
    watch.take(LIMIT // 2, 115.0)
    assert watch.next_at == 115.0 + NEAR


def test_only_the_processes_of_the_user_count() -> None:
    text = "  PID   UID   RSS\n    1     0  9999\n  170  1701  1024\n  171  1701     0\n  172 11701  4096\n  173  1701  bad\n"
    assert memory_of(text, 1701) == {170: 2**20, 171: 0}
    assert memory_of("", 1701) == {}


def test_what_the_real_ps_says_is_understood() -> None:
    said = subprocess.run(list(memory.PS_ARGV), capture_output=True, text=True, check=True).stdout
    found = memory_of(said, os.getuid())
    assert found[os.getpid()] > 2**20


@pytest.mark.parametrize("name", ["re", "subprocess", "json", "ssl", "ansible"])
def test_the_waiting_program_pays_for_no_module(name: str) -> None:
    source = "import importlib.util, sys, typing\nbefore = set(sys.modules)\n"
    source += f"spec = importlib.util.spec_from_file_location('memory', {memory.__file__!r})\n"
    source += f"spec.loader.exec_module(importlib.util.module_from_spec(spec))\nprint({name!r} in set(sys.modules) - before)"
    assert subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout == "False\n"
