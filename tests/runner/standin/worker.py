# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""bin/Runner.Worker FOLDER: runs the steps of the job on standard input as processes, and tells how that went.

What a job leaves behind is left behind: to clean up is the work of the environment.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import typing as t

from standin.root import Json, Root


class Cancelled(BaseException):
    """SIGTERM."""


def _cancelled(_number: int, _frame: t.Any) -> None:
    raise Cancelled


def main(argv: t.Sequence[str]) -> int:
    if len(argv) != 1:
        print("usage: Runner.Worker FOLDER", file=sys.stderr)
        return 64
    signal.signal(signal.SIGTERM, _cancelled)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    root = Root(pathlib.Path(sys.argv[0]).resolve().parents[1])
    job = json.load(sys.stdin)
    result = _run(job, pathlib.Path(argv[0]))
    root.log("Worker", f"job {job['name']}: {result['result']}")
    json.dump(result, sys.stdout)
    return 0


def _run(job: Json, folder: pathlib.Path) -> Json:
    environment = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_JOB": str(job["name"]), "RUNNER_TRACKING_ID": f"github_{job['id']}"}
    output = ""
    try:
        for argv in _steps(job):
            done = subprocess.run(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            output += done.stdout.decode("utf-8", "replace")
            if done.returncode:
                return {"result": "Failed", "output": output}
    except Cancelled:
        return {"result": "Canceled", "output": output}
    return {"result": "Succeeded", "output": output}


def _steps(job: Json) -> t.List[t.List[str]]:
    """With the hooks of whoever set this runner up, which are part of the job."""
    steps = [["/bin/sh", "-e", "-c", step] for step in job["steps"]]
    before, after = (os.environ.get(f"ACTIONS_RUNNER_HOOK_JOB_{when}") for when in ("STARTED", "COMPLETED"))
    return [["/bin/sh", "-e", before]] * bool(before) + steps + [["/bin/sh", "-e", after]] * bool(after)  # type: ignore[list-item]
