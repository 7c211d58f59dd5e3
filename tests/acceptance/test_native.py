# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots whose runners are processes of the Mac: accounts, profiles and GitHub's runner come with the plays, and go with them."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import subprocess
import typing as t

import pytest

from tests.acceptance.fleet import Fleet, differences
from tests.acceptance.jobs import END, Workplace, build, tart_workplace

LINT = {"name": "lint", "isolation": "sandbox", "count": 2, "memory": "1GiB", "trust": "trusted", "labels": ["quick"]}
ACCT = {"name": "acct", "isolation": "account", "count": 1, "memory": "1GiB", "trust": "trusted", "labels": ["quick"]}
#: The stand-in runner is a script: python3 of a simulated Mac would start a second program, in whose environment its config would be.
PATH = "/opt/stand-in:/usr/bin:/bin:/usr/sbin:/sbin"
JAIL = {"name": "jail", "isolation": "chroot", "count": 1, "memory": "1GiB", "trust": "trusted"}
#: Where a simulated Mac has the programs of the machine that it is on.
HOST = "/System/Library/macsim/host"
PROGRAMS = ("bash", "cat", "dirname", "env", "grep", "id", "ls", "mkdir", "mv", "ps", "python3", "rm", "sleep", "touch", "true", "uname")
HOSTILE = (
    "ls -a ~ /Users/mac-runners-* /tmp/left-$MAC_RUNNERS_SLOT || true; "
    "touch ~/left ~/../left /tmp/left-$MAC_RUNNERS_SLOT || true; "
    "ln -s /etc ~/work/etc; echo user=$(id -u) ports=$MAC_RUNNERS_PORT_FIRST"
)


@pytest.fixture
def place(boot_mac: t.Callable[..., t.Any], tmp_path: pathlib.Path) -> t.Iterator[Workplace]:
    """One Mac with native pools, told of GitHub and of its runner, visited."""
    with tart_workplace() as made:
        # Without the protection of file systems, for jails.
        mac = boot_mac(memory="32GiB", cores=8, disk_free="400GiB", sip="disabled")
        python = mac.exec("/usr/bin/python3", "-c", "import sys; print(sys.executable)", check=True).stdout.strip()
        (mac.root / "opt/stand-in").mkdir()
        (mac.root / "opt/stand-in/python3").symlink_to(python)
        fleet = Fleet(tmp_path, [mac])
        archive = tmp_path / build.filename()
        archive.write_bytes(build.tarball())
        more = {
            "mac_runners_runner_version": build.VERSION,
            "mac_runners_runner_sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "runner_package_archive": str(archive),
            "runner_limits": {"environment": {"PATH": PATH}},
        }
        made.tell(fleet, **more)
        fleet.pools("mac-1", LINT, ACCT, mac_runners_github=accepting(made))
        fleet.visit()
        yield made


def accepting(place: Workplace) -> dict[str, t.Any]:
    """Where runners register, with the credential on a Mac of weak isolations, which was said by name."""
    return {"url": f"{place.github.url}/acme", "token": place.token, "accept_key_beside_weak": True}


