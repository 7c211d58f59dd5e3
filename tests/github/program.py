# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves the local GitHub with jobs, and speaks with one that is served, over a control socket."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import socketserver
import sys
import threading
import time
import typing as t

from double.broker import Broker
from double.faults import KINDS
from double.judge import Judge
from double.server import LocalGithub

HERE = pathlib.Path(__file__).resolve().parent
CONTROL = os.environ.get("LOCAL_GITHUB_CONTROL") or str(HERE.parent / "output" / "github.sock")
Json = dict[str, t.Any]
_DIE_WITH_PARENT = 1
#: What `set` may change of the world, and as what.
KNOBS: dict[str, type] = {"list_lag": float, "believes_its_lies": bool, "offset": float, "limit": int, "used": int}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="github", description=__doc__, allow_abbrev=False)
    top.add_argument("--control", default=CONTROL, metavar="SOCKET", help="default: $LOCAL_GITHUB_CONTROL, or %(default)s")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, allow_abbrev=False)

    serve = add("serve", "serve until it is told to end; says where in a line of JSON")
    serve.add_argument("--port", type=int, default=0, help="of the API, on 127.0.0.1; default: any")
    serve.add_argument("--broker", type=int, default=0, metavar="PORT", help="at which runners listen, on 127.0.0.1; default: any")
    serve.add_argument("--broker-socket", metavar="PATH", help="the same at a unix socket")
    serve.add_argument("--scope", default="/orgs/acme", metavar="PATH", help="default: %(default)s")
    serve.add_argument("--token-file", metavar="FILE", help="gets a token with every right, mode 0600")
    serve.add_argument("--offer", action="append", default=[], metavar="TARBALL", help="a package of the runner for the downloads")
    serve.add_argument("--end-with-parent", action="store_true", help="end with whoever started this")
    queue = add("queue", "queue a job for the next runner that suits; prints its number")
    queue.add_argument("--name", default="build")
    queue.add_argument("--label", action="append", default=[], help="that its runner must have; may be given again")
    queue.add_argument("steps", nargs="+", metavar="STEP", help="a command for sh")
    jobs = add("jobs", "list the jobs")
    jobs.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="until all are done; exit code 1 when they are not by then")
    jobs.add_argument("--json", action="store_true")
    runners = add("runners", "list the registered runners")
    runners.add_argument("--json", action="store_true")
    fault = add("fault", "something goes wrong with the next requests that fit: see double/faults.py")
    fault.add_argument("kind", choices=KINDS)
    for name in ("path", "method", "text"):
        fault.add_argument(f"--{name}", default="")
    for name, default in (("times", 1), ("status", 502), ("seconds", 0)):
        fault.add_argument(f"--{name}", type=int, default=default)
    change = add("set", f"change what it knows: {', '.join(KNOBS)}")
    change.add_argument("knobs", nargs="+", metavar="NAME=VALUE")
    deprecate = add("deprecate", "a version of the runner is refused from a time on, such as 2026-12-01T00:00:00Z")
    deprecate.add_argument("version")
    deprecate.add_argument("time")
    add("judge", "what in all exchanges so far breaks GitHub's own document; exit code 1 when something does")
    return top


class Served:
    """The GitHub that is served, as its control socket knows it. Each command gets and gives JSON."""

    def __init__(self, github: LocalGithub, broker: Broker) -> None:
        self.github, self.broker = github, broker

    def do(self, asked: Json) -> t.Any:
        return getattr(self, f"_{asked.pop('command')}")(**asked)

    def _queue(self, name: str, label: list[str], steps: list[str]) -> int:
        return self.broker.queue(*steps, name=name, labels=label).id

    def _jobs(self) -> list[Json]:
        with self.github.lock:
            self.broker.tidy()
            return [job.document() for job in self.broker.jobs]

    def _runners(self) -> list[Json]:
        with self.github.lock:
            self.broker.tidy()
            return [{**runner.document(), "scope": scope.path} for scope in self.github.world.scopes.values() for runner in scope.runners.values()]

    def _fault(self, **options: t.Any) -> None:
        self.github.fault(**options)

    def _set(self, knobs: Json) -> None:
        for name, value in knobs.items():
            setattr(self.github.world, name, value)

    def _deprecate(self, version: str, time: str) -> None:
        self.github.world.deprecations[version] = {"registration_deprecates_at": time, "runtime_deprecates_at": time}

    def _judge(self) -> Json:
        judge = Judge()
        with self.github.lock:
            exchanges = list(self.github.exchanges)
        return {"exchanges": len(exchanges), "breaches": [breach for one in exchanges for breach in judge.breaches(one)]}


