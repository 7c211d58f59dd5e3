# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a runner's own output tells: whether it listens, which job it runs, how that ended."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import VANISHED

#: GitHub's runner writes a time, then one of these.
_LISTENING = re.compile(r"Listening for Jobs\s*\Z")
_RUNNING = re.compile(r"Running job: (?P<job>.+?)\s*\Z")
_COMPLETED = re.compile(r"Job (?P<job>.+) completed with result: (?P<result>\w+)\s*\Z")
_DROPPED = re.compile(r"The runner (registration has been deleted from the server|no longer exists on the server)")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}Z: ")

#: What the exit codes of Runner.Listener mean where they are no success.
EXIT_CODES = {
    1: "the runner ended with an error (1): a bad or used config, a deleted registration, or no access",
    2: "the runner ended with an error that passes (2)",
    3: "the runner wants to update itself (3): give the pool an image with a newer runner",
    4: "the runner wants to update itself (4): give the pool an image with a newer runner",
    5: "another session uses this registration (5)",
    VANISHED: "the runner was cut off (its environment ended, or its listener was killed)",
    7: "GitHub refuses this version of the runner (7): give the pool an image with a newer runner",
}


def begins_job(line: str) -> bool:
    """Whether a runner says with this line that it begins a job."""
    return _RUNNING.match(_TIME.sub("", line.strip(), count=1)) is not None


class Progress:
    """How far a runner is. ``result`` is empty until its job ended."""

    def __init__(self, job: str = "") -> None:
        """``job``: what an earlier life of the program saw begin."""
        self.listening = bool(job)
        self.job = job
        self.result = ""
        self.dropped = False
        self.last = ""

    @property
    def busy(self) -> bool:
        """Whether it said that it runs a job, and not yet that it ended."""
        return bool(self.job) and not self.result

    def take(self, lines: t.Iterable[str]) -> None:
        """Read further lines. A job's own output does not come here: it goes to GitHub."""
        for line in lines:
            self._take(_TIME.sub("", line.strip(), count=1))

    def _take(self, text: str) -> None:
        if not text:
            return
        self.last = _named(text)
        running, completed = _RUNNING.match(text), _COMPLETED.match(text)
        if running:
            self.listening, self.job = True, _named(running["job"])
        elif completed:
            self.job, self.result = _named(completed["job"]), _named(completed["result"])
        elif _LISTENING.match(text):
            self.listening = True
        elif _DROPPED.search(text):
            self.dropped = True


def _named(text: str) -> str:
    """What goes into the record and the log of a slot: short and printable, whatever a job wrote there."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])


def complaint(progress: Progress, exit_code: int) -> str:
    """Why a runner without a job ended, for people; empty when that was as it should be."""
    # Before 2.336.0 a runner that GitHub dropped while it was idle ended with 1.
    if progress.listening and (exit_code == 0 or (exit_code == 1 and progress.dropped)):
        return ""
    said = f"; it said last: {progress.last[:200]}" if progress.last else "; it said nothing"
    if exit_code == 0:
        return f"the runner ended before it listened for jobs{said}"
    return EXIT_CODES.get(exit_code, f"the runner ended with {exit_code}") + said
