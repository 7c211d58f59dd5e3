# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The long versions of all proofs, one after the other.

Progress and results stand in tests/output/soak/results.json: for each part the commit, its seeds or counts, what is done, and failures,
each with the command that shows it again. A part that was ended goes on where it was, as long as its sources and arguments are the same.
Exit code 0 only when every chosen part is finished without a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output" / "soak"
RESULTS = OUTPUT / "results.json"
BLOCK = 20_000
MOST_FAILURES = 20
SIMULATED_JOBS = 200
SOURCES = ("plugins", "roles", "playbooks", "tests")
CORE = (":(glob)plugins/module_utils/*.py", "plugins/module_utils/_capacity", "plugins/filter", "plugins/plugin_utils", "tests/oracle")
sys.path[:0] = [str(ROOT), str(ROOT / ".ansible" / "collections")]

Record = dict[str, Any]
Save = Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Part:
    """A proof: how it is run, the arguments that it depends on, what it proves and is made of."""

    run: Callable[[Record, argparse.Namespace, Save], None]
    arguments: tuple[str, ...] = ()
    sources: tuple[str, ...] = SOURCES


def told(name: str, record: Record) -> str:
    """How far a part is; one that has no number of rounds does all that there is in one."""
    rounds = f"{record['done']} of {record['wanted']}" if record["wanted"] else "all"
    return f"{name}: {rounds}, {len(record['failures'])} failures"


@dataclasses.dataclass(frozen=True)
class Repeated:
    """A file of pytest that repeats what it does as often as an environment variable says, in portions after which progress is kept.

    A portion of 0: all in one run of pytest. Times 0: what the tests make of it, as a rule everything there is. ``docker``: it wants an
    engine of its own; ``marked``: which of the tests, as pytest takes it.
    """

    name: str
    path: str
    variable: str
    times: int
    portion: int = 0
    docker: bool = False
    marked: str = "not long"

    def run(self, record: Record, given: argparse.Namespace, save: Save) -> None:
        wanted = record["wanted"] = getattr(given, self.name)
        while not record["failures"] and (record["done"] < wanted or "output" not in record):
            times = min(self.portion or wanted, wanted - record["done"])
            log = OUTPUT / f"{self.name}-{record['done']}.log"
            # The time limit of the gate is for its few repetitions.
            command = [".venv/bin/python", "-m", "pytest", "-q", "-s", "--timeout=7200", "-m", self.marked, self.path]
            command = ["tests/gate/with_docker", *command] if self.docker else command
            with log.open("w") as file:
                code = exit_code(command, env={**os.environ, self.variable: str(times)}, stdout=file, stderr=file)
            record["output"] = str(log.relative_to(ROOT))
            if code:
                what = f"after {record['done']}: exit code {code}, see {record['output']}"
                record["failures"].append({"what": [what], "replay": f"{self.variable}={times} {' '.join(command)}"})
            else:
                record["done"] += times
            save()
            print(told(self.name, record), flush=True)


# A part that is a file of tests is a line here, and one in README.md.
REPEATED = (
    Repeated("races", "tests/acceptance/test_races.py", "MAC_RUNNERS_RACES", 100, 10),
    Repeated("kills", "tests/acceptance/test_kills.py", "MAC_RUNNERS_KILLS", 0),
    Repeated("long", "tests/acceptance", "MAC_RUNNERS_LONG", 1, marked="long"),
    Repeated("slots", "tests/slot/kills", "MAC_RUNNERS_SLOT_KILLS", 0, docker=True),
    Repeated("accounts", "tests/macsim_integration/test_runner_accounts.py", "MAC_RUNNERS_ACCOUNT_ROUNDS", 200),
    Repeated("jails", "tests/unit/plugins/module_utils/_jails/test_jails_killed.py", "MAC_RUNNERS_JAIL_ROUNDS", 200),
    Repeated("policies", "tests/seatbelt/test_seatbelt.py", "SEATBELT_POLICIES", 10_000),
)


