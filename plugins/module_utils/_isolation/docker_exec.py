# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A program in a container that runs, over the engine's socket: one line goes to its standard input, so that no argument list holds it."""

from __future__ import annotations

import json
import socket
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineError, EngineSocket

_LARGEST_OUTPUT = 1024 * 1024
_CHUNK = 64 * 1024


def run_in(engine: EngineSocket, container: str, argv: t.Sequence[str], line: str, seconds: float) -> t.Tuple[int, str]:
    """Run ``argv`` as the container's user; return its exit code and what it printed.

    ``seconds`` is for each wait on its output. Raises :class:`._macos.docker.EngineError`.
    """
    asked = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Tty": False, "Cmd": list(argv)}
    number = engine.post(f"/containers/{container}/exec", asked)["Id"]
    text = _talk(engine.path, f"/exec/{number}/start", line, seconds)
    return int(engine.get(f"/exec/{number}/json").get("ExitCode") or 0), text


def _talk(path: str, resource: str, line: str, seconds: float) -> str:
    body = json.dumps({"Detach": False, "Tty": False}).encode()
    head = (
        f"POST {resource} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(head.encode("ascii") + body)
            begun = _head(connection, path, resource)
            connection.sendall(line.encode("ascii") + b"\n")
            return frames(begun + _rest(connection)).decode("utf-8", "replace")
        except OSError as error:
            raise EngineError(f"{path}: {resource}: {error or type(error).__name__}") from error


def _head(connection: socket.socket, path: str, resource: str) -> bytes:
    """Read the head of the answer; return what came after it."""
    content = b""
    while b"\r\n\r\n" not in content:
        chunk = connection.recv(_CHUNK)
        if not chunk or len(content) > _LARGEST_OUTPUT:
            raise EngineError(f"{path}: {resource}: the engine ended the connection without an answer")
        content += chunk
    head, _blank, rest = content.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    if len(words) < 2 or words[1] not in (b"101", b"200"):
        raise EngineError(f"{path}: {resource}: the engine did not start it: {head.decode('latin-1').splitlines()[0]}")
    return rest


def _rest(connection: socket.socket) -> bytes:
    content = b""
    while len(content) <= _LARGEST_OUTPUT:
        chunk = connection.recv(_CHUNK)
        if not chunk:
            return content
        content += chunk
    raise EngineError("a program in a container printed too much")


def frames(content: bytes) -> bytes:
    """The text in a framed stream: each frame is eight bytes, of which the last four are the length, and that much."""
    text, place = b"", 0
    while place + 8 <= len(content):
        size = int.from_bytes(content[place + 4 : place + 8], "big")
        text += content[place + 8 : place + 8 + size]
        place += 8 + size
    return text
