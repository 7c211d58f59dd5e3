# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs steps of the gate, two at a time, and says at the end what passed.

Usage: run.py --all | --quick | --list | STEP...
The output of each step is kept in tests/output/gate/STEP.log. Exit code 0 only when every step passed.
Whatever ends this program, SIGKILL included, ends its steps and their children too.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

GATE = pathlib.Path(__file__).resolve().parent
OUTPUT = GATE.parent / "output" / "gate"
PARALLEL = 2
GRACE_SECONDS = 15.0
SHOWN_LINES = 30
TALLY = re.compile(r"^gate: (\d+) passed, (\d+) failed, (\d+) skipped$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Step:
    """One file in steps/; minutes is where it is given up."""

    name: str
    minutes: int
    quick: bool = False


# The cheap ones first, so that a plain mistake is seen at once; then the longest, so that both lanes end together.
STEPS = (
    Step("unit", 5, quick=True),
    Step("unit-39", 5, quick=True),
    Step("house", 2, quick=True),
    Step("types", 5, quick=True),
    Step("lint", 5, quick=True),
    Step("sanity", 15),
    Step("oracle", 5),
    Step("github", 5),
    Step("prism", 10),
    Step("playbooks", 10),
    Step("docs", 5),
    Step("cores", 10),
    Step("acceptance", 30),
    Step("runners", 30),
    Step("slot", 20),
    Step("macsim", 20),
    Step("simulation", 15),
    Step("integration", 20),
    Step("molecule", 20),
    Step("package", 5),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """How a step ended; the counts are of single tests."""

    step: Step
    seconds: float
    verdict: str
    passed: int
    failed: int
    skipped: int

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"


@dataclasses.dataclass
class Running:
    """A step under way, the leader of a process group of its own."""

    step: Step
    process: subprocess.Popen[bytes]
    started: float

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started


def log_of(step: Step) -> pathlib.Path:
    return OUTPUT / f"{step.name}.log"


def group_lives(group: int, number: int = 0) -> bool:
    """Sends a signal (0: none) to a process group; False when there is nobody left to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end_group(group: int, reap: Callable[[], object] = lambda: None) -> None:
    """Ends a process group: asks first, so that traps can clean up, then kills what is left of it.

    reap collects its leader when that is our child: a group with an uncollected member still counts as alive.
    """
    deadline = time.monotonic() + GRACE_SECONDS
    alive = group_lives(group, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        reap()
        alive = group_lives(group)
    if alive:
        group_lives(group, signal.SIGKILL)


def start_guardian() -> int:
    """Forks a process that ends the step groups once this one is gone. Returns the file descriptor that takes '+GROUP' and '-GROUP'."""
    read_end, write_end = os.pipe()
    if os.fork() != 0:
        os.close(read_end)
        return write_end
    os.close(write_end)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    groups: set[int] = set()
    with os.fdopen(read_end, encoding="ascii") as orders:
        for order in orders:
            (groups.add if order[0] == "+" else groups.discard)(int(order[1:]))
    for group in groups:
        end_group(group)
    os._exit(0)


def start(step: Step, guardian: int) -> Running:
    print(f"start  {step.name}", flush=True)
    with log_of(step).open("wb") as log:
        process = subprocess.Popen(
            [str(GATE / "steps" / step.name)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    os.write(guardian, f"+{process.pid}\n".encode())
    return Running(step, process, time.monotonic())


def judge(running: Running, returncode: int | None) -> Result:
    """returncode None: given up."""
    counts = [tuple(map(int, found)) for found in TALLY.findall(log_of(running.step).read_text(errors="replace"))]
    passed, failed, skipped = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    if not counts:
        passed = int(returncode == 0)
    # A step that found nothing to test has not passed.
    if returncode == 0 and failed == 0 and passed > 0:
        verdict = "ok"
    else:
        verdict = "FAILED" if returncode is not None else f"given up after {running.step.minutes} min"
        failed = max(failed, 1)
    return Result(running.step, running.seconds, verdict, passed, failed, skipped)


def finished(running: list[Running], guardian: int) -> list[Result]:
    """Takes the steps that have ended, or have had their time, out of the list."""
    results = []
    for item in list(running):
        returncode = item.process.poll()
        late = item.seconds > item.step.minutes * 60
        if returncode is None and not late:
            continue
        result = judge(item, returncode)
        end_group(item.process.pid, item.process.poll)
        item.process.wait()
        os.write(guardian, f"-{item.process.pid}\n".encode())
        running.remove(item)
        results.append(result)
    return results


def run(steps: Sequence[Step]) -> list[Result]:
    guardian = start_guardian()
    waiting, running, results = list(steps), list[Running](), list[Result]()
    try:
        while waiting or running:
            while waiting and len(running) < PARALLEL:
                running.append(start(waiting.pop(0), guardian))
            for result in finished(running, guardian):
                print(f"{'ok' if result.ok else 'FAILED':<6} {result.step.name} ({result.seconds:.0f} s)", flush=True)
                results.append(result)
            time.sleep(0.1)
    finally:
        for item in running:
            end_group(item.process.pid, item.process.poll)
    return results


def report(results: Sequence[Result]) -> str:
    lines = []
    for result in results:
        if not result.ok:
            tail = log_of(result.step).read_text(errors="replace").splitlines()[-SHOWN_LINES:]
            lines += ["", f"---- {result.step.name}: the last lines of {os.path.relpath(log_of(result.step))}", *tail]
    lines += ["", f"{'step':<14}{'seconds':>8}{'passed':>8}{'failed':>8}{'skipped':>8}  result"]
    for result in sorted(results, key=lambda one: STEPS.index(one.step)):
        lines.append(
            f"{result.step.name:<14}{result.seconds:>8.1f}{result.passed:>8}{result.failed:>8}{result.skipped:>8}  {result.verdict}"
        )
    lines += ["", f"{sum(one.passed for one in results)} passed, {sum(one.failed for one in results)} failed"]
    return "\n".join(lines)


def chosen(arguments: Sequence[str]) -> list[Step]:
    if list(arguments) == ["--all"]:
        return list(STEPS)
    if list(arguments) == ["--quick"]:
        return [step for step in STEPS if step.quick]
    by_name = {step.name: step for step in STEPS}
    unknown = [name for name in arguments if name not in by_name]
    if unknown or not arguments:
        raise SystemExit(f"usage: run --all | --quick | --list | STEP...; the steps: {', '.join(by_name)}; given: {' '.join(arguments) or 'nothing'}")
    return [by_name[name] for name in arguments]


def interrupted(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--list"]:
        print("\n".join(step.name for step in STEPS))
        return 0
    steps = chosen(arguments)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    results = run(steps)
    print(report(results))
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
