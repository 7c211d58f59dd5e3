# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks in the background, as operators run them: at once, one after the other, killed."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import threading
import time
import typing as t

from tests.acceptance.fleet import Fleet

#: What no play may say: it broke, instead of telling what is wrong.
BROKEN = ("Traceback (most recent call last)", "MODULE FAILURE", "Unexpected failure", "Error while resolving")
#: Seconds for one play.
LONGEST = 600.0


class Plays:
    """``say`` logs; ``breaches`` are plays that broke."""

    def __init__(self, fleet: Fleet, say: t.Callable[..., None], breaches: list[str]) -> None:
        self._fleet, self._say, self._breaches = fleet, say, breaches
        self._threads: list[threading.Thread] = []
        self._cut: dict[str, float] = {}
        self.codes: collections.Counter[str] = collections.Counter()

    def start(self, at_once: list[list[str]], then: list[str], kill_after: float = 0.0) -> None:
        """Run some at once, and one when they have ended; ``kill_after`` so many seconds they are killed."""
        thread = threading.Thread(target=self._run, args=(at_once, then, kill_after), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, at_once: list[list[str]], then: list[str], kill_after: float) -> None:
        started = time.monotonic()
        running = [(words, self._fleet.start(*words)) for words in at_once]
        if kill_after:
            self._kill(running, kill_after)
        for words, process in running:
            self._end(words, process, started, bool(kill_after))
        if then:
            started = time.monotonic()
            self._end(then, self._fleet.start(*then), started, False)

    @staticmethod
    def _kill(running: list[tuple[list[str], subprocess.Popen[str]]], seconds: float) -> None:
        time.sleep(seconds)
        for _words, process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def _end(self, words: list[str], process: subprocess.Popen[str], started: float, killed: bool) -> int:
        try:
            text = process.communicate(timeout=LONGEST)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text = process.communicate()[0]
            self._breaches.append(f"{' '.join(words)} did not end within {LONGEST:.0f} s")
        name = " ".join(words)
        self.codes[f"{words[0]}: {process.returncode}"] += 1
        self._say("play", play=name, rc=process.returncode, seconds=round(time.monotonic() - started, 1), said=text[-3000:] if process.returncode > 0 else "")
        if any(sign in text for sign in BROKEN) and not killed and not any(when >= started for when in self._cut.values()):
            self._breaches.append(f"{name} broke: {text[-3000:]}")
        return process.returncode

    @contextlib.contextmanager
    def cut(self, mac: str) -> t.Iterator[None]:
        """A Mac goes down: what plays say of it then is no fault of theirs."""
        self._cut[mac] = float("inf")
        yield
        self._cut[mac] = time.monotonic()

    def now(self, *words: str) -> int:
        """Run one in the foreground; its exit code."""
        started = time.monotonic()
        return self._end(list(words), self._fleet.start(*words), started, False)

    def wait(self) -> None:
        """Until all that was started in the background has ended."""
        for thread in self._threads:
            thread.join()
