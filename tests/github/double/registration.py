# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What config.sh of the runner asks, with a token of an hour. GitHub's own document does not know it."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from . import canary
from .state import Json, Refusal, RemoteToken, Runner, Scope, World

#: Older ones are refused at once.
FLOOR = (2, 329, 0)
#: What may also be asked with such a token: of which event, how, what.
_ALSO = (("register", "GET", r"/actions/runner-groups"), ("", "GET", r"/actions/runners"), ("remove", "DELETE", r"/actions/runners/\d+"))


def _remote(scope: Scope, headers: t.Mapping[str, str]) -> RemoteToken | None:
    scheme, _blank, text = headers.get("authorization", "").partition(" ")
    token = scope.remote.get(text) if scheme.lower() == "remoteauth" else None
    return token if token and token.expires > scope.world.now() else None


def permits(world: World, scope: Scope, method: str, path: str, headers: t.Mapping[str, str]) -> bool:
    """Whether such a token is enough; False when there is none, or it is not."""
    token = _remote(scope, headers)
    return token is not None and any(event in ("", token.event) and method == how and re.fullmatch(what, path) for event, how, what in _ALSO)


def _scope_of(world: World, headers: t.Mapping[str, str], body: Json) -> tuple[Scope, RemoteToken]:
    """The scope of the URL; 404 for all that is wrong with it or the token."""
    names = urllib.parse.urlsplit(str(body.get("url"))).path.strip("/").split("/")
    kind = "enterprises" if names[0] == "enterprises" else ("orgs", "repos")[len(names) - 1] if len(names) < 3 else ""
    path = "/".join(["", kind, *(names[1:] if kind == "enterprises" else names)]).lower()
    scope = world.scopes.get(path)
    token = _remote(scope, headers) if scope else None
    if scope is None or token is None:
        raise Refusal(404, "Not Found")
    return scope, token


def _admit(world: World, headers: t.Mapping[str, str], body: Json) -> Json:
    _scope, token = _scope_of(world, headers, body)
    if body.get("runner_event") != token.event:
        raise Refusal(404, "Not Found")
    return {"url": world.broker_url, "token_schema": "OAuthAccessToken", "token": world.secret("tenant"), "use_v2_flow": True}


def _register(world: World, headers: t.Mapping[str, str], body: Json) -> Json:
    scope, token = _scope_of(world, headers, body)
    version = str(body.get("version"))
    if token.event != "register":
        raise Refusal(404, "Not Found")
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or tuple(map(int, version.split("."))) < FLOOR or world.is_past(version, "registration_deprecates_at"):
        raise Refusal(403, f"Runner version v{version} is deprecated and cannot register.")
    if body.get("group_id") not in scope.groups:
        raise Refusal(422, "Validation Failed", errors=["group_id: no such group"])
    runner = _replaced(scope, body)
    runner.labels = [(label["name"], "read-only" if label["type"] == "System" else "custom") for label in body["labels"]]
    runner.group, runner.ephemeral, runner.online, runner.version = body["group_id"], bool(body.get("ephemeral")), False, None
    # The stand-in has no RSA: what it sends as its public key is what it shows later.
    scope.keys[str(body["public_key"])] = runner.id
    world.secrets.append(canary.remember("runner key", str(body["public_key"])))
    urls = {"authorization_url": world.broker_url, "legacy_authorization_url": world.broker_url, "server_url": world.broker_url}
    return {"id": runner.id, "name": runner.name, "authorization": {**urls, "client_id": f"client-{runner.id}"}}


def _replaced(scope: Scope, body: Json) -> Runner:
    """A new runner, or the one that is replaced, whose old key is worth nothing any more."""
    known = scope.find(str(body["name"]))
    if known is None:
        runner = Runner(next(scope.world.numbers), str(body["name"]), [])
        runner.hidden_until = scope.world.now() + scope.world.list_lag
        scope.runners[runner.id] = runner
        return runner
    if not body.get("replace") or body.get("runner_id") != known.id:
        raise Refusal(409, f"Already exists - A runner with the name {known.name} already exists.")
    scope.keys = {key: number for key, number in scope.keys.items() if number != known.id}
    return known


CALLS: dict[str, t.Callable[[World, t.Mapping[str, str], Json], Json]] = {
    "/actions/runner-registration": _admit,
    "/actions/runners/register": _register,
}
