# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import container as container_module
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.container import (
    Container,
    parse_list,
    parse_status,
    read_containers,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import Process

GIB = 1024**3
TOOL = "/usr/local/bin/container"
STATUS = (TOOL, "system", "status", "--format", "json")
LIST = (TOOL, "list", "--all", "--format", "json")
RUNNING = json.dumps({"status": "running", "appRoot": "/var/root", "apiServerVersion": "container-apiserver version 1.2.2"})
OWNED = {"dev.action-packer.mac-runners.pool": "c"}
RUNTIME = "/usr/local/libexec/container/plugins/container-runtime-linux/bin/container-runtime-linux start --uuid "


def configuration(name: str, memory: int = GIB, **labels: str) -> dict:
    return {"id": name, "labels": labels, "resources": {"cpus": 4, "memoryInBytes": memory}, "rosetta": False}


def new(name: str, state: str, **labels: str) -> dict:
    return {"id": name, "configuration": configuration(name, **labels), "status": {"state": state, "networks": []}}


def old(name: str, state: str, **labels: str) -> dict:
    return {"status": state, "configuration": configuration(name, **labels), "networks": []}


@pytest.fixture(autouse=True)
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools.only_root_writes", lambda path: True)


@pytest.mark.parametrize("shape", [new, old])
def test_both_shapes_of_the_list(shape):
    text = json.dumps([shape("mac-runners-c-1", "running", **OWNED), shape("web", "stopped"), shape("x", "bootstrapped"), shape("y", "melting")])
    assert parse_list(text, 0) == [
        Container("mac-runners-c-1", "running", GIB, True, 0),
        Container("web", "stopped", GIB, False, 0),
        Container("x", "running", GIB, False, 0),
        Container("y", "running", GIB, False, 0),
    ]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"status": "running"}]', '[{"id": "a", "status": 1, "configuration": {}}]'])
def test_a_list_of_an_unknown_shape_is_an_error(text):
    with pytest.raises(ValueError):
        parse_list(text, 0)


@pytest.mark.parametrize(
    "text, status",
    [
        (RUNNING, "running"),
        ('{"status": "running", "server": {"version": "1.4.1"}, "paths": {}}', "running"),
        ('{"status": "unregistered", "appRoot": ""}', "unregistered"),
        ('{"status": "not running"}', "not running"),
        ("[]", ""),
        ("", ""),
    ],
)
def test_status_of_all_versions(text, status):
    assert parse_status(text) == status


def test_a_service_that_is_down_has_no_containers(script):
    unread: list = []
    run = script({STATUS: Result(1, '{"status": "unregistered"}', "")})
    assert read_containers(run, TOOL, [], [], unread) == []
    assert unread == []


def test_without_the_tool_nothing_is_asked(script):
    assert read_containers(script({}), "", [], [], []) == []


@pytest.mark.parametrize(
    "answers, said",
    [
        ({STATUS: Result(124, "", "did not end within 60 s")}, "Apple's container: system status ended with 124: did not end within 60 s"),
        ({STATUS: RUNNING, LIST: Result(1, "", "Error: interrupted")}, "containers of Apple's container: Error: interrupted"),
        ({STATUS: RUNNING, LIST: "{}"}, "containers of Apple's container: list printed no JSON array"),
    ],
)
def test_a_service_that_does_not_answer_is_said(script, answers, said):
    unread: list = []
    assert read_containers(script(answers), TOOL, [], [], unread) == []
    assert unread == [said]


def test_a_live_container_that_is_listed_as_stopped_runs(script):
    run = script({STATUS: RUNNING, LIST: json.dumps([new("web", "stopped")])})
    found = read_containers(run, TOOL, [Process(9, 0, 1, RUNTIME + "web")], [], [])
    assert found == [Container("web", "running", GIB, False, 0)]


def test_containers_of_other_users_are_seen_with_their_size(script, tmp_path):
    directory = tmp_path / container_module.DATA_ROOT / "containers" / "db"
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(configuration("db", 3 * GIB)))
    processes = [Process(9, 987654, 1, RUNTIME + "db"), Process(10, 987654, 1, RUNTIME + "lost")]
    found = read_containers(script({}), "", processes, [User("someone", 987654, str(tmp_path))], [])
    assert found == [
        Container("db of 987654", "running", 3 * GIB, False, 987654),
        Container("lost of 987654", "running", None, False, 987654),
    ]
