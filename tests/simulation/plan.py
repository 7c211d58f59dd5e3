# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is going to happen, drawn from a seed: jobs, and faults in their order. The same seed and number of jobs, the same choices."""

from __future__ import annotations

import dataclasses
import math
import random
import typing as t

#: What can go wrong, with its share. Every deck is dealt whole before the next one is shuffled.
DECK = {
    "program": 3,
    "kickstart": 1,
    "bootout": 1,
    "listener": 2,
    "worker": 2,
    "container": 1,
    "engine": 1,
    "vm": 2,
    "github-5xx": 2,
    "github-403": 1,
    "github-limit": 1,
    "github-unanswered": 2,
    "github-lies-idle": 1,
    "github-lists-late": 1,
    "github-forgets": 1,
    "broker-silent": 1,
    "full-disk": 1,
    "reboot": 1,
    "drain": 1,
    "operators": 1,
    "killed-play": 1,
}
#: Faults for each job.
SHARE = 0.9
#: At which moments of a slot's cycle its program is killed.
MOMENTS = ("preparing", "registering", "starting", "listening", "job", "destroying")
#: Which playbooks two operators run at once.
PAIRS = (("site", "site"), ("site", "drain"), ("drain", "undrain"), ("upgrade", "drain"), ("drain", "status"))


@dataclasses.dataclass(frozen=True)
class JobPlan:
    """``label``: docker or tart; ``code``: with which the last step ends."""

    label: str
    seconds: float
    code: int


@dataclasses.dataclass(frozen=True)
class Fault:
    """``pause`` seconds, then at ``moment`` and ``delay`` seconds later this happens. ``choice``, from 0 to 1, decides what is left to decide."""

    kind: str
    mac: str
    slot: str
    moment: str
    pause: float
    delay: float
    choice: float

    def one_of(self, options: t.Sequence[t.Any]) -> t.Any:
        return options[min(int(self.choice * len(options)), len(options) - 1)]


@dataclasses.dataclass(frozen=True)
class Plan:
    """``slots``: how many there are."""

    jobs: list[JobPlan]
    faults: list[Fault]
    slots: int

    def released(self, faults: int) -> int:
        """How many jobs may be queued once so many faults have happened: first one for each slot; both come to their end together."""
        first = min(self.slots, len(self.jobs))
        return first + math.ceil((len(self.jobs) - first) * faults / max(len(self.faults), 1))


def make(seed: int, jobs: int, slots: t.Sequence[tuple[str, str]]) -> Plan:
    """``slots``: all slots as (Mac, slot), those of isolation docker named box-."""
    rng = random.Random(seed)
    return Plan([_job(rng) for _number in range(jobs)], list(_faults(rng, math.ceil(jobs * SHARE), slots)), len(slots))


def _job(rng: random.Random) -> JobPlan:
    seconds = rng.choice((rng.uniform(0.2, 1.0), rng.uniform(2.0, 7.0), rng.uniform(7.0, 18.0)))
    return JobPlan("docker" if rng.random() < 0.6 else "tart", round(seconds, 2), int(rng.random() < 0.1))


def _faults(rng: random.Random, count: int, slots: t.Sequence[tuple[str, str]]) -> t.Iterator[Fault]:
    deck: list[str] = []
    for _number in range(count):
        if not deck:
            deck = [kind for kind, share in DECK.items() for _one in range(share)]
            rng.shuffle(deck)
        kind = deck.pop()
        mac, slot = rng.choice([place for place in slots if _suits(kind, place[1])])
        pause, delay = round(rng.uniform(0.2, 3.5), 2), round(rng.uniform(0.0, 0.5), 3)
        yield Fault(kind, mac, slot, rng.choice(MOMENTS), pause, delay, rng.random())


def _suits(kind: str, slot: str) -> bool:
    is_docker = slot.startswith("box-")
    return not (kind in ("container", "engine") and not is_docker) and not (kind == "vm" and is_docker)
