# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Persistent runners in guests: what is run there, in a real shell with a home of its own."""

from __future__ import annotations

import json
import os
import pathlib
import plistlib
import signal
import subprocess
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_keeper import LABEL, agent
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_registrations import TartRunners
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import RegistrationError, Wanted

from .tart_mac import FakeMac
from .tart_task import IOS, IOS2, LINUX, do

WANTED = Wanted("ios-1", "mac-ios-1", "https://github.com/acme", ("tart", "managed-by:x"))
CONFIG = """#!/bin/sh
echo "$*" > asked; echo "$ACTIONS_RUNNER_INPUT_TOKEN" > token
[ ! -e refuse ] || { echo "no such group, $ACTIONS_RUNNER_INPUT_TOKEN"; exit 1; }
echo '{"agentId": 7, "agentName": "mac-ios-1", "gitHubUrl": "https://github.com/acme"}' > .runner
echo x > .credentials; echo x > .credentials_rsaparams
"""
LAUNCHCTL = """#!/bin/sh
echo "$*" >> "$HOME/launchctl"
[ "$1" != print ] || exit 113
[ "$1" != bootstrap ] || [ ! -e "$HOME/nobody" ] || exit 125
"""
PGREP = '#!/bin/sh\n[ -e "$HOME/worker" ]\n'


class Guest:
    """The one guest of a small Mac; ``silent``: so often it does not answer yet."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home, self.runner, self.silent = home, home / "actions-runner", 0
        self.words: t.List[str] = []
        (self.runner / "bin").mkdir(parents=True)
        for path, text in ((self.runner / "config.sh", CONFIG), (home / "tools/launchctl", LAUNCHCTL), (home / "tools/pgrep", PGREP)):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    @property
    def environment(self) -> t.Dict[str, str]:
        return {"HOME": str(self.home), "PATH": f"{self.home}/tools:/usr/bin:/bin"}

    def call(self, argv: t.Sequence[str], stdin: str) -> Result:
        self.words += argv
        if self.silent:
            self.silent -= 1
            return Result(1, "", "is the Tart Guest Agent running?\n")
        ended = subprocess.run(argv, input=stdin, env=self.environment, cwd="/", capture_output=True, text=True, check=False, timeout=60)
        return Result(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> Guest:
    return Guest(tmp_path / "guest")


@pytest.fixture
def runners(mac: FakeMac, guest: Guest, quick: None, monkeypatch: pytest.MonkeyPatch) -> TartRunners:
    """Two VMs of macOS, of which the second is off, and one of Linux; the first one's guest is real."""
    do(mac, IOS, IOS2._replace(state="stopped"), LINUX)
    tart = mac.tart

    def call(*words: str, stdin: str = "") -> Result:
        begin = 2 if words[1] == "-i" else 1
        assert words[0] == "exec" and words[begin] == IOS.name
        return guest.call(words[begin + 1 :], stdin)

    monkeypatch.setattr(tart, "call", lambda *words, **more: call(*words, **more) if words[0] == "exec" else mac.run(tart.argv(*words)))
    return TartRunners(tart, mac.place, "actions-runner", 0.0)


def test_what_is_registered_is_told(runners: TartRunners, guest: Guest) -> None:
    seen = runners.look()
    assert [(slot, one.running, one.busy, one.id) for slot, one in sorted(seen.items())] == [("ios-1", True, False, 0), ("ios-2", False, False, 0)]
    runners.register(seen["ios-1"], WANTED, "secret")
    one = runners.look()["ios-1"]
    assert (one.name, one.url, one.id, one.busy, one.trouble) == ("mac-ios-1", "https://github.com/acme", 7, False, "")
    (guest.home / "worker").touch()
    assert runners.look()["ios-1"].busy
    (guest.runner / ".credentials").unlink()
    assert runners.look()["ios-1"].id == 0
    (guest.runner / ".credentials").write_text("x")
    (guest.runner / ".runner").write_text(json.dumps({"agentId": "7; rm", "agentName": ["x"], "gitHubUrl": "a b"}))
    assert runners.look()["ios-1"].shown == {"name": "ios-1", "running": True, "busy": True, "runner_name": "", "url": "", "id": 0}


def test_the_token_is_in_no_argument_list_and_no_file_of_ours(runners: TartRunners, guest: Guest) -> None:
    runners.register(runners.look()["ios-1"], WANTED, "secret")
    assert (guest.runner / "token").read_text() == "secret\n" and not any("secret" in word for word in guest.words)
    assert (guest.runner / "asked").read_text().split() == WANTED.options()
    path = guest.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    assert plistlib.loads(path.read_bytes()) == agent("actions-runner") and path.stat().st_mode & 0o777 == 0o644
    verbs = [line.split()[0] for line in (guest.home / "launchctl").read_text().splitlines()]
    assert verbs == ["bootout", "print", "enable", "bootstrap"]


def test_what_goes_wrong_is_told_without_the_token(runners: TartRunners, guest: Guest) -> None:
    seen = runners.look()
    (guest.runner / "refuse").touch()
    with pytest.raises(RegistrationError, match="ended with 1: no such group, \\*\\*\\*"):
        runners.register(seen["ios-1"], WANTED, "secret")
    (guest.home / "nobody").touch()
    with pytest.raises(RegistrationError, match="is its user logged in"):
        runners.register(seen["ios-1"], WANTED, "secret")
    with pytest.raises(RegistrationError, match="its VM does not run"):
        runners.register(seen["ios-2"], WANTED, "secret")


def test_a_job_that_came_meanwhile_is_left_alone(runners: TartRunners, guest: Guest) -> None:
    seen = runners.look()
    (guest.home / "worker").touch()
    with pytest.raises(RegistrationError, match="ended with 75: a job runs in it"):
        runners.register(seen["ios-1"], WANTED, "secret")
    assert not (guest.home / "launchctl").exists() and not (guest.runner / "asked").exists()


def test_a_guest_is_waited_for_and_one_that_stays_silent_counts_as_busy(runners: TartRunners, guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    guest.silent = 1
    one = runners.look()["ios-1"]
    assert one.busy and "does not answer" in one.trouble
    guest.silent = 3
    monkeypatch.setattr(runners, "_patience", 60.0)
    assert not runners.look()["ios-1"].busy


def test_the_agent_runs_the_listener_whenever_it_is_registered(guest: Guest) -> None:
    listener = guest.runner / "bin" / "Runner.Listener"
    listener.write_text('#!/bin/sh\ntrap "echo bye >> said; exit 0" TERM\necho "$* $PATH" >> said\nwhile [ ! -e stop ]; do sleep 0.05; done\n')
    listener.chmod(0o755)
    process = subprocess.Popen(agent("actions-runner")["ProgramArguments"], env=guest.environment, cwd="/", start_new_session=True)
    try:
        time.sleep(0.5)
        assert not (guest.runner / "said").exists() and process.poll() is None
        (guest.runner / ".path").write_text("/opt/x:/usr/bin:/bin")
        for name in (".runner", ".credentials_rsaparams"):
            (guest.runner / name).write_text("x")
        until(lambda: (guest.runner / "said").exists() and (guest.runner / "said").stat().st_size)
        assert (guest.runner / "said").read_text() == "run /opt/x:/usr/bin:/bin\n"
        process.terminate()
        assert process.wait(10) == 0
        assert (guest.runner / "said").read_text().endswith("bye\n")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def until(met: t.Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)