def exit_code(command: list[str], **options: Any) -> int:
    """Run a command to its end; what ends this program ends it too, and all of its group."""
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **options) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.rstrip()


def fleets(record: Record, given: argparse.Namespace, save: Save) -> None:
    """Oracle against core, in blocks of seeds."""
    from tests.oracle import compare  # noqa: PLC0415  it imports the collection, which the other parts do not need

    record["first_seed"], record["wanted"] = given.seed, given.fleets
    while record["done"] < given.fleets and len(record["failures"]) < MOST_FAILURES:
        first, count = given.seed + record["done"], min(BLOCK, given.fleets - record["done"])
        for seed, found in compare.compare(first, count, given.jobs):
            record["failures"].append({"seed": seed, "what": found, "replay": compare.command(seed)})
        record["done"] += count
        save()
        print(f"oracle: {record['done']} of {given.fleets} fleets, {len(record['failures'])} disagreements", flush=True)


def mutation(record: Record, given: argparse.Namespace, save: Save) -> None:
    """Mutants of the capacity core that the tests do not kill; those that are known to be equivalent are no failures."""
    record["wanted"] = 1
    command = ["tests/mutation/run", "--jobs", str(given.jobs)]
    code = exit_code(command)
    summary = ROOT / "tests" / "output" / "mutation" / "summary.json"
    record["summary"] = json.loads(summary.read_text()) if summary.is_file() else {}
    if code:
        record["failures"].append({"what": record["summary"].get("unlisted") or [f"exit code {code}"], "replay": " ".join(command)})
    record["done"] = 1
    save()


def simulation(record: Record, given: argparse.Namespace, save: Save) -> None:
    """Jobs with faults at random moments, one seed after the other; a seed that failed is no end."""
    record["first_seed"], record["wanted"] = given.seed, given.simulation
    while record["done"] < given.simulation and len(record["failures"]) < MOST_FAILURES:
        seed = given.seed + record["done"]
        command = ["tests/simulation/run", "--seed", str(seed), "--jobs", str(SIMULATED_JOBS)]
        code = exit_code(command)
        result = ROOT / "tests" / "output" / "simulation" / f"seed-{seed}-jobs-{SIMULATED_JOBS}" / "result.json"
        known_of: Record = json.loads(result.read_text()) if result.is_file() else {}
        record.setdefault("counters", {})[str(seed)] = known_of.get("counters")
        if code:
            record["failures"].append({"seed": seed, "what": known_of.get("violations") or [f"exit code {code}"], "replay": " ".join(command)})
        record["done"] += 1
        save()
        print(f"simulation: {record['done']} of {given.simulation} seeds, {len(record['failures'])} failures", flush=True)


def rounds(record: Record, given: argparse.Namespace, save: Save) -> None:
    """The steps of the gate with processes, mounts and containers, again and again, with nothing left behind."""
    record["wanted"] = f"{given.minutes} minutes"
    record.setdefault("seconds", 0)
    while record["seconds"] < given.minutes * 60 and not record["failures"]:
        started = time.monotonic()
        code = exit_code(["tests/soak/round"])
        if code:
            record["failures"].append({"what": [f"round {record['done'] + 1}: exit code {code}"], "replay": "tests/soak/round"})
        record["done"] += 1
        record["seconds"] += round(time.monotonic() - started)
        save()
        print(f"rounds: {record['done']}, {record['seconds'] // 60} of {given.minutes} minutes", flush=True)


PARTS = {
    "oracle": Part(fleets, ("seed", "fleets"), CORE),
    "mutation": Part(mutation, (), (*CORE, "tests/unit/plugins/module_utils", "tests/mutation")),
    **{repeated.name: Part(repeated.run, (repeated.name,)) for repeated in REPEATED},
    "simulation": Part(simulation, ("seed", "simulation")),
    "rounds": Part(rounds, ("minutes",)),
}
#: Parts that are done so often, and how often.
COUNTED = {**{repeated.name: repeated.times for repeated in REPEATED}, "simulation": 3}


