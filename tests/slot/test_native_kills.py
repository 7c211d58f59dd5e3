# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a slot of isolation account, killed with -9 at every outgoing call of a cycle; one row for each kill."""

from __future__ import annotations

import concurrent.futures
import pathlib
import shutil

from native_mac import SPARE
from tart_mac import PROGRAMS

pytest_plugins = ["tests.macsim.pytest_plugin", "native_mac"]

KILL = str(pathlib.Path(__file__).parent / "kill.py")
NAMES = "/private/var/tmp"
#: Calls that change something elsewhere: they are also cut off after they were carried out, before anybody knows.
ACTS = ("child native-make", "child native-start", "child native-destroy", "child register", "child remove")


def start(native, slot, index, when):
    return native.start(slot, KILL, f"{PROGRAMS}/current/slot.pyz", str(index), when, f"{NAMES}/{slot}-{when}-{index}")


def names(native, slot, index, when):
    return native.path(f"{NAMES}/{slot}-{when}-{index}").read_text().splitlines()


def calls_of_a_cycle(native, slot):
    """From the start to the end of a job."""
    native.slot(slot)
    start(native, slot, 0, "before")
    native.wait_for(slot, "listening")
    native.finish(native.queue(slot, "echo done"))
    # A drain that comes before its end was seen makes other calls.
    native.wait("its end was seen", lambda: native.status(slot)["jobs"] == 1)
    native.drain(slot)
    native.stop(slot)
    calls = names(native, slot, 0, "before")
    return calls[: calls.index("child native-destroy") + 1]


def test_killed_at_each_call_the_next_start_mends_it(native, capsys):
    calls = calls_of_a_cycle(native, SPARE[0])
    assert {"child admission", "child register", "child native-make", "child native-start", "record job", "child native-destroy"} <= set(calls)
    cuts = [(index, "before") for index in range(1, len(calls) + 1)]
    cuts += [(index, "after") for index, name in enumerate(calls, start=1) if name.startswith(ACTS)]
    shares = [(slot, sorted(cuts)[number :: len(SPARE)]) for number, slot in enumerate(SPARE)]
    with concurrent.futures.ThreadPoolExecutor(len(SPARE)) as pool:
        found = pool.map(lambda share: [row(native, share[0], calls, *cut) for cut in share[1]], shares)
        rows = sorted(line for lines in found for line in lines)
    with capsys.disabled():
        print(f"\n{'killed':>8} call{'':26}left behind{'':46}jobs  twice")
        print("\n".join(line for _key, line in rows))
    jobs = native.broker.jobs
    assert len({name for job in jobs for name in job.runs}) == len(jobs) == len(cuts) + 1, "a registration was used twice"
    assert native.broker.scope.jobs_lost == 0


def row(native, slot, calls, index, when):
    """One kill, one mend; the place and the line in the table."""
    place = f"after a kill {when} call {index}, {calls[index - 1]}"
    shutil.rmtree(native.folder(slot), ignore_errors=True)
    native.slot(slot)
    victim = start(native, slot, index, when)
    # A job that comes no sooner, so that every run makes the same calls.
    native.wait("it listens or is dead", lambda: victim.poll() is not None or native.status(slot)["state"] == "listening")
    job = native.queue(slot, "echo done")
    assert victim.wait(timeout=90) == -9, f"it was not killed {when} call {index}"
    assert names(native, slot, index, when) == calls[:index], f"not what was recorded:\n{native.log(slot).read_text()}"
    kinds = {"keeper" if name.startswith("keeper") else "process" if " " in name else name for name in native.left(slot)}
    left = sorted(kinds) + ["runner" for runner in list(native.broker.scope.runners.values()) if runner.name.startswith(f"mac-1-{slot}-")]
    native.start(slot)
    native.finish(job)
    native.drain(slot)
    native.stop(slot)
    # A name whose registration got no answer is looked for a while longer; none that GitHub confirmed is.
    assert [entry for entry in native.status(slot)["pending"] if entry[1]] == [], place
    assert [runner.name for runner in native.broker.scope.runners.values() if runner.name.startswith(f"mac-1-{slot}-")] == [], place
    assert native.left(slot) == [], place
    assert (job.result, len(job.runs)) == ("Succeeded", 1), place
    return (index, when != "before"), f"{when:>6} {index:>2} {calls[index - 1]:<28}{', '.join(left) or 'nothing':<57}{len(job.runs):>4}{len(job.runs) - 1:>7}"
