# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watchers that look at Macs, engines and GitHub the whole time, without a line of the collection."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import pathlib
import threading
import time
import typing as t

import requests

from tests.simulation import processes
from tests.simulation.bed import FOREIGN_CONTAINERS, FOREIGN_RUNNERS, FOREIGN_VMS, SLOTS, Bed, docker, isolation_of

Json = dict[str, t.Any]
#: Seconds between two looks, and for which something may be wrong because two looks at a moving thing are not one.
EVERY, MOVING = 0.5, 2.0
_RUNNER = "dev.action-packer.mac-runners.runner"
Say = t.Callable[..., None]


class Watch:
    """Looks at everything again and again; ``breaches`` by kind, each told once."""

    def __init__(self, bed: Bed, say: Say, breaches: dict[str, list[str]]) -> None:
        self._bed, self._say, self._breaches = bed, say, breaches
        self.looks = self.blind = 0
        self.most: collections.Counter[str] = collections.Counter()
        self.environments: dict[str, set[str]] = collections.defaultdict(set)
        self._clients = {name: engine.client() for name, engine in bed.engines.items()}
        self._limits: dict[str, int] = {}
        self._restarting: set[str] = set()
        self._told: set[str] = set()
        self._since: dict[str, float] = {}
        self._foreign = {name: self._foreign_of(name) for name in bed.macs}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            try:
                self.look()
            except Exception as error:
                self._breach("plan", f"the watch broke: {type(error).__name__}: {error}")

    def look(self) -> None:
        """At everything, once."""
        self.looks += 1
        for name in self._bed.macs:
            self._look_at(name)
        with self._bed.github.lock:
            names = [runner.name for runner in self._bed.ledger.scope.runners.values()]
        self.most["runners at GitHub"] = max(self.most["runners at GitHub"], len(names))
        for name in FOREIGN_RUNNERS:
            if name not in names:
                self._breach("foreign", f"runner {name} is gone from GitHub")

    def _look_at(self, name: str) -> None:
        all_there = processes.of_mac(self._bed.macs[name].pid)
        ours = [machine for machine in processes.machines(all_there) if machine.process.uid == processes.ADMIN]
        containers = self._containers(name)
        plan = SLOTS[name]
        held = {slot: 0 for slot in plan}
        for slot, memory in [(_slot(one.name), one.memory) for one in ours] + [(_slot(one["Names"][0]), self._memory(name, one)) for one in containers]:
            held[slot] = held.get(slot, 0) + memory
        for slot, memory in held.items():
            self._within(name, slot, f"slot {slot} holds {memory} bytes, its plan {plan.get(slot, 0)}", memory <= plan.get(slot, 0))
        guests = [machine for machine in processes.machines(all_there) if machine.guest == "darwin"]
        self._within(name, "licence", f"{len(guests)} macOS guests", len(guests) <= 2)
        self._within(name, "VMs", f"VMs {[one.name for one in ours]}", len(ours) <= sum(isolation_of(slot) == "tart" for slot in plan))
        for entry in containers:
            self.environments[entry["Labels"].get(_RUNNER, "?")].add(entry["Id"])
        for what, number in (("VMs", len(ours)), ("containers", len(containers)), ("MiB", sum(held.values()) >> 20)):
            self.most[f"{name} {what}"] = max(self.most[f"{name} {what}"], number)
        self._compare(name)

    def _within(self, mac: str, rule: str, text: str, holds: bool) -> None:
        """Wrong only when it stays wrong: one thing may be read before, the other after a change."""
        key = f"{mac} {rule}"
        if holds:
            self._since.pop(key, None)
        elif time.monotonic() - self._since.setdefault(key, time.monotonic()) > MOVING:
            self._breach("plan", f"{mac}: {text}")

    def _breach(self, kind: str, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._breaches[kind].append(text)
            self._say("breach", kind=kind, text=text)

    def _containers(self, name: str) -> list[Json]:
        """Those that are not somebody's."""
        if name not in self._clients:
            return []
        try:
            found = self._clients[name].containers(all=True)
        except (docker.errors.APIError, requests.exceptions.RequestException):
            self.blind += 1
            return []
        return [entry for entry in found if entry["Names"] and entry["Names"][0].lstrip("/") not in FOREIGN_CONTAINERS]

    def _memory(self, name: str, entry: Json) -> int:
        """What a container may use; one without a limit may use everything."""
        if entry["Id"] not in self._limits:
            with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                self._limits[entry["Id"]] = int(self._clients[name].inspect_container(entry["Id"])["HostConfig"]["Memory"]) or 1 << 60
        return self._limits.get(entry["Id"], 0) if entry["State"] == "running" else 0

    @contextlib.contextmanager
    def restart(self, name: str) -> t.Iterator[None]:
        """A Mac or its engine begins anew: until the end of the block, what runs there of others may get another start."""
        self._restarting.add(name)
        yield
        starts = {key: value for key, value in self._foreign_of(name).items() if key.endswith(" start")}
        self._foreign[name] = {**self._foreign[name], **starts}
        self._restarting.discard(name)

    def _compare(self, name: str) -> None:
        before, now = self._foreign[name], self._foreign_of(name)
        for key in before:
            if key in now and now[key] != before[key] and not (name in self._restarting or before is not self._foreign[name]):
                self._breach("foreign", f"{name}: {key} was {before[key]}, is {now[key]}")

    def _foreign_of(self, name: str) -> Json:
        """What others have on a Mac. Without an engine that answers nothing is said of its containers."""
        found: Json = {}
        for vm in FOREIGN_VMS:
            folder = self._bed.macs[name].root / f"{vm['home']}/vms/{vm['name']}".lstrip("/")
            found[f"VM {vm['user']}/{vm['name']}"] = _content(folder)
        machines = processes.machines(processes.of_mac(self._bed.macs[name].pid))
        found["VMs of others start"] = sorted((one.process.pid, one.process.started) for one in machines if one.process.uid not in (0, processes.ADMIN))
        for container in FOREIGN_CONTAINERS if name in self._clients else ():
            found |= self._container(name, container)
        return found

    def _container(self, name: str, container: str) -> Json:
        try:
            shown = self._clients[name].inspect_container(container)
        except docker.errors.NotFound:
            return {f"container {container}": None}
        except (docker.errors.APIError, requests.exceptions.RequestException):
            return {}
        what = [shown["Id"], shown["Created"], shown["Image"], shown["Config"]["Labels"], shown["HostConfig"]["Memory"]]
        return {f"container {container}": what, f"container {container} start": shown["State"]["StartedAt"]}

    def left(self) -> list[str]:
        """What is still there of slots of which none works any more."""
        found = []
        for name, mac in self._bed.macs.items():
            all_there = processes.of_mac(mac.pid)
            found += [f"{name}: VM {one.name} is on" for one in processes.machines(all_there) if one.process.uid == processes.ADMIN]
            found += [f"{name}: process of job {job}" for job in (one.environment(processes.JOB) for one in all_there) if job]
            found += [f"{name}: container {entry['Names'][0]}" for entry in self._containers(name)]
            vms = mac.root / "Users/admin/.tart/vms"
            found += [f"{name}: VM {path.name}" for path in vms.iterdir() if path.name != "mac-runners-vm-9"] if vms.is_dir() else []
        with self._bed.github.lock:
            found += [f"runner {one.name} at GitHub" for one in self._bed.ledger.scope.runners.values() if one.name not in FOREIGN_RUNNERS]
        return sorted(found)


def _slot(name: str) -> str:
    return name.lstrip("/").removeprefix("mac-runners-")


def _content(folder: pathlib.Path) -> str:
    """One word for what makes a VM: names, inodes, sizes, times."""
    rows = []
    for name in ("config.json", "disk.img", "nvram.bin"):
        with contextlib.suppress(OSError):
            seen = (folder / name).lstat()
            rows.append([name, seen.st_ino, seen.st_size, seen.st_mtime_ns])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
