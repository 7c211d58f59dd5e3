# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading an engine's answers, and choosing an engine."""

from __future__ import annotations

import json
import os
import socket
import threading

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_find import NoEngineError, find_socket, only_engine
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import LIFECYCLE_LABEL, POOL_LABEL, SPEC_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import (
    container_of,
    read_architectures,
    read_containers,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineError


def inspection(name="mac-runners-linux-1", labels=None, **host):
    """As an engine of API 1.41 answers."""
    return {
        "Id": "id-" + name,
        "Name": "/" + name,
        "RestartCount": 2,
        "State": {"Status": "exited", "ExitCode": 137, "OOMKilled": True},
        "Config": {"Image": "acme/linux:1", "User": "1001:1001", "Cmd": ["run.sh"], "Labels": labels},
        "HostConfig": {"Memory": 33554432, "MemorySwap": 33554432, "NanoCpus": 1500000000, "PidsLimit": None, "NetworkMode": "default", **host},
    }


class Scripted:
    """Answers exactly these paths; anything else fails the test."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def get(self, path):
        self.asked.append(path)
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_fields_are_read_also_where_the_engine_leaves_them_out():
    container = container_of(inspection(labels={POOL_LABEL: "linux", SPEC_LABEL: "abc", LIFECYCLE_LABEL: "persistent"}))
    assert (container.owned, container.persistent, container.exit_code, container.oom_killed, container.restarts) == (True, True, 137, True, 2)
    fields = container.fields
    assert (fields["cpus"], fields["pids_limit"], fields["network"], fields["restart"], fields["spec"]) == (1.5, 0, "bridge", "no", "abc")
    assert (fields["mounts"], fields["cap_drop"], fields["init"], fields["privileged"]) == ([], [], False, False)


def test_mounts_of_both_kinds_are_seen():
    fields = container_of(inspection(Binds=["/a:/b"], Mounts=[{"Source": "/c"}])).fields
    assert fields["mounts"] == ["/a:/b", "/c"]


@pytest.mark.parametrize(
    "name, labels, owned",
    [
        ("mac-runners-linux-1", {POOL_LABEL: "linux"}, True),
        ("mac-runners-linux-1", None, False),
        ("mac-runners-linux-1", {POOL_LABEL + "s": "linux"}, False),
        ("linux-1", {POOL_LABEL: "linux"}, False),
    ],
)
def test_ours_is_what_has_both_name_and_label(name, labels, owned):
    assert container_of(inspection(name, labels)).owned is owned


def test_only_what_matters_is_inspected_and_what_went_meanwhile_is_left_out():
    ours = {POOL_LABEL: "linux"}
    engine = Scripted(
        {
            "/containers/json?all=1": [
                {"Id": "a", "Names": ["/mac-runners-linux-1"], "Labels": ours},
                {"Id": "b", "Names": ["/database", "/web/mac-runners-linux-2"], "Labels": {}},
                {"Id": "c", "Names": ["/mac-runners-linux-3"], "Labels": ours},
                {"Id": "d", "Names": ["/mac-runners-linux-4"], "Labels": None},
                {"Id": "e", "Names": ["/mac-runners-linux-5"], "Labels": None},
                {"Id": "f", "Names": [], "Labels": ours},
            ],
            "/containers/a/json": inspection(labels=ours),
            "/containers/c/json": EngineError("no such container", 404),
            "/containers/d/json": inspection("mac-runners-linux-4"),
        }
    )
    found = read_containers(engine, {"mac-runners-linux-4"})
    assert {name: container.owned for name, container in found.items()} == {"mac-runners-linux-1": True, "mac-runners-linux-4": False}


def test_an_engine_that_fails_is_not_an_empty_engine():
    with pytest.raises(EngineError):
        read_containers(Scripted({"/containers/json?all=1": EngineError("broken", 500)}), ())


def test_images_that_are_there_have_an_architecture():
    engine = Scripted(
        {
            "/images/ghcr.io/acme/a@sha256:1/json": {"Os": "linux", "Architecture": "arm64"},
            "/images/b%20c/json": EngineError("no such image", 404),
        }
    )
    assert read_architectures(engine, ["ghcr.io/acme/a@sha256:1", "b c"]) == {"ghcr.io/acme/a@sha256:1": "linux/arm64"}


@pytest.fixture
def engines(tmp_path):
    """Starts small engines that answer /info with an id."""
    listeners = []

    def start(name, identity):
        path = str(tmp_path / name)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(5)
        listeners.append(listener)
        threading.Thread(target=serve, args=(listener, identity), daemon=True).start()
        return path

    yield start
    for listener in listeners:
        listener.close()


def serve(listener, identity):
    body = json.dumps({"ID": identity}).encode()
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        connection.close()


def test_the_only_engine_that_answers_is_taken_whatever_its_sockets(engines, tmp_path):
    stale = tmp_path / "stale"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(stale))
    left.close()
    first, second = engines("a", "one"), engines("b", "one")
    assert only_engine([str(stale), first, second]) == first


def test_of_several_engines_none_is_guessed(engines):
    first, second = engines("a", "one"), engines("b", "two")
    with pytest.raises(NoEngineError, match=f"several Docker Engines answer: {first}, {second}; name one in docker_socket"):
        only_engine([second, first])


def test_no_engine_is_told_with_how_to_start_one(tmp_path):
    with pytest.raises(NoEngineError, match="no Docker Engine answers on this Mac: start one .colima start"):
        only_engine([str(tmp_path / "none")])


def test_what_was_named_comes_before_the_environment():
    assert find_socket("/a", {"DOCKER_HOST": "unix:///b"}) == "/a"
    assert find_socket("", {"DOCKER_HOST": "unix:///b"}) == "/b"
    with pytest.raises(NoEngineError, match="DOCKER_HOST is tcp://x:1; allowed: unix:// and the path of a socket"):
        find_socket("", {"DOCKER_HOST": "tcp://x:1"})


def test_files_that_are_no_sockets_are_no_engines(tmp_path):
    plain = tmp_path / "docker.sock"
    plain.write_text("")
    assert not os.path.islink(plain)
    with pytest.raises(NoEngineError):
        only_engine([str(plain)])
