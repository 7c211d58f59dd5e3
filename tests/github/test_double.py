# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local GitHub itself: what it offers, its lag and its lies, and the program that serves it for people."""

from __future__ import annotations

import hashlib
import json
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

PROGRAM = pathlib.Path(__file__).with_name("github")
HEADERS = {"User-Agent": "x", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
RUNNERS = "/orgs/acme/actions/runners"
JIT = {"name": "mac-1-a", "runner_group_id": 1, "labels": ["x"]}


@pytest.fixture
def ask(github, acme):
    token = github.world.token().text

    def send(method, path, body=None, authorization=f"Bearer {token}"):
        data = None if body is None else json.dumps(body).encode()
        headers = {**HEADERS, "Authorization": authorization, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{github.url}/api/v3{path}", data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    return send


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def test_downloads_are_listed_with_their_checksum_and_can_be_had(github, ask):
    github.offer("actions-runner-osx-arm64-2.337.0.tar.gz", b"content")
    status, listed = ask("GET", f"{RUNNERS}/downloads")
    assert (status, listed[0]["os"], listed[0]["architecture"]) == (200, "osx", "arm64")
    assert fetch(listed[0]["download_url"]) == b"content"
    assert listed[0]["sha256_checksum"] == hashlib.sha256(b"content").hexdigest()
    github.fault("truncated")
    assert fetch(listed[0]["download_url"]) == b"con"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(listed[0]["download_url"] + "x")


def test_a_deprecation_is_known_or_404(github, ask):
    github.world.deprecations["2.337.0"] = {"runtime_deprecates_at": "2026-12-01T00:00:00Z"}
    assert ask("GET", f"{RUNNERS}/deprecations/2.337.0") == (200, {"runner_version": "2.337.0", "runtime_deprecates_at": "2026-12-01T00:00:00Z"})
    assert ask("GET", f"{RUNNERS}/deprecations/2.1.0")[0] == 404


def test_a_registered_runner_comes_late_into_lists_but_is_there(github, ask):
    github.world.list_lag = 30
    number = ask("POST", f"{RUNNERS}/generate-jitconfig", JIT)[1]["runner"]["id"]
    assert ask("GET", RUNNERS)[1]["total_count"] == 0
    assert ask("GET", f"{RUNNERS}/{number}")[0] == 200
    github.world.offset = 31
    assert ask("GET", RUNNERS)[1]["total_count"] == 1


def test_it_may_call_a_busy_runner_idle_and_then_refuses_to_remove_it_or_not(github, acme, ask):
    runner = acme.add("a").connect()
    runner.job = runner.lies_idle = True
    assert ask("GET", f"{RUNNERS}/{runner.id}")[1]["busy"] is False
    assert ask("DELETE", f"{RUNNERS}/{runner.id}")[0] == 422
    github.world.believes_its_lies = True
    assert (ask("DELETE", f"{RUNNERS}/{runner.id}")[0], acme.jobs_lost) == (204, 1)


def test_a_failed_answer_may_have_registered(github, acme, ask):
    github.fault("status-after", path="generate-jitconfig")
    assert (ask("POST", f"{RUNNERS}/generate-jitconfig", JIT)[0], len(acme.runners)) == (502, 1)
    github.fault("status", status=404)
    assert [ask("GET", RUNNERS)[0] for _number in range(2)] == [404, 200]


def test_a_token_of_an_hour_is_good_for_what_config_asks_and_nothing_else(github, acme, ask):
    acme.add("a")
    register, remove = (f"RemoteAuth {ask('POST', f'{RUNNERS}/{kind}-token')[1]['token']}" for kind in ("registration", "remove"))
    assert ask("GET", "/orgs/acme/actions/runner-groups", authorization=register)[0] == 200
    assert ask("GET", "/orgs/acme/actions/runner-groups", authorization=remove)[0] == 401
    assert ask("DELETE", f"{RUNNERS}/1", authorization=register)[0] == 401
    assert ask("POST", f"{RUNNERS}/generate-jitconfig", JIT, authorization=register)[0] == 401
    assert ask("DELETE", f"{RUNNERS}/1", authorization=remove)[0] == 204


def test_an_unknown_fault_is_refused(github):
    with pytest.raises(ValueError, match="a fault is one of"):
        github.fault("statuses")


@pytest.fixture
def served(tmp_path):
    """The program, served; speaks with it."""
    control = str(tmp_path / "control")
    package = tmp_path / "actions-runner-osx-arm64-2.337.0.tar.gz"
    package.write_bytes(b"content")
    argv = [PROGRAM, "--control", control, "serve", "--token-file", tmp_path / "token", "--offer", package, "--broker-socket", tmp_path / "broker"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        where = json.loads(process.stdout.readline())

        def say(*words):
            done = subprocess.run([PROGRAM, "--control", control, *words], check=False, capture_output=True, text=True)
            return done.returncode, done.stdout, done.stderr

        yield where, (tmp_path / "token"), say
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_socket()] == []


def test_the_program_serves_queues_lists_and_judges(served):
    where, token, say = served
    assert token.stat().st_mode & 0o777 == 0o600
    request = urllib.request.Request(where["url"].replace("/acme", f"/api/v3{RUNNERS}/generate-jitconfig"), data=json.dumps(JIT).encode(), method="POST")
    for name, text in {**HEADERS, "Content-Type": "application/json", "Authorization": f"Bearer {token.read_text()}"}.items():
        request.add_header(name, text)
    assert urllib.request.urlopen(request).status == 201
    assert say("queue", "--name", "lint", "--label", "x", "true") == (0, "1\n", "")
    assert json.loads(say("jobs", "--json")[1]) == {"id": 1, "name": "lint", "labels": ["x"], "runs": [], "result": "", "output": ""}
    assert say("jobs", "--wait", "0.1")[0] == 1
    assert "mac-1-a" in say("runners")[1] and json.loads(say("runners", "--json")[1])["status"] == "offline"
    assert say("set", "list_lag=2", "believes_its_lies=true")[0] == say("deprecate", "2.337.0", "2026-12-01T00:00:00Z")[0] == 0
    assert say("judge") == (0, "1 exchanges, 0 breaches\n", "")
    assert say("fault", "status", "--status", "404")[0] == 0
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(request)


@pytest.mark.parametrize(
    "words",
    [[], ["fly"], ["queue"], ["job"], ["jobs", "--wai", "1"], ["fault", "fire"], ["set", "colour=1"], ["set", "list_lag=true"], ["serve", "--port", "x"]],
)
def test_the_program_refuses_what_it_does_not_know(words):
    assert subprocess.run([PROGRAM, *words], check=False, capture_output=True).returncode not in (0, -15)


def test_the_program_says_that_nothing_is_served(tmp_path):
    done = subprocess.run([PROGRAM, "--control", tmp_path / "none", "jobs"], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and "no local GitHub is served at" in done.stderr
