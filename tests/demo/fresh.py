# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the jobs of the demo and says whether each had an environment of its own; exit code 1 when one had not."""

from __future__ import annotations

import json
import re
import sys

JOBS = 6
_FOUND = re.compile(r"^found: *(\d+) files, *(\d+) processes, *(\d*) settings$", re.MULTILINE)
CLEAN, LEFT = (0, 0, 0), (1, 1, 1)


def looks(output: str) -> list[tuple[int, ...]]:
    return [tuple(int(number or 0) for number in found) for found in _FOUND.findall(output)]


def main() -> int:
    jobs = [json.loads(line) for line in sys.stdin]
    wrong = [f"{len(jobs)} jobs instead of {JOBS}"] * (len(jobs) != JOBS)
    for job in jobs:
        if (job["result"], len(job["runs"])) != ("Succeeded", 1):
            wrong.append(f"{job['name']}: {job['result']} on {job['runs']}")
        if looks(job["output"]) != [CLEAN, LEFT]:
            wrong.append(f"{job['name']} found before and after what it left itself (files, processes, settings): {looks(job['output'])}: {job['output']!r}")
    runners = {name for job in jobs for name in job["runs"]}
    if len(runners) != len(jobs):
        wrong.append("a runner had more than one job")
    print("\n".join(wrong) or f"{len(jobs)} jobs on {len(runners)} runners; none found a file, a process or a setting of another.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
