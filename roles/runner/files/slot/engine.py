# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""A Docker Engine over its socket, for a program that waits all day: plain sockets, since http.client brings TLS along.

Python's own ones, since the module socket would cost half a MB for good, for names of constants that nobody uses.

Requests are HTTP/1.0, so that an answer ends with its connection and is never in chunks.
"""

from __future__ import annotations

import contextlib
import json
import select
import typing as t
from _socket import AF_UNIX, SOCK_STREAM, socket

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError

#: Seconds for each wait on the engine; making and removing take longest.
SECONDS = 120.0
_LARGEST_ANSWER = 16 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024
_CHUNK = 16 * 1024


class EngineError(SlotError):
    """The engine refused or did not answer; ``status`` is HTTP's, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Stream:
    """An open connection: what was read of the answer so far, and the socket for the rest."""

    def __init__(self, connection: socket, status: int, rest: bytes) -> None:
        self.connection, self.status, self._rest = connection, status, rest

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def ready(self, seconds: float, wake: int) -> bool:
        """Wait for more, or until something can be read from ``wake``; whether there is more."""
        if self._rest:
            return True
        watched: t.List[t.Any] = [self.connection, wake]
        return self.connection in select.select(watched, [], [], seconds)[0]

    def read(self) -> bytes:
        """What came; nothing at the end."""
        rest, self._rest = self._rest, b""
        try:
            return rest or self.connection.recv(_CHUNK)
        except OSError as error:
            raise EngineError(f"the Docker Engine broke off: {error}") from error

    def chunks(self) -> t.Iterator[bytes]:
        """All of it."""
        with contextlib.closing(self.connection):
            chunk = self.read()
            while chunk:
                yield chunk
                chunk = self.read()


class Engine:
    """Requests to the engine at a socket; each has a connection of its own."""

    def __init__(self, path: str) -> None:
        self._path = path

    def open(self, method: str, path: str, body: t.Any = None) -> Stream:
        """Send a request and read the head of its answer; raises :class:`EngineError` for a refusal."""
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        connection = socket(AF_UNIX, SOCK_STREAM)
        try:
            connection.settimeout(SECONDS)
            connection.connect(self._path)
            connection.sendall(head.encode("ascii") + data)
            stream = self._head(connection, path)
        except OSError as error:
            connection.close()
            raise EngineError(f"the Docker Engine at {self._path} gives no answer: {error}") from error
        except BaseException:
            connection.close()
            raise
        return stream

    def ask(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """The whole answer as JSON, None when it is empty."""
        content = b""
        for chunk in self.open(method, path, body).chunks():
            content += chunk
            if len(content) > _LARGEST_ANSWER:
                raise EngineError(f"{path}: the answer of the Docker Engine is too large")
        return _decoded(path, content) if content.strip() else None

    def _head(self, connection: socket, path: str) -> Stream:
        content = b""
        while b"\r\n\r\n" not in content:
            chunk = connection.recv(_CHUNK)
            if not chunk or len(content) > _LARGEST_HEAD:
                raise EngineError(f"{path}: the Docker Engine ended the connection without an answer")
            content += chunk
        head, _blank, rest = content.partition(b"\r\n\r\n")
        words = head.split(b" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise EngineError(f"{path}: this is no answer of a Docker Engine")
        stream = Stream(connection, int(words[1]), rest)
        if stream.status >= 300:
            raise self._refusal(path, stream)
        return stream

    def _refusal(self, path: str, stream: Stream) -> EngineError:
        content = b"".join(stream.chunks())
        try:
            said = json.loads(content)["message"]
        except (ValueError, KeyError, TypeError):
            said = f"HTTP status {stream.status}"
        return EngineError(f"Docker Engine: {path.partition('?')[0]}: {said}", stream.status)


def _decoded(path: str, content: bytes) -> t.Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise EngineError(f"{path}: the answer of the Docker Engine is no JSON") from error


class Frames:
    """Whole lines out of the framed stream in which an engine gives a container's output."""

    def __init__(self) -> None:
        self._framed = b""
        self._text = b""

    def lines(self, chunk: bytes) -> t.List[str]:
        """The lines that a further chunk completes."""
        self._framed += chunk
        while len(self._framed) >= 8:
            size = int.from_bytes(self._framed[4:8], "big")
            if len(self._framed) < 8 + size:
                break
            self._text += self._framed[8 : 8 + size]
            self._framed = self._framed[8 + size :]
        *whole, self._text = self._text.split(b"\n")
        # A line without end is none that tells anything.
        self._text = self._text[-_CHUNK:]
        return [line.decode("utf-8", "replace") for line in whole]

    def rest(self) -> t.List[str]:
        """What came after the last line's end."""
        return [self._text.decode("utf-8", "replace")] if self._text else []
