# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots of the isolations account and sandbox, with the program, real users and real processes on a simulated Mac."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

import pytest
from native_mac import UIDS
from tart_mac import STATE

pytest_plugins = ["tests.macsim.pytest_plugin", "native_mac"]

SLOT = "acct-1"
MOST_KB = 12 * 1024
#: A process that left its session, holds a file and ignores every polite word.
ESCAPE = (
    "python3 -c \"import os, signal, time; os.fork() and os._exit(0); os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "file = open(os.path.expanduser('~/held'), 'w'); [os.dup2(file.fileno(), number) for number in (0, 1, 2)]; time.sleep(1000)\"; "
    "touch ~/left ~/work/left /tmp/left-$MAC_RUNNERS_SLOT; ln -s /etc ~/work/etc; echo left"
)
LOOK = "ls -a ~ ~/work /tmp; ps -axo user,command"


def test_each_job_has_an_account_as_new_and_nothing_of_a_job_outlives_it(native):
    native.slot()
    jobs = [native.queue(SLOT, ESCAPE), native.queue(SLOT, LOOK)]
    native.start(SLOT)
    native.finish(*jobs)
    native.drain(SLOT)
    assert [(job.result, len(job.runs)) for job in jobs] == [("Succeeded", 1)] * 2
    assert "left" not in jobs[1].output and "held" not in jobs[1].output and "sleep(1000)" not in jobs[1].output
    assert (native.broker.scope.runners, native.left(SLOT), native.status(SLOT)["jobs"]) == ({}, [], 2)
    assert native.path("/etc/passwd").exists(), "a link that a job left was followed"
    assert len(list((native.folder(SLOT) / "jobs").iterdir())) == 2, "the logs of the jobs"


def test_a_job_is_its_account_with_its_limits_and_its_environment_and_nothing_of_root(native):
    native.slot(native={"limits": {"open_files": 512, "processes": 300, "qos": "utility", "umask": "027", "environment": {"TEAM": "blue"}}})
    job = native.queue(SLOT, "id -u; id -g; umask; ulimit -n; ulimit -c; pwd; env | sort; ls -l /proc/self/fd 2>/dev/null | grep native || true")
    native.start(SLOT)
    native.finish(job)
    native.drain(SLOT)
    said = job.output.split("\n")
    home = f"/Users/mac-runners-{SLOT}"
    assert said[:6] == ["1801", "1801", "0027", "512", "0", f"{home}/work/runner/_work"], job.output
    given = dict(line.split("=", 1) for line in said[6:] if "=" in line)
    assert (given["HOME"], given["USER"], given["TMPDIR"], given["TEAM"]) == (home, f"mac-runners-{SLOT}", f"{home}/tmp", "blue")
    assert (given["MAC_RUNNERS_PORT_FIRST"], given["MAC_RUNNERS_PORT_LAST"]) == ("20200", "20299")
    assert not [name for name in given if "SUDO" in name or "SECRET" in name or "JITCONFIG" in name and not given[name]]
    assert "native" not in job.output.replace("mac-runners", "")


def test_a_sandbox_begins_before_the_runner_and_its_profile_is_named(native):
    native.slot("lint-1", native={"parameters": {"WORK": "/Users/mac-runners-lint-1/work"}})
    job = native.queue("lint-1", "echo sandboxed=$MACSIM_SANDBOXED")
    native.start("lint-1")
    native.finish(job)
    native.drain("lint-1")
    assert (job.result, job.output) == ("Succeeded", "sandboxed=1\n")
    calls = [call["argv"] for call in native.mac.calls("sandbox-exec")]
    profile = "/opt/mac_runners/sandbox/lint-1/current.sb"
    assert calls and all(argv[1:6] == ["-f", profile, "-D", "WORK=/Users/mac-runners-lint-1/work", "--"] for argv in calls), calls
    assert native.left("lint-1") == []


def test_a_profile_that_is_none_starts_nothing_and_says_why(native):
    native.slot("lint-2")
    native.path("/opt/mac_runners/sandbox/lint-2/current.sb").write_text("(version 1)\n(allow default))\n")
    native.start("lint-2")
    native.wait_for("lint-2", "waiting")
    assert "sandbox-exec: unexpected ')'" in native.status("lint-2")["message"], native.status("lint-2")
    native.drain("lint-2")
    assert native.left("lint-2") == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_second_life_finds_the_job_of_the_first(native, number):
    native.slot()
    job = native.queue(SLOT, "sleep 5; echo whole")
    native.start(SLOT)
    native.wait_for(SLOT, "job")
    runners = native.of(SLOT)
    native.stop(SLOT, number)
    assert native.of(SLOT).keys() >= runners.keys() and len(native.keepers(SLOT)) >= 1, "the job goes on"
    native.start(SLOT)
    native.wait("it is found", lambda: len(native.events(SLOT, "started")) == 2)
    native.finish(job)
    native.drain(SLOT)
    assert (job.result, job.output, len(job.runs), native.status(SLOT)["jobs"]) == ("Succeeded", "whole\n", 1, 1)
    assert native.left(SLOT) == []


