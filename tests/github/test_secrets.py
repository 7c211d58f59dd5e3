# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets stay where they belong: ansible-playbook at its loudest, and every file that it leaves."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import identities
import pytest
from double.state import App

ROOT = pathlib.Path(__file__).resolve().parents[2]
LABEL = "managed-by:acme"


@pytest.fixture
def key(github):
    """An App's key; any line of it counts as a secret."""
    text = identities.pem(identities.rsa_key())
    github.world.secrets.extend(line for line in text.splitlines() if len(line) > 30 and "-----" not in line)
    return text


def playbook(tmp_path, tasks):
    path = tmp_path / "play.yml"
    show = {"name": "Show", "ansible.builtin.debug": {"var": "result"}}
    path.write_text(json.dumps([{"name": "Test", "hosts": "localhost", "gather_facts": False, "tasks": [*tasks, show]}]))
    program = pathlib.Path(sys.executable).with_name("ansible-playbook")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_LOG_PATH": str(tmp_path / "log"), "HOME": str(tmp_path)}
    argv = [str(program), str(path), "-vvvv", "--diff", "-i", "localhost,", "-c", "local", "-e", f"@{tmp_path / 'secrets.json'}"]
    argv += ["-e", f"ansible_python_interpreter={sys.executable}"]
    run = subprocess.run(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("credential", "outcome"), [("token", "done"), ("token", "forbidden"), ("token", "no answer"), ("app", "done"), ("app", "forbidden")]
)
def test_no_secret_is_in_output_log_or_files(github, acme, key, tmp_path, credential, outcome):
    permissions = {"organization_self_hosted_runners": "write"}
    github.world.apps["Iv23liTEST"] = App("Iv23liTEST", _public(key), 42, acme.path, permissions)
    token = github.world.token().text
    (tmp_path / "secrets.json").write_text(json.dumps({"secret_token": token, "secret_key": key}))
    acme.add("mac-1-a-1", [LABEL])
    if outcome == "forbidden":
        github.fault("echo", path="/actions/runners", times=9)
    given = {"token": "{{ secret_token }}"} if credential == "token" else {"app": {"client_id": "Iv23liTEST", "key": "{{ secret_key }}"}}
    options = {
        "url": github.url + "/acme" if outcome != "no answer" else "http://127.0.0.1:9/acme",
        "fleet": "acme",
        "name_prefixes": ["mac-1-"],
        "runners": [{"name": "mac-1-a-1", "state": "absent"}, {"name": "mac-1-b-1", "lifecycle": "persistent"}],
        "registration_token_file": str(tmp_path / "registration-token"),
        **given,
    }
    code, output = playbook(tmp_path, [{"name": "Sweep", "action_packer.mac_runners.github_runners": options, "register": "result"}])
    assert (code == 0) == (outcome == "done"), output
    assert "github_runners" in output
    for secret in github.world.secrets:
        assert secret not in output
        for file in tmp_path.rglob("*"):
            if file.is_file() and file.name not in ("secrets.json", "registration-token"):
                assert secret not in file.read_text(errors="replace"), file
    if outcome == "done":
        assert acme.runners == {} and (tmp_path / "registration-token").read_text() == acme.registration_tokens[0]


def _public(text):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(text.encode(), None).public_key()


def test_the_password_of_a_proxy_is_in_no_command_line(github, acme, tmp_path):
    """An environment of a task would be: it is written before the command, which -vvv and the process table show."""
    owner = {"url": github.url + "/acme", "token": github.world.token().text, "proxy": "http://me:hunter22@127.0.0.1:9"}
    pool = {"name": "linux", "isolation": "docker", "count": 1, "image": "ghcr.io/actions/actions-runner:2.337.0"}
    (tmp_path / "secrets.json").write_text(json.dumps({"mac_runners_github": owner, "mac_runners_pools": [pool]}))
    sweep = {"runner_fleet": "acme", "runner_group": "all", "runner_gone": [], "__runner_told_by_macs": {}}
    role = {"name": "action_packer.mac_runners.runner", "tasks_from": "groups"}
    tasks = [
        {"name": "Groups", "ansible.builtin.include_role": role},
        {"name": "Sweep", "ansible.builtin.include_role": {**role, "tasks_from": "sweep"}, "vars": sweep},
        {"name": "Versions", "action_packer.mac_runners.fleet_versions": {"hosts": ["localhost"]}, "register": "result"},
    ]
    code, output = playbook(tmp_path, tasks)
    assert code == 0 and "failed=0" in output, output
    assert {exchange.path.rpartition("/")[2] for exchange in github.exchanges} >= {"runner-groups", "runners", "downloads"}
    assert "hunter22" not in output and "hunter22" not in (tmp_path / "log").read_text()
