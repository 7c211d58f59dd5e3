# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The long versions of all proofs, one after the other.

Progress and results stand in tests/output/soak/results.json: the commit, and for each part its seeds, counts and failures, each with
the command that shows it again. A run that was ended goes on where it was, as long as commit and arguments are the same.
Exit code 0 only when every chosen part is finished without a failure.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
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
sys.path[:0] = [str(ROOT), str(ROOT / ".ansible" / "collections")]

Record = dict[str, Any]
Save = Callable[[], None]


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.rstrip()


def fleets(record: Record, given: argparse.Namespace, save: Save) -> None:
    """Oracle against core, in blocks of seeds."""
    from tests.oracle import compare  # noqa: PLC0415  it imports the collection, which the other parts do not need

    record.setdefault("first_seed", given.seed)
    record["wanted"] = given.fleets
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
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    summary = ROOT / "tests" / "output" / "mutation" / "summary.json"
    record["summary"] = json.loads(summary.read_text()) if summary.is_file() else {}
    if code:
        record["failures"].append({"what": record["summary"].get("unlisted") or [f"exit code {code}"], "replay": " ".join(command)})
    record["done"] = 1


def rounds(record: Record, given: argparse.Namespace, save: Save) -> None:
    """The steps of the gate with processes, mounts and containers, again and again, with nothing left behind."""
    record["wanted"] = f"{given.minutes} minutes"
    record.setdefault("seconds", 0)
    while record["seconds"] < given.minutes * 60 and not record["failures"]:
        started = time.monotonic()
        code = subprocess.run(["tests/soak/round"], cwd=ROOT, check=False).returncode
        if code:
            record["failures"].append({"what": [f"round {record['done'] + 1}: exit code {code}"], "replay": "tests/soak/round"})
        record["done"] += 1
        record["seconds"] += round(time.monotonic() - started)
        save()
        print(f"rounds: {record['done']}, {record['seconds'] // 60} of {given.minutes} minutes", flush=True)


PARTS: dict[str, Callable[[Record, argparse.Namespace, Save], None]] = {"oracle": fleets, "mutation": mutation, "rounds": rounds}


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The long versions of all proofs.", prog="make soak")
    parser.add_argument("--parts", default=",".join(PARTS), help="of: " + ", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=1_000_000, help="the first seed of the fleets at random")
    parser.add_argument("--fleets", type=int, default=1_000_000, help="how many fleets oracle and core judge")
    parser.add_argument("--minutes", type=int, default=int(os.environ.get("SOAK_MINUTES", "60")), help="how long rounds of the gate go on")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has done")
    given = parser.parse_args(arguments)
    given.parts = given.parts.split(",")
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return given


def earlier(given: argparse.Namespace) -> Record:
    """What an earlier run of the same commit and arguments has done, or an empty record."""
    identity = {
        "commit": git("rev-parse", "HEAD"),
        "changed_files": git("status", "--porcelain", "--untracked-files=no", "--", "plugins").splitlines(),
        "arguments": {name: getattr(given, name) for name in ("seed", "fleets", "minutes")},
    }
    with contextlib.suppress(OSError, ValueError):
        known: Record = json.loads(RESULTS.read_text())
        if not given.fresh and all(known.get(name) == value for name, value in identity.items()):
            return known
    return {**identity, "parts": {}}


def write(results: Record) -> None:
    temporary = RESULTS.with_suffix(".new")
    temporary.write_text(json.dumps(results, indent=2) + "\n")
    temporary.replace(RESULTS)


def is_finished(record: Record) -> bool:
    return bool(record.get("finished")) and not record["failures"]


def main(arguments: list[str]) -> int:
    given = parsed(arguments)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with (OUTPUT / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("error: another soak is under way here", file=sys.stderr)
            return 2
        results = earlier(given)
        for name in given.parts:
            record = results["parts"].get(name, {})
            if is_finished(record):
                print(f"{name}: finished before", flush=True)
                continue
            if not record or record.get("finished"):
                record = results["parts"][name] = {"done": 0, "failures": []}
            started = time.monotonic()
            PARTS[name](record, given, lambda: write(results))
            record["spent_seconds"] = record.get("spent_seconds", 0) + round(time.monotonic() - started)
            record["finished"] = True
            write(results)
        chosen = {name: results["parts"][name] for name in given.parts}
    for name, record in chosen.items():
        print(f"{name}: {record['done']} of {record['wanted']}, {len(record['failures'])} failures")
        for failure in record["failures"]:
            print(f"  {'; '.join(failure['what'])}\n  again: {failure['replay']}")
    print(f"results: {RESULTS.relative_to(ROOT)}")
    return 0 if all(is_finished(record) for record in chosen.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
