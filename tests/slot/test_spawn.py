# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the slot program starts commands: what they get, what is heard of them, and that none stays."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError, StoppedError
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot import tart
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.spawn import converse
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.follower import Follower


#: The numbers of what is open; the look itself is none.
LOOK = "open_files = lambda: sorted(int(number) for number in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + number))"


def open_files():
    return sorted(int(number) for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}"))


@pytest.fixture
def held(tmp_path):
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def asked(code, held, request_=b"{}", seconds=20.0):
    return converse([sys.executable, "-I", "-c", code], {"PATH": "/usr/bin:/bin"}, request_, seconds, held)


def test_large_requests_and_answers_pass_whole(held):
    code = "import sys; sys.stderr.buffer.write(b'e' * 300000); data = sys.stdin.buffer.read(); sys.stdout.buffer.write(data[::-1])"
    request = bytes(range(256)) * 4000
    assert asked(code, held, request) == (0, request[::-1], b"e" * 300000)


@pytest.mark.parametrize(("code", "rc"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_a_command_that_reads_nothing_and_ends_tells_how(held, code, rc):
    assert asked(code, held, b"x" * 10**6).rc == rc


def children():
    """Of this process, those that ended and were not waited for too; there are others than this test's."""
    return {pid for path in pathlib.Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def test_it_gets_its_environment_the_lock_and_nothing_else(held):
    code = f"import os; {LOOK}; print(sorted(set(os.environ) - {{'LC_CTYPE'}}), open_files())"
    # What this test's own parent left open for everybody.
    given = {number for number in open_files() if os.get_inheritable(number)}
    with open(os.devnull, "rb"):
        assert asked(code, held).out.decode().strip() == f"['PATH'] {sorted({0, 1, 2, held} | given)}"
    assert not os.get_inheritable(held)


def test_signals_are_as_commands_expect_them(held):
    done = converse(["/bin/sh", "-c", "grep SigIgn /proc/self/status"], {"PATH": "/usr/bin:/bin"}, b"", 20.0, held)
    ignored = int(done.out.split()[1], 16)
    assert [number for number in (signal.SIGPIPE, signal.SIGXFSZ) if ignored >> (number - 1) & 1] == []


def test_what_takes_too_long_is_ended(held):
    began, before, others = time.monotonic(), open_files(), children()
    with pytest.raises(TimeoutError):
        asked("import time; time.sleep(60)", held, seconds=0.5)
    assert time.monotonic() - began < 10 and open_files() == before
    assert children() <= others, "it is still there, or was not waited for"


def test_what_cannot_be_started_leaves_nothing_open(held):
    before = open_files()
    with pytest.raises(FileNotFoundError):
        converse(["/none/such"], {}, b"", 1.0, held)
    assert open_files() == before and not os.get_inheritable(held)


def test_a_follower_ends_with_all_that_it_started(tmp_path):
    before = open_files()
    follower = Follower(["/bin/sh", "-c", "sleep 300 & echo $!; wait"])
    read, write = os.pipe()
    assert follower.ready(20.0, read)
    pid = int(follower.read())
    follower.close()
    os.close(read), os.close(write)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}") and "Z" not in open(f"/proc/{pid}/stat").read().split()[2]:
        assert time.monotonic() < deadline, "what the command started lives on"
        time.sleep(0.02)
    assert open_files() == before


@pytest.mark.parametrize(("stopped", "raised", "said"), [(True, StoppedError, None), (False, SlotError, "did not come within")])
def test_logs_that_do_not_come_are_late_or_not_waited_for(monkeypatch, stopped, raised, said):
    """A slot that is told to end does not blame its guest."""

    def go_on():
        if stopped:
            raise StoppedError()

    monkeypatch.setattr(tart, "_LOGS", 20.0 if stopped else 0.2)
    wake, told = os.pipe()
    if stopped:
        os.write(told, b"x")
    settings = tart.TartSettings("vm", {"runner_dir": "actions-runner"}, 10.0, ["/bin/sh", "-c", "sleep 30"])
    try:
        with pytest.raises(raised, match=said):
            list(tart.TartIsolation(settings, None, wake, go_on).diagnostics(None))
    finally:
        os.close(wake)
        os.close(told)
