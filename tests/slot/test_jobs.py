# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs, drain and failures, with real processes and containers."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import tarfile
import time

import pytest
import workbench

TRACES = "touch /home/runner/left /tmp/left; (sleep 1000 >/dev/null 2>&1 &) ; echo changed > /home/runner/.env; echo done"
LOOK = "ls -a /home/runner /tmp; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done; hostname 2>/dev/null || cat /etc/hostname"


def test_each_job_runs_once_in_a_fresh_environment(mac, broker):
    folder = mac.slot()
    jobs = [broker.queue(TRACES, LOOK) for _number in range(3)]
    mac.start(folder)
    mac.finish(*jobs)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert [job.result for job in jobs] == ["Succeeded"] * 3
    assert [len(job.runs) for job in jobs] == [1, 1, 1]
    assert len({job.runs[0] for job in jobs}) == 3, "a registration was used twice"
    for job in jobs:
        # Its own traces, once.
        assert job.output.count("sleep 1000") == 1 and job.output.split().count("left") == 2
    assert len({job.output.strip().rpartition("\n")[2] for job in jobs}) == 3, "a container was used twice"
    assert (mac.containers(), broker.scope.runners) == ([], {})
    assert (mac.status(folder)["jobs"], mac.status(folder)["pending"]) == (3, [])


def test_a_look_without_traces_finds_none(mac, broker):
    """What the test above counts is there only when the job itself made it."""
    folder = mac.slot()
    first, second = broker.queue(TRACES), broker.queue(LOOK)
    mac.start(folder)
    mac.finish(first, second)
    assert "left" not in second.output.split() and "sleep 1000" not in second.output and ".env" not in second.output.split()


def test_the_container_is_as_hardened_as_every_one_of_ours(mac, broker):
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "listening")
    found = mac.api.inspect_container("mac-runners-linux-1")
    host = found["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and host["SecurityOpt"] == ["no-new-privileges"] and not host["Privileged"] and host["Init"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (2**28, 2**28, 10**9, 4096)
    assert (host["Binds"], host.get("Mounts") or [], found["Config"]["User"]) == (None, [], "1001:1001")
    assert host["RestartPolicy"]["Name"] == "no", "a used config would be started again"


def test_a_stop_leaves_the_job_alone_and_the_next_start_finds_it(mac, broker):
    folder = mac.slot()
    job = broker.queue("sleep 4; echo whole")
    process = mac.start(folder)
    mac.wait_for(folder, "job")
    assert mac.stop(process) == 0
    before = mac.api.inspect_container("mac-runners-linux-1")["Id"]
    mac.start(folder)
    mac.wait_for(folder, "job")
    assert mac.api.inspect_container("mac-runners-linux-1")["Id"] == before
    mac.finish(job)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, job.output, len(job.runs), mac.status(folder)["jobs"]) == ("Succeeded", "whole\n", 1, 1)


def test_drain_is_honoured_at_once_when_idle_and_undrain_goes_on(mac, broker):
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "listening")
    mac.drain(folder)
    mac.wait_for(folder, "drained", seconds=20)
    assert (mac.containers(), broker.scope.runners) == ([], {})
    mac.undrain(folder)
    job = broker.queue("echo again")
    mac.finish(job)
    assert job.result == "Succeeded"


def test_drain_waits_for_the_job(mac, broker, github):
    folder = mac.slot()
    job = broker.queue("sleep 5; echo whole")
    mac.start(folder)
    mac.wait_for(folder, "job")
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, job.output) == ("Succeeded", "whole\n")
    assert (broker.scope.jobs_lost, github.asked("DELETE")) == (0, [])


def test_drain_does_not_believe_a_github_that_calls_a_busy_runner_idle(mac, broker, github):
    folder = mac.slot()
    github.world.believes_its_lies = True
    job = broker.queue("sleep 5; echo whole")
    mac.start(folder)
    mac.wait("a job", lambda: job.runs)
    with github.lock:
        for runner in broker.scope.runners.values():
            runner.lies_idle = True
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, job.output, broker.scope.jobs_lost) == ("Succeeded", "whole\n", 0)


