# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import locks

HOLD = """
import fcntl, sys
stream = open(sys.argv[1], "r+")
fcntl.lockf(stream, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def locked(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{}")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    yield path, holder
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()


@pytest.mark.parametrize("flags", [os.O_RDWR, os.O_RDONLY])
def test_the_holder_of_a_lock_is_told(locked, flags):
    path, holder = locked
    descriptor = os.open(path, flags)
    assert locks.lock_holder(descriptor) == holder.pid
    os.close(descriptor)


def test_nobody_holds_a_lock_after_its_holder_ended(locked):
    path, holder = locked
    holder.kill()
    holder.wait()
    descriptor = os.open(path, os.O_RDWR)
    assert locks.lock_holder(descriptor) is None
    os.close(descriptor)


def test_asking_takes_no_lock(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{}")
    descriptor = os.open(path, os.O_RDWR)
    assert locks.lock_holder(descriptor) is None
    other = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    subprocess.run([sys.executable, "-c", other, str(path)], check=True)
    os.close(descriptor)


def test_the_layout_of_darwin(monkeypatch):
    """off_t l_start, off_t l_len, pid_t l_pid, short l_type, short l_whence; F_WRLCK 3, F_UNLCK 2, F_GETLK 7."""
    import struct

    asked = []

    def answer(descriptor, command, question):
        asked.append((command, struct.unpack("@qqihh", question)))
        return struct.pack("@qqihh", 0, 0, 4711, 3, 0)

    for name, value in (("F_WRLCK", 3), ("F_UNLCK", 2), ("F_GETLK", 7)):
        monkeypatch.setattr(fcntl, name, value)
    monkeypatch.setattr(fcntl, "fcntl", answer)
    assert locks.lock_holder(5) == 4711
    assert asked == [(7, (0, 0, 0, 3, 0))]


def test_an_unknown_system_is_an_error(monkeypatch):
    monkeypatch.setattr(fcntl, "F_WRLCK", 99)
    with pytest.raises(OSError, match="not known"):
        locks.lock_holder(5)
