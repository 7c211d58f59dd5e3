# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots whose runners are processes of a simulated Mac: real users, real processes, the stand-in runner in the homes of accounts."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import typing as t

import build
import pytest
from double.broker import Broker
from tart_mac import FLEET, SHARE, STATE, TartMac

Json = dict[str, t.Any]
LINT: Json = {"name": "lint", "isolation": "sandbox", "count": 2, "memory": "1GiB", "trust": "trusted"}
ACCT: Json = {"name": "acct", "isolation": "account", "count": 6, "memory": "1GiB", "trust": "trusted"}
POOLS = (LINT, ACCT)
#: Slots that are tried at the same time.
SPARE = ("acct-3", "acct-4", "acct-5", "acct-6")
PACKAGES = "/opt/mac_runners/tools/actions-runner"
PROFILE = "(version 1)\n(allow default)\n"
#: The stand-in runner is a script: on a Mac's python3, which is one too, its config would be seen in what that starts.
PATH = "/opt/stand-in:/usr/bin:/bin:/usr/sbin:/sbin"
#: What is in the folder of a slot that has no job.
QUIET = ("settings.json", "status.json", "lock", "jobs", "drain")


def uids_of(pools: t.Sequence[Json]) -> dict[str, int]:
    """The numbers of the slots' accounts: each pool has a block of 100."""
    return {f"{pool['name']}-{number}": 1700 + 100 * block + number for block, pool in enumerate(pools) for number in range(1, pool["count"] + 1)}


UIDS = uids_of(POOLS)


def provide(mac: t.Any, pools: t.Sequence[Json] = POOLS) -> None:
    """What plays do to a Mac once: admission, accounts, GitHub's runner, profiles."""
    terms = {"fleet": FLEET, "pools": list(pools)}
    admit = {"name": "Admit", "action_packer.mac_runners.mac_admission": {**terms, "mac": "mini"}, "become": True}
    make = {"name": "Make accounts", "action_packer.mac_runners.runner_accounts": terms, "become": True}
    mac.tasks([admit, make])
    package = mac.root / PACKAGES.lstrip("/") / build.VERSION
    for name, content in build.tree(build.VERSION).items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
    (package.parent / "current").symlink_to(build.VERSION)
    python = mac.exec("/usr/bin/python3", "-c", "import sys; print(sys.executable)", check=True).stdout.strip()
    (mac.root / "opt/stand-in").mkdir()
    (mac.root / "opt/stand-in/python3").symlink_to(python)
    for slot in [f"{pool['name']}-{number}" for pool in pools if pool["isolation"] == "sandbox" for number in range(1, pool["count"] + 1)]:
        profile = mac.root / f"opt/mac_runners/sandbox/{slot}/current.sb"
        profile.parent.mkdir(parents=True)
        profile.write_text(PROFILE)


class NativeMac(TartMac):
    """``mac`` is a booted one that was provided for, with these pools."""

    pools: t.Sequence[Json] = POOLS

    @property
    def uids(self) -> dict[str, int]:
        return uids_of(self.pools)

    def slot(self, name: str = "acct-1", **changes: t.Any) -> str:
        """The name of a slot whose settings are there."""
        github = {"url": f"{self.github.url}/acme", "labels": ["self-hosted", name], "token_file": f"{STATE}/credentials/token"}
        given = {"uid": self.uids[name], **changes.pop("native", {})}
        limits = given.get("limits", {})
        given["limits"] = {**limits, "environment": {"PATH": PATH, **limits.get("environment", {})}}
        settings = {
            "slot": name,
            "fleet": FLEET,
            "pools": list(self.pools),
            "runner_name": f"mac-1-{name}",
            "github": {**github, **changes.pop("github", {})},
            "native": given,
            "grace_seconds": 5,
            **changes,
        }
        folder = self.folder(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / ".settings.json"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(settings))
        os.replace(draft, folder / "settings.json")
        return name

    def home(self, slot: str) -> pathlib.Path:
        return self.path(f"/Users/mac-runners-{slot}")

    def of(self, slot: str) -> dict[int, str]:
        """The processes of the slot's account by their numbers on this machine; other Macs on it have users of the same numbers."""
        found, here = {}, os.readlink(f"/proc/{self.mac.pid}/ns/pid")
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words, uid, where = (path / "cmdline").read_bytes(), path.stat().st_uid, os.readlink(path / "ns/pid")
            except OSError:
                continue
            if uid == self.uids[slot] and where == here and words:
                found[int(path.name)] = words.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return found

    def keepers(self, slot: str) -> list[int]:
        """The processes of root that wait for a runner."""
        found, here = [], os.readlink(f"/proc/{self.mac.pid}/ns/pid")
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words, where = path.read_bytes().decode("utf-8", "replace").split("\0"), os.readlink(path.parent / "ns/pid")
            except OSError:
                continue
            if where == here and words[:2] == ["/bin/sh", "-c"] and f"{STATE}/slots/{slot}/native" in words:
                found.append(int(path.parent.name))
        return found

    def left(self, slot: str) -> list[str]:
        """What is there of a slot that has no job, but for its empty home."""
        files = [path.name for path in self.folder(slot).iterdir() if path.name not in QUIET]
        files += [f"~/{path.name}" for path in self.home(slot).iterdir() if path.name != "tmp" or list(path.iterdir())]
        files += [str(path) for path in self.path("/private/tmp").rglob("*") if path.lstat().st_uid == self.uids[slot]]
        return files + list(self.of(slot).values()) + [f"keeper {pid}" for pid in self.keepers(slot)]

    def close(self) -> None:
        """End every program, runner and folder of a slot."""
        for path in self.path(f"{STATE}/slots").iterdir():
            self.stop(path.name, signal.SIGKILL)
        for process in self.processes:
            process.wait(timeout=30)
        for slot in self.uids:
            for pid in self.of(slot):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.path(f"{STATE}/slots"))
        for log in self.mac.work.glob("*-*.log"):
            log.unlink()


@pytest.fixture(scope="session")
def native_host(boot_session_mac):
    booted = boot_session_mac("natives", memory="64GiB", cores=12, disk_free="900GiB", share=SHARE)
    provide(booted)
    return booted


@pytest.fixture
def native(native_host, program, github):
    broker = Broker(github, ("127.0.0.1", 0))
    made = NativeMac(native_host, program, github, broker)
    yield made
    broker.silent = False
    made.close()
    broker.close()
