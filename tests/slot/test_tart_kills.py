# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 of the program of a tart slot at every outgoing call of a recorded cycle: the next start mends what was left. Prints a table."""

from __future__ import annotations

import concurrent.futures
import pathlib
import shutil

from tart_mac import PROGRAMS

pytest_plugins = ["tests.macsim.pytest_plugin", "tart_fixtures"]

KILL = str(pathlib.Path(__file__).parent / "kill.py")
NAMES = "/private/var/tmp"
#: Calls that change something elsewhere: they are also cut off after they were carried out, before anybody knows.
ACTS = ("child tart-make", "child tart-start", "child tart-destroy", "child register", "child remove")
#: Slots that are tried at the same time.
SIDE_BY_SIDE = 4


def start(tart, slot, index, when):
    return tart.start(slot, KILL, f"{PROGRAMS}/current/slot.pyz", str(index), when, f"{NAMES}/{slot}-{when}-{index}")


def names(tart, slot, index, when):
    return tart.path(f"{NAMES}/{slot}-{when}-{index}").read_text().splitlines()


def calls_of_a_cycle(tart, slot):
    """From one look at what is there to the next."""
    tart.slot(slot)
    start(tart, slot, 0, "before")
    tart.wait_for(slot, "listening")
    tart.finish(tart.queue(slot, "echo done"))
    tart.drain(slot)
    tart.stop(slot)
    calls = names(tart, slot, 0, "before")
    looks = [index for index, name in enumerate(calls) if name == "child tart-observe"]
    return calls[: looks[1]]


def test_killed_at_each_call_the_next_start_mends_it(tart, capsys):
    calls = calls_of_a_cycle(tart, "linux-1")
    assert {"child admission", "child register", "child tart-make", "child tart-start", "tart exec follow", "record job"} <= set(calls)
    cuts = [(index, "before") for index in range(1, len(calls) + 1)]
    cuts += [(index, "after") for index, name in enumerate(calls, start=1) if name.startswith(ACTS)]
    shares = [(f"linux-{number}", sorted(cuts)[number - 1 :: SIDE_BY_SIDE]) for number in range(1, SIDE_BY_SIDE + 1)]
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = pool.map(lambda share: [row(tart, share[0], calls, *cut) for cut in share[1]], shares)
        rows = sorted(line for lines in found for line in lines)
    with capsys.disabled():
        print(f"\n{'killed':>8} call{'':26}left behind{'':46}jobs  twice")
        print("\n".join(line for _key, line in rows))
    jobs = tart.broker.jobs
    assert len({name for job in jobs for name in job.runs}) == len(jobs) == len(cuts) + 1, "a registration was used twice"
    assert (tart.broker.scope.jobs_lost, tart.vms()) == (0, set())


def row(tart, slot, calls, index, when):
    """One kill, one mend; the place and the line in the table."""
    place = f"after a kill {when} call {index}, {calls[index - 1]}"
    shutil.rmtree(tart.folder(slot), ignore_errors=True)
    tart.slot(slot)
    victim = start(tart, slot, index, when)
    # A job that comes no sooner, so that every run makes the same calls.
    tart.wait("it listens or is dead", lambda: victim.poll() is not None or tart.status(slot)["state"] == "listening")
    job = tart.queue(slot, "echo done")
    assert victim.wait(timeout=90) == -9, f"it was not killed {when} call {index}"
    assert names(tart, slot, index, when) == calls[:index], f"not what was recorded:\n{tart.log(slot).read_text()}"
    left = [name.rpartition("/")[2] for name in tart.left(slot) if "exec" not in name and "/" not in name.strip("/")] + [
        "runner" for runner in list(tart.broker.scope.runners.values()) if runner.name.startswith(f"mac-1-{slot}-")
    ]
    left += ["VM"] if f"/Users/admin/.tart/vms/mac-runners-{slot}" in tart.vms() else []
    tart.start(slot)
    tart.finish(job)
    tart.drain(slot)
    tart.stop(slot)
    # A name whose registration got no answer is looked for a while longer; none that GitHub confirmed is.
    assert [entry for entry in tart.status(slot)["pending"] if entry[1]] == [], place
    assert [runner.name for runner in tart.broker.scope.runners.values() if runner.name.startswith(f"mac-1-{slot}-")] == [], place
    assert tart.left(slot) == [], place
    assert (job.result, len(job.runs)) == ("Succeeded", 1), place
    return (index, when != "before"), f"{when:>6} {index:>2} {calls[index - 1]:<28}{', '.join(left) or 'nothing':<57}{len(job.runs):>4}{len(job.runs) - 1:>7}"
