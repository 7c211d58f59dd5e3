# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a stand-in: its words, what it says, how it ends, and the line in the log of calls."""

from __future__ import annotations

import json
import os
import sys
import time

STATE = "/private/var/macsim"
PROC = "/System/Library/macsim/proc"
EX_USAGE = 64


class Fail(Exception):
    """The tool refuses: exit code and texts as its contract says."""

    def __init__(self, code: int, stderr: str = "", stdout: str = "") -> None:
        super().__init__(stderr)
        self.code = code
        self.stderr = stderr
        self.stdout = stdout


class Unexpected(Fail):
    """A use that no contract describes: the test session has to fail."""

    def __init__(self, why: str, code: int = EX_USAGE, stderr: str = "", stdout: str = "") -> None:
        super().__init__(code, stderr, stdout)
        self.why = why

    def __str__(self) -> str:
        return self.why


class Call:
    """``argv`` is without the tool's own name; ``version`` is that of a versioned tool; ``writing`` says that the call changes (or would change) the Mac.

    No dataclass: a play makes hundreds of calls, and that module alone takes as long as most of them.
    """

    def __init__(self, tool: str, argv: list[str], path: str, version: str = "") -> None:
        self.tool, self.argv, self.path, self.version = tool, argv, path, version
        self.writing = False
        self.started = time.time()

    def out(self, text: str) -> None:
        sys.stdout.write(text)

    def err(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.write(text)

    def writes(self) -> None:
        self.writing = True

    def log(self, code: int | None) -> None:
        """Append the call to calls.jsonl; ``code`` is None for a call that goes on (or becomes another program)."""
        if "MACSIM_QUIET" in os.environ:
            return
        record = {
            "tool": self.tool, "argv": [self.tool, *self.argv], "uid": os.getuid(), "pid": os.getpid(), "cwd": _cwd(), "rc": code,
            "writing": self.writing, "time": round(self.started, 3),
        }
        append_line("calls.jsonl", json.dumps(record))

    def unexpected(self, why: str) -> None:
        record = {"tool": self.tool, "argv": [self.tool, *self.argv], "uid": os.getuid(), "why": why}
        append_line("unexpected.log", json.dumps(record))

    def become(self, program: str, argv: list[str], environment: dict[str, str] | None = None) -> None:
        """Log the call, then replace this process by ``program``; raises OSError when it cannot be started."""
        sys.stdout.flush()
        self.log(None)
        if environment is None:
            os.execvp(program, argv)
        os.execvpe(program, argv, environment)


def append_line(name: str, line: str) -> None:
    """Add one line to a file of the state directory in one write; the files exist from the boot on."""
    try:
        descriptor = os.open(f"{STATE}/{name}", os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    os.write(descriptor, (line + "\n").encode())
    os.close(descriptor)


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:
        return "?"
