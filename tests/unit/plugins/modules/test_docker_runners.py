# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module docker_runners at its edge: no engine, no library, wrong input, a run with nothing to do."""

from __future__ import annotations

import functools
import json
import socket
import sys
import threading

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import parse_containers
from ansible_collections.action_packer.mac_runners.plugins.modules import docker_runners

GOOD = {"name": "linux-1", "image": "acme/linux:1", "memory": "3GiB"}
ROOM = {"reserve": 0, "headroom": 0, "docker_vm_base": 0, "disk_reserve": 0, "cpu_factor": 100}


@pytest.fixture
def play(run_module):
    """Runs the module and returns its result."""
    return functools.partial(run_module, docker_runners, fleet="test")


@pytest.fixture
def engine(tmp_path):
    """An engine with one container, as GOOD wants it; notes what it was asked and answers nothing but these."""
    (spec,) = parse_containers([GOOD])
    inspection = {
        "Id": "a",
        "Name": "/mac-runners-linux-1",
        "State": {"Status": "running"},
        "Config": {"Image": spec.image, "User": spec.user, "Labels": spec.labels},
        "HostConfig": {
            "Memory": spec.memory,
            "MemorySwap": spec.memory,
            "NanoCpus": 2 * 10**9,
            "PidsLimit": 4096,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Init": True,
            "NetworkMode": "default",
            "RestartPolicy": {"Name": "unless-stopped"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        },
    }
    answers = {
        "/containers/json?all=1": [{"Id": "a", "Names": ["/mac-runners-linux-1"], "Labels": spec.labels}],
        "/containers/a/json": inspection,
    }
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "docker.sock"))
    listener.listen(5)
    made = Engine(str(tmp_path / "docker.sock"), listener, answers)
    threading.Thread(target=made.serve, daemon=True).start()
    yield made
    listener.close()


class Engine:
    def __init__(self, path, listener, answers):
        self.path, self.listener, self.answers = path, listener, answers
        self.connections, self.asked = 0, []

    def serve(self):
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as lines:
                self.answer(connection, lines)

    def answer(self, connection, lines):
        for line in lines:
            if line.startswith(b"GET "):
                path = line.split()[1].decode()
                self.asked.append(path)
                body = json.dumps(self.answers[path]).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


HEAVY = (".fleet", ".checks", "._room", ".reading", ".docker_apply", ".docker_room", ".docker_sdk")


def heavy_modules():
    return [name for name in sys.modules if name == "docker" or name.endswith(HEAVY)]


def test_a_run_with_nothing_to_do_uses_one_connection_and_imports_nothing_heavy(play, engine, monkeypatch):
    for name in heavy_modules():
        monkeypatch.delitem(sys.modules, name)
    result = play(containers=[GOOD], docker_socket=engine.path)
    assert not result.get("failed") and not result["changed"] and result["steps"] == [] and "diff" not in result
    assert result["containers"][0]["name"] == "mac-runners-linux-1"
    assert (engine.connections, engine.asked) == (1, ["/containers/json?all=1", "/containers/a/json"])
    assert heavy_modules() == []


def test_diff_mode_has_a_diff_also_when_it_is_empty(play, engine):
    assert play(containers=[GOOD], docker_socket=engine.path, _ansible_diff=True)["diff"] == {"before": {}, "after": {}}


def test_without_an_engine_nothing_can_be_made_and_nothing_has_to_go(play, tmp_path):
    gone = str(tmp_path / "docker.sock")
    result = play(containers=[GOOD], docker_socket=gone)
    assert result["failed"] and gone in result["msg"] and "colima start" in result["msg"]
    result = play(purge=True, docker_socket=gone)
    assert (result.get("failed"), result["changed"], result["containers"]) == (None, False, [])


def test_a_missing_library_is_named_with_what_brings_it(play, engine, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "docker", None)
    monkeypatch.delitem(sys.modules, SDK, raising=False)
    state = tmp_path / "state"
    options = {"containers": [{**GOOD, "memory": "4GiB"}], "capacity": ROOM, "state_dir": str(state)}
    result = play(docker_socket=engine.path, sdk_interpreter="/no/such/python3", **options)
    assert result["failed"] and "(docker)" in result["msg"] and "The role host puts it into /no/such/python3." in result["msg"]
    assert not state.exists()
    monkeypatch.delitem(sys.modules, SDK, raising=False)


SDK = "ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_sdk"


def test_whose_the_mac_is_has_to_be_said(run_module, engine):
    result = run_module(docker_runners, containers=[GOOD], docker_socket=engine.path)
    assert result["failed"] and result["msg"] == "missing required arguments: fleet" and engine.asked == []


def test_wrong_input_names_container_and_field(play):
    result = play(containers=[{**GOOD, "user": "root"}], docker_socket="/no/such/socket")
    assert result["failed"] and result["msg"].startswith('container linux-1: field user: got "root"; allowed: ')


def test_the_options_of_a_container_are_those_that_are_read():
    (spec,) = parse_containers([{**GOOD, **{name: option.get("default") for name, option in docker_runners.CONTAINER.items() if name not in GOOD}}])
    assert spec == parse_containers([GOOD])[0]
