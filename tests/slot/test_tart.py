# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots of isolation tart, with the program, Tart's stand-in and real processes on a simulated Mac."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys

import pytest
from tart_mac import STATE
from test_secrets import PART, Sampler

pytest_plugins = ["tests.macsim.pytest_plugin", "tart_fixtures"]

TRACES = "touch ~/left; (sleep 1000 >/dev/null 2>&1 &) ; echo changed > ~/actions-runner/.env; echo done"
LOOK = "ls -a ~ ~/actions-runner; pgrep -fl 'sleep 1000' || echo nobody"
LIVES = str(pathlib.Path(__file__).parent / "lives.py")
MOST_KB = 12 * 1024
SLOT = "linux-1"
VM = f"/Users/admin/.tart/vms/mac-runners-{SLOT}"


def test_each_job_has_a_fresh_vm(tart):
    tart.slot()
    jobs = [tart.queue(SLOT, TRACES), *(tart.queue(SLOT, LOOK) for _number in range(2))]
    tart.start(SLOT)
    tart.finish(*jobs)
    tart.drain(SLOT)
    assert [(job.result, len(job.runs)) for job in jobs] == [("Succeeded", 1)] * 3
    assert len({job.runs[0] for job in jobs}) == 3
    for job in jobs[1:]:
        assert "left" not in job.output.split() and ".env" not in job.output.split() and "nobody" in job.output
    assert (tart.broker.scope.runners, tart.left(SLOT), tart.status(SLOT)["jobs"]) == ({}, [], 3)
    assert len(list((tart.folder(SLOT) / "jobs").iterdir())) == 3, "the logs of the jobs"


def test_a_stop_leaves_the_job_alone_and_the_next_start_finds_it(tart):
    tart.slot()
    job = tart.queue(SLOT, "sleep 6; echo whole")
    tart.start(SLOT)
    tart.wait_for(SLOT, "job")
    tart.stop(SLOT)
    before = tart.path(VM).stat().st_ino
    tart.start(SLOT)
    tart.wait("it is found", lambda: len(tart.events(SLOT, "started")) == 2)
    assert tart.path(VM).stat().st_ino == before
    tart.finish(job)
    tart.drain(SLOT)
    assert (job.result, job.output, len(job.runs), tart.status(SLOT)["jobs"]) == ("Succeeded", "whole\n", 1, 1)


def test_a_vm_is_seen_to_its_end_where_it_is_although_settings_name_another_home(tart):
    tart.slot()
    job = tart.queue(SLOT, "sleep 6; echo whole")
    tart.start(SLOT)
    tart.wait_for(SLOT, "job")
    tart.slot(tart={"tart_home": "/Users/admin/elsewhere"})
    tart.stop(SLOT, signal.SIGKILL)
    tart.start(SLOT)
    tart.finish(job)
    tart.wait("it is destroyed", lambda: VM not in tart.vms())
    assert (job.result, job.output) == ("Succeeded", "whole\n")
    tart.drain(SLOT)
    assert (tart.left(SLOT), tart.broker.scope.runners, tart.status(SLOT)["place"]) == ([], {}, {})


def test_after_a_restart_of_the_mac_slots_work_again_by_themselves(tart):
    lease = tart.path(f"{STATE}/lease.json")
    content = lease.read_text()
    lease.write_text(json.dumps({**json.loads(content), "boot": "the one before"}))
    job = tart.queue(tart.slot(), "echo done")
    tart.start(SLOT)
    tart.finish(job)
    lease.write_text(content)
    assert job.result == "Succeeded"


def test_drain_ends_an_idle_vm_at_once_and_waits_for_a_job(tart):
    tart.slot()
    tart.start(SLOT)
    tart.wait_for(SLOT, "listening")
    tart.drain(SLOT)
    assert (tart.left(SLOT), tart.broker.scope.runners) == ([], {})
    (tart.folder(SLOT) / "drain").unlink()
    job = tart.queue(SLOT, "sleep 4; echo whole")
    tart.wait_for(SLOT, "job")
    tart.drain(SLOT)
    assert (job.result, job.output, tart.broker.scope.jobs_lost) == ("Succeeded", "whole\n", 0)


def test_a_vm_that_dies_in_a_job_is_an_end_and_never_starts_again(tart):
    tart.slot()
    job = tart.queue(SLOT, "sleep 300")
    tart.start(SLOT)
    tart.wait_for(SLOT, "job")
    for pid in tart.machines(SLOT):
        os.kill(pid, signal.SIGKILL)
    tart.wait("it is told", lambda: tart.events(SLOT, "ended"))
    ended = tart.events(SLOT, "ended")[0]
    assert (ended["exit_code"], ended["job"]) == (-1, "build") and "its environment ended" in ended["message"]
    after = tart.queue(SLOT, "echo after")
    tart.finish(after)
    tart.drain(SLOT)
    assert (len(job.runs), after.result, tart.left(SLOT)) == (1, "Succeeded", [])
    assert job.runs != after.runs, "a used config was used again"


def test_a_vm_that_dies_while_nobody_looks_is_told_all_the_same(tart):
    tart.slot()
    tart.queue(SLOT, "sleep 300")
    tart.start(SLOT)
    tart.wait_for(SLOT, "job")
    tart.stop(SLOT, signal.SIGKILL)
    for pid in tart.machines(SLOT):
        os.kill(pid, signal.SIGKILL)
    tart.start(SLOT)
    tart.wait("it is told", lambda: tart.events(SLOT, "ended"))
    assert tart.events(SLOT, "ended")[0]["job"] == "build" and tart.status(SLOT)["jobs"] == 1


