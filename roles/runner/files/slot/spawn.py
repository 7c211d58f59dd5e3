# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""Processes of a program that waits all day: with plain system calls, since the module subprocess would cost it half a MB for good."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import typing as t

_CHUNK = 65536
#: Python ignores these; no command expects that.
_USUAL = (signal.SIGPIPE, signal.SIGXFSZ)


class Result(t.NamedTuple):
    """How a command ended, and what it said. ``rc`` is negative for a signal."""

    rc: int
    out: bytes
    err: bytes


def spawn(argv: t.Sequence[str], env: t.Mapping[str, str], streams: t.Sequence[t.IO[bytes]], **more: t.Any) -> int:
    """Start a command in our own directory, with these as its three standard streams; its pid. Raises OSError."""
    actions = [(os.POSIX_SPAWN_DUP2, stream.fileno(), number) for number, stream in enumerate(streams)]
    return os.posix_spawn(argv[0], list(argv), dict(env), file_actions=actions, setsigdef=_USUAL, **more)


def pipe(stack: contextlib.ExitStack) -> t.Tuple[t.IO[bytes], t.IO[bytes]]:
    """Where to read and where to write; both are closed with the stack."""
    read, write = os.pipe()
    return stack.enter_context(open(read, "rb", buffering=0)), stack.enter_context(open(write, "wb", buffering=0))


def wait(pid: int) -> int:
    """How it ended, once it has."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def converse(argv: t.Sequence[str], env: t.Mapping[str, str], request: bytes, seconds: float, inherited: int) -> Result:
    """Run a command to its end; it gets the descriptor ``inherited`` too. Raises OSError, and TimeoutError once it was killed."""
    with contextlib.ExitStack() as stack:
        (asked, into), (out, saying), (err, complaining) = (pipe(stack) for _stream in range(3))
        with _inheritable(inherited):
            pid = spawn(argv, env, (asked, saying, complaining))
        try:
            for theirs in (asked, saying, complaining):
                theirs.close()
            said = _talk(into, request, (out, err), time.monotonic() + seconds)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise
        finally:
            rc = wait(pid)
    return Result(rc, *said)


@contextlib.contextmanager
def _inheritable(descriptor: int) -> t.Iterator[None]:
    """What is started meanwhile gets it, nothing else that we start does."""
    os.set_inheritable(descriptor, True)
    try:
        yield
    finally:
        os.set_inheritable(descriptor, False)


def _talk(into: t.IO[bytes], request: bytes, sources: t.Sequence[t.IO[bytes]], deadline: float) -> t.List[bytes]:
    """Give the request while whatever comes is taken, until all sources end."""
    os.set_blocking(into.fileno(), False)
    said = {source: b"" for source in sources}
    heard = list(sources)
    while heard:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError()
        readable, writable, _broken = select.select(heard, [] if into.closed else [into], [], left)
        if writable:
            request = _give(into, request)
        for source in readable:
            chunk = source.read(_CHUNK)
            said[source] += chunk
            if not chunk:
                heard.remove(source)
    return list(said.values())


def _give(into: t.IO[bytes], request: bytes) -> bytes:
    """Write what fits; what is left. All said, the end is closed."""
    try:
        request = request[into.write(request) or 0 :]
    except BrokenPipeError:
        # It has ended, and its exit code tells how.
        request = b""
    if not request:
        into.close()
    return request
