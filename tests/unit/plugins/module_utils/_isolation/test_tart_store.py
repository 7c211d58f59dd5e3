# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of VMs: what they say, and what must not be followed."""

from __future__ import annotations

import json
import os
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import tart_store as store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Account, TartError

NAME = "mac-runners-ios-1"
ME = Account("me", os.getuid(), os.getgid(), "/")
MARKER = {"owner": "action_packer.mac_runners", "schema": 1, "image": "img", "slot": "ios-1"}


@pytest.fixture
def vms(tmp_path: t.Any) -> str:
    (tmp_path / "vms" / NAME).mkdir(parents=True)
    return str(tmp_path / "vms")


def write(vms: str, file: str, content: t.Any, name: str = NAME) -> None:
    with open(os.path.join(vms, name, file), "w", encoding="utf-8") as stream:
        stream.write(content if isinstance(content, str) else json.dumps(content))


def test_a_vm_with_marker(vms: str) -> None:
    write(vms, "config.json", {"os": "linux"})
    write(vms, ".mac-runners.json", MARKER)
    os.truncate(os.open(os.path.join(vms, NAME, "disk.img"), os.O_CREAT | os.O_WRONLY), 5)
    assert store.read_paper(vms, NAME) == ({"os": "linux"}, MARKER, 5)


def test_the_size_of_an_asif_disk_is_not_known(vms: str) -> None:
    write(vms, "config.json", {"diskFormat": "asif"})
    write(vms, "disk.img", "12345")
    assert store.read_paper(vms, NAME).disk is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", {}, {**MARKER, "owner": "somebody"}, {**MARKER, "slot": "ios-2"}],
    ids=["empty", "broken", "list", "nothing", "another owner", "renamed"],
)
def test_a_marker_that_is_none(vms: str, content: t.Any) -> None:
    write(vms, ".mac-runners.json", content)
    assert store.read_paper(vms, NAME).marker is None


def test_a_marker_that_is_a_link(vms: str, tmp_path: t.Any) -> None:
    (tmp_path / "elsewhere").write_text(json.dumps(MARKER))
    os.symlink(tmp_path / "elsewhere", os.path.join(vms, NAME, ".mac-runners.json"))
    assert store.read_paper(vms, NAME).marker is None


def test_a_directory_that_is_a_link(vms: str, tmp_path: t.Any) -> None:
    write(vms, ".mac-runners.json", {**MARKER, "slot": "b-1"})
    os.symlink(os.path.join(vms, NAME), os.path.join(vms, "mac-runners-b-1"))
    assert store.read_paper(vms, "mac-runners-b-1") == store.Paper()
    with pytest.raises(OSError):
        store.write_marker(vms, "mac-runners-b-1", "img", ME)


def test_a_fifo_does_not_hold_us_up(vms: str) -> None:
    os.mkfifo(os.path.join(vms, NAME, "config.json"))
    assert store.read_paper(vms, NAME).config is None


def test_writing_a_marker_replaces_a_link_and_not_its_target(vms: str, tmp_path: t.Any) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    for name in (".mac-runners.json", ".mac-runners.json.new"):
        os.symlink(victim, os.path.join(vms, NAME, name))
    store.write_marker(vms, NAME, "img", ME)
    assert store.read_paper(vms, NAME).marker == MARKER
    assert victim.read_text() == "untouched"
    assert os.listdir(os.path.join(vms, NAME)) == [".mac-runners.json"]


def test_a_directory_of_somebody_else_is_not_marked(vms: str) -> None:
    with pytest.raises(TartError, match="does not belong to"):
        store.write_marker(vms, NAME, "img", ME._replace(uid=ME.uid + 1))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_name_that_is_a_way_out(vms: str, name: str) -> None:
    with pytest.raises(TartError):
        store.write_marker(vms, name, "img", ME)


def test_a_stale_control_socket(vms: str) -> None:
    write(vms, "control.sock", "")
    store.remove_control_socket(vms, NAME)
    store.remove_control_socket(vms, NAME)
    assert os.listdir(os.path.join(vms, NAME)) == []


def test_intents_come_and_go_without_a_trace(tmp_path: t.Any) -> None:
    directory = str(tmp_path / "state" / "intents" / "tart")
    (tmp_path / "state").mkdir()
    store.note_intent(directory, NAME, "/home/.tart")
    assert store.intents(directory, "/home/.tart") == [NAME]
    assert store.intents(directory, "/another/.tart") == []
    store.drop_intent(directory, NAME)
    assert os.listdir(tmp_path / "state") == []
    store.drop_intent(directory, NAME)


def test_an_unfinished_intent_is_none(tmp_path: t.Any) -> None:
    (tmp_path / NAME).write_text("")
    (tmp_path / ("." + NAME)).write_text("{}")
    assert store.intents(str(tmp_path), "/home/.tart") == []
