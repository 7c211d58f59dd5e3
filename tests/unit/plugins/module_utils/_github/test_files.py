# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept on disk: since when runners are offline, and a token for its owner alone."""

from __future__ import annotations

import json
import os
import stat

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.private_file import write_private
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.seen import observed, read_since, write_since


def test_what_was_written_is_read(tmp_path):
    path = str(tmp_path / "new" / "offline.json")
    assert read_since(path, "a") == ({}, "")
    write_since(path, "a", {1: 5.0, 2: 7.0})
    write_since(path, "b", {1: 9.0})
    assert read_since(path, "a") == ({1: 5.0, 2: 7.0}, "") and read_since(path, "b") == ({1: 9.0}, "")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and os.listdir(tmp_path / "new") == ["offline.json"]
    write_since(path, "a", {})
    assert json.loads((tmp_path / "new" / "offline.json").read_text()) == {"schema": 1, "offline": {"b": {"1": 9.0}}}


def test_nothing_to_remember_makes_no_file(tmp_path):
    write_since(str(tmp_path / "new" / "offline.json"), "a", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2, "offline": {}}', '{"schema": 1}', '{"schema": 1, "offline": []}', "\u0000", "[" * 200000])
def test_a_damaged_file_is_said_and_replaced(tmp_path, text):
    path = tmp_path / "offline.json"
    path.write_text(text)
    known, warning = read_since(str(path), "a")
    assert known == {} and f"offline_file: {path} is damaged" in warning
    write_since(str(path), "a", {1: 5.0})
    assert read_since(str(path), "a") == ({1: 5.0}, "")


def test_single_damaged_entries_are_left_out(tmp_path):
    path = tmp_path / "offline.json"
    path.write_text('{"schema": 1, "offline": {"a": {"1": 5, "x": 6, "2": "7"}, "b": 3}}')
    assert read_since(str(path), "a") == ({1: 5.0}, "") and read_since(str(path), "b") == ({}, "")


def test_files_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(InputError, match="offline_file: .* cannot be read: Is a directory"):
        read_since(str(tmp_path), "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="offline_file: .*/file/x cannot be (read|written): Not a directory"):
        write_since(str(tmp_path / "file" / "x"), "a", {1: 5.0})


def test_since_when():
    assert observed({1: 5.0, 2: 6.0, 3: 99.0}, [1, 3, 4], 10.0) == {1: 5.0, 3: 10.0, 4: 10.0}


def test_a_private_file_replaces_a_link_and_leaves_nothing_when_it_fails(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_private(str(link), "secret")
    assert target.read_text() == "old" and link.read_text() == "secret" and not link.is_symlink()
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        write_private(str(tmp_path / "folder"), "secret")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "target"]
