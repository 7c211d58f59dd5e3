# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen, and what is wrong with it. Nothing here looks at anything: the referee is a function of its history."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

Json = dict[str, t.Any]
#: Seconds for which a blow still counts: a job may be handed over in the moment in which its environment is killed.
AFTERMATH = 1.0


@dataclasses.dataclass(frozen=True)
class Blow:
    """The simulation itself took the ground from under these slots, from ``start`` to ``end``."""

    kind: str
    mac: str
    slots: tuple[str, ...]
    start: float
    end: float

    def hits(self, job: JobHistory) -> bool:
        mine = any(job.runner.startswith(f"{self.mac}-{slot}-") for slot in self.slots)
        return mine and job.taken <= self.end + AFTERMATH and (job.ended or float("inf")) >= self.start


@dataclasses.dataclass(frozen=True)
class JobHistory:
    """``runners`` that got it; ``begun``: what each execution of its steps told when it began."""

    number: int
    wanted: str
    result: str
    runners: tuple[str, ...]
    taken: float
    ended: float
    begun: tuple[Json, ...] = ()

    @property
    def runner(self) -> str:
        return self.runners[0] if self.runners else ""


@dataclasses.dataclass
class History:
    """``breaches``: what the watchers saw and must not be, each a text. ``left``: what is still there after the settling time.

    ``idle``: slots that do not work any more once nothing goes wrong.
    ``processes``: begun jobs in whose guest a process of an earlier job lived, as (job, other job).
    """

    jobs: list[JobHistory] = dataclasses.field(default_factory=list)
    blows: list[Blow] = dataclasses.field(default_factory=list)
    breaches: dict[str, list[str]] = dataclasses.field(default_factory=lambda: {"foreign": [], "plan": [], "play": []})
    left: list[str] = dataclasses.field(default_factory=list)
    idle: list[str] = dataclasses.field(default_factory=list)
    processes: list[tuple[int, int]] = dataclasses.field(default_factory=list)


def verdict(history: History) -> tuple[Json, list[str]]:
    """Counters by name, and every violation as a text."""
    lost, excused = _lost(history)
    twice = [f"job {job.number} ran {len(job.begun)} times, on {', '.join(job.runners)}" for job in history.jobs if len(job.begun) > 1 or len(job.runners) > 1]
    shared = _shared(history)
    counters: Json = {
        "jobs": len(history.jobs),
        "ended as they should": sum(job.result == job.wanted for job in history.jobs),
        "killed by the simulation": len(excused),
        **{f"  by {kind}": number for kind, number in sorted(collections.Counter(excused).items())},
        "lost to us": len(lost),
        "run twice": len(twice),
        "environments used twice": len(shared),
        "foreign things touched": len(history.breaches["foreign"]),
        "over the plan": len(history.breaches["plan"]),
        "plays that broke": len(history.breaches["play"]),
        "slots that did not work again": len(history.idle),
        "left behind": len(history.left),
    }
    left = [f"left behind: {what}" for what in history.left] + [f"does not work again: {slot}" for slot in history.idle]
    return counters, [*lost, *twice, *shared, *(f"{kind}: {text}" for kind, texts in history.breaches.items() for text in texts), *left]


def _lost(history: History) -> tuple[list[str], list[str]]:
    """Jobs that did not end as they should: those that nobody killed, and by what the others were killed."""
    lost, excused = [], []
    for job in history.jobs:
        if job.result == job.wanted:
            continue
        blow = next((blow for blow in history.blows if job.runners and blow.hits(job)), None)
        if blow and job.result:
            excused.append(blow.kind)
        else:
            how = job.result or ("it never ended" if job.runners else "nobody took it")
            lost.append(f"job {job.number} is lost to us: {how} on {job.runner or 'no runner'}, wanted {job.wanted}, from {job.taken:.1f} to {job.ended:.1f}")
    return lost, excused


def _shared(history: History) -> list[str]:
    """Environments in which a job found another's marks, or that had more than one job."""
    found = [f"job {job.number} found {', '.join(mark['found'])}" for job in history.jobs for mark in job.begun if mark["found"]]
    found += [f"job {number} shared its guest with a process of job {other}" for number, other in history.processes]
    places: dict[tuple[t.Any, ...], set[int]] = collections.defaultdict(set)
    for job in history.jobs:
        for mark in job.begun:
            places[(mark["host"], mark["inode"] if mark["guest"] else "")].add(job.number)
        for runner in job.runners:
            places[("runner", runner)].add(job.number)
    return found + [f"{' '.join(map(str, place))} had the jobs {sorted(jobs)}" for place, jobs in places.items() if len(jobs) > 1]