def test_a_damaged_record_of_an_idle_slot_is_mended(mac):
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "listening")
    good = (folder / "status.json").read_text()
    (folder / "status.json").write_text("no record")
    mac.wait("it is mended", lambda: (folder / "status.json").read_text() == good, 10)


def test_without_a_lease_nothing_is_made_and_the_reason_is_told(mac, broker, github):
    folder = mac.slot()
    mac.admit("another fleet")
    mac.start(folder)
    mac.wait_for(folder, "waiting")
    assert "another fleet" in mac.status(folder)["message"]
    assert (github.exchanges, mac.containers()) == ([], [])
    mac.admit()
    job = broker.queue("echo now")
    mac.finish(job)
    assert job.result == "Succeeded"


def test_drain_does_not_wait_for_the_end_of_a_pause(mac, github):
    folder = mac.slot()
    mac.admit("another fleet")
    mac.start(folder)
    mac.wait("a longer pause", lambda: mac.status(folder).get("failures", 0) >= 3)
    began = time.monotonic()
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert time.monotonic() - began < 5 and github.exchanges == []


def test_a_slot_that_is_larger_than_the_mac_starts_nothing(mac, github):
    reserve = {"reserve": "900TiB"}
    mac.admit(**reserve)
    folder = mac.slot(capacity={**workbench.ROOM, **reserve})
    mac.start(folder)
    mac.wait_for(folder, "waiting")
    assert "no room on this Mac" in mac.status(folder)["message"]
    assert (github.exchanges, mac.containers()) == ([], [])


@pytest.mark.parametrize(("kind", "options"), [("status", {"status": 502}), ("status-after", {"status": 502}), ("drop-after", {}), ("status", {"status": 403})])
def test_a_registration_that_fails_or_only_seems_to_leaves_nothing(mac, broker, github, kind, options):
    folder = mac.slot()
    github.fault(kind, path="generate-jitconfig", **options)
    job = broker.queue("echo done")
    mac.start(folder)
    mac.finish(job)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, len(job.runs), broker.scope.runners, mac.containers()) == ("Succeeded", 1, {}, [])


def test_a_runner_that_github_drops_is_followed_by_another(mac, broker, github):
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "listening")
    with github.lock:
        broker.scope.runners.clear()
    job = broker.queue("echo done")
    mac.finish(job)
    assert (job.result, mac.status(folder)["cycle"]) == ("Succeeded", 2)


def test_a_runner_never_updates_itself(mac, broker):
    job = broker.queue("cat /home/runner/.runner")
    mac.start(mac.slot())
    mac.finish(job)
    assert json.loads(job.output)["DisableUpdate"] is True


def test_an_outdated_runner_is_told_by_its_own_exit_code(mac, broker, github):
    folder = mac.slot()
    github.world.deprecations["2.337.0"] = {"runtime_deprecates_at": "2026-01-01T00:00:00+00:00"}
    mac.start(folder)
    mac.wait_for(folder, "waiting")
    assert "refuses this version of the runner (7)" in mac.status(folder)["message"]
    github.world.deprecations.clear()
    job = broker.queue("echo done")
    mac.finish(job)
    assert job.result == "Succeeded"


def test_a_runner_that_cannot_connect_is_stuck_and_taken_back(mac, broker):
    folder = mac.slot(registration_seconds=10)
    broker.silent = True
    mac.start(folder)
    mac.wait_for(folder, "stuck")
    assert "did not listen for jobs within 10 s" in mac.status(folder)["message"]
    mac.wait("it is gone", lambda: not mac.containers() and not broker.scope.runners)


