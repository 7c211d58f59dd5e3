# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A Docker Engine over its unix socket, with the standard library: one connection, many questions.

The Docker SDK takes longer to import than everything here takes to ask.
"""

from __future__ import annotations

import errno
import http.client
import json
import socket
import types
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import owns_container

# Of an engine that others may run; its lists of thousands of things stay far below.
_LARGEST_ANSWER = 64 * 1024 * 1024
_NOBODY_LISTENS = (errno.ECONNREFUSED, errno.ENOENT)
#: State of the engine -> state of a workload; any other word counts as running.
_STATES = {
    "created": "stopped",
    "exited": "stopped",
    "dead": "stopped",
    "removing": "stopped",
    "paused": "paused",
    "running": "running",
    "restarting": "running",
}


class EngineError(MacRunnersError):
    """The engine refused a question or answered nonsense; ``status`` is HTTP's, 0 without one."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class EngineDownError(EngineError):
    """Nobody listens at the socket."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self._path)


class EngineSocket:
    """The connection to an engine; ``timeout`` in seconds is for each wait.

    Raises :class:`EngineDownError` when nobody listens, :class:`EngineError` for anything else.
    """

    def __init__(self, path: str, timeout: float = 20.0) -> None:
        self.path = path
        self._connection = _UnixConnection(path, timeout)

    def __enter__(self) -> EngineSocket:
        return self

    def __exit__(
        self,
        kind: t.Optional[t.Type[BaseException]],
        error: t.Optional[BaseException],
        trace: t.Optional[types.TracebackType],
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def get(self, path: str) -> t.Any:
        """The JSON that the engine answers to ``GET path``."""
        return self._decode(path, *self._exchange("GET", path))

    def delete(self, path: str) -> None:
        """Remove what is at ``path``; what is not there any more is fine."""
        status, body = self._exchange("DELETE", path)
        if status not in (204, 404):
            self._decode(path, status, body)

    def post(self, path: str, body: t.Any) -> t.Any:
        """The JSON that the engine answers to ``POST path`` when it made something."""
        status, answer = self._exchange("POST", path, json.dumps(body).encode())
        return self._decode(path, 200 if status == 201 else status, answer)

    def archive(self, container: str, path: str) -> bytes:
        """What is at ``path`` in a container as a tar; nothing when it is not there."""
        resource = f"/containers/{container}/archive?path={path}"
        status, body = self._exchange("GET", resource)
        if status not in (200, 404):
            self._decode(resource, status, body)
        return body if status == 200 else b""

    def _exchange(self, method: str, path: str, content: t.Optional[bytes] = None) -> t.Tuple[int, bytes]:
        headers = {} if content is None else {"Content-Type": "application/json"}
        try:
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            body = response.read(_LARGEST_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._cannot(error) from error
        if len(body) > _LARGEST_ANSWER:
            self.close()
            raise EngineError(f"{self.path}: the answer to {path} is too large")
        return response.status, body

    def _cannot(self, error: Exception) -> EngineError:
        if isinstance(error, OSError) and error.errno in _NOBODY_LISTENS:
            return EngineDownError(f"{self.path}: no Docker Engine listens there ({error.strerror})")
        return EngineError(f"{self.path}: {error or type(error).__name__}")

    def _decode(self, path: str, status: int, body: bytes) -> t.Any:
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise EngineError(f"{self.path}: the answer to {path} is no JSON", status) from error
        if status != 200:
            said = answer.get("message") if isinstance(answer, dict) else None
            raise EngineError(f"{self.path}: {path}: {said or f'HTTP status {status}'}", status)
        return answer


class EngineContainer(t.NamedTuple):
    """A container: ``memory`` is its limit in bytes, None without one."""

    name: str
    id: str
    state: str
    memory: t.Optional[int]
    labels: t.Mapping[str, str]
    image: str

    @property
    def owned(self) -> bool:
        """Whether it is ours: by name and by label."""
        return owns_container(self.name, self.labels)


def list_containers(engine: EngineSocket) -> t.List[EngineContainer]:
    """Every container with its limit; raises :class:`EngineError`."""
    found = []
    for entry in engine.get("/containers/json?all=1"):
        try:
            details = engine.get(f"/containers/{urllib.parse.quote(entry['Id'])}/json")
        except EngineError as error:
            if error.status == 404:
                # Removed between the two questions.
                continue
            raise
        found.append(parse_container(entry, details))
    return found


def parse_container(entry: t.Mapping[str, t.Any], details: t.Mapping[str, t.Any]) -> EngineContainer:
    """From an entry of ``/containers/json`` and ``/containers/ID/json``."""
    names = entry.get("Names") or [entry["Id"][:12]]
    return EngineContainer(
        name=str(names[0]).lstrip("/"),
        id=entry["Id"],
        state=_STATES.get(entry.get("State", ""), "running"),
        memory=(details.get("HostConfig") or {}).get("Memory") or None,
        labels=entry.get("Labels") or {},
        image=entry.get("Image", ""),
    )


def parse_images(entries: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[str]:
    """Tags, digests and ids from ``/images/json``."""
    found: t.Set[str] = set()
    for entry in entries:
        references = [*(entry.get("RepoTags") or []), *(entry.get("RepoDigests") or [])]
        found.update(reference for reference in references if "<none>" not in reference)
        found.add(entry["Id"])
    return sorted(found)
