# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of root: made, repaired, and removed only when nothing unexpected is in them."""

from __future__ import annotations

import os
import stat
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories as core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the directories have to belong to root")


def wanted(path: t.Any, **options: t.Any) -> t.Dict[str, t.Any]:
    return {"path": str(path), "mode": "0755", "state": "present", "contents": [], **options}


def do(*entries: t.Dict[str, t.Any]) -> t.List[t.Tuple[str, str]]:
    parsed = core.parse_directories(entries)
    plan = core.plan_directories(parsed, core.read_directories(parsed))
    core.apply_directories(plan, parsed)
    return [(os.path.basename(step.resource), step.action) for step in plan.steps]


def test_made_from_the_top_down_once(tmp_path: t.Any) -> None:
    entries = (wanted(tmp_path / "a" / "b", mode="0700"), wanted(tmp_path / "a"))
    assert do(*entries) == [("a", "make"), ("b", "make")]
    assert stat.S_IMODE(os.stat(tmp_path / "a" / "b").st_mode) == 0o700
    assert do(*entries) == []


def test_mode_and_owner_are_repaired(tmp_path: t.Any) -> None:
    (tmp_path / "a").mkdir()
    os.chown(tmp_path / "a", 1, 1)
    os.chmod(tmp_path / "a", 0o777)
    assert do(wanted(tmp_path / "a")) == [("a", "repair")]
    status = os.stat(tmp_path / "a")
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o755, 0, 0)


def test_removed_with_what_is_expected(tmp_path: t.Any) -> None:
    (tmp_path / "a" / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "a" / "tools").mkdir()
    (tmp_path / "a" / "x.log").write_text("")
    entries = (wanted(tmp_path / "a", state="absent", contents=["venv/", "*.log"]), wanted(tmp_path / "a" / "tools", state="absent"))
    assert do(*entries) == [("tools", "remove"), ("a", "remove")]
    assert os.listdir(tmp_path) == []
    assert do(*entries) == []


def test_a_surprise_keeps_everything(tmp_path: t.Any) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "mine").write_text("")
    (tmp_path / "a" / "venv").write_text("a file where a directory is expected")
    with pytest.raises(core.DirectoryError, match="nothing was removed, since not all of it is ours: .*/a holds mine, venv"):
        do(wanted(tmp_path / "a", state="absent", contents=["venv/"]), wanted(tmp_path / "a" / "b", state="absent"))
    assert sorted(os.listdir(tmp_path / "a")) == ["b", "mine", "venv"]


def test_a_link_is_not_followed(tmp_path: t.Any) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("")
    os.symlink(tmp_path / "elsewhere", tmp_path / "a")
    for state in ("present", "absent"):
        with pytest.raises(core.DirectoryError, match="is no directory; it is not touched"):
            do(wanted(tmp_path / "a", state=state, contents=["*"]))
    (tmp_path / "b").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "b" / "venv")
    do(wanted(tmp_path / "b", state="absent", contents=["venv"]))
    assert os.listdir(tmp_path / "elsewhere") == ["file"]


def test_diff(tmp_path: t.Any) -> None:
    parsed = core.parse_directories([wanted(tmp_path / "a")])
    plan = core.plan_directories(parsed, {})
    assert plan.diff == {"before": {}, "after": {str(tmp_path / "a"): {"mode": "0755", "owner": 0, "group": 0}}}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("path", "a", 'field path: got "a"; allowed'),
        ("path", "/opt", 'field path: got "/opt"; allowed'),
        ("path", "/opt/../etc", 'field path: got "/opt/../etc"; allowed'),
        ("mode", "0777", 'directory /opt/x, field mode: got "0777"; allowed: an octal mode from 0700 to 0755, as text'),
        ("mode", "493", 'field mode: got "493"'),
        ("mode", "0600", 'field mode: got "0600"'),
    ],
)
def test_wrong_input(field: str, value: str, message: str) -> None:
    with pytest.raises(core.DirectoryError) as caught:
        core.parse_directories([{**wanted("/opt/x"), field: value}])
    assert message in str(caught.value)


def test_nothing_above_it(tmp_path: t.Any) -> None:
    with pytest.raises(core.DirectoryError, match="the directory above it does not exist"):
        do(wanted(tmp_path / "none" / "a"))


def test_a_closed_directory_with_what_is_missing_above_it(private_path: t.Any) -> None:
    before = os.umask(0o077)
    try:
        core.make_closed(str(private_path / "a" / "b"))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(os.stat(private_path / path).st_mode) for path in ("a", "a/b")] == [0o755, 0o755]


@pytest.mark.parametrize("below", ["", "not/there/yet"])
def test_a_place_that_is_not_closed(private_path: t.Any, tmp_path: t.Any, below: str) -> None:
    core.require_closed(str(private_path / below))
    (private_path / "open").mkdir()
    os.chmod(private_path / "open", 0o775)
    (private_path / "theirs").mkdir()
    os.chown(private_path / "theirs", 1, 1)
    os.symlink(tmp_path, private_path / "link")
    os.symlink(private_path, private_path / "theirs" / "back")
    os.mkdir(private_path / "inner")
    for name in ("open", "theirs", "link", "theirs/back/inner"):
        with pytest.raises(core.DirectoryError, match="others than root can write to"):
            core.make_closed(str(private_path / name / below))
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_directory_is_neither_made_nor_removed_where_others_can_replace_it(private_path: t.Any, state: str) -> None:
    (private_path / "open").mkdir()
    parsed = core.parse_directories([wanted(private_path / "open" / "a", state=state), wanted(private_path / "open" / "a" / "b", state=state)])
    core.require_closed_places(parsed)
    os.chmod(private_path / "open", 0o1777)
    if state == "absent":
        core.require_closed_places(parsed)
        (private_path / "open" / "a").mkdir()
    with pytest.raises(core.DirectoryError, match="/open/a: others than root can write to .*/open$"):
        core.require_closed_places(parsed)


def test_what_is_to_be_mended_does_not_keep_what_is_below_it_from_being_made(private_path: t.Any) -> None:
    (private_path / "a").mkdir()
    os.chmod(private_path / "a", 0o777)
    core.require_closed_places(core.parse_directories([wanted(private_path / "a"), wanted(private_path / "a" / "b")]))
    with pytest.raises(core.DirectoryError, match="others than root"):
        core.require_closed_places(core.parse_directories([wanted(private_path / "a" / "b")]))
