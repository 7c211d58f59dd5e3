# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine with slots: their folders and settings, a lease, and the slot program as launchd would run it."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
import typing as t

import docker
import image
import workbench
from double.broker import Broker, Job
from double.server import LocalGithub
from double.state import Scope

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, write_lease

Json = dict[str, t.Any]
FLEET = "acme"
POOL: Json = {"name": "linux", "isolation": "docker", "image": image.NAME, "count": 3, "memory": "256MiB", "cpus": 1}
LABELS = ["self-hosted", "Linux", "X64"]
HERE = pathlib.Path(__file__).parent


class Mac:
    """``python`` runs the ``program``; ``socket`` is the engine's."""

    def __init__(self, folder: pathlib.Path, python: str, program: pathlib.Path, socket: str, github: LocalGithub, broker: Broker) -> None:
        self.folder, self.python, self.program, self.socket = folder, python, program, socket
        self.github, self.broker = github, broker
        self.scope: Scope = broker.scope
        self.api: docker.APIClient = workbench.engine.client(socket)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.pool = POOL
        self.token = github.world.token().text
        self._secret("token", self.token)
        self.admit()

    def _secret(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def admit(self, fleet: str = FLEET, pools: t.Sequence[Json] = (POOL,), **capacity: t.Any) -> None:
        terms = Terms(fleet, list(pools), {**workbench.ROOM, **capacity})
        write_lease(str(self.folder / "state"), Lease(fleet, terms.digest, generation=1, boot="", state="admitted", since=0, pools=tuple(pools)))

    def slot(self, number: int = 1, parent: str = "slots", **changes: t.Any) -> pathlib.Path:
        """The folder of a slot, as whoever installs it makes it."""
        name = f"linux-{number}"
        folder = self.folder / parent / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        github = {"url": f"{self.github.url}/acme", "labels": LABELS, "token_file": str(self.folder / "token")}
        settings: Json = {
            "slot": name,
            "fleet": FLEET,
            "pools": [POOL],
            "capacity": workbench.ROOM,
            "state_dir": str(self.folder / "state"),
            "runner_name": f"mac-1-{name}",
            "github": {**github, **changes.pop("github", {})},
            "docker": {"socket": self.socket},
            "grace_seconds": 5,
            **changes,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        return folder

    def start(self, folder: pathlib.Path, *before: str) -> subprocess.Popen[bytes]:
        """As launchd does, in a process group of its own; ``before`` stands for the program."""
        argv = [self.python, "-I", *(before or (str(self.program),)), "run", str(folder)]
        environment = {"PATH": "/usr/bin:/bin", "MAC_RUNNERS_SLOT_LOG": str(self.log(folder))}
        with open(self.log(folder), "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, env=environment)
        self.processes.append(process)
        return process

    def log(self, folder: pathlib.Path) -> pathlib.Path:
        return self.folder / f"{folder.parent.name}-{folder.name}.log"

    def events(self, folder: pathlib.Path, event: str) -> list[Json]:
        """The lines of the log of one kind; each must be JSON."""
        return [entry for entry in map(json.loads, self.log(folder).read_text().splitlines()) if entry["event"] == event]

    def status(self, folder: pathlib.Path) -> Json:
        path = folder / "status.json"
        return t.cast(Json, json.loads(path.read_text())) if path.exists() else {"state": "none", "message": ""}

    def wait(self, what: str, met: t.Callable[[], t.Any], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-3000:] for path in self.folder.glob("*.log"))
                raise AssertionError(f"waited {seconds} s for: {what}\n{logs}")
            time.sleep(0.02)

    def wait_for(self, folder: pathlib.Path, *states: str, seconds: float = 60.0) -> None:
        self.wait(f"{folder.name} is {states}, now {self.status(folder)}", lambda: self.status(folder)["state"] in states, seconds)

    def finish(self, *jobs: Job, seconds: float = 90.0) -> None:
        for job in jobs:
            self.wait(f"job {job.id}", lambda job=job: job.result, seconds)

    def drain(self, folder: pathlib.Path) -> None:
        (folder / "drain").touch()

    def undrain(self, folder: pathlib.Path) -> None:
        (folder / "drain").unlink()

    def containers(self) -> list[str]:
        return sorted(entry["Names"][0].lstrip("/") for entry in self.api.containers(all=True))

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """As launchd does: a word, and later the whole group."""
        process.terminate()
        return process.wait(timeout=30)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of the program alone: what it started goes on for as long as it can."""
        process.kill()
        process.wait(timeout=30)

    def close(self) -> None:
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait(timeout=30)
        for entry in self.api.containers(all=True):
            try:
                self.api.remove_container(entry["Id"], force=True, v=True)
            except docker.errors.APIError as error:
                # What a program that was killed above had asked the engine for goes on.
                if error.status_code not in (404, 409):
                    raise
        self.api.close()
