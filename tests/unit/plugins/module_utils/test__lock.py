# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Mac's lock, with real processes."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import stat
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import LOCK_NAME, LockedError, mac_lock


HOLDER = """
import sys, time
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
with mac_lock(sys.argv[1], sys.argv[2], 5):
    print("held", flush=True)
    time.sleep(float(sys.argv[3]))
"""


@contextlib.contextmanager
def held_by_another(state_dir: pathlib.Path, what: str = "a test", seconds: float = 60) -> t.Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock for some seconds, or until it is killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    argv = [sys.executable, "-c", HOLDER, what, str(state_dir), str(seconds)]
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield holder
        finally:
            holder.kill()


def test_the_lock_is_free_again_afterwards(tmp_path: pathlib.Path) -> None:
    for _turn in range(3):
        with mac_lock("one", str(tmp_path), 0):
            pass


def test_an_error_inside_frees_the_lock_and_comes_out(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="inside"), mac_lock("one", str(tmp_path), 0):
        raise ValueError("inside")
    with mac_lock("two", str(tmp_path), 0):
        pass


def test_who_waits_in_vain_is_told_for_whom(tmp_path: pathlib.Path) -> None:
    with held_by_another(tmp_path, "tart_vms") as holder:
        started = time.monotonic()
        with pytest.raises(LockedError) as caught, mac_lock("two", str(tmp_path), 0.3):
            pytest.fail("the lock was given twice")
        assert 0.3 <= time.monotonic() - started < 5
    assert str(caught.value).startswith(f"this Mac is being changed by tart_vms (process {holder.pid}, for ")
    assert str(caught.value).endswith("waited 0.3 s")


def test_a_killed_holder_leaves_no_lock(tmp_path: pathlib.Path) -> None:
    with held_by_another(tmp_path) as holder:
        holder.kill()
        with mac_lock("two", str(tmp_path), 5):
            pass


def test_who_waits_gets_the_lock_when_it_is_free(tmp_path: pathlib.Path) -> None:
    with held_by_another(tmp_path, seconds=0.3), mac_lock("two", str(tmp_path), 5):
        pass


def test_no_child_keeps_the_lock(tmp_path: pathlib.Path) -> None:
    """As ``tart run``, which goes on after the module that started it."""
    with mac_lock("one", str(tmp_path), 0):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], close_fds=False)
        time.sleep(0.2)
    with child:
        try:
            with mac_lock("two", str(tmp_path), 0):
                pass
        finally:
            child.kill()


def test_only_root_can_look_into_the_directory(tmp_path: pathlib.Path) -> None:
    state_dir = tmp_path / "var" / "state"
    with mac_lock("one", str(state_dir), 0):
        assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
        assert stat.S_IMODE((state_dir / LOCK_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("note", (b"", b"\xff\xfe", b"[]", b"{}", b'{"what": 1, "pid": 2, "since": "x"}', b"null"))
def test_a_broken_note_does_not_break_the_wait(tmp_path: pathlib.Path, note: bytes) -> None:
    with held_by_another(tmp_path):
        (tmp_path / LOCK_NAME).write_bytes(note)
        with pytest.raises(LockedError, match="somebody who left no name"), mac_lock("two", str(tmp_path), 0):
            pytest.fail("the lock was given twice")


def test_a_link_is_not_followed(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "precious"
    target.write_text("as it was")
    (tmp_path / LOCK_NAME).symlink_to(target)
    with pytest.raises(OSError), mac_lock("one", str(tmp_path), 0):
        pytest.fail("a link was taken for the lock")
    assert target.read_text() == "as it was"


def test_a_shorter_note_leaves_nothing_of_a_longer_one(tmp_path: pathlib.Path) -> None:
    with mac_lock("a very long word for what is done", str(tmp_path), 0):
        pass
    with held_by_another(tmp_path, "s"):
        with pytest.raises(LockedError, match=r"by s \(process"), mac_lock("two", str(tmp_path), 0):
            pytest.fail("the lock was given twice")


def test_a_lock_that_was_removed_meanwhile_is_not_taken_for_the_one_in_force(tmp_path: pathlib.Path) -> None:
    with held_by_another(tmp_path, seconds=1):
        (tmp_path / LOCK_NAME).unlink()
        with held_by_another(tmp_path, "the next"), pytest.raises(LockedError, match="the next"), mac_lock("three", str(tmp_path), 2):
            pytest.fail("the lock was given twice")


def test_who_waits_for_a_lock_that_is_removed_makes_it_anew(tmp_path: pathlib.Path) -> None:
    with held_by_another(tmp_path, seconds=0.5):
        remover = threading.Timer(0.2, (tmp_path / LOCK_NAME).unlink)
        remover.start()
        with mac_lock("two", str(tmp_path), 5):
            assert (tmp_path / LOCK_NAME).exists()
        remover.join()


def test_an_ordinary_user_is_told_to_become_root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int, mode: int = 0o777) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LockedError, match=r"lock: Permission denied; only root changes a Mac \(become: true\)"), mac_lock("one", str(tmp_path), 0):
        pytest.fail("the lock was given")
