# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots of isolation tart on a simulated Mac: the program as launchd runs it there, the stand-in runner in its guests."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import typing as t

import build
from double.broker import Broker, Job
from double.server import LocalGithub

Json = dict[str, t.Any]
FLEET = "acme"
TART = "/opt/homebrew/bin/tart"
IMAGE = "ghcr.io/acme/ubuntu:24.04"
POOL: Json = {"name": "linux", "isolation": "tart", "guest": "linux", "image": IMAGE, "count": 9, "memory": "4GiB", "cpus": 2, "network": "nat"}
#: Guests that do not come up: one needs a keychain that is not there, the other has no agent.
LOCKED: Json = {**POOL, "name": "locked", "guest": "macos", "image": "ghcr.io/acme/macos:15", "count": 1, "memory": "8GiB"}
MUTE: Json = {**POOL, "name": "mute", "image": "ghcr.io/acme/mute:1", "count": 1}
POOLS = [POOL, LOCKED, MUTE]
LICENCES: Json = {"tart": {"fsl_confirmed": True}}
SEED: Json = {
    "users": [{"name": "someone", "uid": 502}],
    "tart": {
        "version": "2.36.0",
        "images": {
            IMAGE: {"os": "linux", "cpu": 2, "memory": "4GiB", "disk_gb": 10},
            LOCKED["image"]: {"os": "darwin", "cpu": 2, "memory": "8GiB", "disk_gb": 10, "macos": 15},
            MUTE["image"]: {"os": "linux", "cpu": 2, "memory": "4GiB", "disk_gb": 10, "agent": False},
        },
        "vms": [
            {"user": "someone", "name": "mac-runners-linux-1", "os": "linux", "memory": "4GiB", "state": "running"},
            {"user": "admin", "name": "mac-runners-linux-10", "os": "linux", "memory": "4GiB", "state": "stopped"},
        ],
    },
}
STATE = "/private/var/db/mac_runners"
PROGRAMS = "/opt/mac_runners/slot"
SHARE = str(pathlib.Path(__file__).parent)
HOMES = ("/Users/admin/.tart/vms", "/Users/someone/.tart/vms")
FOREIGN = {"/Users/someone/.tart/vms/mac-runners-linux-1", "/Users/admin/.tart/vms/mac-runners-linux-10"}


def provide(mac: t.Any) -> None:
    """What plays do to a Mac once: images, admission; and the runner that is in each image."""
    for pool in POOLS:
        done = mac.ssh(f"CI=1 {TART} pull {pool['image']}")
        assert done.returncode == 0, done.stderr
    home = mac.root / "private/var/macsim/guest-home/actions-runner"
    for name, content in build.tree(build.VERSION).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
    admission = {"fleet": FLEET, "pools": POOLS, "licences": LICENCES, "mac": "mini"}
    mac.tasks([{"name": "Admit", "action_packer.mac_runners.mac_admission": admission, "become": True}])


