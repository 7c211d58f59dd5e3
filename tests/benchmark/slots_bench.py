# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What slots cost: between two jobs, and while they wait. The program runs on the bare Python 3.9 of a Mac, as launchd starts it.

Between two jobs: from the moment in which GitHub has a job's end to the one in which the slot says that it listens again, less what
the isolation docker takes for its own calls (observe, prepare, start, destroy) in the same stretch. The runner's own end and start stay in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), *(str(ROOT / "tests" / folder) for folder in ("slot", "integration", "github", "runner"))]

import engine  # noqa: E402
import image  # noqa: E402
from double.broker import Broker, Job  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from forward import GATEWAY, PORT, forwarding  # noqa: E402
from mac import POOL, Mac  # noqa: E402
from tart_mac import SEED, SHARE, TartMac, provide  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program import build  # noqa: E402
from tests.macsim.pytest_plugin import boot  # noqa: E402

JOBS = 15
SLOTS = 15
#: Seconds for which idle slots are watched.
WATCHED = 30.0
#: kB of memory that a waiting slot may hold: what a bare supervisor costs, less 5 %.
MOST_KB = 12 * 1024 * 0.95
POOLS = [{**POOL, "count": SLOTS, "memory": "64MiB"}]

Figure = tuple[str, float, float]


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with tempfile.TemporaryDirectory(prefix="slots-bench-") as folder:
        path = pathlib.Path(folder)
        program = path / "slot.pyz"
        program.write_bytes(build(ROOT))
        subprocess.run([python_of_a_mac(), "-I", str(program), "compile"], check=True)
        with _workplace(path, program) as mac:
            found = [*_between_jobs(mac), *_idle(mac)]
        return [*found, _idle_tart(path, program)]


def python_of_a_mac() -> str:
    """The interpreter itself: no venv, nothing installed."""
    asked = [ROOT / ".venv-py39" / "bin" / "python", "-c", "import sys; print(sys.base_prefix)"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip() + "/bin/python3.9"


@contextlib.contextmanager
def _workplace(folder: pathlib.Path, program: pathlib.Path) -> t.Iterator[Mac]:
    """A Mac with an engine and the stand-in runner's image, and a GitHub that has jobs."""
    path = str(folder / "broker")
    with engine.private_engine() as socket:
        api = engine.client(socket)
        image.make(api)
        api.close()
        with forwarding(socket, path), LocalGithub() as github:
            broker = Broker(github, path, f"http://{GATEWAY}:{PORT}")
            mac = Mac(folder, python_of_a_mac(), program, socket, github, broker)
            mac.admit(pools=POOLS)
            try:
                yield mac
            finally:
                mac.close()
                broker.close()


def _between_jobs(mac: Mac) -> list[Figure]:
    trace = mac.folder / "trace"
    folder = mac.slot(pools=POOLS)
    process = mac.start(folder, str(HERE / "traced.py"), str(mac.program), str(trace))
    ends = []
    for number in range(JOBS):
        mac.wait("it listens", lambda number=number: len(_listened(trace)) > number)
        ends.append(_end_of(mac.broker.queue("echo done")))
    mac.wait("it listens", lambda: len(_listened(trace)) > JOBS)
    _drain(mac, folder, process)
    whole = [after - end for end, after in zip(ends, _listened(trace)[1:])]
    own = [spent - _isolation(trace, end, end + spent) for end, spent in zip(ends, whole)]
    print(f"between {JOBS} jobs, seconds: whole {statistics.median(whole):.2f}, without the isolation's own calls {_spread(own)}", file=sys.stderr)
    return [(f"slot, from a job's end to 'listening' again less the isolation's own calls, median of {JOBS}, seconds", statistics.median(own), 1.0)]


def _end_of(job: Job) -> float:
    """When GitHub has its end."""
    deadline = time.time() + 60
    while not job.result:
        if time.time() > deadline:
            raise RuntimeError("a job of the benchmark does not end")
        time.sleep(0.002)
    if job.result != "Succeeded":
        raise RuntimeError(f"a job of the benchmark ended: {job.result}")
    return time.time()


def _entries(trace: pathlib.Path) -> list[dict[str, t.Any]]:
    """Whole lines only: another one is just being written."""
    return [json.loads(line) for line in trace.read_text().split("\n")[:-1]] if trace.exists() else []


def _listened(trace: pathlib.Path) -> list[float]:
    return [entry["listening"] for entry in _entries(trace) if "listening" in entry]


def _isolation(trace: pathlib.Path, began: float, ended: float) -> float:
    """Seconds of its calls within a stretch of time."""
    calls = [entry for entry in _entries(trace) if "call" in entry]
    return sum(max(0.0, min(call["ended"], ended) - max(call["began"], began)) for call in calls)


def _spread(values: t.Sequence[float]) -> str:
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f} (min, median, max)"


def _drain(mac: Mac, folder: pathlib.Path, process: subprocess.Popen[bytes]) -> None:
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    mac.stop(process)
    mac.undrain(folder)


def _idle(mac: Mac) -> list[Figure]:
    """Many slots that wait, as launchd starts them."""
    folders = [mac.slot(number, pools=POOLS) for number in range(1, SLOTS + 1)]
    processes = []
    for folder in folders:
        processes.append(mac.start(folder))
        mac.wait_for(folder, "listening")
    began, before = time.monotonic(), sum(_cpu(process.pid) for process in processes)
    time.sleep(WATCHED)
    share = (sum(_cpu(process.pid) for process in processes) - before) / (time.monotonic() - began)
    resident = max(resident_kb(process.pid) for process in processes)
    return [
        (f"{SLOTS} idle docker slots, per cent of a core", share * 100, 1.0),
        (f"idle docker slot, the largest of {SLOTS}, kB resident", resident, MOST_KB),
    ]


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and of its children that ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pid: int) -> int:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def _idle_tart(folder: pathlib.Path, program: pathlib.Path) -> Figure:
    """A slot on a simulated Mac, whose guest has the stand-in runner."""
    work = folder / "tart"
    work.mkdir()
    booted = boot("slots-bench", work, memory="256GiB", cores=32, disk_free="900GiB", seed=SEED, share=SHARE)
    try:
        provide(booted)
        with LocalGithub() as github, contextlib.closing(Broker(github, ("127.0.0.1", 0))) as broker:
            mac = TartMac(booted, program, github, broker)
            slot = mac.slot()
            mac.start(slot)
            mac.wait_for(slot, "listening")
            time.sleep(2.0)
            (pid,) = mac.pids(slot)
            resident = resident_kb(pid)
            mac.close()
    finally:
        booted.stop()
    return ("idle tart slot, kB resident", resident, MOST_KB)
