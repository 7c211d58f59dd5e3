# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet that runs jobs: a local GitHub with a queue, and an engine whose containers find its broker."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
import time
import typing as t

from tests.acceptance.company import PasswordProxy
from tests.acceptance.fleet import ROOT, Engine, Fleet, Outcome, finished

sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("integration", "github", "runner")]

import build  # noqa: E402
import engine as engines  # noqa: E402
import identities  # noqa: E402
import image  # noqa: E402
from double.broker import Broker, Job  # noqa: E402
from double.judge import Judge  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from double.state import App  # noqa: E402
from forward import GATEWAY, PORT, forwarding  # noqa: E402
from proxy import Proxy  # noqa: E402

IMAGE = image.NAME
OTHER_IMAGE = "mac-runners-standin:2"
#: A long job looks for it at home.
END = "end"


def pool(name: str = "linux", **fields: t.Any) -> dict[str, t.Any]:
    """An ephemeral docker pool; fields override."""
    return {"name": name, "isolation": "docker", "count": 2, "cpus": 1, "memory": "512MiB", "image": IMAGE, "labels": ["quick"], **fields}


class Workplace:
    """``github`` and its ``broker``, an engine with the runner's image where there is one, and a fleet that is told of them."""

    def __init__(self, github: LocalGithub, broker: Broker, engine: Engine | None) -> None:
        self.github, self.broker, self.engine = github, broker, engine
        self.token = github.world.token().text
        self.fleet: Fleet = None  # type: ignore[assignment]

    def tell(self, fleet: Fleet, proxy: PasswordProxy | None = None, **more: t.Any) -> None:
        """Let the fleet's variables name GitHub, and the proxy that leads there."""
        self.fleet = fleet
        github = {"url": f"{self.github.url}/acme", "token": self.token, **({"proxy": proxy.url} if proxy else {})}
        fleet.write("group_vars", "all", {"mac_runners_github": github, "runner_poll": 1, "runner_grace_seconds": 3, **more})

    def app(self, key_file: pathlib.Path) -> dict[str, t.Any]:
        """A GitHub App of the organisation, as users write it; its key goes to a file."""
        key = identities.rsa_key()
        key_file.write_text(identities.pem(key))
        key_file.chmod(0o600)
        permissions = {"organization_self_hosted_runners": "write"}
        self.github.world.apps["Iv1"] = App("Iv1", key.public_key(), 42, self.broker.scope.path, permissions)
        return {"client_id": "Iv1", "key_file": str(key_file)}

    def slots(self, mac: str = "mac-1") -> dict[str, dict[str, t.Any]]:
        """The records of a Mac's slots."""
        folder = self.fleet.macs[mac].root / "private/var/db/mac_runners/slots"
        found = {}
        for path in folder.glob("*/status.json"):
            with contextlib.suppress(OSError, ValueError):
                found[path.parent.name] = json.loads(path.read_text())
        return found

    def image_of(self, slot: str) -> str:
        """The image of the slot's container; empty without one."""
        shown = self.engine.docker("ps", "--all", "--filter", f"name=mac-runners-{slot}", "--format", "{{.Image}}")
        return shown.strip()

    def current(self, mac: str = "mac-1") -> str:
        """The version of the program that is current on a Mac."""
        path = self.fleet.macs[mac].root / "opt/mac_runners/slot/current"
        return os.readlink(path) if path.is_symlink() else ""

    def versions(self, mac: str = "mac-1") -> list[str]:
        return sorted(path.name for path in (self.fleet.macs[mac].root / "opt/mac_runners/slot").iterdir() if not path.is_symlink())

    def state(self, slot: str) -> str:
        return str(self.slots().get(slot, {}).get("state", ""))

    def wait(self, what: str, met: t.Callable[[], t.Any], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for: {what}\n{json.dumps(self.slots(), indent=1)}\n{self.logs()}")
            time.sleep(0.1)

    def long_job(self, *labels: str) -> tuple[Job, str]:
        """A job on mac-1 that runs until somebody ends it, and the slot whose runner took it."""
        job = self.broker.queue(f"until [ -e ~/{END} ]; do sleep 0.2; done; rm ~/{END}", "echo whole", labels=labels)
        self.wait("a job", lambda: job.runs)
        return job, slot_of(job)

    def end(self, slot: str) -> None:
        """Let the long job in a slot's container come to its end."""
        self.engine.docker("exec", f"mac-runners-{slot}", "/bin/sh", "-c", f": >~/{END}")

    def begun(self, job: Job, seconds: float = 60.0) -> None:
        """Wait until a runner has this job and its slot says so: the state alone may still be that of the job before."""
        self.wait(f"job {job.id} has begun", lambda: job.runs and self.state(slot_of(job)) == "job", seconds)

    def logs(self) -> str:
        """The ends of the logs of all slots."""
        folders = [mac.root / "private/var/log/mac_runners" for mac in self.fleet.macs.values()]
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for folder in folders for path in sorted(folder.glob("slot.*.log")))

    def online(self) -> list[str]:
        """The runners that GitHub sees."""
        return sorted(runner.name for runner in self.broker.scope.runners.values() if runner.online)

    def finish(self, *jobs: Job, seconds: float = 90.0) -> None:
        for job in jobs:
            self.wait(f"job {job.id}", lambda job=job: job.result, seconds)
        assert [(job.result, len(job.runs)) for job in jobs] == [("Succeeded", 1)] * len(jobs)

    def containers(self) -> list[str]:
        return sorted(self.engine.docker("ps", "--all", "--format", "{{.Names}}").split())


