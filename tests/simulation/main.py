# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs on simulated Macs with faults at random moments.

    run [--seed N] [--jobs M]    the same seed and number of jobs make the same choices

The log of what was done, with times, is tests/output/simulation/seed-N-jobs-M/log.jsonl. Exit code 0 only when nothing is wrong.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import pathlib
import shutil
import signal
import sys
import time
import typing as t

from tests.acceptance.fleet import ROOT
from tests.simulation import plan as plans
from tests.simulation import processes
from tests.simulation.bed import Bed, bed
from tests.simulation.faults import Faults, Missed
from tests.simulation.plays import Plays
from tests.simulation.referee import History, JobHistory, verdict
from tests.simulation.watch import Watch

OUTPUT = ROOT / "tests" / "output" / "simulation"
#: Jobs that wait beyond those that run; seconds without any progress at which a run is given up; seconds for what settles by itself.
WAITING, STUCK, SETTLING = 3, 300.0, 150.0
#: Seconds for which a fault waits for slots that have enough to do.
PATIENCE = 30.0

Json = dict[str, t.Any]


class Log:
    """One line of JSON for each thing that was done, and one for people."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._file = (folder / "log.jsonl").open("w")
        self._started = time.monotonic()

    def __call__(self, what: str, **fields: t.Any) -> None:
        at = round(time.monotonic() - self._started, 2)
        self._file.write(json.dumps({"at": at, "what": what, **fields}) + "\n")
        self._file.flush()
        shown = " ".join(f"{value}" for name, value in fields.items() if name != "said")
        print(f"{at:7.1f} {what:<7} {shown}"[:300], flush=True)


class Simulation:
    """One run on a bed that is ready."""

    def __init__(self, place: Bed, plan: plans.Plan, log: Log) -> None:
        self._bed, self._plan, self._log = place, plan, log
        self.history = History()
        self.watch = Watch(place, log, self.history.breaches)
        self.plays = Plays(place.fleet, log, self.history.breaches["play"])
        self._faults = Faults(place, self.watch, self.plays, self.history.blows)
        self.done: collections.Counter[str] = collections.Counter()
        self._queued: list[t.Any] = []
        place.ledger.on_begin = self._look_into_guest

    def run(self) -> None:
        self.watch.start()
        for number, fault in enumerate(self._plan.faults):
            self._feed(number, fault.pause)
            try:
                what = self._faults.happen(fault)
                self.done[fault.kind] += 1
            except Missed as missed:
                what = f"nothing: {missed}"
                self.done["that hit nothing"] += 1
            self._log("fault", kind=fault.kind, mac=fault.mac, slot=fault.slot, was=what)
        self._faults.end()
        self._finish()
        self.plays.wait()
        self._settle()
        self.watch.stop()
        self._gather()

    def _feed(self, faults: int, pause: float) -> None:
        """Queue jobs for at least so long, and until those that belong before the next fault are queued; a slow fleet is not waited for too long."""
        started = time.monotonic()
        while time.monotonic() - started < (PATIENCE if self._release(faults) else pause):
            time.sleep(0.1)

    def _release(self, faults: int) -> bool:
        """Queue what there is room for; whether jobs that should be queued by now are still held back."""
        due = self._plan.released(faults)
        waiting = sum(not job.runs for job in self._bed.ledger.unfinished())
        while len(self._queued) < due and waiting < WAITING + len(self._bed.slots()):
            wanted = self._plan.jobs[len(self._queued)]
            self._queued.append(self._bed.ledger.order(wanted.seconds, wanted.code, wanted.label))
            waiting += 1
        return len(self._queued) < due

    def _finish(self) -> None:
        """Wait for the jobs, as long as there is progress."""
        last, since = -1, time.monotonic()
        while self._release(len(self._plan.faults)) or self._bed.ledger.unfinished():
            ended = sum(bool(job.result) for job in self._queued)
            if ended != last:
                last, since = ended, time.monotonic()
            if time.monotonic() - since > STUCK:
                self._log("stuck", unfinished=len(self._bed.ledger.unfinished()))
                return
            time.sleep(0.2)

    def _settle(self) -> None:
        """Drain everything; what is left after a while is left behind."""
        self.plays.now("undrain")
        self.history.idle = self._without_work()
        if self.plays.now("drain"):
            self.history.breaches["play"].append("the last drain did not end well")
        deadline = time.monotonic() + SETTLING
        self.history.left = self.watch.left()
        while self.history.left and time.monotonic() < deadline:
            time.sleep(1)
            self.history.left = self.watch.left()
        self._log("settled", left=len(self.history.left), seconds=round(SETTLING - (deadline - time.monotonic()), 1))

    def _without_work(self) -> list[str]:
        """Slots that do not listen for jobs again after a while, and why."""
        deadline = time.monotonic() + SETTLING
        while True:
            records = {f"{mac} {slot}": self._record(mac, slot) for mac, slot in self._bed.slots()}
            found = [f"{place}: {record.get('state')}, {record.get('message')}" for place, record in records.items() if record.get("state") != "listening"]
            if not found or time.monotonic() > deadline:
                self._log("working", slots=len(records) - len(found), of=len(records))
                return found
            time.sleep(0.5)

    def _record(self, mac: str, slot: str) -> Json:
        path = self._bed.macs[mac].root / f"private/var/db/mac_runners/slots/{slot}/status.json"
        with contextlib.suppress(OSError, ValueError):
            return t.cast(Json, json.loads(path.read_text()))
        return {}

    def _look_into_guest(self, mark: Json) -> None:
        """A guest's processes are the Mac's: a job cannot see those of an earlier guest, the host can."""
        if not mark["guest"]:
            return
        mac = next(one for one in self._bed.macs.values() if mark["host"].startswith(one.name))
        slot = mark["guest"].rpartition("mac-runners-")[2]
        for process in processes.guests(processes.of_mac(mac.pid), slot):
            other = process.environment(processes.JOB)
            if other and other != str(mark["job"]):
                self.history.processes.append((mark["job"], int(other)))

    def _gather(self) -> None:
        for job in self._bed.ledger.jobs:
            seen = self._bed.ledger.seen[job.id]
            self.history.jobs.append(JobHistory(job.id, seen.wanted, job.result, tuple(job.runs), seen.taken, seen.ended, tuple(seen.begun())))
            self._log("job", number=job.id, result=job.result, wanted=seen.wanted, runner=" ".join(job.runs))

    def keep(self) -> None:
        """What explains a run: logs and records of the slots, what jobs said."""
        for name, mac in self._bed.macs.items():
            for path in [*mac.root.glob("private/var/log/mac_runners/slot.*"), *mac.root.glob("private/var/db/mac_runners/slots/*/status.json")]:
                shutil.copy(path, self._log.folder / f"{name}-{path.parent.name}-{path.name}")
        marks = {number: vars(seen) for number, seen in self._bed.ledger.seen.items()}
        (self._log.folder / "jobs.json").write_text(json.dumps({"seen": marks, "jobs": [job.document() for job in self._bed.ledger.jobs]}, indent=1))


def simulate(seed: int, jobs: int) -> int:
    """One run; the exit code."""
    log = Log(OUTPUT / f"seed-{seed}-jobs-{jobs}")
    started = time.monotonic()
    with bed() as place:
        if (site := place.fleet.play("site", rc=None)).rc:
            raise RuntimeError(f"site does not work without faults either:\n{site.text[-3000:]}")
        plan = plans.make(seed, jobs, place.slots())
        log("begin", seed=seed, jobs=jobs, faults=len(plan.faults), setup=round(time.monotonic() - started, 1))
        simulation = Simulation(place, plan, log)
        simulation.run()
        counters, violations = verdict(simulation.history)
        simulation.keep()
    counters |= {"seconds": round(time.monotonic() - started), "environments of docker seen": len(simulation.watch.environments)}
    counters |= {"looks": simulation.watch.looks, "  of which an engine was down": simulation.watch.blind}
    report = {"seed": seed, "counters": counters, "faults": dict(simulation.done), "plays": dict(simulation.plays.codes), "most": dict(simulation.watch.most)}
    (log.folder / "result.json").write_text(json.dumps({**report, "violations": violations}, indent=2) + "\n")
    show(report, violations)
    if violations:
        print(f"again: tests/simulation/run --seed {seed} --jobs {jobs}    what happened: {log.folder.relative_to(ROOT)}")
    return int(bool(violations))


def show(report: Json, violations: list[str]) -> None:
    for title in ("counters", "faults", "plays", "most"):
        print(f"\n{title}")
        for name, number in report[title].items():
            print(f"  {name:<34}{number:>8}")
    print()
    for violation in violations:
        print(f"WRONG: {violation}")


def main(arguments: t.Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/simulation/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=30)
    given = parser.parse_args(arguments)
    # Everything ends in the same way, whoever wants it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return simulate(given.seed, given.jobs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
