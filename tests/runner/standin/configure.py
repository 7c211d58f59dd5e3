# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""config.sh: to register this runner at GitHub, and to take it away."""

from __future__ import annotations

import json
import os
import secrets
import typing as t
import urllib.parse

from standin import web
from standin.root import CREDENTIALS, KEY, SETTINGS, Json, Root
from standin.version import VERSION
from standin.words import Words

_OWN_HOSTS = ("github.com", "www.github.com", "github.localhost")
_SYSTEMS = {"Darwin": "macOS", "Linux": "Linux"}
_MACHINES = {"arm64": "ARM64", "aarch64": "ARM64", "x86_64": "X64"}
_LONGEST_LABEL = 256


class ConfigureError(Exception):
    """One text, after which the exit code is 1."""


class Github:
    """GitHub as config.sh sees it: everything with the token of an hour."""

    def __init__(self, url: str, token: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigureError(f"Invalid value provided: url {url!r} is no absolute http or https URL")
        self.url, self._token = url, token
        own = parts.hostname in _OWN_HOSTS or (parts.hostname or "").endswith((".ghe.com", ".ghe.localhost"))
        self._api = f"{parts.scheme}://api.{parts.netloc}" if own else f"{parts.scheme}://{parts.netloc}/api/v3"
        self._entity = self._entity_of([part for part in parts.path.split("/") if part])

    def _entity_of(self, names: t.List[str]) -> str:
        if len(names) == 1:
            return f"/orgs/{names[0]}"
        if len(names) == 2:
            return f"/{'/'.join(names)}" if names[0] == "enterprises" else f"/repos/{'/'.join(names)}"
        raise ConfigureError(f"'{self.url}' should point to an org or enterprise, or to a repository.")

    def _ask(self, method: str, path: str, body: t.Any = None) -> t.Any:
        status, answer = web.ask(method, self._api + path, body, f"RemoteAuth {self._token}")
        if status >= 400:
            raise ConfigureError(f"Http response code: {status} from '{method} {self._api}{path}': {answer.get('message', '')}")
        return answer

    def admit(self, event: str) -> Json:
        """``event`` is register or remove."""
        return t.cast(Json, self._ask("POST", "/actions/runner-registration", {"url": self.url, "runner_event": event}))

    def groups(self) -> t.List[Json]:
        return list(self._ask("GET", f"{self._entity}/actions/runner-groups")["runner_groups"])

    def find(self, name: str) -> t.Optional[Json]:
        found = self._ask("GET", f"{self._entity}/actions/runners?name={urllib.parse.quote(name)}")["runners"]
        return next((one for one in found if one["name"].lower() == name.lower()), None)

    def register(self, wanted: Json) -> Json:
        return t.cast(Json, self._ask("POST", "/actions/runners/register", {"url": self.url, **wanted}))

    def delete(self, number: int) -> None:
        self._ask("DELETE", f"{self._entity}/actions/runners/{number}")

    @property
    def is_repository(self) -> bool:
        return self._entity.startswith("/repos/")


def configure(root: Root, words: Words) -> None:
    """Register and write the files."""
    if root.is_configured():
        raise ConfigureError(
            "Cannot configure the runner because it is already configured. "
            "To reconfigure the runner, run 'config.cmd remove' or './config.sh remove' first."
        )
    if "unattended" not in words.flags:
        raise ConfigureError("this stand-in asks nobody anything: give --unattended")
    missing = [name for name in ("url", "token") if name not in words.values]
    if missing:
        raise ConfigureError(f"Invalid configuration provided for {missing[0]}. Terminating unattended configuration.")
    labels = _labels(words)
    github = Github(words.values["url"], words.values["token"])
    admitted = github.admit("register")
    name = words.values.get("name") or os.uname().nodename.partition(".")[0]
    key = secrets.token_hex(32)
    wanted = {
        "group_id": _group(github, words.values.get("runnergroup", "")),
        "name": name,
        "version": VERSION,
        "updates_disabled": "disableupdate" in words.flags,
        "ephemeral": "ephemeral" in words.flags,
        "labels": labels,
        "public_key": key,
    }
    known = github.find(name)
    if known and "replace" not in words.flags:
        raise ConfigureError(f"A runner exists with the same name {name}.")
    if known:
        wanted.update(runner_id=known["id"], replace=True)
    registered = github.register(wanted)
    print("\u221a Successfully replaced the runner" if known else "\u221a Runner successfully added")
    _save(root, words, registered, admitted, key)
    print("\u221a Settings Saved.\n")


def _labels(words: Words) -> t.List[Json]:
    """Those of this machine, unless they are not wanted, and the user's."""
    own = list(dict.fromkeys(label.strip() for label in words.values.get("labels", "").split(",") if label.strip()))
    if [label for label in own if len(label) > _LONGEST_LABEL]:
        raise ConfigureError("Invalid value provided: a label has more than 256 characters")
    if "no-default-labels" in words.flags:
        if not own:
            raise ConfigureError("Cannot use --no-default-labels without --labels")
        return [{"name": label, "type": "User"} for label in own]
    machine = os.uname()
    system = ["self-hosted", _SYSTEMS[machine.sysname], _MACHINES[machine.machine]]
    taken = {label.lower() for label in system}
    return [{"name": label, "type": "System"} for label in system] + [
        {"name": label, "type": "User"} for label in own if label.lower() not in taken
    ]


def _group(github: Github, name: str) -> int:
    if github.is_repository and not name:
        return 1
    for group in github.groups():
        if group["name"].lower() == name.lower() if name else group["default"]:
            return int(group["id"])
    raise ConfigureError(f'Could not find any self-hosted runner group named "{name}".')


def _save(root: Root, words: Words, registered: Json, admitted: Json, key: str) -> None:
    authorization = registered["authorization"]
    settings = {
        "AgentId": registered["id"],
        "AgentName": registered["name"],
        "PoolId": 1,
        "PoolName": words.values.get("runnergroup", "Default"),
        "DisableUpdate": "disableupdate" in words.flags,
        "Ephemeral": "ephemeral" in words.flags,
        "ServerUrl": admitted["url"],
        "GitHubUrl": words.values["url"],
        "WorkFolder": words.values.get("work", "_work"),
        "UseV2Flow": True,
        "UseRunnerAdminFlow": True,
        "ServerUrlV2": authorization["server_url"],
    }
    data = {"clientId": authorization["client_id"], "authorizationUrl": authorization["authorization_url"]}
    root.write(SETTINGS, json.dumps(settings))
    root.write(CREDENTIALS, json.dumps({"Scheme": "OAuth", "Data": data}), 0o600)
    root.write(KEY, key, 0o600)
    root.write("svc.sh", "#!/bin/sh\necho 'this stand-in is no service' >&2\nexit 1\n", 0o755)


def remove(root: Root, words: Words) -> None:
    """Take it away at GitHub and here, or with --local only here."""
    if (root.path / ".service").exists():
        raise ConfigureError("Uninstall service first")
    if "local" not in words.flags:
        if "token" not in words.values:
            raise ConfigureError("Invalid configuration provided for token. Terminating unattended configuration.")
        if root.is_configured():
            _remove_there(root.settings(), words.values["token"])
    for name in root.forget():
        if name in (SETTINGS, CREDENTIALS):
            print(f"\u221a Removed {name}")


def _remove_there(settings: Json, token: str) -> None:
    if not settings.get("GitHubUrl"):
        raise ConfigureError("a runner of a JIT config cannot be removed with config.sh")
    github = Github(settings["GitHubUrl"], token)
    github.admit("remove")
    if github.find(str(settings["AgentName"])) is None:
        print("Does not exist. Skipping Removing runner from the server")
        return
    github.delete(int(settings["AgentId"]))
    print("\u221a Runner removed successfully")