def slot_of(job: Job) -> str:
    """The slot of mac-1 whose runner, ephemeral or persistent, has a job."""
    found = re.match(r"mac-1-(.+?-\d+)(-|$)", job.runs[0])
    assert found, job.runs
    return found[1]


def end_while_waited_for(play: t.Any, task: str, end: t.Callable[[], None]) -> Outcome:
    """The play counts down in a task of role runner while a job runs, and goes on when it has ended."""
    seen = []
    for line in play.stdout:
        seen.append(line)
        if f"FAILED - RETRYING: [mac-1]: action_packer.mac_runners.runner : {task}" in line:
            break
    else:
        raise AssertionError("".join(seen)[-6000:])
    end()
    return finished(play)


@contextlib.contextmanager
def workplace(folder: pathlib.Path, registers: bool = False) -> t.Iterator[Workplace]:
    """All of it; ends with a judgement of every exchange by GitHub's own document.

    With ``registers``, containers reach GitHub itself too, through a proxy, as runners need that register themselves.
    """
    path, own = str(folder / "way-out"), str(folder / "broker")
    engine = Engine()
    try:
        api = engines.client(engine.socket)
        image.make(api, proxy=f"http://{GATEWAY}:{PORT}" if registers else "")
        api.tag(IMAGE, *OTHER_IMAGE.split(":"))
        api.close()
        with LocalGithub() as github, forwarding(engine.socket, path):
            broker = Broker(github, own if registers else path, f"http://{GATEWAY}:{PORT}")
            with contextlib.closing(Proxy(path, own, github.port)) if registers else contextlib.nullcontext():
                try:
                    yield Workplace(github, broker, engine)
                finally:
                    broker.close()
            judge = Judge()
            assert [breach for exchange in github.exchanges for breach in judge.breaches(exchange)] == []
    finally:
        engine.stop()


@contextlib.contextmanager
def tart_workplace() -> t.Iterator[Workplace]:
    """The same for guests of Tart, whose programs run on the Mac itself and find the broker at a port."""
    with LocalGithub() as github:
        broker = Broker(github, ("127.0.0.1", 0))
        try:
            yield Workplace(github, broker, None)
        finally:
            broker.close()
        judge = Judge()
        assert [breach for exchange in github.exchanges for breach in judge.breaches(exchange)] == []


def give_guests_a_runner(mac: t.Any) -> None:
    """What is in an image that has GitHub's runner."""
    home = mac.root / "private/var/macsim/guest-home/actions-runner"
    for name, content in build.tree(build.VERSION).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)


def release(folder: pathlib.Path, name: str, change: str = "") -> dict[str, str]:
    """Another release of the collection, whose slot program has a change; the environment in which plays take it."""
    target = folder / name / "ansible_collections" / "action_packer" / "mac_runners"
    for part in ("plugins", "roles", "playbooks", "meta"):
        shutil.copytree(ROOT / part, target / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", target)
    program = target / "roles" / "runner" / "files" / "slot" / "program.py"
    program.write_text(program.read_text().replace('\nUSAGE = ', f"\n{change or '# ' + name}\nUSAGE = ", 1))
    return {"ANSIBLE_COLLECTIONS_PATH": str(folder / name)}
