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
from .state import Json, Runner, Scope

#: Seconds for which a question for messages is held; GitHub's 50 s, like all times here made short.
POLL = 1.0
#: A runner that asks for no message for so long has lost its session; its job, if it has one, is lost.
SILENCE = 10.0
#: A job that was offered and not taken for so long is offered to another; GitHub's 60 s.
PICKUP = 2.0

Address = t.Union[tuple[str, int], str]


@dataclasses.dataclass
class Job:
    """``runs``: the runners that got it, of which there should be one. ``labels``: those that its runner must have."""

    id: int
    name: str
    steps: list[str]
    labels: list[str] = dataclasses.field(default_factory=list)
    runs: list[str] = dataclasses.field(default_factory=list)
    result: str = ""
    output: str = ""
    offered: tuple[int, float] | None = None

    def document(self) -> Json:
        """As people see it."""
        return {name: getattr(self, name) for name in ("id", "name", "labels", "runs", "result", "output")}

    def suits(self, runner: Runner) -> bool:
        return {label.lower() for label in self.labels} <= {name.lower() for name, _kind in runner.labels}


@dataclasses.dataclass
class Session:
    """``heard``: when its runner last asked for messages."""

    id: str
    runner: int
    heard: float


class Broker:
    """The broker of one scope. Listens at ports of this machine, and at unix sockets for runners that are in another network.

    ``address``: (host, port), port 0 for any, or the path of a socket. ``url``: where runners find it; needed with a path.
    """

    def __init__(self, github: LocalGithub, address: Address, url: str = "", scope: str = "/orgs/acme") -> None:
        self.github, self.scope_path = github, scope.lower()
        github.world.scope(scope)
        self.jobs: list[Job] = []
        self.sessions: dict[str, Session] = {}
        self.refuses = 0
        self.silent = False
        self._servers: list[tuple[socketserver.BaseServer, threading.Thread]] = []
        found = self.listen(address)
        self.url = url or "http://{}:{}".format(*found)
        github.world.broker_url = self.url

    @property
    def scope(self) -> Scope:
        return self.github.world.scopes[self.scope_path]

    def listen(self, address: Address) -> t.Any:
        """One more place; returns it, with the port that was found."""
        handler = type("Handler", (_Handler,), {"broker": self})
        server = _UnixServer(address, handler) if isinstance(address, str) else _TcpServer(address, handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._servers.append((server, thread))
        thread.start()
        return server.server_address

    def close(self) -> None:
        for server, thread in self._servers:
            server.shutdown()
            server.server_close()
            thread.join()

    def queue(self, *steps: str, name: str = "build", labels: t.Iterable[str] = ()) -> Job:
        """A job for the next runner that listens and suits."""
        with self.github.lock:
            job = Job(len(self.jobs) + 1, name, list(steps), list(labels))
            self.jobs.append(job)
        return job

    def tidy(self) -> None:
        """Sessions that fell silent end, with their jobs; offers that nobody took are made again. Call it under the lock."""
        now = time.monotonic()
        if self.silent:
            return
        for session in [one for one in self.sessions.values() if now - one.heard > SILENCE]:
            self._lose(session)
        for job in self.jobs:
            if job.offered and not job.runs and now - job.offered[1] > PICKUP:
                self._free(job.offered[0])
                job.offered = None

    def _lose(self, session: Session) -> None:
        del self.sessions[session.id]
        runner = self.scope.runners.get(session.runner)
        if runner is None:
            return
        runner.online = False
        for job in self.jobs:
            if job.runs and not job.result and job.offered and job.offered[0] == runner.id:
                job.result, self.scope.jobs_lost = "Lost", self.scope.jobs_lost + 1
        self._free(runner.id)

    def _free(self, number: int) -> None:
        if number in self.scope.runners:
            self.scope.runners[number].job = False

    def answer(self, method: str, path: str, query: Json, key: str, body: Json) -> tuple[int, Json | None]:
        with self.github.lock:
            self.tidy()
            runner = self.scope.runners.get(self.scope.keys.get(key, -1))
            if runner is None:
                return _error(404, "RunnerNotFound")
            handler = getattr(self, f"_{method}_{path.strip('/').replace('/', '_')}".lower(), None)
            return handler(runner, query, body) if handler else (404, None)

    def _post_session(self, runner: Runner, _query: Json, body: Json) -> tuple[int, Json | None]:
        version = body["agent"]["version"]
        if self.refuses:
            return self.refuses, None
        if self.github.world.is_past(version, "runtime_deprecates_at"):
            return _error(403, "RunnerVersionTooOld")
        if runner.id in [one.runner for one in self.sessions.values()]:
            return 409, None
        session = Session(f"session-{time.monotonic_ns()}-{runner.id}", runner.id, time.monotonic())
        self.sessions[session.id] = session
        runner.connect(version)
        return 200, {"sessionId": session.id}

    def _get_message(self, runner: Runner, query: Json, _body: Json) -> tuple[int, Json | None]:
        session = self.sessions.get(query["sessionId"])
        if session is None or session.runner != runner.id:
            return _error(404, "RunnerSessionInvalid")
        session.heard = time.monotonic()
        waiting = [job for job in self.jobs if not job.offered and not job.result and job.suits(runner)]
        if runner.job or not waiting:
            return 202, None
        job, runner.job = waiting[0], True
        job.offered = (runner.id, time.monotonic())
        request = {"id": str(job.id), "runner_request_id": str(job.id), "should_acknowledge": True, "run_service_url": f"{self.url}/run"}
        return 200, {"messageId": job.id, "messageType": "RunnerJobRequest", "body": json.dumps(request)}

    def _post_acknowledge(self, _runner: Runner, _query: Json, _body: Json) -> tuple[int, Json | None]:
        return 200, {}

    def _offered(self, runner: Runner, text: t.Any) -> Job | None:
        return next((job for job in self.jobs if str(job.id) == str(text) and job.offered and job.offered[0] == runner.id), None)

    def _post_run_acquirejob(self, runner: Runner, _query: Json, body: Json) -> tuple[int, Json | None]:
        job = self._offered(runner, body.get("jobMessageId"))
        if job is None or job.runs:
            return 404, None
        job.runs.append(runner.name)
        return 200, {"id": job.id, "name": job.name, "steps": job.steps}

    def _post_run_completejob(self, runner: Runner, _query: Json, body: Json) -> tuple[int, Json | None]:
        """An ephemeral runner that had its job is gone from then on."""
        job = self._offered(runner, body.get("jobId"))
        if job is None or job.result:
            return 404, None
        job.result, job.output, runner.job = body["result"], body["output"], False
        if runner.ephemeral:
            del self.scope.runners[runner.id]
        return 200, {}

    def _delete_session(self, runner: Runner, query: Json, _body: Json) -> tuple[int, Json | None]:
        if self.sessions.pop(query["sessionId"], None):
            runner.online = False
        return 200, {}


def _error(status: int, kind: str) -> tuple[int, Json]:
    return status, {"source": "actions-broker-listener", "errorKind": kind, "statusCode": status, "errorMessage": kind}


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
