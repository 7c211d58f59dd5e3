# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""replay PRISM RECORD: what a test run sent and was answered, once more through `prism proxy --errors`, a judge that is not ours.

PRISM is the program; RECORD a file of exchanges, as the tests write it. Prints what Prism objects to; ends with a line of counts.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from double import record  # noqa: E402
from double.judge import DOCUMENT, OUTSIDE, Judge  # noqa: E402
from double.server import Exchange  # noqa: E402

NUMBER = "X-Replayed"
STARTS_WITHIN = 60.0
_AGENT = {"user-agent": "replay", "accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28", "authorization": "Bearer x"}
_JIT = "/orgs/acme/actions/runners/generate-jitconfig"


def wrong(method: str, path: str, asked: t.Any, status: int, answered: t.Any, query: str = "") -> Exchange:
    headers = {**_AGENT, **({} if asked is None else {"content-type": "application/json"})}
    return Exchange(method, path, query, headers, b"" if asked is None else json.dumps(asked).encode(), status, {}, json.dumps(answered).encode())


#: Wrong on purpose, on either side: both judges must object to each.
WRONG = (
    wrong("POST", _JIT, {"name": "a", "runner_group_id": 1, "labels": []}, 422, {"message": "x", "documentation_url": "x"}),
    wrong("POST", _JIT, {"name": "a", "labels": ["x"]}, 422, {"message": "x", "documentation_url": "x"}),
    wrong("GET", "/orgs/acme/actions/runners", None, 200, {"total_count": 0, "runners": []}, "per_page=abc"),
    wrong("GET", "/orgs/acme/actions/runner", None, 404, {"message": "Not Found"}),
    wrong("GET", "/orgs/acme/actions/runners", None, 200, {"total": 0, "runners": []}),
    wrong("GET", "/orgs/acme/actions/runners/1", None, 200, {"id": "one", "name": "a", "os": "macos", "status": "online", "busy": False, "labels": []}),
)


class Upstream(http.server.ThreadingHTTPServer):
    """Answers each request as it was answered before; ``seen`` are the numbers of those that came through."""

    daemon_threads = True

    def __init__(self, exchanges: list[Exchange]) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.exchanges, self.seen = exchanges, set[int]()


class _Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def log_message(self, *_arguments: t.Any) -> None:
        """Quiet."""

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        number = int(self.headers[NUMBER])
        self.server.seen.add(number)
        exchange = self.server.exchanges[number]
        # What a fault wrote is no answer of GitHub: only the request is judged then.
        status, body = (exchange.status, exchange.body) if exchange.true and exchange.status else (404, b'{"message": "Not Found"}')
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve


@contextlib.contextmanager
def upstream(exchanges: list[Exchange]) -> Iterator[Upstream]:
    server = Upstream(exchanges)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def prism(program: str, server: Upstream) -> Iterator[int]:
    """The port at which it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [program, "proxy", "--errors", "--host", "127.0.0.1", "--port", str(port), str(DOCUMENT), f"http://127.0.0.1:{server.server_port}"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={**os.environ, "SCARF_ANALYTICS": "false"}) as process:
        try:
            _await(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=20)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("replay: Prism did not start: see above") from None
            time.sleep(0.05)


def objections(connection: http.client.HTTPConnection, server: Upstream, number: int) -> str:
    """What Prism says against an exchange, or ''."""
    exchange = server.exchanges[number]
    headers = {name: text for name, text in exchange.request_headers.items() if name not in ("host", "connection", "content-length", "accept-encoding")}
    target = exchange.path + (f"?{exchange.query}" if exchange.query else "")
    connection.request(exchange.method, target, exchange.request_body or None, {**headers, NUMBER: str(number)})
    answer = connection.getresponse()
    content = answer.read()
    kind = answer.headers.get("Content-Type", "")
    if "problem+json" in kind:
        problem = json.loads(content)
        details = [f"{'.'.join(map(str, one.get('location', [])))}: {one.get('message')}" for one in problem.get("validation", [])]
        return f"{exchange.method} {target}: {problem.get('title')}: {'; '.join(details) or problem.get('detail')}"
    if exchange.true and exchange.status and answer.status != exchange.status:
        return f"{exchange.method} {target}: answered {exchange.status}, came back as {answer.status}"
    return ""


def documented(exchanges: list[Exchange]) -> list[Exchange]:
    """Each once, without those that the document does not know."""
    known = {}
    for one in exchanges:
        if not any(pattern.fullmatch(f"{one.method} {one.path}") for pattern in OUTSIDE):
            known.setdefault((one.method, one.path, one.query, one.request_body, one.status, one.body, one.true), one)
    return list(known.values())


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    right = documented(record.read(argv[1]))
    if len(right) < 100:
        raise SystemExit(f"replay: {argv[1]} holds {len(right)} documented exchanges, which is no test run")
    judge, started = Judge(), time.monotonic()
    failures = []
    with upstream([*right, *WRONG]) as server, prism(argv[0], server) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        said = [objections(connection, server, number) for number in range(len(server.exchanges))]
        connection.close()
    failures += [text for text in said[: len(right)] if text]
    for exchange, text in zip(WRONG, said[len(right) :], strict=True):
        for name, found in (("Prism", text), ("openapi-core", judge.breaches(exchange))):
            if not found:
                failures.append(f"{name} has nothing against the wrong {exchange.method} {exchange.path} {exchange.query}")
        print(f"wrong on purpose, caught by both: {text[:150]}")
    print("\n".join(failures))
    kinds = collections.Counter(f"{one.method} {one.status}" for one in right)
    told = ", ".join(f"{kind} x{count}" for kind, count in sorted(kinds.items()))
    print(f"{len(right)} exchanges through Prism in {time.monotonic() - started:.0f} s: {told}")
    print(f"gate: {len(right) + len(WRONG) - len(failures)} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
