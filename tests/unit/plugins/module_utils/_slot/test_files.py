# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a slot, its log, its pauses."""

from __future__ import annotations

import json
import os
import pathlib
import stat

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.backoff import MOST, pause_after
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.journal import line
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.keep import Limits, keep, kept
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.progress import Progress
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending, Record, RecordError, read_record, write_record

FULL = Record("linux-1", "job", 5.0, 7, 6, 3, 1, "text", 9.0, "id", "mac-1-linux-1-00000001", 2.0, "build", 3.0, (Pending("a", 4, 1.0),), "1.0.0-abc", "def")


def test_a_record_comes_back_as_it_was_written(tmp_path: pathlib.Path) -> None:
    write_record(str(tmp_path), FULL)
    assert read_record(str(tmp_path), "linux-1") == FULL
    assert read_record(str(tmp_path / "other"), "linux-2") == Record("linux-2")


def test_what_a_later_version_wrote_does_not_keep_a_slot_from_going_back(tmp_path: pathlib.Path) -> None:
    write_record(str(tmp_path), FULL)
    path = tmp_path / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "more": 1}))
    assert read_record(str(tmp_path), "linux-1") == FULL


def test_a_record_of_an_earlier_version_is_read(tmp_path: pathlib.Path) -> None:
    write_record(str(tmp_path), FULL)
    path = tmp_path / "status.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name not in ("program", "settings")}))
    assert read_record(str(tmp_path), "linux-1") == FULL._replace(program="", settings="")


def test_a_record_is_for_its_owner_alone_and_replaced_as_a_whole(tmp_path: pathlib.Path) -> None:
    old = os.umask(0)
    try:
        (tmp_path / ".status.json.new").write_text("what a killed program left")
        write_record(str(tmp_path), FULL)
    finally:
        os.umask(old)
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
    assert stat.S_IMODE((tmp_path / "status.json").stat().st_mode) == 0o600


def test_a_link_in_place_of_the_record_is_not_followed(tmp_path: pathlib.Path) -> None:
    write_record(str(tmp_path), FULL)
    (tmp_path / "status.json").rename(tmp_path / "real")
    (tmp_path / "status.json").symlink_to("real")
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(str(tmp_path), "linux-1")
    write_record(str(tmp_path), FULL._replace(jobs=99))
    assert json.loads((tmp_path / "real").read_text())["jobs"] == 3


@pytest.mark.parametrize(
    "change", [{"schema": 2}, {"slot": "linux-2"}, {"state": "happy"}, {"cycle": "x"}, {"pending": [["a", "b", "c"]]}, {"pending": 3}]
)
def test_a_damaged_record_is_refused(tmp_path: pathlib.Path, change: dict[str, object]) -> None:
    write_record(str(tmp_path), FULL)
    path = tmp_path / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RecordError, match="slot linux-1: .*status.json is damaged"):
        read_record(str(tmp_path), "linux-1")


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00"])
def test_a_record_that_is_none_is_refused(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    with pytest.raises(RecordError, match="damaged"):
        read_record(str(tmp_path), "linux-1")


def test_the_logs_of_the_last_jobs_are_kept_and_no_more(tmp_path: pathlib.Path) -> None:
    for number in range(1, 6):
        keep(str(tmp_path / "jobs"), f"{number:06d}", [b"x" * 4, b"y" * 4, b"z" * 4], Limits(jobs=3, size=6))
    assert kept(str(tmp_path / "jobs")) == ["000003.tar", "000004.tar", "000005.tar"]
    last = tmp_path / "jobs" / "000005.tar"
    assert last.read_bytes() == b"xxxxyy"
    assert stat.S_IMODE(last.stat().st_mode) == 0o600 and stat.S_IMODE(last.parent.stat().st_mode) == 0o700


def test_logs_that_break_off_leave_nothing(tmp_path: pathlib.Path) -> None:
    def broken():
        yield b"x"
        raise OSError(5, "gone")

    (tmp_path / ".draft").write_text("what a killed program left")
    with pytest.raises(OSError, match="gone"):
        keep(str(tmp_path), "000001", broken(), Limits())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_what_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".draft").mkdir()
    with pytest.raises(IsADirectoryError):
        keep(str(tmp_path), "000001", [b"x"], Limits())
    (tmp_path / ".draft").rmdir()

    def full():
        yield b"x"
        raise OSError(28, "No space left on device")

    (tmp_path / "000001.tar").mkdir()
    with pytest.raises(OSError, match="No space left"):
        keep(str(tmp_path), "000002", full(), Limits())


def test_the_oldest_logs_go_first_whatever_their_names(tmp_path: pathlib.Path) -> None:
    """With a lost record they begin anew with the first number."""
    for age, name in enumerate(["000001", "000900", "000901"]):
        keep(str(tmp_path), name, [b"x"], Limits(jobs=3))
        os.utime(tmp_path / f"{name}.tar", (10.0 - age, 10.0 - age))
    keep(str(tmp_path), "000002", [b"x"], Limits(jobs=3))
    assert kept(str(tmp_path)) == ["000900.tar", "000001.tar", "000002.tar"]


def test_a_line_of_the_log_is_one_line() -> None:
    text = line(0.0, "linux-1", "failed", {"message": "a\nb\x1b[31m\u2028", "empty": "", "none": None, "zero": 0})
    assert text.splitlines() == [text] and text.isascii() and text.isprintable()
    assert json.loads(text) == {"time": "1970-01-01T00:00:00Z", "slot": "linux-1", "event": "failed", "message": "a\nb\x1b[31m\u2028", "zero": 0}


def test_pauses_double_up_to_five_minutes_and_differ() -> None:
    assert [pause_after(number, 1.0) for number in (1, 2, 3, 6, 7, 8, 10**6)] == [5.0, 10.0, 20.0, 160.0, MOST, MOST, MOST]
    assert pause_after(3, 0.0) == 10.0 and pause_after(0, 1.0) == 5.0


def test_a_job_can_be_named_like_anything() -> None:
    progress = Progress()
    progress.take(["", "2026-01-02 03:04:05Z: Running job: Job x completed with result: Failed (macOS, 26)"])
    assert (progress.job, progress.result, progress.busy) == ("Job x completed with result: Failed (macOS, 26)", "", True)
    progress.take(["2026-01-02 03:04:05Z: Job Job x completed with result: Failed (macOS, 26) completed with result: Canceled"])
    assert (progress.result, progress.busy) == ("Canceled", False)
