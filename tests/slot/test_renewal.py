# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another version of the program, or other settings, under slots that wait or have a job; slots of real containers."""

from __future__ import annotations

import json
import os
import pathlib

import image
import pytest


@pytest.fixture
def versions(mac, tmp_path):
    """A folder of versions as on a Mac; the slot is started through ``current``."""
    made = Versions(tmp_path / "slot", mac.program)
    made.lay("1")
    made.switch("1")
    mac.program = made.folder / "current" / "slot.pyz"
    return made


class Versions:
    def __init__(self, folder, program):
        self.folder, self._content = folder, program.read_bytes()

    def lay(self, version, content=None):
        (self.folder / version).mkdir(parents=True)
        (self.folder / version / "slot.pyz").write_bytes(self._content if content is None else content)

    def switch(self, version):
        (self.folder / "new").symlink_to(version)
        os.replace(self.folder / "new", self.folder / "current")


def descriptors(process):
    return sorted(os.readlink(path) for path in pathlib.Path(f"/proc/{process.pid}/fd").iterdir() if "socket:" not in os.readlink(path))


def serves(mac, folder, version):
    mac.wait(f"version {version} serves", lambda: mac.status(folder).get("program") == version)


def test_another_version_waits_for_the_job_and_then_serves(mac, broker, versions):
    folder = mac.slot()
    job = broker.queue("sleep 5; echo whole")
    process = mac.start(folder)
    mac.wait_for(folder, "job")
    inside = mac.containers()
    versions.lay("2")
    versions.switch("2")
    mac.finish(job)
    assert mac.status(folder)["program"] == "1", "it did not wait"
    serves(mac, folder, "2")
    after = broker.queue("echo after")
    mac.finish(after)
    assert (job.result, job.output, len(job.runs), after.result, inside) == ("Succeeded", "whole\n", 1, "Succeeded", ["mac-runners-linux-1"])
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (mac.status(folder)["jobs"], broker.scope.runners, mac.containers(), process.poll()) == (2, {}, [], None)


def test_an_idle_slot_changes_again_and_again_and_leaks_nothing(mac, broker, versions):
    folder = mac.slot()
    process = mac.start(folder)
    mac.wait_for(folder, "listening")
    before = descriptors(process)
    for version in ("2", "3"):
        versions.lay(version)
        versions.switch(version)
        serves(mac, folder, version)
        mac.wait_for(folder, "listening")
    # Back to the first.
    versions.switch("1")
    serves(mac, folder, "1")
    mac.wait_for(folder, "listening")
    assert [len(descriptors(process)), process.poll()] == [len(before), None]
    assert [len(mac.containers()), len(broker.scope.runners), broker.scope.jobs_lost] == [1, 1, 0]
    assert mac.stop(process) == 0, "it does not hear launchd any more"


def test_other_settings_wait_for_the_job_and_then_count(mac, broker, socket_path):
    mac.api.tag(image.NAME, "mac-runners-standin", "2")
    pool = {**mac.pool, "image": "mac-runners-standin:2"}
    folder = mac.slot()
    job = broker.queue("sleep 5; echo whole")
    mac.start(folder)
    mac.wait_for(folder, "job")
    read = mac.status(folder)["settings"]
    mac.admit(pools=[pool])
    replace(folder, pools=[pool])
    mac.finish(job)
    mac.wait("other settings", lambda: mac.status(folder)["settings"] != read)
    mac.wait_for(folder, "listening")
    assert mac.api.inspect_container("mac-runners-linux-1")["Config"]["Image"] == "mac-runners-standin:2"
    assert (job.output, len(job.runs)) == ("whole\n", 1)
    mac.api.remove_container("mac-runners-linux-1", force=True)
    mac.api.remove_image("mac-runners-standin:2", force=True)


def test_a_job_is_found_where_it_runs_although_settings_name_another_engine(mac, broker):
    folder = mac.slot()
    job = broker.queue("sleep 5; echo whole")
    process = mac.start(folder)
    mac.wait_for(folder, "job")
    mac.kill(process)
    replace(folder, docker={"socket": "/nowhere/docker.sock"})
    mac.start(folder)
    mac.finish(job)
    mac.wait_for(folder, "waiting")
    assert (job.result, job.output, mac.containers(), mac.status(folder)["jobs"]) == ("Succeeded", "whole\n", [], 1)
    assert "/nowhere/docker.sock" in mac.status(folder)["message"]
    replace(folder, docker={"socket": mac.socket})
    after = broker.queue("echo after")
    mac.finish(after)
    assert after.result == "Succeeded"


def replace(folder, **changes):
    """As a play does it: the whole file at once."""
    draft = folder / "draft"
    draft.write_text(json.dumps({**json.loads((folder / "settings.json").read_text()), **changes}))
    os.replace(draft, folder / "settings.json")


def test_settings_that_cure_a_failure_are_taken_at_once(mac, broker):
    """A slot that waits for minutes must not make its operator wait."""
    folder = mac.slot(github={"token_file": "/nowhere"})
    mac.start(folder)
    mac.wait("a longer pause", lambda: mac.status(folder).get("failures", 0) >= 3)
    job = broker.queue("echo done")
    replace(folder, github={**json.loads((folder / "settings.json").read_text())["github"], "token_file": str(mac.folder / "token")})
    mac.finish(job, seconds=30)
    assert job.result == "Succeeded"


def test_a_drained_slot_takes_another_version_and_stays_drained(mac, versions):
    folder = mac.slot()
    mac.drain(folder)
    mac.start(folder)
    mac.wait_for(folder, "drained")
    versions.lay("2")
    versions.switch("2")
    serves(mac, folder, "2")
    assert mac.status(folder)["state"] == "drained" and mac.containers() == []


def test_a_version_that_cannot_start_loses_nothing(mac, broker, versions):
    """launchd starts it again and again; the one before is laid back, and goes on where it was."""
    folder = mac.slot()
    process = mac.start(folder)
    mac.finish(broker.queue("echo first"))
    mac.wait_for(folder, "listening")
    record = mac.status(folder)
    versions.lay("2", b"no program")
    versions.switch("2")
    assert process.wait(timeout=60) != 0
    assert mac.start(folder).wait(timeout=30) != 0
    kept = mac.status(folder)
    assert (kept["jobs"], kept["cycle"], mac.containers(), broker.scope.runners) == (1, record["cycle"], [], {})
    versions.switch("1")
    mac.start(folder)
    job = broker.queue("echo second")
    mac.finish(job)
    mac.drain(folder)
    mac.wait_for(folder, "drained")
    assert (job.result, mac.status(folder)["jobs"], mac.status(folder)["pending"], broker.scope.runners) == ("Succeeded", 2, [], {})
