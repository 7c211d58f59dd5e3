# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of services and the verbs of launchctl that act on it."""

from __future__ import annotations

import os
import plistlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standins.launchd import jobplist, text
from standins.launchd.job import Job
from standins.mac import read_mac

_DISABLED = "/private/var/db/com.apple.xpc.launchd/disabled.plist"
_DAEMONS = "/Library/LaunchDaemons"
# How long a bootout waits for the process before it says that it is still at it (newer systems only).
_BOOTOUT_PATIENCE_S = 0.5


@dataclass
class Reply:
    code: int = 0
    out: str = ""
    err: str = ""


@dataclass
class Later:
    """A reply that comes when ``ready`` says so, or the other one at ``deadline`` (monotonic; None: never)."""

    ready: Callable[[], bool]
    reply: Reply
    deadline: float | None
    late_reply: Reply


@dataclass(frozen=True)
class Caller:
    uid: int
    pid: int


class Services:
    """All loaded services by (domain, label), and the store of disabled ones, which outlives a reboot."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[str, str], Job] = {}

    # reading

    @property
    def mac(self) -> dict[str, Any]:
        return read_mac()

    def in_domain(self, domain: str) -> list[Job]:
        return [job for (where, dummy), job in self.jobs.items() if where == domain]

    def by_pid(self, pid: int) -> Job | None:
        return next((job for job in self.jobs.values() if job.pid == pid), None)

    def disabled(self) -> dict[str, bool]:
        try:
            with open(_DISABLED, "rb") as stream:
                return plistlib.load(stream)
        except FileNotFoundError:
            return {}

    @property
    def says_specific(self) -> bool:
        return self.mac["messages"] != "14"

    # verbs: each takes the caller and the words after the verb

    def bootstrap(self, caller: Caller, domain: str, path: str) -> Reply:
        problem = self._domain_problem(domain)
        if problem:
            return self._failed("Bootstrap", *problem)
        if caller.uid != 0 and domain != f"user/{caller.uid}" and domain != f"gui/{caller.uid}":
            return self._failed("Bootstrap", 5, 5)
        try:
            job = self.load(domain, path)
        except jobplist.Refused as error:
            append_log(str(error))
            return self._failed("Bootstrap", error.specific, 5)
        if job.wants_start_at_load:
            job.start()
        elif job.plist.get("StartInterval"):
            job.next_start = time.monotonic() + float(job.plist["StartInterval"]) * job.scale
        return Reply()

    def load(self, domain: str, path: str) -> Job:
        """Register a job without starting it; raises Refused."""
        plist = jobplist.read(path)
        label = plist["Label"]
        if (domain, label) in self.jobs:
            raise jobplist.Refused(37, f"{label}: already loaded")
        if self.disabled().get(label, bool(plist.get("Disabled"))):
            raise jobplist.Refused(119, f"{label}: disabled")
        session = plist.get("LimitLoadToSessionType", "Background" if domain == "system" else "Aqua")
        if domain.startswith("user/") and "Background" not in ([session] if isinstance(session, str) else session):
            raise jobplist.Refused(134, f"{label}: not for a background session")
        job = Job(label, domain, path, plist, float(self.mac.get("time_scale", 1.0)))
        self.jobs[(domain, label)] = job
        return job

    def bootout(self, caller: Caller, target: str, path: str | None, wait: bool) -> Reply | Later:
        if caller.uid != 0 and not target.endswith(f"/{caller.uid}") and f"/{caller.uid}/" not in target:
            return self._failed("Boot-out", 1, 1)
        if path is not None:
            target = f"{target}/{_label_of(path)}"
        job = self._find(target)
        if job is None:
            if self._domain_of(target) == target:
                return self._tear_down(target)
            return self._failed("Boot-out", 3, 3)
        job.leaving = True
        job.stop()
        return self._removal(job, wait)

    def _removal(self, job: Job, wait: bool) -> Reply | Later:
        key = (job.domain, job.label)
        if job.pid is None:
            self.jobs.pop(key, None)
            return Reply()
        if wait:
            return Later(lambda: key not in self.jobs, Reply(), None, Reply())
        if not self.says_specific:
            return Reply()
        return Later(lambda: key not in self.jobs, Reply(), time.monotonic() + _BOOTOUT_PATIENCE_S, self._failed("Boot-out", 36, 36))

    def _tear_down(self, domain: str) -> Reply:
        """End a user's domain: its services; processes outside services live on, as pkill's existence shows."""
        for job in self.in_domain(domain):
            job.leaving = True
            job.stop()
            if job.pid is None:
                self.jobs.pop((domain, job.label))
        return Reply()

    def kickstart(self, caller: Caller, target: str, kill: bool, show_pid: bool) -> Reply | Later:
        job = self._find(target)
        if job is None:
            return self.not_found(target)
        if caller.uid != 0 and job.domain == "system":
            return Reply(1, "", "Could not kickstart service: 1: Operation not permitted\n")
        if job.pid is not None and kill:
            return self._restart(job, show_pid)
        job.start_soon()
        job.tick(time.monotonic())
        return Reply(0, f"service spawned with pid: {job.pid}\n" if show_pid and job.pid else "")

    def _restart(self, job: Job, show_pid: bool) -> Later:
        old, runs = job.pid, job.runs
        job.signal(signal.SIGKILL)

        def is_back() -> bool:
            if job.pid is None and job.next_start is None:
                job.start()
            elif job.pid is None:
                job.next_start = time.monotonic()
            return job.pid not in (None, old) and job.runs > runs

        return Later(is_back, Reply(), time.monotonic() + 5, Reply())

    def kill(self, caller: Caller, name: str, target: str) -> Reply:
        job = self._find(target)
        if job is None:
            return self.not_found(target)
        if caller.uid != 0 and job.domain == "system":
            return Reply(1, "", "Could not signal service: 1: Operation not permitted\n")
        if job.pid is None:
            return Reply(3, "", "No process to signal.\n")
        number = _signal_number(name)
        if number is None:
            return Reply(64, "", f"Unrecognized signal: {name}\n")
        job.signal(number)
        return Reply()

    def set_disabled(self, caller: Caller, target: str, off: bool) -> Reply:
        if caller.uid != 0 and target.startswith("system"):
            return Reply(1, "", "Could not write domain: 1: Operation not permitted\n")
        store = self.disabled()
        store[target.split("/")[-1]] = off
        os.makedirs(os.path.dirname(_DISABLED), exist_ok=True)
        with open(_DISABLED + ".new", "wb") as stream:
            plistlib.dump(store, stream)
        os.rename(_DISABLED + ".new", _DISABLED)
        return Reply()

    def print_target(self, caller: Caller, target: str) -> Reply:
        job = self._find(target)
        if job is not None:
            return Reply(0, text.print_job(job))
        if self._domain_of(target) != target:
            problem = self._domain_problem(self._domain_of(target))
            return self._no_domain(self._domain_of(target)) if problem else self.not_found(target)
        if self._domain_problem(target):
            return self._no_domain(target)
        return Reply(0, text.print_domain(target, self.in_domain(target), self.disabled()))

    def list_services(self, caller: Caller, label: str | None) -> Reply:
        domain = "system" if caller.uid == 0 else f"user/{caller.uid}"
        if label is None:
            return Reply(0, text.list_all(self.in_domain(domain)))
        job = self.jobs.get((domain, label))
        if job is None:
            return Reply(113, "", f'Could not find service "{label}" in domain for port\n')
        return Reply(0, text.list_one(job))

    def legacy(self, caller: Caller, what: str, words: list[str]) -> Reply:
        """load, unload, start, stop: answer 0 even when they did nothing."""
        domain = "system" if caller.uid == 0 else f"user/{caller.uid}"
        force = "-w" in words
        errors = ""
        for path in [word for word in words if word != "-w"]:
            if what in ("start", "stop"):
                return self._start_or_stop(domain, what, path)
            errors += self._load_or_unload(caller, domain, what, path, force)
        return Reply(0, "", errors)

    def _load_or_unload(self, caller: Caller, domain: str, verb: str, path: str, force: bool) -> str:
        label = _label_of(path)
        if force and label:
            self.set_disabled(Caller(0, 0), f"{domain}/{label}", verb == "unload")
        if verb == "load":
            reply = self.bootstrap(caller, domain, path)
        else:
            reply = self.bootout(caller, f"{domain}/{label}", None, False)
        if isinstance(reply, Later) or reply.code == 0:
            return ""
        modern = "bootstrap" if verb == "load" else "bootout"
        return f"{verb.capitalize()} failed: 5: Input/output error\nTry running `launchctl {modern}` as root for richer errors.\n"

    def _start_or_stop(self, domain: str, verb: str, label: str) -> Reply:
        job = self.jobs.get((domain, label))
        if job is None:
            return Reply(3)
        job.start_soon() if verb == "start" else job.stop()
        return Reply()

    # helpers

    def not_found(self, target: str) -> Reply:
        domain = self._domain_of(target)
        label = target[len(domain) + 1 :]
        first = "Bad request.\n" if self.says_specific else ""
        return Reply(113, "", f'{first}Could not find service "{label}" in domain for {text.domain_words(domain)}\n')

    def _no_domain(self, domain: str) -> Reply:
        if self.says_specific:
            return Reply(112, "", f"Bad request.\nCould not find domain for {text.domain_words(domain)}\n")
        return Reply(125, "", "Could not print domain: 125: Domain does not support specified action\n")

    def _failed(self, what: str, specific: int, general: int) -> Reply:
        code = specific if self.says_specific else general
        hint = "" if self.says_specific else "Try re-running the command as root for richer errors.\n"
        return Reply(code, "", f"{what} failed: {code}: {text.ERRORS[code]}\n{hint}")

    def _domain_problem(self, domain: str) -> tuple[int, int] | None:
        """Codes (newer, older) why this domain cannot be used, or None."""
        kind, dummy, uid = domain.partition("/")
        if domain == "system" or (kind == "user" and uid.isdigit()):
            return None
        if kind in ("gui", "login") and uid.isdigit():
            return None if int(uid) in self.mac.get("gui_users", []) else (125, 125)
        return (112, 112)

    def _domain_of(self, target: str) -> str:
        parts = target.split("/")
        return parts[0] if parts[0] == "system" else "/".join(parts[:2])

    def _find(self, target: str) -> Job | None:
        domain = self._domain_of(target)
        return self.jobs.get((domain, target[len(domain) + 1 :]))

    # life

    def load_daemons(self) -> None:
        """What a boot does: every enabled regular file of root in /Library/LaunchDaemons."""
        for name in sorted(os.listdir(_DAEMONS)):
            path = f"{_DAEMONS}/{name}"
            if name.endswith(".plist") and not os.path.islink(path):
                reply = self.bootstrap(Caller(0, 1), "system", path)
                if reply.code:
                    append_log(f"{path}: not loaded at boot: {reply.err}")

    def ended(self, pid: int, raw_status: int) -> None:
        job = self.by_pid(pid)
        if job is None:
            return
        job.ended(raw_status)
        if job.leaving:
            self.jobs.pop((job.domain, job.label), None)

    def tick(self) -> float | None:
        """Do what is due; seconds until the next thing is, or None."""
        now = time.monotonic()
        for job in list(self.jobs.values()):
            job.tick(now)
        due = [moment for moment in (job.due() for job in self.jobs.values()) if moment is not None]
        return max(0.0, min(due) - now) if due else None


def append_log(message: str) -> None:
    with open("/private/var/log/launchd.log", "a", encoding="utf-8") as stream:
        stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {message}\n")


def _label_of(path: str) -> str | None:
    try:
        with open(path, "rb") as stream:
            plist: dict[str, Any] = plistlib.load(stream)
        return plist.get("Label")
    except Exception:
        return None


def _signal_number(name: str) -> int | None:
    if name.lstrip("-").isdigit():
        return int(name.lstrip("-"))
    word = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    return getattr(signal, word, None)
