# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done in a guest, in a real shell with a home of its own."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import tart_guest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import VANISHED

LISTENER = """#!/bin/sh
echo "args: $*"
echo "config: ${#ACTIONS_RUNNER_INPUT_JITCONFIG} $ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE"
echo "proxy: $https_proxy"
umask
while [ ! -e go ]; do sleep 0.05; done
exit "$(cat go)"
"""

#: A guest sees its own processes alone; on this machine runners of other tests may be at work.
PGREP = """#!/bin/sh
for pid in $(/usr/bin/pgrep "$@"); do
  if tr '\\0' '\\n' < /proc/$pid/environ 2> /dev/null | grep -qx "HOME=$HOME"; then echo $pid; seen=1; fi
done
[ -n "$seen" ]
"""


class Guest:
    """Its home; the runner is in ``actions runner``."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home, self.runner = home, home / "actions runner"
        (self.runner / "bin").mkdir(parents=True)
        (self.runner / "bin" / "Runner.Listener").write_text(LISTENER)
        (self.runner / "bin" / "Runner.Listener").chmod(0o755)
        (home / "tools").mkdir()
        (home / "tools" / "pgrep").write_text(PGREP)
        (home / "tools" / "pgrep").chmod(0o755)

    @property
    def environment(self) -> t.Dict[str, str]:
        return {"HOME": str(self.home), "PATH": f"{self.home}/tools:/usr/bin:/bin"}

    def run(self, words: t.Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, input=stdin, env=self.environment, cwd="/", stdout=subprocess.PIPE, text=True, check=False, timeout=60
        )

    def start(self, config: str = "secret", proxy: str = "") -> int:
        return self.run(tart_guest.start_words("actions runner"), f"{config}\n{proxy}\n").returncode

    def ask(self, script: str) -> str:
        return self.run(tart_guest.words(script, "actions runner")).stdout.strip()

    def follow(self) -> t.Tuple[t.List[str], t.Optional[int]]:
        """Everything that a follower that begins now reads."""
        followed = tart_guest.Followed("end-1234")
        return followed.take(self.run(tart_guest.words(tart_guest.FOLLOW, "actions runner", "end-1234")).stdout.encode()), followed.exit_code

    def end(self, code: int = 0) -> None:
        # At once: an empty file would be read too.
        (self.runner / "going").write_text(str(code))
        (self.runner / "going").rename(self.runner / "go")
        self.wait(self.home / ".mac-runners" / "exit")

    def wait(self, path: pathlib.Path) -> None:
        deadline = time.monotonic() + 30
        while not path.exists():
            assert time.monotonic() < deadline, path
            time.sleep(0.02)

    @property
    def log(self) -> pathlib.Path:
        return self.home / ".mac-runners" / "log"


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> t.Iterator[Guest]:
    made = Guest(tmp_path)
    yield made
    (made.runner / "go").write_text("0")


def test_the_listener_is_started_and_left_alone_with_its_config_in_its_own_environment_only(guest: Guest) -> None:
    assert guest.start("x" * 5000, "http://user:pass@proxy:3128") == 0
    guest.wait(guest.home / ".mac-runners" / "pid")
    time.sleep(0.3)
    keeper = int((guest.home / ".mac-runners" / "pid").read_text())
    shown = pathlib.Path(f"/proc/{keeper}/environ").read_text() + pathlib.Path(f"/proc/{keeper}/cmdline").read_text()
    assert "x" * 40 not in shown and "user:pass" not in shown
    guest.end(3)
    lines, code = guest.follow()
    assert code == 3 and "args: run" in lines and "config: 5000 1" in lines and "0022" in lines and "proxy: http://user:pass@proxy:3128" in lines
    assert (guest.home / ".mac-runners").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in guest.home.rglob("*") if path.is_file() and "x" * 40 in path.read_text()] == []
    assert {path.stat().st_mode & 0o077 for path in (guest.home / ".mac-runners").iterdir()} == {0}


def test_it_is_followed_from_its_first_line_to_its_exit(guest: Guest) -> None:
    guest.start()
    followed = subprocess.Popen(
        tart_guest.words(tart_guest.FOLLOW, "actions runner", "end-1"), env={"HOME": str(guest.home), "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE
    )
    time.sleep(0.7)
    guest.end(7)
    taken = tart_guest.Followed("end-1")
    out, _err = followed.communicate(timeout=30)
    lines = taken.take(out)
    assert taken.exit_code == 7 and lines.count("args: run") == 2, "once as it came, once with the end"


def test_a_listener_that_was_killed_is_no_exit(guest: Guest) -> None:
    guest.start()
    pid = guest.home / ".mac-runners" / "pid"
    guest.wait(pid)
    time.sleep(0.2)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert guest.follow()[1] == VANISHED


def test_a_runner_that_is_not_in_the_image_is_told_with_its_place(guest: Guest) -> None:
    guest.runner.rename(guest.home / "elsewhere")
    assert guest.start() == 0
    guest.wait(guest.home / ".mac-runners" / "exit")
    lines, code = guest.follow()
    assert code not in (0, None) and any("actions runner" in line for line in lines)
    guest.runner.mkdir()


def test_without_a_config_nothing_is_started(guest: Guest) -> None:
    assert guest.run(tart_guest.start_words("actions runner")).returncode == 72
    assert not (guest.home / ".mac-runners" / "pid").exists()


@pytest.mark.parametrize(("code", "worker", "said"), [(0, False, "unused"), (0, True, "used"), (1, False, "ended")])
def test_an_environment_is_unused_only_when_no_worker_left_a_log(guest: Guest, code: int, worker: bool, said: str) -> None:
    guest.start()
    (guest.runner / "_diag").mkdir()
    # Otherwise they are made anew below.
    guest.wait(guest.runner / ".credentials_rsaparams")
    for name in (".runner", ".credentials", ".credentials_rsaparams", "_diag/Runner_1.log", *(["_diag/Worker_1.log"] if worker else [])):
        (guest.runner / name).write_text("x")
    guest.end(code)
    assert guest.ask(tart_guest.RENEW) == said
    left = [(guest.runner / ".runner").exists(), (guest.home / ".mac-runners").exists()]
    assert left == ([False, False] if said == "unused" else [True, True])


def test_a_worker_is_seen_and_this_question_is_not_taken_for_one(guest: Guest) -> None:
    assert guest.ask(tart_guest.BUSY) == "idle"
    worker = guest.runner / "bin" / "Runner.Worker"
    worker.write_text("#!/bin/sh\nsleep 30\n")
    worker.chmod(0o755)
    with subprocess.Popen([str(worker)], env=guest.environment, start_new_session=True) as process:
        assert guest.ask(tart_guest.BUSY) == "busy"
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_lines_come_out_whole_however_they_are_cut(size: int) -> None:
    content = b"one\ntw\xffo\nend-12345 3\nend-1234 x\nend-1234 5\n"
    followed, lines = tart_guest.Followed("end-1234"), []
    for start in range(0, len(content), size):
        lines += followed.take(content[start : start + size])
    assert (lines, followed.exit_code) == (["one", "tw\ufffdo", "end-12345 3"], 5)


def test_the_logs_come_as_a_tar(guest: Guest) -> None:
    (guest.runner / "_diag").mkdir()
    (guest.runner / "_diag" / "Runner_1.log").write_text("x")
    out = subprocess.run(
        tart_guest.words(tart_guest.DIAGNOSTICS, "actions runner"), env={"HOME": str(guest.home), "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, check=True
    ).stdout
    assert b"_diag/Runner_1.log" in out
