# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import engines, tools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.engines import (
    SocketPlace,
    engine_kind,
    find_sockets,
    parse_colima_list,
    read_engines,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User

GIB = 1024**3
COLIMA = "/opt/homebrew/bin/colima"
LIST = ("/usr/bin/sudo", "-n", "-u", "admin", "-H", "/usr/bin/env", f"PATH={tools.TOOL_PATH}", COLIMA, "list", "--json")


def answers(name: str = "colima", identity: str = "one") -> dict:
    info = {"ID": identity, "Name": name, "OperatingSystem": "Ubuntu 24.04", "MemTotal": 8 * GIB - 5, "NCPU": 4, "ServerVersion": "28.1.1"}
    return {"/info": info, "/containers/json?all=1": [], "/images/json": [{"Id": "sha256:1", "RepoTags": ["a:1"]}]}


@pytest.fixture(autouse=True)
def nothing_by_default(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(engines, "DEFAULT_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr(engines, "find_tool", lambda name: "")


@pytest.fixture
def admin(engine, tmp_path_factory):
    """A user with a home of a short path."""
    home = os.path.dirname(engine({}).path) + "/admin"
    os.makedirs(home + "/.colima/default")
    return User("admin", os.getuid(), home)


def test_sockets_of_users_by_their_engine(admin, engine):
    for place in (".colima/default", ".docker/run", ".orbstack/run", ".lima/vm/sock", ".rd"):
        os.makedirs(f"{admin.home}/{place}", exist_ok=True)
        engine({}, f"{admin.home}/{place}/docker.sock")
    found = {place.path: place for place in find_sockets([admin])}
    kinds = {path[len(admin.home) + 1 :]: place.kind for path, place in found.items()}
    assert kinds == {
        ".colima/default/docker.sock": "colima",
        ".docker/run/docker.sock": "docker-desktop",
        ".orbstack/run/docker.sock": "orbstack",
        ".lima/vm/sock/docker.sock": "lima",
        ".rd/docker.sock": "rancher-desktop",
    }
    assert {place.user for place in found.values()} == {"admin"}


def test_the_socket_of_the_system_is_that_of_the_user_it_leads_to(admin, engine, tmp_path):
    path = f"{admin.home}/.colima/default/docker.sock"
    engine({}, path)
    (tmp_path / "docker.sock").symlink_to(path)
    assert find_sockets([admin], [path]) == [SocketPlace(path, "colima", "admin", os.getuid(), "default")]


def test_a_named_socket_comes_first_even_when_it_is_not_there(admin, engine):
    engine({}, f"{admin.home}/.colima/default/docker.sock")
    assert [place.path for place in find_sockets([admin], ["/nowhere/docker.sock"])][0] == "/nowhere/docker.sock"


def test_nobody_sends_root_to_the_socket_of_another(monkeypatch, admin, engine):
    path = f"{admin.home}/.colima/default/docker.sock"
    engine({}, path)
    monkeypatch.setattr(engines, "_owner", lambda path: 987654)
    unread: list = []
    assert find_sockets([admin], unread=unread) == []
    assert unread == [f"the Docker Engine at {path}: its socket belongs to somebody else"]


def test_what_is_no_socket_is_no_engine(admin, tmp_path):
    for path in (f"{admin.home}/.colima/default/docker.sock", tmp_path / "docker.sock"):
        with open(path, "w", encoding="utf-8"):
            pass
    assert find_sockets([admin]) == []


def test_an_engine_with_its_vm(script, engine):
    place = SocketPlace(engine(answers()).path)
    (found,) = read_engines(script({}), [place], True, [])
    assert (found.kind, found.running, found.id, found.version) == ("colima", True, "one", "28.1.1")
    assert (found.memory, found.cpus, found.images) == (8 * GIB - 5, 4, ("a:1", "sha256:1"))


def test_an_engine_without_a_vm_has_no_size_of_its_own(script, engine):
    (found,) = read_engines(script({}), [SocketPlace(engine(answers()).path)], False, [])
    assert found.memory is None


def test_one_engine_at_two_sockets_counts_once(script, engine):
    places = [SocketPlace(engine(answers()).path), SocketPlace(engine(answers()).path)]
    assert len(read_engines(script({}), places, True, [])) == 1


def test_running_engines_come_first(script, engine, tmp_path):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "left"))
    left.close()
    places = [SocketPlace(str(tmp_path / "left"), "colima"), SocketPlace(engine(answers("orbstack")).path)]
    unread: list = []
    found = [(one.kind, one.running) for one in read_engines(script({}), places, True, unread)]
    assert found == [("orbstack", True), ("colima", False)]
    assert unread == []


@pytest.mark.parametrize("broken", [{}, {"/info": []}, {"/info": {}}, {"/info": (200, b"x")}])
def test_an_engine_that_cannot_be_read_is_said(script, engine, broken):
    unread: list = []
    path = engine(broken).path
    assert read_engines(script({}), [SocketPlace(path)], True, unread) == []
    assert len(unread) == 1
    assert unread[0].startswith(f"the Docker Engine at {path}: ")


def test_the_size_that_colima_was_given_beats_what_its_kernel_tells(monkeypatch, script, admin, engine):
    monkeypatch.setattr(engines, "find_tool", lambda name: COLIMA)
    engine(answers(), f"{admin.home}/.colima/default/docker.sock")
    said = '{"name":"default","status":"Running","arch":"aarch64","cpus":6,"memory":8589934592,"runtime":"docker"}\n'
    (found,) = read_engines(script({LIST: said}), find_sockets([admin]), True, [])
    assert (found.memory, found.cpus) == (8 * GIB, 6)


@pytest.mark.parametrize("said", [Result(1, "", "no"), "", '{"name":"other","memory":1,"cpus":1}'])
def test_without_colimas_word_the_kernels_is_taken(monkeypatch, script, admin, engine, said):
    monkeypatch.setattr(engines, "find_tool", lambda name: COLIMA)
    engine(answers(), f"{admin.home}/.colima/default/docker.sock")
    (found,) = read_engines(script({LIST: said}), find_sockets([admin]), True, [])
    assert (found.memory, found.cpus) == (8 * GIB - 5, 4)


@pytest.mark.parametrize(
    "name, system, place, kind",
    [
        ("docker-desktop", "Docker Desktop", "docker-desktop", "docker-desktop"),
        ("linuxkit", "Docker Desktop 4.44", "colima", "docker-desktop"),
        ("colima", "Ubuntu", "", "colima"),
        ("colima-ci", "Ubuntu", "", "colima"),
        ("orbstack", "OrbStack", "", "orbstack"),
        ("lima-rancher-desktop", "Alpine", "", "rancher-desktop"),
        ("lima-docker", "Ubuntu", "", "lima"),
        ("build7", "Debian", "colima", "colima"),
        ("build7", "Debian", "", "other"),
    ],
)
def test_kinds_of_engines(name, system, place, kind):
    assert engine_kind({"Name": name, "OperatingSystem": system}, place) == kind


def test_colimas_profiles():
    text = '{"name":"default","cpus":2,"memory":2147483648}\nnoise\n[]\n{"name":"ci","cpus":0,"memory":null}\n'
    assert parse_colima_list(text) == {"default": (2 * GIB, 2), "ci": (None, None)}
