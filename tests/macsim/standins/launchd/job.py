# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service: its process, its past, and when it runs again."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from typing import Any

from standins.launchd import spawn
from standins.mac import read_mac

_DEFAULT_THROTTLE_S = 10.0
_LONGEST_THROTTLE_S = 1200.0
_DEFAULT_EXIT_TIMEOUT_S = 5.0


@dataclass
class Job:
    """A service in a domain. Times are of the monotonic clock, in seconds; ``scale`` shortens launchd's waits for tests."""

    label: str
    domain: str
    path: str
    plist: dict[str, Any]
    scale: float = 1.0
    pid: int | None = None
    runs: int = 0
    raw_status: int | None = None
    started: float = 0.0
    short_failures: int = 0
    next_start: float | None = None
    term_at: float | None = None
    kill_at: float | None = None
    stopping: bool = False
    leaving: bool = False
    killed: bool = False
    past_pids: list[int] = field(default_factory=list)

    @property
    def state(self) -> str:
        if self.pid is None:
            return "spawn scheduled" if self.next_start is not None else "not running"
        if self.killed:
            return "SIGKILLed"
        return "SIGTERMed" if self.stopping else "running"

    @property
    def throttle(self) -> float:
        seconds = float(self.plist.get("ThrottleInterval") or _DEFAULT_THROTTLE_S)
        return min(_LONGEST_THROTTLE_S, seconds * 2 ** max(0, self.short_failures - 1)) * self.scale

    @property
    def default_uid(self) -> int:
        return 0 if self.domain == "system" else int(self.domain.split("/")[1])

    @property
    def wants_start_at_load(self) -> bool:
        keep_alive = self.plist.get("KeepAlive")
        return bool(self.plist.get("RunAtLoad")) or bool(keep_alive)

    def start(self) -> None:
        self.next_start = None
        self.term_at = self.kill_at = None
        self.stopping = self.killed = False
        self.started = time.monotonic()
        self.runs += 1
        self.pid = spawn.start(self.plist, self.default_uid, read_mac()["job_fault"])

    def start_soon(self) -> None:
        """Start now, or when the throttle of the last start allows it."""
        if self.pid is None:
            earliest = self.started + self.throttle if self.runs else 0.0
            self.next_start = max(time.monotonic(), earliest)

    def stop(self) -> None:
        """Send SIGTERM, later when the Mac is ordered to be slow, and set the clock for SIGKILL."""
        if self.pid is None:
            self.next_start = None
            return
        if self.stopping:
            return
        self.stopping = True
        timeout = float(self.plist.get("ExitTimeOut", _DEFAULT_EXIT_TIMEOUT_S))
        self.term_at = time.monotonic() + float(read_mac()["drain_s"])
        self.kill_at = self.term_at + timeout if timeout > 0 else None
        self.tick(time.monotonic())

    def signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def tick(self, now: float) -> None:
        """Do what is due: the SIGTERM or SIGKILL of a stubborn process, a scheduled start."""
        if self.pid is not None and self.term_at is not None and now >= self.term_at:
            self.term_at = None
            self.signal(signal.SIGTERM)
        if self.pid is not None and self.kill_at is not None and now >= self.kill_at:
            self.kill_at = None
            self.killed = True
            self.signal(signal.SIGKILL)
        if self.pid is None and self.next_start is not None and now >= self.next_start and not self.leaving:
            self.start()

    def due(self) -> float | None:
        times = [moment for moment in (self.term_at, self.kill_at, self.next_start) if moment is not None]
        return min(times) if times else None

    def ended(self, raw_status: int) -> None:
        """Take note of the process's end, sweep its process group and decide about the next start."""
        pid, self.pid = self.pid, None
        self.raw_status = raw_status
        was_stopped, self.stopping, self.term_at, self.kill_at = self.stopping, False, None, None
        if not self.plist.get("AbandonProcessGroup"):
            _kill_group(pid)
        short = time.monotonic() - self.started < float(self.plist.get("ThrottleInterval") or _DEFAULT_THROTTLE_S) * self.scale
        self.short_failures = self.short_failures + 1 if short and raw_status != 0 and not was_stopped else 0
        if not self.leaving and self._runs_again():
            self.start_soon()
        elif not self.leaving and self.plist.get("StartInterval"):
            self.next_start = self.started + float(self.plist["StartInterval"]) * self.scale

    def _runs_again(self) -> bool:
        keep_alive = self.plist.get("KeepAlive")
        if not isinstance(keep_alive, dict):
            return bool(keep_alive)
        code, crashed = os.waitstatus_to_exitcode(self.raw_status), os.WIFSIGNALED(self.raw_status)
        wishes = []
        if "SuccessfulExit" in keep_alive:
            wishes.append(keep_alive["SuccessfulExit"] == (code == 0))
        if "Crashed" in keep_alive:
            wishes.append(keep_alive["Crashed"] == crashed)
        for path, wanted in keep_alive.get("PathState", {}).items():
            wishes.append(os.path.exists(path) == wanted)
        return any(wishes)


def _kill_group(pid: int | None) -> None:
    if pid:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
