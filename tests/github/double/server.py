# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local GitHub on a port of this machine: HTTP, headers, limits, faults, and a record of every exchange."""

from __future__ import annotations

import dataclasses
import email.utils
import hashlib
import http.server
import json
import ssl
import threading
import types
import typing as t
import urllib.parse

from . import api
from .faults import Fault, Faults
from .state import Refusal, World

PREFIX = "/api/v3"
DOWNLOADS = "/actions/runner/releases/download/"


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request and its answer, None when the connection ended without one. ``true`` is False when a fault wrote the answer."""

    method: str
    path: str
    query: str
    request_headers: t.Mapping[str, str]
    request_body: bytes
    status: int | None
    headers: t.Mapping[str, str]
    body: bytes
    true: bool = True


class LocalGithub:
    """Use as a context manager; ``url`` is what users give, such as http://127.0.0.1:4000, and ``world`` its state."""

    def __init__(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.world = World()
        self.faults = Faults()
        self.exchanges: list[Exchange] = []
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"github": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = self._server.server_port
        self.url = f"{'https' if context else 'http'}://{'localhost' if context else '127.0.0.1'}:{self.port}"
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> LocalGithub:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fault(self, kind: str, **options: t.Any) -> Fault:
        """Something goes wrong with the next request that fits."""
        fault = Fault(kind, **options)
        self.faults.append(fault)
        return fault

    def offer(self, filename: str, content: bytes) -> dict[str, t.Any]:
        """A package of the runner for the lists of downloads; what it says of it."""
        return self.world.offer(filename, content, self.url + DOWNLOADS)

    def asked(self, method: str = "", end: str = "") -> list[Exchange]:
        """The exchanges so far, those of a method and of paths that end so."""
        return [one for one in self.exchanges if method in ("", one.method) and one.path.endswith(end)]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_who: t.Any) -> None:
        """A client that went away, or does not trust the certificate."""


class _Handler(http.server.BaseHTTPRequestHandler):
    github: LocalGithub
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_arguments: t.Any) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return email.utils.formatdate(timestamp or self.github.world.now(), usegmt=True)

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        parts = urllib.parse.urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.command == "GET" and parts.path.startswith(DOWNLOADS):
            self._download(parts.path[len(DOWNLOADS) :])
            return
        if not parts.path.startswith(PREFIX + "/"):
            self._send(404, {}, b"<html>this is the web page, not the API</html>")
            return
        path = parts.path[len(PREFIX) :]
        with self.github.lock:
            fault = self.github.faults.take(self.command, path)
            status, out, answer = self._answer(fault, path, parts.query, headers, body)
            seen = Exchange(self.command, path, parts.query, headers, body, status, out, answer, true=fault is None)
            self.github.exchanges.append(seen)
        if status is None:
            self.close_connection = True
        else:
            self._send(status, out, answer)

    def _download(self, name: str) -> None:
        """Anybody may have it, as on github.com."""
        with self.github.lock:
            fault = self.github.faults.take(self.command, DOWNLOADS + name)
            content = self.github.world.files.get(name)
        if fault and fault.kind == "truncated" and content is not None:
            content = content[: len(content) // 2]
        kind = {"Content-Type": "application/octet-stream"}
        self._send(*((fault.status, {}, b"") if fault and fault.kind == "status" else (404, {}, b"") if content is None else (200, kind, content)))

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def _answer(
        self, fault: Fault | None, path: str, query: str, headers: t.Mapping[str, str], body: bytes
    ) -> tuple[int | None, dict[str, str], bytes]:
        if fault and fault.kind in _INSTEAD:
            return _INSTEAD[fault.kind](fault, headers, self.github.world)
        base = f"{self.github.url}{PREFIX}"
        try:
            data = json.loads(body) if body else {}
            asked = api.Asked(self.command, path, dict(urllib.parse.parse_qsl(query)), headers, data, base)
            found = api.answer(self.github.world, asked)
        except ValueError:
            found = api.Answer(400, {"message": "Problems parsing JSON"})
        except Refusal as refusal:
            found = _refused(refusal)
        status, out, answer = self._finished(found, headers)
        if fault and fault.kind == "foreign-link":
            out["Link"] = f'<https://evil.example{PREFIX}{path}?page=2>; rel="next"'
        if fault and fault.kind == "status-after":
            return fault.status, {}, b'{"message": "Server Error"}'
        return (None, {}, b"") if fault and fault.kind == "drop-after" else (status, out, answer)

    def _finished(self, found: api.Answer, headers: t.Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """With what every answer of GitHub has: limits, a tag, or 304 when the asker knows it already."""
        world = self.github.world
        content = b"" if found.body is None else json.dumps(found.body).encode()
        tag = f'W/"{hashlib.sha256(content).hexdigest()}"'
        unchanged = self.command == "GET" and found.status == 200 and headers.get("if-none-match") == tag
        world.used += not unchanged
        out = {
            "X-GitHub-Request-Id": "1:2:3",
            "X-RateLimit-Limit": str(world.limit),
            "X-RateLimit-Remaining": str(max(0, world.limit - world.used)),
            "X-RateLimit-Reset": str(int(world.now()) + 3600),
            "X-RateLimit-Used": str(world.used),
            **found.headers,
        }
        if self.command == "GET" and found.status == 200:
            out["ETag"] = tag
        return (304, out, b"") if unchanged else (found.status, out, content)

    def _send(self, status: int, headers: t.Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (204, 304):
            if "Content-Type" not in headers:
                self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)


def _refused(refusal: Refusal) -> api.Answer:
    body: dict[str, t.Any] = {"message": refusal.message, "documentation_url": "https://docs.github.com/rest", "status": str(refusal.status)}
    if refusal.errors is not None:
        body["errors"] = refusal.errors
    return api.Answer(refusal.status, body, refusal.headers)


Instead = t.Callable[[Fault, t.Mapping[str, str], World], tuple[int | None, dict[str, str], bytes]]


def _primary(fault: Fault, _headers: t.Mapping[str, str], world: World) -> tuple[int, dict[str, str], bytes]:
    limits = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(world.now()) + fault.seconds)}
    return 403, limits, b'{"message": "API rate limit exceeded for user ID 1."}'


def _secondary(fault: Fault, _headers: t.Mapping[str, str], _world: World) -> tuple[int, dict[str, str], bytes]:
    limits = {"Retry-After": str(fault.seconds)} if fault.seconds else {}
    return 403, limits, b'{"message": "You have exceeded a secondary rate limit."}'


def _echo(_fault: Fault, headers: t.Mapping[str, str], _world: World) -> tuple[int, dict[str, str], bytes]:
    return 403, {}, json.dumps({"message": f"not with {headers.get('authorization')}"}).encode()


_INSTEAD: dict[str, Instead] = {
    "status": lambda fault, _headers, _world: (fault.status, {}, b'{"message": "Server Error"}'),
    "drop": lambda _fault, _headers, _world: (None, {}, b""),
    "primary": _primary,
    "secondary": _secondary,
    "redirect": lambda fault, _headers, _world: (fault.status, {"Location": fault.text}, b"{}"),
    "page": lambda _fault, _headers, _world: (200, {"Content-Type": "text/html"}, b"<html>please log in</html>"),
    "echo": _echo,
}