def test_logs_of_the_last_jobs_are_kept_for_root_alone(mac, broker):
    folder = mac.slot(keep_jobs=2)
    jobs = [broker.queue("echo done") for _number in range(3)]
    mac.start(folder)
    mac.finish(*jobs)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    kept = sorted((folder / "jobs").iterdir())
    assert [path.name for path in kept] == ["000002.tar", "000003.tar"]
    assert {path.stat().st_mode & 0o777 for path in [*kept, folder / "status.json", folder / "lock"]} == {0o600}
    with tarfile.open(kept[-1]) as archive:
        names = [pathlib.PurePosixPath(name).name for name in archive.getnames()]
    assert any(name.startswith("Runner_") for name in names) and any(name.startswith("Worker_") for name in names)


def test_what_is_not_ours_is_not_touched(mac, broker):
    other = mac.api.create_container("mac-runners-standin:1", command=["/bin/sleep", "1000"], name="mac-runners-linux-1")["Id"]
    mac.api.start(other)
    folder = mac.slot()
    mac.start(folder)
    mac.wait_for(folder, "waiting")
    assert mac.api.inspect_container(other)["State"]["Running"]
    assert "mac-runners-linux-1" in mac.status(folder)["message"]
    mac.api.remove_container(other, force=True)
    job = broker.queue("echo done")
    mac.finish(job)
    assert job.result == "Succeeded"


def test_a_container_whose_removal_failed_is_removed_later(mac, broker):
    """The engine gives no logs of such a one, nor anything else that tells of its job."""
    folder = mac.slot()
    job = broker.queue("touch /home/runner/stays; sleep 3; echo done")
    mac.start(folder)
    mac.wait_for(folder, "job")
    with unremovable(mac, "home/runner/stays"):
        mac.finish(job)
        mac.wait("the engine cannot remove it", lambda: "failed to remove root filesystem" in mac.status(folder)["message"])
        assert mac.api.inspect_container("mac-runners-linux-1")["State"]["Dead"]
        mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (mac.containers(), mac.status(folder)["jobs"], job.result, len(job.runs)) == ([], 1, "Succeeded", 1)


@contextlib.contextmanager
def unremovable(mac, path):
    """While a file of the slot's container cannot be removed, by root neither."""
    file = pathlib.Path(mac.api.inspect_container("mac-runners-linux-1")["GraphDriver"]["Data"]["UpperDir"], path)
    mac.wait(f"{path} is there", file.exists)
    subprocess.run(["chattr", "+i", str(file)], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", str(file)], check=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ("{}", "field slot: got nothing"),
        ('{"slot": "linux-9"}', "a slot of an ephemeral pool"),
        ('{"colour": 1}', "field colour: got an unknown field"),
    ],
)
def test_wrong_settings_are_told_and_waited_for(mac, broker, content, said):
    folder = mac.slot()
    good = (folder / "settings.json").read_text()
    (folder / "settings.json").write_text(content)
    process = mac.start(folder)
    mac.wait("a complaint", lambda: mac.log(folder).read_text())
    assert said in mac.events(folder, "settings")[0]["message"]
    (folder / "settings.json").write_text(good)
    job = broker.queue("echo done")
    mac.finish(job)
    assert process.poll() is None


def test_a_folder_that_others_can_write_to_is_refused(mac):
    folder = mac.slot()
    folder.chmod(0o777)
    assert mac.start(folder).wait(timeout=30) == 1
    assert "nobody else can write to" in mac.log(folder).read_text()


def test_two_programs_never_serve_one_slot(mac, broker):
    folder = mac.slot()
    first = mac.start(folder)
    mac.wait_for(folder, "listening")
    second = mac.start(folder)
    job = broker.queue("sleep 2")
    mac.finish(job)
    assert len(mac.events(folder, "started")) == 1 and second.poll() is None
    mac.kill(first)
    mac.wait("the second has the slot", lambda: len(mac.events(folder, "started")) == 2)
    assert json.loads((folder / "status.json").read_text())["slot"] == "linux-1"
