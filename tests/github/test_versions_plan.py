# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook plan asks a local GitHub about the runners of a fleet: once for each target and version, and only with a credential."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import identities
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "slot"))

import tls  # noqa: E402

PLAYBOOK = ROOT / ".venv" / "bin" / "ansible-playbook"
IMAGE = "ghcr.io/actions/actions-runner:"
FACTS = {"memory": "64GiB", "chip": "Apple M4", "cores": 12, "macos": "26.1", "sip": "enabled", "disk_free": "400GiB"}
DAY = 86400


def stamp(days: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * DAY))


def linux(version: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"name": "linux", "isolation": "docker", "image": IMAGE + version, "memory": "2GiB", **fields}


@pytest.fixture
def answers(github, acme):
    """What GitHub says of three versions, and what it offers."""
    dates = {"2.300.0": stamp(-40), "2.336.0": stamp(10), "2.337.0": stamp(90)}
    github.world.deprecations = {v: {"registration_deprecates_at": None, "runtime_deprecates_at": date} for v, date in dates.items()}
    filename = "actions-runner-osx-arm64-2.338.0.tar.gz"
    github.world.downloads = [{"os": "osx", "architecture": "arm64", "filename": filename, "download_url": f"https://github.com/x/{filename}"}]
    return dates


@pytest.fixture
def plan(github, tmp_path):
    """Runs the playbook over Macs with pools; returns exit code, output and plan file. No secret is in any of them."""

    def run(macs: dict[str, t.Any], credential: t.Any, *words: str, **variables: t.Any) -> tuple[int, str, dict[str, t.Any]]:
        target = {"mac_runners_github": {"url": f"{github.url}/acme", **credential}}
        hosts = {name: {"mac_runners_facts": FACTS, "mac_runners_pools": pools, **target, **variables} for name, pools in macs.items()}
        inventory, path = tmp_path / "inventory.yml", tmp_path / "plan.json"
        inventory.write_text(json.dumps({"macs": {"hosts": hosts}}))
        command = [PLAYBOOK, "action_packer.mac_runners.plan", "-i", inventory, "-e", f"mac_runners_plan_file={path}", "-vvv", *words]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False)
        shown = done.stdout + done.stderr + path.read_text()
        assert [secret for secret in github.world.secrets if secret in shown] == []
        return done.returncode, done.stdout + done.stderr, json.loads(path.read_text())["macs"]

    return run


def token(github) -> dict[str, str]:
    return {"token": github.world.token().text}


def test_each_target_and_version_is_asked_once(github, acme, answers, plan):
    pools = {"mac-1": [linux("2.336.0")], "mac-2": [linux("2.336.0")], "mac-3": [linux("2.337.0")], "mac-4": [linux("latest")]}
    rc, output, macs = plan(pools, token(github))
    assert rc == 0, output
    asked = [exchange.path for exchange in github.exchanges]
    assert sorted(path.rpartition("/")[2] for path in asked) == ["2.336.0", "2.337.0", "downloads"]
    warning = f"pool linux: the runner 2.336.0 gets no jobs at {github.url}/acme from {answers['2.336.0']} on; pin 2.338.0 in image before"
    found = {name: [text for text in mac["warnings"] if "runner" in text and "digest" not in text] for name, mac in macs.items()}
    assert found == {"mac-1": [warning], "mac-2": [warning], "mac-3": [], "mac-4": []}
    assert f"mac-1, mac-2: {warning}" in output


def test_a_version_that_github_refuses_stops_the_fleet(github, acme, answers, plan):
    native = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
    rc, output, macs = plan({"mac-1": [linux("2.337.0")], "mac-2": [native]}, token(github), mac_runners_runner_version="2.300.0")
    assert rc == 2
    (violation,) = macs["mac-2"]["violations"]
    assert violation["check"] == "runner-version"
    assert violation["message"] == (
        f"the runner 2.300.0 gets no jobs at {github.url}/acme since {answers['2.300.0']}; pin 2.338.0 in mac_runners_runner_version"
    )
    assert macs["mac-1"]["fits"] and not macs["mac-1"]["violations"]
    assert f'runner-version: pool "lint": {violation["message"]}' in output


def test_in_check_mode_too(github, acme, answers, plan):
    rc, _output, macs = plan({"mac-1": [linux("2.300.0")]}, token(github), "--check")
    assert (rc, [violation["check"] for violation in macs["mac-1"]["violations"]]) == (2, ["runner-version"])


@pytest.mark.parametrize("credential", [{}, {"token": ""}, {"runner_group": "macs"}])
def test_without_a_credential_nobody_is_asked(github, acme, answers, plan, credential):
    rc, output, macs = plan({"mac-1": [linux("2.300.0")]}, credential)
    assert (rc, github.exchanges) == (0, []), output
    assert not [text for text in macs["mac-1"]["warnings"] if "2.300.0" in text and "digest" not in text]


def test_a_secret_that_is_not_at_hand_leaves_out_the_question(github, acme, answers, plan):
    rc, output, _macs = plan({"mac-1": [linux("2.300.0")]}, {"token": "{{ vault_github_token }}"})
    assert (rc, github.exchanges) == (0, []), output
    assert "GitHub is not asked about versions of the runner, since mac_runners_github cannot be read" in " ".join(output.split())


def test_github_that_gives_no_answer_is_a_warning(github, acme, plan):
    rc, output, macs = plan({"mac-1": [linux("2.336.0")]}, {"token": "ghp_" + "x" * 36})
    assert rc == 0, output
    (warning,) = [text for text in macs["mac-1"]["warnings"] if "digest" not in text]
    assert warning.startswith(f"pool linux: it is not known until when {github.url}/acme takes the runner 2.336.0: ")
    github.exchanges.clear()


def test_the_target_is_reached_through_the_proxy_of_the_inventory(github, acme, answers, plan, tmp_path):
    """Only the proxy knows where that GitHub is."""
    context, authority = identities.certificate(tmp_path, "github.acme.test")
    with tls.Front(context, github.port) as front, tls.Proxy(front.port) as proxy:
        target = {"url": f"https://github.acme.test:{front.port}/acme", **token(github), "ca_path": str(authority)}
        rc, output, macs = plan({"mac-1": [linux("2.336.0")]}, {**target, "proxy": proxy.url})
        assert (rc, len(github.exchanges)) == (0, 2), output
        assert [text for text in macs["mac-1"]["warnings"] if "2.336.0 gets no jobs" in text]
        _rc, _output, macs = plan({"mac-1": [linux("2.336.0")]}, target)
    assert len(github.exchanges) == 2
    assert [text for text in macs["mac-1"]["warnings"] if text.startswith("pool linux: it is not known until when")]