def test_native_slots_run_jobs_and_leave_the_mac_as_it_was(place: Workplace) -> None:
    fleet, root = place.fleet, place.fleet.macs["mac-1"].root
    before = fleet.pictures()
    predicted = fleet.play("site", "--check", "--diff")
    assert fleet.pictures() == before and not fleet.writing_calls(), "a check changed something"
    converged = fleet.play("site", "--diff")
    assert predicted.diff_of("Bring the accounts") == converged.diff_of("Bring the accounts") != []
    jobs = [place.broker.queue(HOSTILE, labels=["quick"]) for _number in range(6)]
    place.finish(*jobs, seconds=180)
    assert {job.runs[0].rpartition("-")[0] for job in jobs} <= {"mac-1-lint-1", "mac-1-lint-2", "mac-1-acct-1"}
    for job in jobs:
        seen = [line for line in job.output.splitlines() if "left" in line and "ermission denied" not in line and "No such file" not in line]
        assert seen == [], job.output
    ports = {line for job in jobs for line in job.output.splitlines() if line.startswith("user=")}
    assert ports <= {"user=1701 ports=20000", "user=1702 ports=20100", "user=1801 ports=20200"}, ports
    assert fleet.play("site").changed("mac-1") == 0
    status = fleet.play("status").text
    assert status.count("low-isolation") == 3, status

    # What cannot be is refused before a slot is asked to go.
    place.wait("idle slots", lambda: place.state("lint-1") == place.state("lint-2") == "listening")
    fleet.pools("mac-1", ACCT, mac_runners_github=accepting(place), runner_pool_limits={"nobody": {}})
    assert "field runner_pool_limits: got" in fleet.play("site", rc=2).text
    assert place.state("lint-1") == place.state("lint-2") == "listening"
    fleet.pools("mac-1", LINT, ACCT, mac_runners_github=accepting(place))

    # A pool that goes takes its accounts, its profiles and its slots along, and no other's.
    job, slot = place.long_job("account")
    place.begun(job)
    moved = fleet.play("site", "-e", json.dumps({"account_settings": [{"pool": "acct", "uid_base": 1901}]}), rc=2)
    assert "while the slot acct-1 is installed" in moved.text and not job.result
    fleet.pools("mac-1", {**ACCT, "port_base": 20200}, mac_runners_github=accepting(place), account_settings=[{"pool": "acct", "uid_base": 1801}])
    fleet.play("site")
    (root / f"Users/mac-runners-{slot}" / END).touch()
    place.finish(job)
    assert sorted(path.name for path in (root / "Users").glob("mac-runners-*")) == ["mac-runners-acct-1"]
    assert not list((root / "opt/mac_runners/sandbox").glob("lint-*"))

    lost = place.broker.queue("sleep 1000", labels=["account"])
    place.begun(lost)
    refused = fleet.play("teardown", "-e", "mac_runners_wait=3", rc=2)
    assert "acct-1: job build" in refused.text and place.state("acct-1") == "job"
    fleet.play("teardown", "-e", "mac_runners_force=true")
    assert differences(before, fleet.pictures()) == []
    assert lost.result == ""


def in_every_jail() -> list[dict[str, str]]:
    """What the stand-in runner needs, which is no program of a Mac."""
    programs = [os.path.realpath(f"/usr/bin/{name}") for name in PROGRAMS]
    needed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    libraries = sorted(set(re.findall(r"(/\S+) \(0x", needed)))
    python = pathlib.Path(os.path.realpath("/usr/bin/python3")).name
    contents = [{"path": f"{HOST}/bin/{name}", "target": f"/usr/bin/{name}"} for name in PROGRAMS if name not in ("python3", "true")]
    contents += [{"path": f"{HOST}/bin/true", "target": "/usr/bin/true"}, {"path": f"{HOST}/bin/bash", "target": "/bin/sh"}]
    contents += [{"path": f"{HOST}/bin/{python}", "target": "/usr/bin/python3"}, {"path": f"{HOST}/lib/{python}", "target": f"/usr/lib/{python}"}]
    return contents + [{"path": os.path.realpath(path), "target": path} for path in libraries]


@pytest.mark.long
def test_a_slot_in_a_jail_runs_jobs_that_see_nothing_else(place: Workplace) -> None:
    fleet, root = place.fleet, place.fleet.macs["mac-1"].root
    fleet.pools("mac-1", JAIL, mac_runners_github=accepting(place), chroot_contents=in_every_jail(), runner_limits={})
    before = fleet.pictures()
    refused = fleet.play("site", rc=2)
    assert "true, with which this isolation is accepted as an experiment" in refused.text
    accepted = ["-e", "chroot_experimental=true"]
    fleet.play("site", *accepted)
    job = place.broker.queue("ls -d /* /Users/*; id -u; touch ~/left; ls -a ~")
    again = place.broker.queue("ls -a ~ /tmp; ls /Users/mac-runners-jail-1/work")
    place.finish(job, again, seconds=180)
    assert "/Users/mac-runners-jail-1\n" in job.output and "/Users/admin" not in job.output and "/opt" not in job.output.splitlines(), job.output
    assert "left" in job.output and "left" not in again.output
    assert fleet.play("site", *accepted).changed("mac-1") == 0
    fleet.play("teardown")
    assert differences(before, fleet.pictures()) == [] and not (root / "opt/mac_runners").exists()


def test_code_that_is_not_trusted_and_a_runner_that_is_missing_are_refused(place: Workplace) -> None:
    fleet = place.fleet
    fleet.pools("mac-1", {**LINT, "trust": "internal"}, mac_runners_github=accepting(place))
    assert "say trust: trusted if that is true" in " ".join(fleet.play("site", rc=2).text.split())
    fleet.pools("mac-1", LINT, mac_runners_github=accepting(place), runner_package_version="")
    assert 'pool "lint", field runner_version: got nothing' in fleet.play("site", rc=2).text
    assert place.slots() == {}
