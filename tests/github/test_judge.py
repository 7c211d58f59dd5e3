# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judge is awake: what is wrong on purpose is caught, on both sides of an exchange."""

from __future__ import annotations

import dataclasses
import json
import urllib.error
import urllib.request

import pytest

RUNNERS = "/orgs/acme/actions/runners"
HEADERS = {"User-Agent": "x", "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@pytest.fixture
def send(github, acme, judge):
    """Sends anything and returns what the judge says; forgets it afterwards."""
    token = github.world.token().text

    def ask(method, path, body=None, drop=(), kind="application/json"):
        headers = {**HEADERS, "Authorization": f"Bearer {token}", "Content-Type": kind}
        headers = {name: value for name, value in headers.items() if name not in drop}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(github.url + "/api/v3" + path, data=data, method=method, headers=headers)
        try:
            urllib.request.urlopen(request).read()
        except urllib.error.HTTPError:
            pass
        return judge.breaches(github.exchanges.pop())

    return ask


JIT = {"name": "a", "runner_group_id": 1, "labels": ["x"]}
GOOD = [
    ("GET", f"{RUNNERS}?per_page=100&page=2", None),
    ("GET", f"{RUNNERS}?name=a", None),
    ("POST", f"{RUNNERS}/generate-jitconfig", JIT),
    ("POST", f"{RUNNERS}/registration-token", None),
    ("DELETE", f"{RUNNERS}/77", None),
    ("GET", "/orgs/acme/actions/runner-groups", None),
    ("GET", "/orgs/acme/actions/runners/deprecations/2.337.0", None),
    ("GET", "/rate_limit", None),
]
WRONG = [
    ("GET", f"{RUNNERS}?per_page=abc", None),
    ("GET", f"{RUNNERS}?per_page=101", None),
    ("GET", f"{RUNNERS}?label=x", None),
    ("GET", "/orgs/acme/actions/runner", None),
    ("GET", f"{RUNNERS}/abc", None),
    ("PATCH", f"{RUNNERS}/1", {}),
    ("POST", f"{RUNNERS}/generate-jitconfig", {**JIT, "labels": []}),
    ("POST", f"{RUNNERS}/generate-jitconfig", {**JIT, "labels": "x"}),
    ("POST", f"{RUNNERS}/generate-jitconfig", {"name": "a", "labels": ["x"]}),
    ("POST", f"{RUNNERS}/generate-jitconfig", None),
    ("PUT", f"{RUNNERS}/1/labels", {"label": ["x"]}),
    ("PUT", "/orgs/acme/actions/runner-groups/x/runners/1", None),
]


@pytest.mark.parametrize(("method", "path", "body"), GOOD)
def test_a_good_request_is_good(send, method, path, body):
    assert send(method, path, body) == []


@pytest.mark.parametrize(("method", "path", "body"), WRONG)
def test_a_wrong_request_is_caught(send, method, path, body):
    assert send(method, path, body) != []


@pytest.mark.parametrize("header", ["Authorization", "Accept", "X-GitHub-Api-Version"])
def test_a_missing_header_is_caught(send, header):
    assert send("GET", RUNNERS, drop=(header,)) == [f"GET {RUNNERS}: the header {header.lower()} is missing"]


def test_a_body_of_another_type_is_caught(send):
    assert send("POST", f"{RUNNERS}/generate-jitconfig", JIT, kind="text/plain") != []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"total": 1, "runners": []}),
        (200, {"total_count": "1", "runners": []}),
        (200, {"total_count": 1, "runners": [{"id": 1, "name": "a"}]}),
        (201, {"total_count": 0, "runners": []}),
    ],
)
def test_a_wrong_answer_is_caught(github, acme, judge, status, body):
    request = urllib.request.Request(github.url + "/api/v3" + RUNNERS, headers={**HEADERS, "Authorization": f"Bearer {github.world.token().text}"})
    urllib.request.urlopen(request).read()
    good = github.exchanges.pop()
    assert judge.breaches(good) == []
    assert judge.breaches(dataclasses.replace(good, status=status, body=json.dumps(body).encode())) != []
