# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test orders: the next calls of a tool fail, dawdle, do half, die, or take their caller with them.

``faults.json`` is a list of {tool ("*": any), match: [leading arguments], skip (calls that are let through first, default 0), times (default 1), rc, stdout, stderr, delay_s, effect, kill_caller}.
effect: none (default: the tool does nothing), partial (it does its work, then answers as the fault says), crash (it is killed before
it does anything), delay (only ``delay_s``: then the tool works as usual).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable

from standins.call import STATE, Call

_FILE = f"{STATE}/faults.json"


def apply(call: Call, work: Callable[[], int]) -> int:
    """Run ``work``, or what the first matching fault says instead; returns the exit code."""
    fault = _take(call)
    if fault is None:
        return work()
    time.sleep(float(fault.get("delay_s", 0)))
    effect = fault.get("effect", "none")
    if effect == "crash":
        _kill_caller(fault)
        os.kill(os.getpid(), signal.SIGKILL)
    if effect in ("partial", "delay"):
        code = work()
        if effect == "delay":
            return code
    sys.stdout.write(fault.get("stdout", ""))
    sys.stdout.flush()
    sys.stderr.write(fault.get("stderr", ""))
    sys.stderr.flush()
    _kill_caller(fault)
    return int(fault.get("rc", 0))


def _kill_caller(fault: dict) -> None:
    if fault.get("kill_caller"):
        os.kill(os.getppid(), signal.SIGKILL)


def _take(call: Call) -> dict | None:
    """The first fault for this call, with its count taken down; None is the usual case and costs one stat."""
    try:
        if os.stat(_FILE).st_size <= 3:
            return None
        with open(_FILE, "r+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            return _take_from(stream, call)
    except OSError:
        return None


def _take_from(stream, call: Call) -> dict | None:
    faults = json.load(stream)
    for fault in faults:
        left = fault.setdefault("times", 1)
        match = fault.get("match", [])
        if left > 0 and fault["tool"] in (call.tool, "*") and call.argv[: len(match)] == match:
            skipped = fault.get("skip", 0) > 0
            fault["skip" if skipped else "times"] -= 1
            stream.seek(0)
            stream.truncate()
            json.dump(faults, stream)
            return None if skipped else fault
    return None
