# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversations with tools, as scripts: a command that the script does not know fails the test."""

from __future__ import annotations

import http.server
import json
import pathlib
import socketserver
import tempfile
import threading
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result

Answer = t.Union[str, Result]


class Script:
    """Answers commands as told; everything else is an error."""

    def __init__(self, answers: t.Mapping[t.Sequence[str], Answer]) -> None:
        self._answers = {tuple(argv): answer for argv, answer in answers.items()}
        self.calls: t.List[t.Tuple[str, ...]] = []

    def __call__(
        self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = ""
    ) -> Result:
        self.calls.append(tuple(argv))
        answer = self._answers[tuple(argv)]
        return answer if isinstance(answer, Result) else Result(0, answer, "")


@pytest.fixture
def script() -> t.Type[Script]:
    return Script


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeEngine

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, answer = self.server.answers.get(self.path, (404, {"message": f"no {self.path}"}))
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *arguments: t.Any) -> None:
        pass


class FakeEngine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that answers paths as told, over a real socket."""

    daemon_threads = True

    def __init__(self, path: str, answers: t.Mapping[str, t.Any]) -> None:
        super().__init__(path, _Handler)
        self.path = path
        self.answers = {key: value if isinstance(value, tuple) else (200, value) for key, value in answers.items()}
        self.asked: t.List[str] = []
        self.connections = 0

    def process_request(self, request: t.Any, client_address: t.Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


@pytest.fixture
def engine() -> t.Iterator[t.Callable[..., FakeEngine]]:
    """Starts engines; their sockets are in a short path, since a Mac's may have 104 bytes at most."""
    engines: t.List[FakeEngine] = []
    with tempfile.TemporaryDirectory(prefix="engine-") as directory:

        def start(answers: t.Mapping[str, t.Any], path: str = "") -> FakeEngine:
            one = FakeEngine(path or f"{directory}/{len(engines)}.sock", answers)
            engines.append(one)
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            return one

        yield start
        for one in engines:
            one.shutdown()
            one.server_close()


@pytest.fixture
def private_path() -> t.Iterator[pathlib.Path]:
    """A directory in which only root can write, and so is everything above it; the usual temporary ones are open."""
    with tempfile.TemporaryDirectory(prefix=".mac-runners-test-", dir=pathlib.Path.home()) as directory:
        yield pathlib.Path(directory)