def count_of_a_part(text: str) -> tuple[str, int]:
    name, _sign, number = text.partition("=")
    if name not in COUNTED or not number.isdigit():
        raise argparse.ArgumentTypeError(f"got {text}; allowed: PART=NUMBER, where PART is one of {', '.join(COUNTED)}")
    return name, int(number)


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The long versions of all proofs.", prog="make soak")
    parser.add_argument("--parts", default=",".join(PARTS), help="of: " + ", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed of the fleets at random and of the simulation")
    parser.add_argument("--fleets", type=int, default=1_000_000, help="how many fleets oracle and core judge")
    defaults = ", ".join(f"{name}={times}" for name, times in COUNTED.items())
    parser.add_argument("--count", dest="counts", type=count_of_a_part, action="append", metavar="PART=NUMBER", help=f"how often: {defaults}")
    parser.add_argument("--minutes", type=int, default=int(os.environ.get("SOAK_MINUTES", "60")), help="how long rounds of the gate go on")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has done")
    given = parser.parse_args(arguments)
    for name, times in [*COUNTED.items(), *(given.counts or ())]:
        setattr(given, name, times)
    given.parts = given.parts.split(",")
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return given


def digest(paths: tuple[str, ...]) -> str:
    """Of the files that git knows or would take, as they are in the working tree."""
    listed = git("ls-files", "-co", "--exclude-standard", "-z", "--", *paths).split("\0")
    found = hashlib.sha256()
    for name in sorted(filter(None, listed)):
        path = ROOT / name
        found.update(f"{name}\0".encode() + (path.read_bytes() if path.is_file() else b"") + b"\0")
    return found.hexdigest()


def begun(part: Part, given: argparse.Namespace) -> Record:
    """The record of a part in which nothing is done yet."""
    return {
        "commit": git("rev-parse", "HEAD"),
        "changed_files": git("status", "--porcelain", "--", *part.sources).splitlines(),
        "sources": digest(part.sources),
        "arguments": {name: getattr(given, name) for name in part.arguments},
        "done": 0,
        "failures": [],
    }


def known(given: argparse.Namespace) -> Record:
    """What earlier runs have recorded."""
    with contextlib.suppress(OSError, ValueError):
        results: Record = json.loads(RESULTS.read_text())
        if not given.fresh and isinstance(results.get("parts"), dict):
            return results
    return {"parts": {}}


def write(results: Record) -> None:
    temporary = RESULTS.with_suffix(".new")
    temporary.write_text(json.dumps(results, indent=2) + "\n")
    temporary.replace(RESULTS)


def is_finished(record: Record) -> bool:
    return bool(record.get("finished")) and not record["failures"]


def prove(name: str, results: Record, given: argparse.Namespace) -> None:
    """Run a part, or what is left of it."""
    fresh, record = begun(PARTS[name], given), results["parts"].get(name, {})
    same = all(record.get(field) == fresh[field] for field in ("sources", "arguments"))
    if same and is_finished(record):
        print(f"{name}: finished before", flush=True)
        return
    if not same or record.get("finished"):
        record = results["parts"][name] = fresh
    started = time.monotonic()
    PARTS[name].run(record, given, lambda: write(results))
    record["spent_seconds"] = record.get("spent_seconds", 0) + round(time.monotonic() - started)
    record["finished"] = True
    write(results)


def main(arguments: list[str]) -> int:
    given = parsed(arguments)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with (OUTPUT / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("error: another soak is under way here", file=sys.stderr)
            return 2
        results = known(given)
        for name in given.parts:
            prove(name, results, given)
        chosen = {name: results["parts"][name] for name in given.parts}
    for name, record in chosen.items():
        print(told(name, record))
        for failure in record["failures"]:
            print(f"  {'; '.join(failure['what'])}\n  again: {failure['replay']}")
    print(f"results: {RESULTS.relative_to(ROOT)}")
    return 0 if all(is_finished(record) for record in chosen.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
