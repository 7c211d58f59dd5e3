# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sweep for a fleet: the role runner's entry point over several Macs, against the local GitHub. No Mac is visited for it."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"
LABEL = "managed-by:acme"
MACS = ("mac-1", "mac-2", "mac-3")


@pytest.fixture
def sweep(github, acme, tmp_path):
    """Runs it over three Macs, of which each declares two slots, with a state of its own; returns what was said."""
    pool = {"name": "linux", "isolation": "docker", "image": "runner:1", "count": 2, "memory": "2GiB"}
    target = {"url": f"{github.url}/acme", "token": github.world.token().text}
    variables = {"mac_runners_fleet": "acme", "mac_runners_github": target, "mac_runners_pools": [pool]}
    (tmp_path / "hosts.yml").write_text(json.dumps({"macs": {"hosts": {name: {} for name in MACS}, "vars": variables}}))
    role = {"name": "Sweep", "ansible.builtin.import_role": {"name": "action_packer.mac_runners.runner", "tasks_from": "sweep"}}
    (tmp_path / "play.yml").write_text(json.dumps([{"name": "Sweep", "hosts": "macs", "gather_facts": False, "tasks": [role]}]))

    def run(*words):
        command = [PLAYBOOK, tmp_path / "play.yml", "-i", tmp_path / "hosts.yml", *words]
        environment = {**os.environ, "HOME": str(tmp_path), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def listed(github):
    return len(github.asked("GET", "/actions/runners"))


def test_three_macs_are_swept_at_once_and_only_what_nobody_wants_goes(github, acme, sweep):
    kept = [acme.add(f"{mac}-linux-{number}-0000abc{number}", [LABEL], ephemeral=True).connect() for mac in MACS for number in (1, 2)]
    theirs = [acme.add("mac-2-linux-9-0000abcd"), acme.add("mac-9-linux-1-0000abcd", [LABEL])]
    orphans = [acme.add(f"{mac}-linux-7-0000abcd", [LABEL], ephemeral=True) for mac in MACS]
    sweep()
    assert listed(github) == 1 and set(acme.runners) == {one.id for one in (*kept, *theirs, *orphans)}, "their grace is not over"
    github.world.offset += 2 * 3600
    sweep()
    assert listed(github) == 2 and set(acme.runners) == {one.id for one in (*kept, *theirs)}


def test_a_limit_does_not_narrow_the_fleet(github, acme, sweep):
    wanted = [acme.add(f"{mac}-linux-1-0000abcd", [LABEL], ephemeral=True) for mac in MACS]
    sweep("--limit", "mac-1")
    github.world.offset += 2 * 3600
    for one in wanted:
        one.connect()
    sweep("--limit", "mac-1")
    assert listed(github) == 2 and set(acme.runners) == {one.id for one in wanted}
