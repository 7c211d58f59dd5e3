# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs and their own witness: each execution of a job's steps tells the ledger where it is and what it found there."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from double.broker import Broker, Job
from double.state import Json, Runner

#: Runs in the environment. It tells of every mark of another job, leaves marks and a process of its own, and tells when it is done.
SCRIPT = r"""
import glob, json, os, subprocess, sys, time, urllib.request
number, seconds, code, url = {number}, {seconds}, {code}, "{url}"
word, home = os.urandom(8).hex(), os.path.expanduser("~")
def tell(what, **more):
    body = json.dumps({{"job": number, "word": word, "what": what, **more}}).encode()
    for _attempt in range(5):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30).read()
        except OSError:
            time.sleep(1)
def environment(path):
    try:
        with open(path, "rb") as file:
            return [part.decode() for part in file.read().split(b"\0") if part.startswith(b"SIMULATED_JOB=")]
    except OSError:
        return []
found = sorted(os.path.basename(path) for path in glob.glob(home + "/simulated-job-*"))
found += [part for path in glob.glob("/proc/[0-9]*/environ") for part in environment(path)]
place = os.stat(home)
tell("begin", found=found, host=os.uname().nodename, home=home, inode=place.st_ino, guest=os.environ.get("MACSIM_GUEST", ""))
try:
    with open(home + "/simulated-job-%d" % number, "w") as file:
        file.write(word)
    left = dict(os.environ, SIMULATED_JOB=str(number))
    subprocess.Popen(["sleep", "86400"], env=left, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
except OSError as error:
    tell("trouble", text=str(error))
    sys.exit(3)
time.sleep(seconds)
tell("end")
sys.exit(code)
"""


@dataclasses.dataclass
class Seen:
    """What the ledger knows of a job; times are of time.monotonic(), 0 when it did not come to that."""

    wanted: str
    seconds: float = 0.0
    taken: float = 0.0
    ended: float = 0.0
    marks: list[Json] = dataclasses.field(default_factory=list)

    def begun(self) -> list[Json]:
        """One entry for each time that its steps began."""
        return [mark for mark in self.marks if mark["what"] == "begin"]


class Ledger(Broker):
    """The broker, which notes times and what jobs tell."""

    def __init__(self, *arguments: t.Any) -> None:
        self.seen: dict[int, Seen] = {}
        #: Called with each mark that came, outside the lock.
        self.on_begin: t.Callable[[Json], None] = lambda _mark: None
        super().__init__(*arguments)

    def order(self, seconds: float, code: int, label: str) -> Job:
        """A job that takes so long and ends with this exit code."""
        with self.github.lock:
            number = len(self.jobs) + 1
            script = SCRIPT.format(number=number, seconds=seconds, code=code, url=f"{self.url}/mark")
            job = Job(number, f"job-{number}", [f"python3 - <<'SCRIPT'\n{script}\nSCRIPT"], [label])
            self.seen[number] = Seen("Failed" if code else "Succeeded", seconds)
            self.jobs.append(job)
        return job

    def answer(self, method: str, path: str, query: Json, key: str, body: Json) -> tuple[int, Json | None]:
        if path != "/mark":
            return super().answer(method, path, query, key, body)
        with self.github.lock:
            if body["job"] in self.seen:
                self.seen[body["job"]].marks.append({**body, "time": time.monotonic()})
        if body["what"] == "begin":
            self.on_begin(body)
        return 200, {}

    def _post_run_acquirejob(self, runner: Runner, query: Json, body: Json) -> tuple[int, Json | None]:
        answer = super()._post_run_acquirejob(runner, query, body)
        if answer[0] == 200:
            self.seen[int(body["jobMessageId"])].taken = time.monotonic()
        return answer

    def tidy(self) -> None:
        """A job whose runner GitHub knows no more is lost, like one whose runner fell silent."""
        super().tidy()
        for job in self.jobs:
            if job.runs and not job.result and job.offered and job.offered[0] not in self.scope.runners:
                job.result = "Lost"
            if job.result and not self.seen[job.id].ended:
                self.seen[job.id].ended = time.monotonic()

    def unfinished(self) -> list[Job]:
        """Jobs without an end, those that nobody has yet too."""
        with self.github.lock:
            self.tidy()
            return [job for job in self.jobs if not job.result]
