# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guest_launchd.py DIRECTORY: launchd of a macOS guest, as far as agents of its user go; it ends with the machine, as all of a guest does."""

from __future__ import annotations

import json
import os
import plistlib
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from standins.call import append_line  # noqa: E402

SOCKET = ".guest-launchd.sock"
_THROTTLE, _EXIT_TIMEOUT, _TICK = 10, 5, 0.1
_KNOWN = {
    "Label": str, "ProgramArguments": list, "RunAtLoad": bool, "KeepAlive": bool, "ThrottleInterval": int, "ExitTimeOut": int, "ProcessType": str,
    "EnvironmentVariables": dict, "WorkingDirectory": str,
}

Answer = tuple[int, str, str]


class Refused(Exception):
    """launchd does not take the job."""


def read_agent(path: str) -> dict[str, Any]:
    """The checked property list; only the owner of the agents may be able to write it."""
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & 0o022:
        raise Refused(f"{path}: has to be a regular file of the user that nobody else can write")
    with open(path, "rb") as stream:
        job = plistlib.load(stream)
    wrong = [key for key, value in job.items() if not isinstance(value, _KNOWN.get(key, ()))]
    if wrong or not job.get("Label") or not job.get("ProgramArguments"):
        append_line("unexpected.log", json.dumps({"tool": "launchd", "argv": [path], "uid": os.getuid(), "why": f"agent with {wrong}"}))
        raise Refused(f"{path}: {wrong}")
    return job


class Agent:
    """A loaded job."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.process: subprocess.Popen | None = None
        self.due: float | None = time.monotonic() if job.get("RunAtLoad") or job.get("KeepAlive") else None
        self.started = 0.0

    def tend(self) -> None:
        """Start it when it is due; see what became of it."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            self._sweep()
            self.due = max(now, self.started + self.job.get("ThrottleInterval", _THROTTLE)) if self.job.get("KeepAlive") else None
        if self.process is None and self.due is not None and self.due <= now:
            self.due, self.started = None, now
            null, environment = subprocess.DEVNULL, {**os.environ, **self.job.get("EnvironmentVariables", {})}
            directory = self.job.get("WorkingDirectory", "/")
            words = self.job["ProgramArguments"]
            self.process = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, cwd=directory, env=environment, start_new_session=True)

    def _sweep(self) -> None:
        """What is left of the process group ends with it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process = None

    def end(self) -> None:
        """SIGTERM, and SIGKILL when its time is up."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.job.get("ExitTimeOut", _EXIT_TIMEOUT))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._sweep()


class Launchd:
    """The domain of the user who is logged in."""

    def __init__(self) -> None:
        self.domain = f"gui/{os.getuid()}"
        self.agents: dict[str, Agent] = {}

    def boot(self, folder: str) -> None:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".plist"):
                self.load(os.path.join(folder, name))

    def load(self, path: str) -> bool:
        try:
            job = read_agent(path)
        except (OSError, ValueError, Refused):
            return False
        if job["Label"] in self.agents:
            return False
        self.agents[job["Label"]] = Agent(job)
        return True

    def answer(self, words: list[str]) -> Answer:
        if len(words) == 3 and words[0] == "bootstrap":
            if words[1] != self.domain:
                return 125, "", "Bootstrap failed: 125: Domain does not support specified action\n"
            return (0, "", "") if self.load(words[2]) else (5, "", "Bootstrap failed: 5: Input/output error\n")
        known = len(words) == 2 and words[1].startswith(f"{self.domain}/") and words[0] in ("bootout", "print", "enable")
        if not known:
            append_line("unexpected.log", json.dumps({"tool": "launchctl", "argv": words, "uid": os.getuid(), "why": "in a guest"}))
            return 64, "", f"Unrecognized subcommand: {words[:1]}\n"
        label = words[1][len(self.domain) + 1 :]
        return {"bootout": self._bootout, "print": self._print, "enable": lambda dummy: (0, "", "")}[words[0]](label)

    def _bootout(self, label: str) -> Answer:
        agent = self.agents.pop(label, None)
        if agent is None:
            return 3, "", "Boot-out failed: 3: No such process\n"
        agent.end()
        return 0, "", ""

    def _print(self, label: str) -> Answer:
        agent = self.agents.get(label)
        if agent is None:
            return 113, "", f'Bad request.\nCould not find service "{label}" in domain for user gui: {os.getuid()}\n'
        state = f"running\n\n\tpid = {agent.process.pid}" if agent.process else "not running"
        return 0, f"{self.domain}/{label} = {{\n\tstate = {state}\n}}\n", ""


def serve(launchd: Launchd, listener: socket.socket) -> None:
    while True:
        for agent in launchd.agents.values():
            agent.tend()
        try:
            connection = listener.accept()[0]
        except TimeoutError:
            continue
        with connection, connection.makefile("rw") as stream:
            stream.write(json.dumps(launchd.answer(json.loads(stream.readline()))) + "\n")


def main(directory: str) -> None:
    os.chdir(directory)
    if os.path.lexists(SOCKET):
        os.unlink(SOCKET)
    launchd = Launchd()
    launchd.boot(os.path.join(directory, ".guest", "Library", "LaunchAgents"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(SOCKET)
        listener.listen(8)
        listener.settimeout(_TICK)
        serve(launchd, listener)


if __name__ == "__main__":
    main(sys.argv[1])
