# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""A command whose output is read as it comes, by a program that waits for other things too."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.spawn import pipe, spawn, wait

_CHUNK = 65536


class Follower:
    """``request`` is what the command reads; it fits into a pipe."""

    def __init__(self, argv: t.Sequence[str], request: bytes = b"") -> None:
        self._open = contextlib.ExitStack()
        self._out, saying = pipe(self._open)
        try:
            with saying, contextlib.ExitStack() as theirs, open(os.devnull, "r+b", buffering=0) as nowhere:
                asked, asking = pipe(theirs)
                # A process group of its own, so that all of it can be ended: sudo cannot pass SIGKILL on.
                self._pid = spawn(argv, os.environ, (asked, saying, nowhere), setpgroup=0)
                with contextlib.suppress(BrokenPipeError):
                    asking.write(request)
        except OSError as error:
            self._open.close()
            raise SlotError(f"{argv[0]} cannot be started: {error}") from error

    def ready(self, seconds: float, *wake: int) -> bool:
        """Wait for more, or until something can be read from ``wake``; whether there is more."""
        watched: t.List[t.Any] = [self._out, *wake]
        return self._out in select.select(watched, [], [], max(0.0, seconds))[0]

    def read(self) -> bytes:
        """What came; nothing at the end."""
        return os.read(self._out.fileno(), _CHUNK)

    def chunks(self, seconds: float, *wake: int) -> t.Iterator[bytes]:
        """All of it. Raises TimeoutError when it does not come in time, or when something can be read from ``wake``."""
        deadline = time.monotonic() + seconds
        while self.ready(deadline - time.monotonic(), *wake):
            chunk = self.read()
            if not chunk:
                return
            yield chunk
        raise TimeoutError()

    def close(self) -> None:
        """End it."""
        # macOS forbids to signal a group of which every process has ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        self._open.close()
        wait(self._pid)
