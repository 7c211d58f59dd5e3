# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs: a queue, and the broker at which runners listen for them. GitHub's own document does not know it."""

from __future__ import annotations

import dataclasses
import http.server
import json
import socketserver
import threading
import time
import typing as t
import urllib.parse

from .server import LocalGithub
from .state import Json, Runner

POLL = 1.0


@dataclasses.dataclass
class Job:
    """``runs``: the runners that got it, of which there should be one."""

    id: int
    name: str
    steps: list[str]
    runs: list[str] = dataclasses.field(default_factory=list)
    result: str = ""
    output: str = ""


class Broker:
    """The broker of one scope. Listens at a port of this machine, or at a unix socket when the runners are in another network.

    ``address``: (host, port), port 0 for any, or the path of a socket. ``url``: where runners find it; needed with a path.
    """

    def __init__(self, github: LocalGithub, address: tuple[str, int] | str, url: str = "", scope: str = "/orgs/acme") -> None:
        self.github, self.scope = github, github.world.scope(scope)
        self.jobs: list[Job] = []
        self.sessions: dict[str, int] = {}
        self.refuses = 0
        self.silent = False
        handler = type("Handler", (_Handler,), {"broker": self})
        self._server = _UnixServer(address, handler) if isinstance(address, str) else _TcpServer(address, handler)
        self.url = url or "http://{}:{}".format(*self._server.server_address[:2])
        github.world.broker_url = self.url
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def queue(self, *steps: str, name: str = "build") -> Job:
        """A job for the next runner that listens."""
        job = Job(len(self.jobs) + 1, name, list(steps))
        with self.github.lock:
            self.jobs.append(job)
        return job

    def answer(self, method: str, path: str, query: Json, key: str, body: Json) -> tuple[int, Json | None]:
        with self.github.lock:
            runner = self.scope.runners.get(self.scope.keys.get(key, -1))
            if runner is None:
                return 404, {"source": "actions-broker-listener", "errorKind": "RunnerNotFound", "statusCode": 404}
            return t.cast("tuple[int, Json | None]", getattr(self, f"_{method}_{path.strip('/')}".lower())(runner, query, body))

    def _post_session(self, runner: Runner, _query: Json, body: Json) -> tuple[int, Json | None]:
        if self.refuses:
            return self.refuses, None
        if runner.id in self.sessions.values():
            return 409, None
        session = f"session-{len(self.sessions)}-{runner.id}"
        self.sessions[session] = runner.id
        runner.connect(body["agent"]["version"])
        return 200, {"sessionId": session}

    def _get_message(self, runner: Runner, query: Json, _body: Json) -> tuple[int, Json | None]:
        if self.sessions.get(query["sessionId"]) != runner.id:
            return 404, {"errorKind": "RunnerSessionInvalid"}
        waiting = [job for job in self.jobs if not job.runs]
        if not waiting or runner.job:
            return 202, None
        job, runner.job = waiting[0], True
        job.runs.append(runner.name)
        return 200, {"id": job.id, "name": job.name, "steps": job.steps}

    def _post_acknowledge(self, _runner: Runner, _query: Json, _body: Json) -> tuple[int, Json | None]:
        return 200, {}

    def _post_finish(self, runner: Runner, _query: Json, body: Json) -> tuple[int, Json | None]:
        job = self.jobs[body["id"] - 1]
        job.result, job.output, runner.job = body["result"], body["output"], False
        return 200, {}

    def _delete_session(self, runner: Runner, query: Json, _body: Json) -> tuple[int, Json | None]:
        """An ephemeral runner that had its job is gone from then on."""
        self.sessions.pop(query["sessionId"], None)
        del self.scope.runners[runner.id]
        return 200, {}


class _Quiet(socketserver.ThreadingMixIn):
    daemon_threads = True

    def handle_error(self, *_who: t.Any) -> None:
        """A runner that went away."""


class _TcpServer(_Quiet, socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 64


class _UnixServer(_Quiet, socketserver.UnixStreamServer):
    request_queue_size = 64


class _Handler(http.server.BaseHTTPRequestHandler):
    broker: Broker

    def log_message(self, *_arguments: t.Any) -> None:
        """Quiet."""

    def _serve(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        while self.broker.silent:
            time.sleep(0.05)
        deadline = time.monotonic() + POLL
        status, answer = self.broker.answer(self.command, parts.path, query, key, body)
        while status == 202 and time.monotonic() < deadline:
            time.sleep(0.05)
            status, answer = self.broker.answer(self.command, parts.path, query, key, body)
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _serve