class _Control(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    served: Served


class _ControlHandler(socketserver.StreamRequestHandler):
    server: _Control

    def handle(self) -> None:
        answer = self.server.served.do(json.loads(self.rfile.readline()))
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def serve(options: argparse.Namespace) -> int:
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    if options.end_with_parent:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
    with LocalGithub(port=options.port) as github, contextlib.ExitStack() as stack:
        broker = Broker(github, ("127.0.0.1", options.broker), scope=options.scope)
        stack.callback(broker.close)
        if options.broker_socket:
            broker.listen(options.broker_socket)
            stack.callback(pathlib.Path(options.broker_socket).unlink, missing_ok=True)
        for path in map(pathlib.Path, options.offer):
            github.offer(path.name, path.read_bytes())
        if options.token_file:
            _write_token(options.token_file, github.world.token().text)
        control = _control(options.control, Served(github, broker))
        stack.callback(pathlib.Path(options.control).unlink, missing_ok=True)
        stack.callback(control.shutdown)
        print(json.dumps({"url": github.url + "/" + options.scope.split("/", 2)[2], "broker": broker.url, "control": options.control}), flush=True)
        done.wait()
    return 0


def _write_token(path: str, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def _control(path: str, served: Served) -> _Control:
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    before = os.umask(0o177)
    try:
        control = _Control(path, _ControlHandler)
    finally:
        os.umask(before)
    control.served = served
    threading.Thread(target=control.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return control


def ask(control: str, /, **asked: t.Any) -> t.Any:
    """A command to the GitHub that is served."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(control)
        except OSError as error:
            raise SystemExit(f"github: no local GitHub is served at {control}: {error.strerror}") from None
        connection.sendall(json.dumps(asked).encode() + b"\n")
        with connection.makefile("rb") as answer:
            line = answer.readline()
    if not line:
        raise SystemExit("github: the local GitHub gave no answer")
    return json.loads(line)


def _knobs(words: list[str]) -> Json:
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not equals or name not in KNOBS or isinstance(value, bool) != (KNOBS[name] is bool) or not isinstance(value, (bool, int, float)):
            raise SystemExit(f"github: {word!r} is none of: " + ", ".join(f"{known}=<{kind.__name__}>" for known, kind in KNOBS.items()))
        found[name] = KNOBS[name](value)
    return found


def _rows(entries: list[Json], names: t.Sequence[str], as_json: bool) -> None:
    if as_json:
        print("\n".join(json.dumps(entry) for entry in entries))
        return
    rows = [list(names)] + [[_cell(entry[name]) for name in names] for entry in entries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: t.Any) -> str:
    if isinstance(value, list):
        return ",".join(one["name"] if isinstance(one, dict) else str(one) for one in value) or "-"
    return str(value) if value != "" else "-"


def _jobs(options: argparse.Namespace) -> int:
    deadline = time.monotonic() + options.wait
    while True:
        jobs = ask(options.control, command="jobs")
        done = all(job["result"] for job in jobs)
        if done or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    _rows(jobs, ("id", "name", "labels", "result", "runs"), options.json)
    return 0 if done or not options.wait else 1


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    if options.command == "serve":
        return serve(options)
    if options.command == "jobs":
        return _jobs(options)
    if options.command == "runners":
        _rows(ask(options.control, command="runners"), ("id", "name", "status", "busy", "ephemeral", "version", "labels"), options.json)
        return 0
    asked = {name: value for name, value in vars(options).items() if name != "control"}
    if options.command == "set":
        asked["knobs"] = _knobs(options.knobs)
    answer = ask(options.control, **asked)
    if options.command == "judge":
        print("\n".join([*answer["breaches"], f"{answer['exchanges']} exchanges, {len(answer['breaches'])} breaches"]))
        return 1 if answer["breaches"] else 0
    if answer is not None:
        print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
