# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import (
    EngineContainer,
    EngineDownError,
    EngineError,
    EngineSocket,
    list_containers,
    parse_container,
    parse_images,
)

POOL = "dev.action-packer.mac-runners.pool"


def listed(name: str, state: str = "running", **labels: str) -> dict:
    return {"Id": name * 3, "Names": [f"/{name}"], "Image": "busybox", "State": state, "Labels": labels}


def limited(memory: int) -> dict:
    return {"HostConfig": {"Memory": memory}}


def test_many_questions_over_one_connection(engine):
    answers = {
        "/containers/json?all=1": [listed("a"), listed("b", "exited")],
        "/containers/aaa/json": limited(2**30),
        "/containers/bbb/json": limited(0),
    }
    one = engine(answers)
    with EngineSocket(one.path) as asked:
        found = list_containers(asked)
    assert [(c.name, c.state, c.memory, c.owned) for c in found] == [("a", "running", 2**30, False), ("b", "stopped", None, False)]
    assert one.connections == 1
    assert len(one.asked) == 3


def test_a_container_that_is_removed_meanwhile_is_left_out(engine):
    one = engine({"/containers/json?all=1": [listed("a"), listed("b")], "/containers/bbb/json": limited(5)})
    with EngineSocket(one.path) as asked:
        assert [container.name for container in list_containers(asked)] == ["b"]


def test_an_error_of_the_engine_has_its_words(engine):
    one = engine({"/info": (500, {"message": "the disk is full"})})
    with EngineSocket(one.path) as asked, pytest.raises(EngineError, match="/info: the disk is full") as error:
        asked.get("/info")
    assert error.value.status == 500


def test_nonsense_is_an_error(engine):
    one = engine({"/info": (200, b"<html>"), "/": (200, {"a": 1})})
    with EngineSocket(one.path) as asked:
        with pytest.raises(EngineError, match="no JSON"):
            asked.get("/info")
        assert asked.get("/") == {"a": 1}


def test_nobody_at_the_socket(tmp_path):
    with pytest.raises(EngineDownError, match="no Docker Engine listens there"):
        EngineSocket(str(tmp_path / "nothing")).get("/info")
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "left"))
    left.close()
    with pytest.raises(EngineDownError):
        EngineSocket(str(tmp_path / "left")).get("/info")


def test_a_socket_that_never_answers_is_no_absent_engine(tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen(1)
        with pytest.raises(EngineError) as error:
            EngineSocket(str(tmp_path / "silent"), timeout=0.1).get("/info")
    assert not isinstance(error.value, EngineDownError)


@pytest.mark.parametrize(
    "state, word",
    [("created", "stopped"), ("exited", "stopped"), ("dead", "stopped"), ("removing", "stopped"), ("paused", "paused"),
     ("running", "running"), ("restarting", "running"), ("melting", "running")],
)
def test_states(state, word):
    assert parse_container(listed("a", state), limited(0)).state == word


@pytest.mark.parametrize(
    "name, labels, owned",
    [("mac-runners-linux-1", {POOL: "linux"}, True), ("mac-runners-linux-1", {}, False), ("linux-1", {POOL: "linux"}, False)],
)
def test_ours_by_name_and_label(name, labels, owned):
    assert parse_container(listed(name, **labels), limited(0)).owned is owned


def test_a_container_without_names_and_labels():
    bare = {"Id": "0123456789abcdef", "State": "created", "Labels": None, "Names": None}
    assert parse_container(bare, {}) == EngineContainer("0123456789ab", "0123456789abcdef", "stopped", None, {}, "")


def test_images_by_tag_digest_and_id():
    entries = [
        {"Id": "sha256:1", "RepoTags": ["a:1", "a:latest"], "RepoDigests": ["a@sha256:2"]},
        {"Id": "sha256:3", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]},
        {"Id": "sha256:4", "RepoTags": None, "RepoDigests": None},
    ]
    assert parse_images(entries) == ["a:1", "a:latest", "a@sha256:2", "sha256:1", "sha256:3", "sha256:4"]
