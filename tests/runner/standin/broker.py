# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The broker, at which a runner listens for jobs."""

from __future__ import annotations

import os
import typing as t
import urllib.parse

from standin import web
from standin.root import Json, Root
from standin.version import VERSION

_SYSTEMS = {"Darwin": "macOS", "Linux": "linux"}


class Refused(Exception):
    """``kind``: what the broker calls its refusal, or ''; ``status`` of HTTP."""

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(f"{status} {kind}".strip())
        self.status, self.kind = status, kind


class Broker:
    """One runner's session."""

    def __init__(self, root: Root) -> None:
        settings = {key.lower(): value for key, value in root.settings().items()}
        self.agent, self.name = int(settings["agentid"]), str(settings["agentname"])
        self.ephemeral = bool(settings.get("ephemeral"))
        self.work = str(settings.get("workfolder", "_work"))
        self._updates = not settings.get("disableupdate")
        self._base, self._key, self.session = str(settings["serverurlv2"]).rstrip("/"), root.key(), ""

    def _ask(self, method: str, url: str, body: t.Any = None) -> t.Any:
        status, answer = web.ask(method, url, body, f"Bearer {self._key}")
        if status >= 400:
            raise Refused(status, str(answer.get("errorKind", "")))
        return answer

    def open(self) -> None:
        agent = {"id": self.agent, "name": self.name, "version": VERSION, "osDescription": " ".join(os.uname()[:3])}
        owner = f"{os.uname().nodename} (PID: {os.getpid()})"
        self.session = self._ask("POST", f"{self._base}/session", {"ownerName": owner, "agent": agent})["sessionId"]

    def message(self, status: str) -> t.Optional[Json]:
        """The next message, None when there is none for a while; ``status``: Online or Busy."""
        answer = self._ask("GET", f"{self._base}/message?{self._query(status)}")
        return answer if answer.get("messageType") else None

    def _query(self, status: str) -> str:
        machine = os.uname()
        query = {
            "sessionId": self.session,
            "status": status,
            "runnerVersion": VERSION,
            "os": _SYSTEMS.get(machine.sysname, machine.sysname),
            "architecture": machine.machine,
            "disableUpdate": str(not self._updates).lower(),
        }
        return urllib.parse.urlencode(query)

    def acknowledge(self, request: str) -> None:
        self._ask("POST", f"{self._base}/acknowledge?{self._query('Busy')}", {"runnerRequestId": request})

    def acquire(self, service: str, request: str) -> Json:
        """What the job is."""
        return t.cast(Json, self._ask("POST", f"{service}/acquirejob", {"jobMessageId": request}))

    def complete(self, service: str, job: Json, result: Json) -> None:
        self._ask("POST", f"{service}/completejob", {"jobId": job["id"], **result})

    def close(self) -> None:
        """Not being known any more is as good."""
        try:
            self._ask("DELETE", f"{self._base}/session?sessionId={self.session}")
        except (OSError, Refused):
            pass
