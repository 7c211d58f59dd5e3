# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""bin/Runner.Listener: configure, remove, run, warmup; listens for jobs and has them run by bin/Runner.Worker."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import typing as t

from standin.broker import Broker, Refused
from standin.configure import ConfigureError, configure, remove
from standin.root import Json, Root
from standin.version import VERSION
from standin.words import Words, WordsError

OK, TERMINATED, RETRYABLE, CONFLICT, DEPRECATED = 0, 1, 2, 5, 7
#: The real one tries every 30 s for four minutes.
_CONFLICT_TRIES, _CONFLICT_PAUSE = 8, 0.5
_CONNECT_TRIES, _CONNECT_PAUSE = 30, 1.0
#: Seconds that a cancelled job has to end.
_GRACE = 20.0
_RESULT_LOST: Json = {"result": "Failed", "output": ""}


class Stopped(BaseException):
    """SIGINT or SIGTERM."""


class Ended(Exception):
    """``code`` of the exit, after ``text``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime())}: {text}", flush=True)


def _stop(_number: int, _frame: t.Any) -> None:
    raise Stopped


def main(argv: t.Sequence[str]) -> int:
    root = Root(pathlib.Path(sys.argv[0]).resolve().parents[1])
    root.load_environment()
    words = list(argv)
    if "--version" in words:
        print(VERSION)
        return OK
    if "--commit" in words:
        print("0" * 40)
        return OK
    if "--help" in words:
        print("Commands: ./config.sh Configures the runner, ./config.sh remove Unconfigures the runner, ./run.sh Runs the runner interactively")
        return OK
    command = words[0] if words and not words[0].startswith("-") else "run"
    if words and words[0] == command:
        words = words[1:]
    if command == "warmup" and not words:
        return OK
    if command not in ("configure", "remove", "run"):
        print(f"Unrecognized command-line input arguments: '{command}'.", file=sys.stderr)
        return TERMINATED
    # Of the real one only the scripts look; root has no business here either way.
    if os.geteuid() == 0 and not os.environ.get("RUNNER_ALLOW_RUNASROOT"):
        print("Must not run interactively with sudo")
        return TERMINATED
    try:
        return _COMMANDS[command](root, Words(command, words))
    except (WordsError, ConfigureError) as error:
        print(f"An error occurred: {error}", file=sys.stderr)
    except OSError as error:
        print(f"An error occurred: {type(error).__name__}: {error}", file=sys.stderr)
    return TERMINATED


def _configure(root: Root, words: Words) -> int:
    configure(root, words)
    return OK


def _remove(root: Root, words: Words) -> int:
    remove(root, words)
    return OK


def _run(root: Root, words: Words) -> int:
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    root.log("Runner", f"listener of version {VERSION}")
    try:
        if words.values.get("jitconfig"):
            root.unpack(words.values["jitconfig"])
        broker = Broker(root)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        print(f"An error occurred: Not configured. Run config.(sh/cmd) to configure the runner. {type(error).__name__}", flush=True)
        return TERMINATED
    try:
        _connect(broker)
        return Listener(root, broker).listen()
    except Stopped:
        broker.close()
        print("Exiting...", flush=True)
        return OK
    except Ended as ended:
        print(ended, flush=True)
        return ended.code


_COMMANDS: t.Dict[str, t.Callable[[Root, Words], int]] = {"configure": _configure, "remove": _remove, "run": _run}


def _too_old() -> Ended:
    told = os.environ.get("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE") == "1"
    return Ended(DEPRECATED if told else TERMINATED, f"An error occurred: Runner version v{VERSION} is deprecated and cannot receive messages.")


def _connect(broker: Broker) -> None:
    """Open the session, as long as it takes within reason."""
    conflicts = failures = 0
    while True:
        try:
            broker.open()
            break
        except Refused as refused:
            if refused.kind == "RunnerVersionTooOld":
                raise _too_old() from None
            if refused.kind == "RunnerNotFound":
                raise Ended(TERMINATED, "The runner registration has been deleted from the server, please re-configure.") from None
            if refused.status == 403:
                raise Ended(TERMINATED, "An error occurred: Access denied. System.Net.Http.HttpRequestException: 403") from None
            if refused.status != 409:
                failures = _retry(failures, refused)
                continue
            conflicts += 1
            print("A session for this runner already exists.", flush=True)
            if conflicts >= _CONFLICT_TRIES:
                raise Ended(CONFLICT, "Stop the other session, or wait until it ends.") from None
            time.sleep(_CONFLICT_PAUSE)
        except OSError as error:
            failures = _retry(failures, error)
    print("\n\u221a Connected to GitHub\n", flush=True)
    print(f"Current runner version: '{VERSION}'", flush=True)


def _retry(failures: int, error: Exception) -> int:
    _say(f"Runner connect error: {error}. Retrying until reconnected.")
    if failures + 1 >= _CONNECT_TRIES:
        raise Ended(RETRYABLE, "no session could be opened")
    time.sleep(_CONNECT_PAUSE)
    return failures + 1


def _end(worker: subprocess.Popen[str]) -> None:
    worker.terminate()
    try:
        worker.wait(_GRACE)
    except subprocess.TimeoutExpired:
        worker.kill()


class Listener:
    """Takes jobs until it is told to end, or had the only one that it is to have."""

    def __init__(self, root: Root, broker: Broker) -> None:
        self._root, self._broker = root, broker

    def listen(self) -> int:
        _say("Listening for Jobs")
        while True:
            message = self._message()
            if message is None or message["messageType"] != "RunnerJobRequest":
                continue
            if self._take(json.loads(message["body"])) and self._broker.ephemeral:
                self._broker.close()
                self._root.forget()
                return OK

    def _message(self) -> t.Optional[Json]:
        try:
            return self._broker.message("Online")
        except Refused as refused:
            if refused.kind == "RunnerNotFound":
                self._root.forget()
                raise Ended(OK, "The runner no longer exists on the server. Cleaning up local configuration.") from None
            if refused.kind == "RunnerVersionTooOld":
                raise _too_old() from None
            if refused.kind == "RunnerSessionInvalid":
                _connect(self._broker)
                return None
            self._pause(refused)
        except OSError as error:
            self._pause(error)
        return None

    @staticmethod
    def _pause(error: Exception) -> None:
        _say(f"Runner connect error: {error}. Retrying until reconnected.")
        time.sleep(_CONNECT_PAUSE)

    def _take(self, request: Json) -> bool:
        """Run a job; False when it was given to another meanwhile."""
        number, service = request["runner_request_id"], request["run_service_url"]
        try:
            if request.get("should_acknowledge"):
                self._broker.acknowledge(number)
            job = self._broker.acquire(service, number)
        except Refused as refused:
            self._root.log("Runner", f"job {number} is not ours: {refused}")
            return False
        _say(f"Running job: {job['name']}")
        try:
            result = self._work(job)
        except Stopped:
            with contextlib.suppress(OSError, Refused):
                self._broker.complete(service, job, {"result": "Canceled", "output": ""})
            _say(f"Job {job['name']} completed with result: Canceled")
            raise
        self._broker.complete(service, job, result)
        _say(f"Job {job['name']} completed with result: {result['result']}")
        return True

    def _work(self, job: Json) -> Json:
        work = self._root.path / self._broker.work
        work.mkdir(exist_ok=True)
        argv = [str(self._root.path / "bin" / "Runner.Worker"), str(work)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker, self._beating(worker):
            try:
                out, _err = worker.communicate(json.dumps(job))
            except Stopped:
                _end(worker)
                raise
        return t.cast(Json, json.loads(out)) if worker.returncode == 0 else _RESULT_LOST

    @contextlib.contextmanager
    def _beating(self, worker: subprocess.Popen[str]) -> t.Iterator[None]:
        """Tells the broker that this runner lives, and hears when the job is cancelled."""
        done = threading.Event()

        def beat() -> None:
            while not done.is_set():
                try:
                    message = self._broker.message("Busy")
                except (OSError, Refused):
                    done.wait(_CONNECT_PAUSE)
                    continue
                if message and message["messageType"] == "JobCancellation":
                    worker.terminate()

        threading.Thread(target=beat, daemon=True).start()
        try:
            yield
        finally:
            done.set()
