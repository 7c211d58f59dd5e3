# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the local GitHub knows, and the rules by which it changes."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import hashlib
import itertools
import json
import time
import typing as t

from . import canary

Json = dict[str, t.Any]
READ_ONLY = {"self-hosted", "macos", "linux", "windows", "x64", "arm", "arm64"}


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None, errors: list[t.Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers, self.errors = status, message, headers or {}, errors


@dataclasses.dataclass
class Runner:
    """A runner. ``job`` is the truth; what GitHub says of it may be a lie."""

    id: int
    name: str
    labels: list[tuple[str, str]]
    group: int = 1
    ephemeral: bool = False
    os: str = "unknown"
    version: str | None = None
    online: bool = False
    job: bool = False
    lies_idle: bool = False
    hidden_until: float = 0.0

    @property
    def busy(self) -> bool:
        """What GitHub says."""
        return self.job and not self.lies_idle

    def connect(self, version: str = "2.337.0") -> Runner:
        """Its program has started and listens."""
        self.online, self.version, self.os = True, version, "macos"
        return self

    def document(self) -> Json:
        """As the API shows it."""
        labels = [{"id": number, "name": name, "type": kind} for number, (name, kind) in enumerate(self.labels, start=1)]
        return {
            "id": self.id,
            "runner_group_id": self.group,
            "name": self.name,
            "os": self.os,
            "status": "online" if self.online else "offline",
            "busy": self.busy,
            "labels": labels,
            "ephemeral": self.ephemeral,
            "version": self.version,
        }


@dataclasses.dataclass
class Group:
    """A runner group."""

    id: int
    name: str
    public: bool = False
    default: bool = False
    visibility: str = "all"

    def document(self, base: str) -> Json:
        """As the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "visibility": self.visibility,
            "default": self.default,
            "runners_url": f"{base}/actions/runner-groups/{self.id}/runners",
            "inherited": False,
            "allows_public_repositories": self.public,
            "restricted_to_workflows": False,
            "selected_workflows": [],
            "workflow_restrictions_read_only": False,
        }


@dataclasses.dataclass
class Scope:
    """A repository, an organisation or an enterprise, by its path in the API."""

    path: str
    world: World
    runners: dict[int, Runner] = dataclasses.field(default_factory=dict)
    groups: dict[int, Group] = dataclasses.field(default_factory=lambda: {1: Group(1, "Default", default=True)})
    registration_tokens: list[str] = dataclasses.field(default_factory=list)
    remote: dict[str, RemoteToken] = dataclasses.field(default_factory=dict)
    keys: dict[str, int] = dataclasses.field(default_factory=dict)
    configs: list[str] = dataclasses.field(default_factory=list)
    jobs_lost: int = 0

    @property
    def kind(self) -> str:
        return self.path.split("/")[1]

    def add_group(self, name: str, **options: t.Any) -> Group:
        group = Group(max(self.groups) + 1, name, **options)
        self.groups[group.id] = group
        return group

    def add(self, name: str, labels: t.Iterable[str] = (), **options: t.Any) -> Runner:
        """A runner as if it had registered itself, with the labels that it brings."""
        own = [(label, "read-only") for label in ("self-hosted", "macOS", "ARM64")]
        runner = Runner(next(self.world.numbers), name, own + [(label, "custom") for label in labels], **options)
        self.runners[runner.id] = runner
        return runner

    def find(self, name: str) -> Runner | None:
        return next((runner for runner in self.runners.values() if runner.name.lower() == name.lower()), None)

    def shown(self) -> list[Runner]:
        """What lists contain: what was just registered may be missing."""
        return [runner for _number, runner in sorted(self.runners.items()) if runner.hidden_until <= self.world.now()]

    def remove(self, number: int) -> None:
        """Decides by the truth, unless this GitHub believes its own lies."""
        runner = self.runners.get(number)
        if runner is None:
            raise Refusal(404, "Not Found")
        if runner.job and not (runner.lies_idle and self.world.believes_its_lies):
            raise Refusal(422, f'Bad request - Runner "{runner.name}" is still running a job"')
        self.jobs_lost += runner.job
        del self.runners[number]

    def register_jit(self, wanted: Json) -> tuple[Runner, str]:
        """One registration for one job: the runner, and what starts it."""
        if self.find(wanted["name"]):
            raise Refusal(409, f"Already exists - A runner with the name {wanted['name']} already exists.")
        if wanted["runner_group_id"] not in self.groups:
            raise Refusal(422, "Validation Failed", errors=["runner_group_id: no such group"])
        labels = [(label, "custom") for label in wanted["labels"]]
        runner = Runner(next(self.world.numbers), wanted["name"], labels, group=wanted["runner_group_id"], ephemeral=True)
        runner.hidden_until = self.world.now() + self.world.list_lag
        self.runners[runner.id] = runner
        config = self._config(runner)
        self.configs.append(config)
        self.world.secrets.append(config)
        return runner, config

    def _config(self, runner: Runner) -> str:
        """The files of a configured runner, as the runner packs them out: one of them is its key."""
        key = self.world.secret("jit-key")
        self.keys[key] = runner.id
        settings = {"AgentId": runner.id, "AgentName": runner.name, "Ephemeral": True, "UseV2Flow": True, "ServerUrlV2": self.world.broker_url}
        files = {".runner": json.dumps(settings), ".credentials": '{"Scheme": "OAuth"}', ".credentials_rsaparams": key}
        packed = {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
        return base64.b64encode(json.dumps(packed).encode()).decode()

    def mint(self, event: str = "register") -> str:
        """A token of an hour for config.sh; ``event`` is register or remove."""
        token = self.world.secret("AREGISTRATION" if event == "register" else "AREMOVAL")
        self.remote[token] = RemoteToken(event, self.world.now() + 3600)
        if event == "register":
            self.registration_tokens.append(token)
        return token


@dataclasses.dataclass
class RemoteToken:
    """What config.sh is given. ``event``: register or remove."""

    event: str
    expires: float


@dataclasses.dataclass
class Token:
    """A credential. ``grants``: path of a scope -> none (it is seen, no more), read or write."""

    text: str
    kind: str
    grants: dict[str, str]
    scopes: str | None = None
    expires: float = float("inf")
    revoked: bool = False
    sso: bool = False


@dataclasses.dataclass
class App:
    """A GitHub App with one installation."""

    client_id: str
    public_key: t.Any
    installation: int
    path: str
    permissions: dict[str, str]
    suspended: bool = False


class World:
    """All scopes and credentials. ``offset`` moves its clock; ``list_lag``: seconds in which lists miss what was registered."""

    def __init__(self) -> None:
        self.scopes: dict[str, Scope] = {}
        self.tokens: dict[str, Token] = {}
        self.apps: dict[str, App] = {}
        self.secrets: list[str] = []
        self.numbers = itertools.count(1)
        self.offset = 0.0
        self.list_lag = 0.0
        self.believes_its_lies = False
        self.broker_url = ""
        self.limit, self.used = 5000, 0
        self.deprecations: dict[str, Json] = {}
        self.downloads: list[Json] = []
        self.files: dict[str, bytes] = {}

    def now(self) -> float:
        return time.time() + self.offset

    def is_past(self, version: str, which: str) -> bool:
        """Whether a version of the runner is refused by now; ``which``: registration_deprecates_at or runtime_deprecates_at."""
        text = self.deprecations.get(version, {}).get(which)
        return text is not None and datetime.datetime.fromisoformat(text).timestamp() <= self.now()

    def offer(self, filename: str, content: bytes, url: str) -> Json:
        """A package of the runner that this GitHub wants to be run, to be had at ``url`` + its name."""
        _actions, _runner, system, architecture, _version = filename.split("-")
        offered = {"os": system, "architecture": architecture, "download_url": url + filename, "filename": filename}
        self.files[filename] = content
        self.downloads.append({**offered, "sha256_checksum": hashlib.sha256(content).hexdigest()})
        return self.downloads[-1]

    def scope(self, path: str) -> Scope:
        """Makes it when it is not there; ``path`` such as /orgs/acme."""
        return self.scopes.setdefault(path.lower(), Scope(path, self))

    def secret(self, start: str) -> str:
        """A new secret, remembered so that tests can look for it."""
        text = canary.mint(start)
        self.secrets.append(text)
        return text

    def token(self, kind: str = "classic", prefix: str = "ghp_", scopes: str | None = "admin:org, repo, manage_runners:enterprise", **grants: str) -> Token:
        """A token with the right to everything, or to what ``grants`` says (path of a scope, with _ for /, -> right)."""
        token = Token(self.secret(prefix), kind, {"*": "write"}, scopes)
        if grants:
            token.grants = {path.replace("__", "/"): right for path, right in grants.items()}
        self.tokens[token.text] = token
        return token
