# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test orders: the next calls of a tool fail, dawdle, do half, die, or take their caller with them.

``faults.json`` is a list of {tool ("*": any), match: [leading arguments, "*": any], skip (calls that are let through first, default 0),
times (default 1), rc, stdout, stderr, delay_s, effect, kill_caller, cut_ssh}.
effect: none (default: the tool does nothing), partial (it does its work, then answers as the fault says), crash (it is killed before
it does anything), delay (only ``delay_s``: then the tool works as usual). cut_ssh ends the connection through which the call came.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

from standins.call import PROC, STATE, Call

_FILE = f"{STATE}/faults.json"


def apply(call: Call, work: Callable[[], int]) -> int:
    """Run ``work``, or what the first matching fault says instead; returns the exit code."""
    fault = _take(call)
    if fault is None:
        return work()
    time.sleep(float(fault.get("delay_s", 0)))
    effect = fault.get("effect", "none")
    if effect == "crash":
        _take_along(fault)
        os.kill(os.getpid(), signal.SIGKILL)
    if effect in ("partial", "delay"):
        code = work()
        if effect == "delay":
            _take_along(fault)
            return code
    sys.stdout.write(fault.get("stdout", ""))
    sys.stdout.flush()
    sys.stderr.write(fault.get("stderr", ""))
    sys.stderr.flush()
    _take_along(fault)
    return int(fault.get("rc", 0))


def _take_along(fault: dict) -> None:
    """Let launchd, which is root, kill who called, or the processes of sshd above this one."""
    # Every call of every tool comes through this module, and hardly one comes here.
    from standins.launchctl import ask  # noqa: PLC0415

    above = list(_ancestors(os.getppid()))
    pids = []
    if fault.get("kill_caller"):
        # Who called through sudo is meant, not sudo.
        pids += [next(pid for pid, name in above if name != "sudo")]
    if fault.get("cut_ssh"):
        pids += [pid for pid, name in above if name.startswith("sshd")]
    if pids:
        ask("take_along", pids=pids)


def _ancestors(pid: int) -> Iterator[tuple[int, str]]:
    while pid > 1:
        with open(f"{PROC}/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            name, fields = stream.read().partition("(")[2].rsplit(")", 1)
        yield pid, name
        pid = int(fields.split()[1])


def _matches(fault: dict, call: Call) -> bool:
    words = fault.get("match", [])
    pairs = zip(words, call.argv)
    return fault["tool"] in (call.tool, "*") and len(words) <= len(call.argv) and all(word in (given, "*") for word, given in pairs)


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
        if left > 0 and _matches(fault, call):
            skipped = fault.get("skip", 0) > 0
            fault["skip" if skipped else "times"] -= 1
            stream.seek(0)
            stream.truncate()
            json.dump(faults, stream)
            return None if skipped else fault
    return None
