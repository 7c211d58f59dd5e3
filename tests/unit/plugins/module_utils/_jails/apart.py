# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a test in a process of its own: with mounts that nobody else sees and that end with it, or killed at a chosen step."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import traceback
import typing as t

_CLONE_NEWNS = 0x00020000
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = frozenset((
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "subprocess.Popen",
))  # fmt: skip


def with_own_mounts(part: t.Callable[[], None]) -> None:
    """Run a part where mounts are its own; what it raises fails the test."""

    def alone() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        part()

    code, said = _forked(alone)
    assert code == 0, said


def killed_at(step: int, part: t.Callable[[], t.Any]) -> bool:
    """Run a part that is killed with SIGKILL just before its ``step``-th change of a file or start of a program; whether it came so far."""
    code, said = _forked(lambda: _watched(step, part))
    assert code in (0, -signal.SIGKILL), said
    return code != 0


def steps_of(part: t.Callable[[], t.Any]) -> int:
    """How many such steps a part has."""

    def counted() -> None:
        os.write(1000, str(_watched(0, part)).encode())

    reader, writer = os.pipe()
    os.dup2(writer, 1000)
    os.close(writer)
    code, said = _forked(counted)
    os.close(1000)
    with os.fdopen(reader) as told:
        number = told.read()
    assert code == 0, said
    return int(number)


def _watched(step: int, part: t.Callable[[], t.Any]) -> int:
    seen = 0

    def watch(event: str, arguments: t.Tuple[t.Any, ...]) -> None:
        nonlocal seen
        if event in _CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES):
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    part()
    return seen


def _forked(part: t.Callable[[], None]) -> t.Tuple[int, str]:
    """How a part ended in a child of this process, and what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code = 1
        try:
            part()
            code = 0
        except BaseException:  # pylint: disable=broad-exception-caught
            os.write(writer, traceback.format_exc()[-60000:].encode())
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader, errors="replace") as told:
        said = told.read()
    dummy, status = os.waitpid(child, 0)
    return (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)), said