def test_a_job_that_ended_while_nobody_looked_is_counted_with_its_exit_code(native):
    native.slot()
    job = native.queue(SLOT, "sleep 2; echo whole")
    native.start(SLOT)
    native.wait_for(SLOT, "job")
    native.stop(SLOT, signal.SIGKILL)
    native.finish(job)
    native.wait("its keeper has ended", lambda: not native.keepers(SLOT))
    native.start(SLOT)
    native.drain(SLOT)
    ended = native.events(SLOT, "ended")[-1]
    assert (ended["exit_code"], ended["result"], native.status(SLOT)["jobs"], native.left(SLOT)) == (0, "Succeeded", 1, [])


def test_a_runner_that_was_killed_is_told_and_all_of_it_goes(native):
    native.slot()
    native.queue(SLOT, "sleep 100")
    native.start(SLOT)
    native.wait_for(SLOT, "job")
    (listener,) = [pid for pid, words in native.of(SLOT).items() if "Runner.Listener run" in words]
    os.kill(listener, signal.SIGKILL)
    native.wait("it is told", lambda: native.events(SLOT, "ended"))
    native.drain(SLOT)
    assert native.events(SLOT, "ended")[0]["exit_code"] == 128 + signal.SIGKILL
    assert native.left(SLOT) == []


def test_an_idle_runner_is_withdrawn_and_a_busy_one_is_not(native):
    native.slot()
    native.start(SLOT)
    native.wait_for(SLOT, "listening")
    native.drain(SLOT)
    assert (native.broker.scope.runners, native.left(SLOT), native.status(SLOT)["jobs"]) == ({}, [], 0)
    (native.folder(SLOT) / "drain").unlink()
    job = native.queue(SLOT, "sleep 4; echo whole")
    native.wait_for(SLOT, "job")
    native.drain(SLOT)
    assert (job.result, job.output) == ("Succeeded", "whole\n")


def test_a_job_past_the_memory_of_its_pool_is_ended_and_says_why(native):
    pools = [{"name": "lint", "isolation": "sandbox", "count": 2, "trust": "trusted"}, {"name": "acct", "isolation": "account", "count": 2, "trust": "trusted"}]
    small = {"isolations": {"account": {"minimum": "64MiB"}, "sandbox": {"minimum": "64MiB"}}}
    native.slot(pools=[{**pool, "memory": "256MiB"} for pool in pools], capacity=small)
    job = native.queue(SLOT, "python3 -c \"import time; held = bytearray(300 * 2**20); time.sleep(100)\"")
    native.start(SLOT)
    native.finish(job)
    native.drain(SLOT)
    message = native.events(SLOT, "ended")[0]["message"]
    assert 'pool "acct", field memory: the job uses 0.' in message and "of 0.25 GiB and was ended" in message, message
    assert (job.result, native.left(SLOT)) == ("Canceled", []), "the runner told GitHub"


def test_no_config_is_in_a_process_list_or_a_file_that_a_job_cannot_read_anyway(native):
    native.slot()
    job = native.queue(SLOT, "sleep 3")
    native.start(SLOT)
    native.wait_for(SLOT, "job")
    lists = subprocess.run(["ps", "-axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "JITCONFIG=" not in lists and "eyJ" not in "".join(words for words in native.of(SLOT).values())
    for path in native.folder(SLOT).rglob("*"):
        if path.is_file():
            assert b"rsaparams" not in path.read_bytes() and path.stat().st_mode & 0o077 == 0, path
    native.finish(job)
    native.drain(SLOT)


def test_a_waiting_slot_is_light(native):
    native.slot()
    native.start(SLOT)
    native.wait_for(SLOT, "listening")
    (pid,) = native.pids(SLOT)
    used = int(next(line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")))
    assert used < MOST_KB, f"{used} kB are resident"


def test_without_an_account_of_ours_nothing_is_touched(native):
    native.slot(native={"uid": UIDS["acct-2"]})
    native.start(SLOT)
    native.wait_for(SLOT, "waiting")
    assert "not those that it was given; nothing was touched" in native.status(SLOT)["message"]
    assert not native.broker.scope.runners and STATE
