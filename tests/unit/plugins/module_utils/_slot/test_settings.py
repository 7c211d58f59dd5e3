# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a slot: what is read, what is refused, what the engine is asked to make."""

from __future__ import annotations

import json
import pathlib
import typing as t
import urllib.parse

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import HARDENING
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import SettingsError, parse_settings, read_settings

POOL = {"name": "linux", "isolation": "docker", "image": "runner:1", "count": 2, "memory": "3GiB", "cpus": 4}
GOOD: t.Dict[str, t.Any] = {
    "slot": "linux-2",
    "fleet": "acme",
    "pools": [POOL],
    "runner_name": "mac-1-linux-2",
    "github": {"url": "https://github.com/acme", "labels": ["Linux"], "token_file": "/etc/token"},
    "docker": {"socket": "/run/docker.sock"},
}
PLACE = {"socket": "/run/docker.sock", "user": "1001:1001", "runner_dir": "/home/runner"}


def changed(path: str, value: t.Any) -> t.Dict[str, t.Any]:
    """The good settings with one field, ``a.b`` below ``a``, that is another."""
    settings = json.loads(json.dumps(GOOD))
    first, _dot, second = path.partition(".")
    if second:
        settings[first][second] = value
    else:
        settings[first] = value
    return t.cast("t.Dict[str, t.Any]", settings)


def test_what_the_program_gets_is_ready_for_use_and_holds_no_credential() -> None:
    given = parse_settings(GOOD, "here").for_program({})
    times = {"registration": 300, "job": 0, "grace": 60}
    assert given["plan"] == {"slot": "linux-2", "runner": "mac-1-linux-2", **times, "target": "https://github.com/acme", "place": PLACE}
    assert given["logs"] == {"jobs": 10, "size": 20 * 1024 * 1024}
    docker = given["docker"]
    assert (docker["name"], docker["diagnostics"]) == ("mac-runners-linux-2", "/home/runner/_diag")
    assert docker["owned"] == {
        "dev.action-packer.mac-runners.pool": "linux",
        "dev.action-packer.mac-runners.slot": "linux-2",
        "dev.action-packer.mac-runners.lifecycle": "ephemeral",
    }
    assert json.loads(urllib.parse.unquote(docker["filters"])) == {"label": [f"{name}={value}" for name, value in docker["owned"].items()]}
    assert "/etc/token" not in json.dumps(given)