class TartMac:
    """``mac`` is a booted one that was provided for; ``program`` the slot program on this machine."""

    def __init__(self, mac: t.Any, program: pathlib.Path, github: LocalGithub, broker: Broker) -> None:
        self.mac, self.github, self.broker = mac, github, broker
        self.processes: list[subprocess.Popen[bytes]] = []
        self.python = mac.exec("/usr/bin/python3", "-c", "import sys; print(sys.executable)", check=True).stdout.strip()
        self.token = github.world.token().text
        self.program_path = f"{PROGRAMS}/current/slot.pyz"
        self.install("1", program)
        secret = self.path(f"{STATE}/credentials/token")
        secret.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret.write_text(self.token)
        secret.chmod(0o600)

    def path(self, path: str) -> pathlib.Path:
        """A file of the Mac as this machine sees it."""
        return t.cast(pathlib.Path, self.mac.root / path.lstrip("/"))

    def install(self, version: str, program: pathlib.Path) -> None:
        """A version of the program, which is current from then on."""
        folder = self.path(f"{PROGRAMS}/{version}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "slot.pyz").write_bytes(program.read_bytes())
        self.mac.exec(self.python, "-I", f"{PROGRAMS}/{version}/slot.pyz", "compile", check=True)
        self.switch(version)

    def switch(self, version: str) -> None:
        draft = self.path(f"{PROGRAMS}/current.new")
        draft.symlink_to(version)
        os.replace(draft, self.path(f"{PROGRAMS}/current"))

    def slot(self, name: str = "linux-1", **changes: t.Any) -> str:
        """The name of a slot whose settings are there."""
        github = {"url": f"{self.github.url}/acme", "labels": ["self-hosted", name], "token_file": f"{STATE}/credentials/token"}
        settings = {
            "slot": name,
            "fleet": FLEET,
            "pools": POOLS,
            "licences": LICENCES,
            "runner_name": f"mac-1-{name}",
            "github": {**github, **changes.pop("github", {})},
            "tart": {"account": "admin", "tart_home": "/Users/admin/.tart", "tart": TART, "boot_seconds": 30, **changes.pop("tart", {})},
            "grace_seconds": 5,
            **changes,
        }
        folder = self.folder(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / ".settings.json"
        draft.write_text(json.dumps(settings))
        os.replace(draft, folder / "settings.json")
        return name

    def folder(self, slot: str) -> pathlib.Path:
        return self.path(f"{STATE}/slots/{slot}")

    def start(self, slot: str, *before: str) -> subprocess.Popen[bytes]:
        """As launchd does; ``before`` stands for the program."""
        words = [self.python, "-I", *(before or (self.program_path,)), "run", f"{STATE}/slots/{slot}"]
        with open(self.log(slot), "ab") as log:
            process = subprocess.Popen([*self.mac.enter, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def pids(self, slot: str) -> list[int]:
        """The programs of a slot, by their numbers on this machine, the namespaces' doors left out."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode("utf-8", "replace").split("\0")
            except OSError:
                continue
            if words[-3:-1] == ["run", f"{STATE}/slots/{slot}"] and words[0] == self.python:
                found.append(int(path.parent.name))
        return found

    def stop(self, slot: str, number: int = signal.SIGTERM) -> None:
        """A word of launchd's, or kill -9: to the program alone."""
        for pid in self.pids(slot):
            os.kill(pid, number)
        self.wait("it ends", lambda: not self.pids(slot), 30)

    def log(self, slot: str) -> pathlib.Path:
        return t.cast(pathlib.Path, self.mac.work / f"{slot}.log")

    def events(self, slot: str, event: str) -> list[Json]:
        return [entry for entry in map(json.loads, self.log(slot).read_text().splitlines()) if entry["event"] == event]

    def status(self, slot: str) -> Json:
        path = self.folder(slot) / "status.json"
        return t.cast(Json, json.loads(path.read_text())) if path.exists() else {"state": "none", "message": ""}

    def wait(self, what: str, met: t.Callable[[], t.Any], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            if time.monotonic() > deadline:
                logs = "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in self.mac.work.glob("*-*.log"))
                raise AssertionError(f"waited {seconds} s for: {what}\n{logs}")
            time.sleep(0.05)

    def wait_for(self, slot: str, *states: str, seconds: float = 60.0) -> None:
        self.wait(f"{slot} is {states}", lambda: self.status(slot)["state"] in states, seconds)

    def queue(self, slot: str, *steps: str) -> Job:
        return self.broker.queue(*steps, labels=[slot])

    def finish(self, *jobs: Job, seconds: float = 90.0) -> None:
        for job in jobs:
            self.wait(f"job {job.id}", lambda job=job: job.result, seconds)

    def drain(self, slot: str) -> None:
        """Lay the mark and wait until it is honoured."""
        (self.folder(slot) / "drain").touch()
        self.wait_for(slot, "drained")

    def vms(self) -> set[str]:
        """The directories of all VMs but those of others."""
        found = {f"{home}/{path.name}" for home in HOMES for path in self.path(home).iterdir()}
        assert found >= FOREIGN, "a VM of others is gone"
        return found - FOREIGN

    def guests(self, slot: str) -> list[str]:
        """The argument lists of what runs in the slot's VM, and of the VM itself."""
        mark = f"MACSIM_GUEST=/Users/admin/.tart/vms/mac-runners-{slot}".encode()
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
            except OSError:
                continue
            text = words.replace(b"\0", b" ").decode("utf-8", "replace").strip()
            if "/foreign-tart/" in text:
                continue
            if mark in environment.split(b"\0") or f"run --no-graphics mac-runners-{slot} " in text + " ":
                found.append(text)
        return found

    def machines(self, slot: str) -> list[int]:
        """What keeps the slot's VM on: Tart's own process and those that started it."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                text = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if f"run --no-graphics mac-runners-{slot} " in text and "/foreign-tart/" not in text:
                found.append(int(path.parent.name))
        return found

    def left(self, slot: str) -> list[str]:
        """What is there of a slot that has no job."""
        files = sorted(path.name for path in self.folder(slot).iterdir())
        intents = self.path(f"{STATE}/intents/tart")
        found = [name for name in files if name not in ("settings.json", "status.json", "lock", "jobs", "drain")]
        found += ["intent"] if (intents / f"mac-runners-{slot}").exists() else []
        found += [name for name in self.vms() if name.endswith(f"-{slot}")]
        return found + self.guests(slot)

    def close(self) -> None:
        """End every program, VM and folder of a slot."""
        for path in self.path(f"{STATE}/slots").iterdir():
            self.stop(path.name, signal.SIGKILL)
        for process in self.processes:
            process.wait(timeout=30)
        for name in self.vms():
            self.mac.ssh(f"CI=1 {TART} stop {os.path.basename(name)}; CI=1 {TART} delete {os.path.basename(name)}")
        shutil.rmtree(self.path(f"{STATE}/slots"))
        shutil.rmtree(self.path(f"{STATE}/intents"), ignore_errors=True)
        for log in self.mac.work.glob("*-*.log"):
            log.unlink()
