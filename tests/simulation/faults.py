# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults: each does to the simulated Macs, engines and GitHub what its name says, and tells what that was."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
import typing as t

import requests

from tests.simulation import processes
from tests.simulation.bed import FOREIGN_CONTAINERS, FOREIGN_RUNNERS, SLOTS, Bed, docker, isolation_of
from tests.simulation.plan import PAIRS, Fault
from tests.simulation.plays import Plays
from tests.simulation.referee import Blow
from tests.simulation.watch import Watch

#: Seconds for which a fault waits for its moment, and for which an engine may take to start.
PATIENCE, START = 6.0, 60.0
LABEL = "dev.action-packer.mac-runners.slot."
CLONE, DELETE = ("POST", "generate-jitconfig"), ("DELETE", "/actions/runners/")


class Missed(Exception):
    """There was nothing that the fault could do anything to."""


class Faults:
    """``blows`` are those that take the ground from under jobs."""

    def __init__(self, bed: Bed, watch: Watch, plays: Plays, blows: list[Blow]) -> None:
        self._bed, self._watch, self._plays, self._blows = bed, watch, plays, blows
        self._clients = {name: engine.client() for name, engine in bed.engines.items()}
        self._later: list[threading.Timer] = []

    def happen(self, fault: Fault) -> str:
        """Let it happen; what it was in the end. Raises :class:`Missed`."""
        return str(getattr(self, "_" + fault.kind.replace("-", "_"))(fault))

    def end(self) -> None:
        """Nothing goes wrong any more."""
        for timer in self._later:
            timer.cancel()
            timer.function()
        with self._bed.github.lock:
            self._bed.github.faults.clear()

    # What happens to a slot.

    def _program(self, fault: Fault) -> str:
        seen = self._moment(fault, lambda: self._state(fault) == fault.moment)
        state = self._state(fault)
        if not processes.kill(processes.program(self._processes(fault), fault.slot)):
            raise Missed("the program is not there")
        return f"killed in state {state}" + ("" if seen else f", {fault.moment} did not come")

    def _kickstart(self, fault: Fault) -> str:
        self._moment(fault, lambda: True)
        done = self._bed.macs[fault.mac].exec("/bin/launchctl", "kickstart", "-k", f"system/{LABEL}{fault.slot}")
        return f"kickstart ended with {done.returncode}"

    def _bootout(self, fault: Fault) -> str:
        """As an operator does who knows launchd, until it is there again."""
        self._moment(fault, lambda: True)
        mac, label = self._bed.macs[fault.mac], LABEL + fault.slot
        out = mac.exec("/bin/launchctl", "bootout", f"system/{label}").returncode
        time.sleep(fault.choice * 2)
        tries, back = 0, 37
        while back == 37 and tries < 100:
            tries, back = tries + 1, mac.exec("/bin/launchctl", "bootstrap", "system", f"/Library/LaunchDaemons/{label}.plist").returncode
            time.sleep(0.2)
        return f"bootout ended with {out}, bootstrap with {back} at try {tries}"

    def _listener(self, fault: Fault) -> str:
        return self._kill_inside(fault, "Runner.Listener")

    def _worker(self, fault: Fault) -> str:
        return self._kill_inside(fault, "Runner.Worker")

    def _kill_inside(self, fault: Fault, word: str) -> str:
        """That of the slot, or of the next one that has any."""
        self._moment(fault, lambda: bool(self._inside(fault, word)))
        for mac, slot in [(fault.mac, fault.slot), *self._bed.slots()]:
            there = dataclasses.replace(fault, mac=mac, slot=slot)
            if found := self._inside(there, word):
                with self._blow(there, slot):
                    return f"killed {processes.kill(found)} of {word} in {mac} {slot}"
        raise Missed(f"nobody has a {word}")

    def _inside(self, fault: Fault, word: str) -> list[processes.Process]:
        if isolation_of(fault.slot) == "tart":
            found = processes.guests(self._processes(fault), fault.slot)
        else:
            found = [process for number in self._container_of(fault) for process in processes.of_container(number)]
        return [process for process in found if process.has(word)]

    def _container(self, fault: Fault) -> str:
        self._moment(fault, lambda: bool(self._container_of(fault)))
        with self._blow(fault, fault.slot), contextlib.suppress(docker.errors.APIError):
            for number in self._container_of(fault):
                self._clients[fault.mac].kill(number)
                return f"killed container {number[:12]}"
        raise Missed("the slot has no container")

    def _container_of(self, fault: Fault) -> list[str]:
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            found = self._clients[fault.mac].containers()
            return [entry["Id"] for entry in found if f"/mac-runners-{fault.slot}" in entry["Names"]]
        return []

    def _vm(self, fault: Fault) -> str:
        self._moment(fault, lambda: bool(processes.keepers(self._processes(fault), fault.slot)))
        with self._blow(fault, fault.slot):
            killed = processes.kill(processes.keepers(self._processes(fault), fault.slot))
        if not killed:
            raise Missed("the slot has no VM")
        return f"killed {killed} processes of Tart"

    # What happens to a Mac.

    def _engine(self, fault: Fault) -> str:
        time.sleep(fault.delay)
        daemon = processes.engine(self._bed.engines[fault.mac].folder)
        with self._blow(fault, *_slots(fault.mac, "docker")), self._watch.restart(fault.mac):
            processes.kill([daemon] if daemon else [])
            return f"killed, back after {self._wait_for_engine(fault.mac):.1f} s"

    def _full_disk(self, fault: Fault) -> str:
        seconds = 1.0 + fault.choice * 4
        with self._blow(fault, *_slots(fault.mac, "tart")):
            self._bed.macs[fault.mac].fault("disk-full")
            time.sleep(seconds)
            self._bed.macs[fault.mac].fault()
        return f"full for {seconds:.1f} s"

    def _reboot(self, fault: Fault) -> str:
        """Docker's machine goes down with its Mac."""
        time.sleep(fault.delay)
        with self._blow(fault, *SLOTS[fault.mac]), self._watch.restart(fault.mac), self._plays.cut(fault.mac):
            if fault.mac in self._bed.engines:
                processes.kill(processes.of_engine(self._bed.engines[fault.mac].folder))
            self._bed.macs[fault.mac].reboot()
            waited = self._wait_for_engine(fault.mac) if fault.mac in self._bed.engines else 0.0
        return f"rebooted, engine back after {waited:.1f} s"

    def _wait_for_engine(self, mac: str) -> float:
        """Until it answers and has started what others told it to keep running."""
        started = time.monotonic()
        while time.monotonic() - started < START:
            with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                names = [name for entry in self._clients[mac].containers() for name in entry["Names"]]
                if all(f"/{name}" in names for name in FOREIGN_CONTAINERS):
                    return time.monotonic() - started
            time.sleep(0.1)
        raise RuntimeError(f"the engine of {mac} did not start again")

    # What GitHub does.

    def _github_5xx(self, fault: Fault) -> str:
        return self._order(fault, "status", status=fault.one_of((500, 502, 503)), times=1 + int(fault.delay * 6))

    def _github_403(self, fault: Fault) -> str:
        return self._order(fault, fault.one_of(("echo", "status")), status=403)

    def _github_limit(self, fault: Fault) -> str:
        return self._order(fault, fault.one_of(("primary", "secondary")), seconds=2)

    def _github_unanswered(self, fault: Fault) -> str:
        """It acts, and the answer is lost."""
        method, path = fault.one_of((CLONE, DELETE, CLONE, DELETE))
        return self._order(fault, "drop-after" if fault.delay < 0.25 else "status-after", method=method, path=path, status=504)

    def _order(self, fault: Fault, kind: str, **options: t.Any) -> str:
        with self._bed.github.lock:
            self._bed.github.fault(kind, **options)
        return f"{kind} {json.dumps(options)}"

    def _github_lies_idle(self, fault: Fault) -> str:
        """Every runner is said to be idle, and GitHub believes it."""
        seconds = 2.0 + fault.choice * 6
        self._lie(True)
        self._after(seconds, lambda: self._lie(False))
        return f"for {seconds:.1f} s"

    def _lie(self, lies: bool) -> None:
        with self._bed.github.lock:
            self._bed.github.world.believes_its_lies = lies
            for runner in self._bed.ledger.scope.runners.values():
                runner.lies_idle = lies

    def _github_lists_late(self, fault: Fault) -> str:
        seconds = 1.0 + fault.choice * 4
        self._bed.github.world.list_lag = seconds
        self._after(10.0, lambda: setattr(self._bed.github.world, "list_lag", 0.0))
        return f"new runners are missing in lists for {seconds:.1f} s"

    def _github_forgets(self, fault: Fault) -> str:
        with self._bed.github.lock:
            runners = self._bed.ledger.scope.runners
            idle = sorted((one.name, number) for number, one in runners.items() if one.online and not one.job and one.name not in FOREIGN_RUNNERS)
            if not idle:
                raise Missed("nobody is idle")
            name, number = fault.one_of(idle)
            del runners[number]
        return f"forgot {name}"

    def _broker_silent(self, fault: Fault) -> str:
        seconds = 1.0 + fault.choice * 4
        self._bed.ledger.silent = True
        self._after(seconds, self._speak)
        return f"for {seconds:.1f} s"

    def _speak(self) -> None:
        """Whoever could not be heard meanwhile has not been silent."""
        with self._bed.github.lock:
            for session in self._bed.ledger.sessions.values():
                session.heard = time.monotonic()
        self._bed.ledger.silent = False

    def _after(self, seconds: float, what: t.Callable[[], None]) -> None:
        timer = threading.Timer(seconds, what)
        timer.daemon = True
        self._later.append(timer)
        timer.start()

    # What operators do.

    def _drain(self, fault: Fault) -> str:
        limit = fault.one_of((["--limit", fault.mac], ["-e", json.dumps({"mac_runners_slots": [fault.slot]}), "--limit", fault.mac], []))
        self._plays.start([["drain", *limit]], ["undrain", *limit])
        return f"drain, then undrain, {' '.join(limit) or 'everywhere'}"

    def _operators(self, fault: Fault) -> str:
        pair = fault.one_of(PAIRS)
        limit = ["--limit", f"{fault.mac},localhost"]
        self._plays.start([[name, *limit] for name in pair], ["undrain"] if "drain" in pair else [])
        return f"{' and '.join(pair)} at once on {fault.mac}"

    def _killed_play(self, fault: Fault) -> str:
        seconds = 2.0 + fault.choice * 8
        self._plays.start([["site", "--limit", f"{fault.mac},localhost"]], [], kill_after=seconds)
        return f"site on {fault.mac}, killed after {seconds:.1f} s"

    # Moments.

    def _processes(self, fault: Fault) -> list[processes.Process]:
        return processes.of_mac(self._bed.macs[fault.mac].pid)

    def _state(self, fault: Fault) -> str:
        path = self._bed.macs[fault.mac].root / f"private/var/db/mac_runners/slots/{fault.slot}/status.json"
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(path.read_text())["state"])
        return "unknown"

    def _moment(self, fault: Fault, met: t.Callable[[], bool]) -> bool:
        """Wait for it, and for the fault's delay; whether it came."""
        deadline = time.monotonic() + PATIENCE
        came = met()
        while not came and time.monotonic() < deadline:
            time.sleep(0.03)
            came = met()
        time.sleep(fault.delay)
        return came

    @contextlib.contextmanager
    def _blow(self, fault: Fault, *slots: str) -> t.Iterator[None]:
        started = time.monotonic()
        yield
        self._blows.append(Blow(fault.kind, fault.mac, slots, started, time.monotonic()))


def _slots(mac: str, isolation: str) -> list[str]:
    return [slot for slot in SLOTS[mac] if isolation_of(slot) == isolation]
