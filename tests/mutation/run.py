# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mutation tests of the capacity core with mutmut, in a copy of the sources.

Usage: run.py [--jobs N] [--fresh] [--only-report]; writes tests/output/mutation/summary.json.
Exit code 0 when at least 95 % of the mutants are killed and each survivor is listed in SURVIVORS.md with a reason.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "mutation"
OUTPUT = ROOT / "tests" / "output" / "mutation"
TREE = OUTPUT / "tree"
COLLECTION = "ansible_collections/action_packer/mac_runners"
TOOL = ROOT / ".venv-mutation" / "bin"
WANTED = 95.0
KILLED = {"killed", "timeout", "caught by type check", "segfault"}
#: mutmut's codes for those that survived and those that no test reaches.
SURVIVED = {0, 33}

Diff = tuple[str, str, str]


def copy_sources() -> None:
    """What the tests need, in a layout in which a file's path is the name under which it is imported."""
    for source, target in (("plugins", f"{COLLECTION}/plugins"), ("tests/unit", "tests/unit"), ("tests/oracle", "tests/oracle")):
        shutil.rmtree(TREE / target, ignore_errors=True)
        shutil.copytree(ROOT / source, TREE / target, ignore=shutil.ignore_patterns("__pycache__", "test_oracle.py"))
    shutil.copy(HERE / "pyproject.toml", TREE / "pyproject.toml")


def judge_survivors_again() -> None:
    """mutmut judges anew only functions that changed; new tests may kill what survived before."""
    for path in TREE.glob("mutants/**/*.meta"):
        known = json.loads(path.read_text())
        codes = known["exit_code_by_key"]
        known["exit_code_by_key"] = {name: None if code in SURVIVED else code for name, code in codes.items()}
        path.write_text(json.dumps(known, indent=4))


def mutmut(*arguments: str, quiet: bool = False) -> str:
    """Output of a command of mutmut; errors end the run."""
    done = subprocess.run([str(TOOL / "mutmut"), *arguments], cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode and not quiet:
        sys.exit(f"error: mutmut {' '.join(arguments)}\n{done.stdout[-4000:]}")
    return done.stdout


def results() -> dict[str, str]:
    """What became of each mutant."""
    lines = (line.strip().rpartition(": ") for line in mutmut("results", "--all", "true").splitlines())
    return {name: verdict for name, _colon, verdict in lines if "__mutmut_" in name}


def diff_of(name: str) -> Diff:
    """The function, the lines taken out and the lines put in: what stays the same when mutants are numbered anew."""
    lines = [line for line in mutmut("show", name).splitlines() if re.match(r"[-+](?![-+])", line)]
    old, new = ("".join(" ".join(line[1:].split()) + " " for line in lines if line[0] == sign).strip() for sign in "-+")
    function = re.sub(r"^.*module_utils\.", "", name.partition("__mutmut_")[0])
    return function, old, new


def listed() -> set[Diff]:
    """The survivors that SURVIVORS.md gives a reason for."""
    text = (HERE / "SURVIVORS.md").read_text() if (HERE / "SURVIVORS.md").is_file() else ""
    found = re.findall(r"^### `(.+)`\n+```diff\n((?:[-+].*\n)+)```\n+(\S.*)", text, re.MULTILINE)
    diffs = set()
    for function, diff, _reason in found:
        lines = diff.splitlines()
        diffs.add((function, *(" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")))
    return diffs


def summary() -> dict[str, Any]:
    verdicts = results()
    survivors = {name: diff_of(name) for name, verdict in sorted(verdicts.items()) if verdict not in KILLED}
    known = listed()
    killed = len(verdicts) - len(survivors)
    return {
        "tool": mutmut("--version").strip(),
        "mutants": len(verdicts),
        "killed": killed,
        "of these by timeout": sum(verdict == "timeout" for verdict in verdicts.values()),
        "percent": round(100 * killed / max(1, len(verdicts)), 2),
        "survivors": [{"name": name, "verdict": verdicts[name], "function": d[0], "old": d[1], "new": d[2]} for name, d in survivors.items()],
        "unlisted": [f"{d[0]}: {d[1]} -> {d[2]}" for d in survivors.values() if d not in known],
        "listed but killed": [f"{d[0]}: {d[1]} -> {d[2]}" for d in sorted(known - set(survivors.values()))],
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget the verdicts of earlier runs")
    parser.add_argument("--only-report", action="store_true", help="no new run, only the verdicts of the last")
    given = parser.parse_args(arguments)
    if not given.only_report:
        if given.fresh:
            shutil.rmtree(TREE, ignore_errors=True)
        TREE.mkdir(parents=True, exist_ok=True)
        copy_sources()
        judge_survivors_again()
        print("mutation: running mutmut, for half an hour or so", flush=True)
        (OUTPUT / "mutmut.log").write_text(mutmut("run", "--max-children", str(given.jobs)))
    found = summary()
    (OUTPUT / "summary.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"mutation: {found['killed']} of {found['mutants']} mutants killed ({found['percent']} %)")
    for title in ("unlisted", "listed but killed"):
        for line in found[title]:
            print(f"  {title}: {line}")
    return 0 if found["percent"] >= WANTED and not found["unlisted"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