def test_a_job_that_kills_the_listener_is_noticed(tart):
    tart.slot()
    tart.queue(SLOT, "kill -9 $(cat ~/.mac-runners/pid); pkill -9 -f '[R]unner.Listener run'; sleep 300")
    tart.start(SLOT)
    tart.wait("it is told", lambda: tart.events(SLOT, "ended"))
    assert "its listener was killed" in tart.events(SLOT, "ended")[0]["message"]
    tart.drain(SLOT)
    assert tart.left(SLOT) == []


def test_a_dropped_runner_is_registered_again_in_its_vm(tart):
    tart.slot()
    tart.start(SLOT, LIVES, tart.program_path)
    tart.wait_for(SLOT, "listening")
    before = tart.path(VM).stat().st_ino
    with tart.github.lock:
        tart.broker.scope.runners.clear()
    tart.wait("it is registered again", lambda: tart.events(SLOT, "again"))
    assert tart.path(VM).stat().st_ino == before
    job = tart.queue(SLOT, "echo done")
    tart.finish(job)
    tart.drain(SLOT)
    assert job.runs == [tart.events(SLOT, "again")[0]["runner"]]
    assert tart.events(SLOT, "ended")[0]["cycle"] == 1, "the job ran in another VM"
    assert (tart.broker.scope.runners, tart.left(SLOT)) == ({}, [])


def test_a_vm_of_others_in_the_slots_place_is_not_touched(tart):
    theirs = tart.path("/Users/admin/.tart/vms/mac-runners-linux-10")
    tart.mac.exec("/bin/cp", "-Rp", str(theirs).removeprefix(str(tart.mac.root)), VM, check=True)
    files = {path.name: path.stat().st_ino for path in tart.path(VM).iterdir()}
    tart.slot()
    tart.start(SLOT)
    tart.wait_for(SLOT, "waiting")
    assert "it is not touched" in tart.status(SLOT)["message"]
    assert {path.name: path.stat().st_ino for path in tart.path(VM).iterdir()} == files
    tart.mac.exec("/bin/rm", "-rf", VM, check=True)
    job = tart.queue(SLOT, "echo done")
    tart.finish(job)
    assert job.result == "Succeeded"


@pytest.mark.parametrize(("slot", "said"), [("locked-1", "login keychain unlocked"), ("mute-1", "the guest agent did not answer within 10 s")])
def test_a_guest_that_does_not_come_up_says_why_and_leaves_nothing(tart, slot, said):
    tart.slot(slot, tart={"boot_seconds": 10})
    tart.start(slot)
    tart.wait_for(slot, "waiting")
    assert said in tart.status(slot)["message"]
    (tart.folder(slot) / "drain").touch()
    tart.wait_for(slot, "drained")
    assert (tart.left(slot), tart.broker.scope.runners, tart.broker.scope.configs) == ([], {}, [])


def test_a_waiting_slot_is_light(tart):
    tart.slot()
    tart.start(SLOT)
    tart.wait_for(SLOT, "listening")
    (pid,) = tart.pids(SLOT)
    used = int(next(line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")))
    print(f"resident: {used} kB", file=sys.__stderr__)
    assert used < MOST_KB


def test_the_config_is_in_no_argument_list_file_or_log(tart):
    tart.slot()
    configs = tart.broker.scope.configs
    with Sampler(lambda: [tart.token, *(config[PART] for config in configs)]) as sampler:
        job = tart.queue(SLOT, "sleep 3; env; cat ~/.mac-runners/*; stat -f '%Lp %N' ~/.mac-runners/* ~/actions-runner/.credentials*")
        tart.start(SLOT)
        tart.wait_for(SLOT, "job")
        files = [path for path in [*tart.path(VM).rglob("*"), *tart.path(STATE).rglob("*"), tart.log(SLOT)] if path.is_file() and not path.is_symlink()]
        holding = [path.name for path in files if path.name != "disk.img" and configs[0][PART].encode() in path.read_bytes()]
        tart.finish(job)
        tart.drain(SLOT)
    assert sampler.rounds > 20 and sampler.found == []
    assert holding == [] and configs[0][PART] not in job.output + json.dumps(tart.status(SLOT))
    modes = [line.split()[0] for line in job.output.splitlines() if "/.mac-runners/" in line or "/.credentials" in line]
    assert len(modes) >= 4 and set(modes) == {"600"}, job.output
    made = [path for path in tart.folder(SLOT).rglob("*") if path.name not in ("settings.json", "drain")]
    assert [path.name for path in made if path.stat().st_mode & 0o077] == []


def test_another_version_waits_for_the_job_and_then_serves(tart, program):
    tart.slot()
    job = tart.queue(SLOT, "sleep 6; echo whole")
    tart.start(SLOT)
    tart.wait_for(SLOT, "job")
    tart.install("2", program)
    (pid,) = tart.pids(SLOT)
    tart.finish(job)
    assert tart.status(SLOT)["program"] == "1"
    tart.wait("the other version", lambda: tart.status(SLOT)["program"] == "2")
    after = tart.queue(SLOT, "echo after")
    tart.finish(after)
    assert (job.output, after.result, tart.pids(SLOT), len(job.runs)) == ("whole\n", "Succeeded", [pid], 1)
    tart.drain(SLOT)
    assert (tart.broker.scope.runners, tart.left(SLOT), tart.status(SLOT)["jobs"]) == ({}, [], 2)
