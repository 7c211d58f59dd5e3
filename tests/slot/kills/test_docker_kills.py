# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 of the program of a docker slot at outgoing calls of a recorded cycle: the next start mends what was left. Prints a table."""

from __future__ import annotations

import pathlib
import time

from cuts import KILL, cuts_of

ACTS = ("engine POST", "engine DELETE", "child register", "child remove")


def calls_of_a_cycle(mac, broker, folder, names):
    """From one look at what is there to the next."""
    process = mac.start(folder, KILL, str(mac.program), "0", "before", str(names))
    mac.wait_for(folder, "listening")
    mac.finish(broker.queue("echo done"))
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    mac.stop(process)
    calls = names.read_text().splitlines()
    looks = [index for index, name in enumerate(calls) if name == "engine GET /containers/json"]
    return calls[: looks[1]]


def test_killed_at_each_call_the_next_start_mends_it(mac, broker, tmp_path, capsys):
    calls = calls_of_a_cycle(mac, broker, mac.slot(), tmp_path / "names")
    assert {"child admission", "child register", "engine POST /containers/create", "record job"} <= set(calls)
    rows = [row(mac, broker, tmp_path, calls, index, when) for index, when in cuts_of(calls, ACTS)]
    with capsys.disabled():
        print(f"\n{'killed':>8} call{'':38}left behind{'':24}jobs  lost  twice")
        print("\n".join(rows))
    assert len({name for job in broker.jobs for name in job.runs}) == len(broker.jobs), "a registration was used twice"
    assert broker.scope.jobs_lost == 0


def row(mac, broker, tmp_path, calls, index, when):
    """One kill, one mend; a line of the table."""
    folder = mac.slot(parent=f"{when}-{index}")
    names = tmp_path / f"names-{index}-{when}"
    victim = mac.start(folder, KILL, str(mac.program), str(index), when, str(names))
    # A job that comes no sooner, so that every run makes the same calls.
    mac.wait("it listens or is dead", lambda: victim.poll() is not None or mac.status(folder)["state"] == "listening")
    job = broker.queue("echo done")
    assert victim.wait(timeout=90) == -9, f"it was not killed {when} call {index}"
    assert names.read_text().splitlines() == calls[:index], f"not what was recorded:\n{mac.log(folder).read_text()}"
    left = [*(f"{name}" for name in mac.containers()), *(f"runner {number}" for number in broker.scope.runners)]
    process = mac.start(folder)
    mac.finish(job)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert mac.stop(process) == 0
    # A name whose registration got no answer is looked for a while longer; none that GitHub confirmed is.
    assert [entry for entry in mac.status(folder)["pending"] if entry[1]] == []
    assert (mac.containers(), broker.scope.runners) == ([], {}), f"left over after a kill {when} {calls[index - 1]}"
    assert (job.result, len(job.runs)) == ("Succeeded", 1), f"after a kill {when} {calls[index - 1]}"
    return f"{when:>6} {index:>2} {calls[index - 1]:<41} {', '.join(left) or 'nothing':<35} {len(job.runs):>4}{broker.scope.jobs_lost:>6}{len(job.runs) - 1:>7}"


def children_of(process, task):
    """Whether the program waits for a child with this task."""
    found = [path.read_bytes().split(b"\0") for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return any(task.encode() in words and b"child" in words for words in found) and process.poll() is None


def test_a_child_that_outlives_the_program_is_waited_for(mac, broker, github):
    """Otherwise the next start would look for a registration that is still to come."""
    folder = mac.slot()
    with github.lock:
        victim = mac.start(folder)
        mac.wait("it registers", lambda: children_of(victim, "register"))
        time.sleep(1.0)
        mac.kill(victim)
        mac.start(folder)
        time.sleep(2.0)
        assert len(mac.events(folder, "started")) == 1, "it did not wait"
        assert broker.scope.runners == {}
    job = broker.queue("echo done")
    mac.finish(job)
    assert len(broker.scope.configs) == 2, "the child registered nothing: this test shows nothing"
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, broker.scope.runners, mac.containers(), mac.status(folder)["jobs"]) == ("Succeeded", {}, [], 1)
