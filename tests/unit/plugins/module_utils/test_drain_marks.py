# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marks of persistent runners that an operator drained."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._drain_marks import FOLDER, plan_marks, read_marks, write_marks

ALL = ["linux-1", "linux-2"]


def marked(folder, drain, only=()):
    plan = plan_marks(read_marks(folder), ALL, drain, only)
    write_marks(folder, plan)
    return [(step.resource, step.action) for step in plan.steps]


def test_marks_stay_until_they_are_taken_back(tmp_path):
    folder = str(tmp_path)
    assert marked(folder, True, ["linux-2", "other-1"]) == [("linux-2", "drain")] and read_marks(folder) == {"linux-2"}
    assert marked(folder, None) == [] and read_marks(folder) == {"linux-2"}
    assert marked(folder, True) == [("linux-1", "drain")] and marked(folder, True) == []
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    assert marked(folder, False, ["linux-1"]) == [("linux-1", "undrain")]
    assert marked(folder, False) == [("linux-2", "undrain")] and os.listdir(folder) == []
    assert marked(folder, False) == []


def test_a_mark_is_no_way_to_another_file(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "linux-1").symlink_to(tmp_path / "elsewhere")
    plan = plan_marks(frozenset(), ["linux-1"], True, ())
    with pytest.raises(OSError):
        write_marks(str(tmp_path), plan)
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_slot_is_no_mark(tmp_path):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / ".DS_Store").touch()
    assert read_marks(str(tmp_path)) == frozenset()