def test_the_container_is_limited_hardened_and_never_started_twice() -> None:
    body = parse_settings(GOOD, "here").for_program({})["docker"]["body"]
    host = body["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (3 * 2**30, 3 * 2**30, 4 * 10**9, 4096)
    assert (host["Privileged"], host["CapDrop"], host["SecurityOpt"], host["Mounts"], host["Init"]) == (False, ["ALL"], ["no-new-privileges"], [], True)
    assert (host["RestartPolicy"], host["NetworkMode"], body["User"]) == ({"Name": "no"}, "bridge", "1001:1001")
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert HARDENING["log"]["driver"] == "json-file", "what all containers share was changed"
    assert (body["OpenStdin"], body["StdinOnce"], body["Entrypoint"][-1]) == (True, True, "/home/runner/bin/Runner.Listener")


def test_room_is_asked_for_the_whole_slot() -> None:
    wanted = parse_settings(GOOD, "here").wanted
    assert (wanted.name, wanted.isolation, wanted.memory, wanted.cpus, wanted.guest, wanted.image) == (
        "mac-runners-linux-2",
        "docker",
        3 * 2**30,
        4,
        parse_settings(GOOD, "here").pool.guest,
        "runner:1",
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("slot", "linux-3", "field slot: got \"linux-3\"; allowed: a slot of an ephemeral pool"),
        ("slot", None, "field slot: got nothing"),
        ("slot", ["linux-1"], "field slot: got"),
        ("pools", [{**POOL, "lifecycle": "persistent"}], "a slot of an ephemeral pool"),
        ("pools", [{**POOL, "memory": "1 pound"}], "field memory: got \"1 pound\""),
        ("fleet", "", "field fleet: got \"\""),
        ("runner_name", "x" * 56, "at most 55 characters"),
        ("colour", "red", "field colour: got an unknown field"),
        ("registration_seconds", 5, "field registration_seconds: got 5; allowed: a whole number from 10 to 86400"),
        ("job_seconds", "long", "field job_seconds: got \"long\""),
        ("grace_seconds", 0, "field grace_seconds: got 0"),
        ("keep_jobs", 0, "field keep_jobs: got 0"),
        ("github.url", None, "field github.url: got nothing"),
        ("github.labels", [], "field github.labels: got []"),
        ("github.labels", ["a,b"], "without commas"),
        ("github.labels", ["x" * 257], "at most 256 characters"),
        ("github.group", 0, "field github.group: got 0"),
        ("github.token", "ghp_secret", "field github.token: got an unknown field"),
        ("github.token_file", None, "either token_file, or key_file and client_id of an App"),
        ("github.key_file", "/etc/key", "either token_file, or key_file and client_id of an App"),
        ("github.client_id", "Iv23", "either token_file, or key_file and client_id of an App"),
        ("tart_homes", ["here"], "field tart_homes: got ['here']; allowed: a list of absolute paths"),
        ("docker_sockets", "/run/other.sock", "field docker_sockets: got \"/run/other.sock\"; allowed: a list"),
        ("docker.socket", None, "field docker.socket: got nothing"),
        ("docker.user", "0:0", "a runner is never root"),
        ("docker", "here", "field docker: got \"here\"; allowed: a mapping"),
    ],
)
def test_a_mistake_names_the_field_and_what_is_allowed(path: str, value: t.Any, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(changed(path, value), "here")
    assert str(caught.value).startswith("here: ") and said in str(caught.value)
    assert "ghp_secret" not in str(caught.value)


def test_all_mistakes_come_out_together() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings({}, "here")
    assert all(f"field {name}: got nothing" in str(caught.value) for name in ("slot", "fleet", "runner_name", "github.url"))


@pytest.mark.parametrize("raw", [[], "text", 3, None])
def test_what_are_no_settings_is_refused(raw: t.Any) -> None:
    with pytest.raises(SettingsError):
        parse_settings(raw, "here")


def test_an_app_without_a_token_is_taken(tmp_path: pathlib.Path) -> None:
    app = {"url": "https://github.com/acme", "labels": ["Linux"], "client_id": "Iv23", "key_file": "/etc/key", "installation_id": 7}
    (tmp_path / "settings.json").write_text(json.dumps({**GOOD, "github": app}))
    given = read_settings(str(tmp_path)).github
    assert (given.client_id, given.key_file, given.installation, given.token_file, given.openssl) == ("Iv23", "/etc/key", 7, "", "/usr/bin/openssl")


def test_a_link_in_place_of_the_settings_is_not_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").write_text(json.dumps(GOOD))
    (tmp_path / "settings.json").symlink_to("real")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(str(tmp_path))


TART_POOL = {"name": "ios", "isolation": "tart", "image": "ghcr.io/acme/macos:1", "count": 1, "memory": "8GiB", "cpus": 4}
TART: t.Dict[str, t.Any] = {**GOOD, "slot": "ios-1", "pools": [POOL, TART_POOL], "tart": {"account": "admin"}}


def test_a_slot_of_tart_needs_nothing_of_docker_and_is_told_nothing_of_it() -> None:
    given = parse_settings({name: value for name, value in TART.items() if name != "docker"}, "here")
    program = given.for_program({})
    assert "docker" not in program and program["tart"] == {"name": "mac-runners-ios-1", "place": given.place, "boot": 300}
    assert given.place["runner_dir"] == "actions-runner"
    assert (given.wanted.isolation, given.wanted.guest, given.wanted.memory) == ("tart", "macos", 8 * 2**30)
    assert "tart" not in parse_settings(GOOD, "here").for_program({})


def test_an_environment_is_found_where_it_was_made_whatever_the_settings_say_now() -> None:
    docker, tart = parse_settings(GOOD, "here"), parse_settings(TART, "here")
    elsewhere = {**docker.place, "socket": "/run/other.sock"}
    assert docker.for_program(elsewhere)["docker"]["socket"] == "/run/other.sock"
    assert docker.for_program(elsewhere)["plan"]["place"] == docker.place
    home = {**tart.place, "account": "other", "tart_home": "/Volumes/VMs"}
    assert tart.at(home).place == tart.for_program(home)["tart"]["place"] == home
    # Another isolation, too.
    assert docker.at(home).place == home and docker.at(home).docker is None and "docker" not in docker.for_program(home)
    assert tart.at(elsewhere).place == elsewhere and tart.at({}).place == tart.place


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, "field tart.account: got nothing"),
        ({"account": "admin", "tart": "tart"}, 'field tart.tart: got "tart"; allowed: an absolute path'),
        ({"account": "admin", "tart_home": "here"}, 'field tart.tart_home: got "here"; allowed: an absolute path'),
        ({"account": "admin", "boot_seconds": 1}, "field tart.boot_seconds: got 1; allowed: a whole number from 10 to 86400"),
        ({"account": "admin", "password": "x"}, "field tart.password: got an unknown field"),
    ],
)
def test_a_mistake_about_tart_names_the_field(place: t.Dict[str, t.Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings({**TART, "tart": place}, "here")
    assert said in str(caught.value)
