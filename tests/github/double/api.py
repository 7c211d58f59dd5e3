# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests that the local GitHub understands, one function each."""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t
import urllib.parse

from . import auth, registration
from .state import Json, Refusal, Runner, Scope, World


@dataclasses.dataclass
class Asked:
    """A request, read."""

    method: str
    path: str
    query: dict[str, str]
    headers: t.Mapping[str, str]
    body: Json
    base: str


@dataclasses.dataclass
class Answer:
    status: int = 200
    body: t.Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


Handler = t.Callable[[Scope, Asked, re.Match[str]], Answer]
_SCOPE = re.compile(r"(/orgs/[^/]+|/repos/[^/]+/[^/]+|/enterprises/[^/]+)(/.*)\Z")


def answer(world: World, asked: Asked) -> Answer:
    """The answer, or a :class:`Refusal`."""
    if not asked.headers.get("user-agent"):
        raise Refusal(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
    if asked.headers.get("x-github-api-version", "2022-11-28") not in ("2022-11-28", "2026-03-10"):
        raise Refusal(400, "Bad request")
    if asked.path == "/rate_limit":
        auth.token_of(world, asked.headers)
        core = {"limit": world.limit, "used": world.used, "remaining": world.limit - world.used, "reset": int(world.now()) + 3600}
        return Answer(body={"resources": {"core": core, "search": core}, "rate": core})
    installation = re.fullmatch(r"/app/installations/(\d+)/access_tokens", asked.path)
    if installation and asked.method == "POST":
        return _access_token(world, asked, int(installation[1]))
    if asked.method == "POST" and asked.path in registration.CALLS:
        return Answer(body=registration.CALLS[asked.path](world, asked.headers, asked.body))
    match = _SCOPE.match(asked.path)
    scope = world.scopes.get(match[1].lower()) if match else None
    if match and match[2] == "/installation" and asked.method == "GET":
        return _installation(world, asked, match[1])
    if scope is None or match is None:
        auth.token_of(world, asked.headers)
        raise Refusal(404, "Not Found")
    if not registration.permits(world, scope, asked.method, match[2], asked.headers):
        auth.permit(world, scope, asked.method, asked.headers)
    for method, pattern, handler in ROUTES:
        found = re.fullmatch(pattern, match[2])
        if found and method == asked.method:
            return handler(scope, asked, found)
    raise Refusal(404, "Not Found")


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _access_token(world: World, asked: Asked, number: int) -> Answer:
    app = auth.app_of(world, asked.headers)
    if number != app.installation:
        raise Refusal(404, "Not Found")
    token = auth.installation_token(world, app, asked.body)
    permissions = asked.body.get("permissions") or app.permissions
    return Answer(201, {"token": token.text, "expires_at": _stamp(token.expires), "permissions": permissions, "repository_selection": "selected"})


def _installation(world: World, asked: Asked, path: str) -> Answer:
    app = auth.app_of(world, asked.headers)
    if app.path.lower() != path.lower():
        raise Refusal(404, "Not Found")
    urls = {name: f"https://api.github.com/installations/{app.installation}/{name}" for name in ("access_tokens_url", "repositories_url", "html_url")}
    found = {
        "id": app.installation,
        "app_id": 7,
        "app_slug": "mac-runners",
        "target_id": 9,
        "target_type": "Organization",
        "single_file_name": None,
        "repository_selection": "all",
        "events": [],
        "account": _account(path.split("/")[2]),
        "permissions": app.permissions,
        "created_at": _stamp(0),
        "updated_at": _stamp(0),
        "suspended_by": None,
        "suspended_at": None,
    }
    return Answer(body={**found, **urls})


def _account(login: str) -> Json:
    names = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")
    urls = {f"{name}_url": f"https://api.github.com/users/{login}/{name}" for name in names}
    known = {"login": login, "id": 9, "node_id": "O_9", "gravatar_id": "", "type": "Organization", "site_admin": False}
    return {**known, **urls, **{name: f"https://github.com/{login}" for name in ("avatar_url", "url", "html_url")}}


def _number(asked: Asked, name: str, default: int, most: int) -> int:
    text = asked.query.get(name, str(default))
    if not text.isdigit():
        raise Refusal(422, f"Invalid {name}")
    return min(max(int(text), 1), most)


def _page(asked: Asked, field: str, entries: list[Json]) -> Answer:
    size, page = _number(asked, "per_page", 30, 100), _number(asked, "page", 1, 10**6)
    shown = entries[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(entries):
        query = urllib.parse.urlencode({**asked.query, "page": page + 1})
        headers["Link"] = f'<{asked.base}{asked.path}?{query}>; rel="next"'
    return Answer(body={"total_count": len(entries), field: shown}, headers=headers)


def _runners(scope: Scope, asked: Asked, _match: re.Match[str]) -> Answer:
    name = asked.query.get("name")
    entries = [runner.document() for runner in scope.shown() if name is None or runner.name.lower() == name.lower()]
    return _page(asked, "runners", entries)


def _known(scope: Scope, text: str) -> Runner:
    runner = scope.runners.get(int(text))
    if runner is None:
        raise Refusal(404, "Not Found")
    return runner


def _runner(scope: Scope, _asked: Asked, match: re.Match[str]) -> Answer:
    return Answer(body=_known(scope, match[1]).document())


def _remove(scope: Scope, _asked: Asked, match: re.Match[str]) -> Answer:
    scope.remove(int(match[1]))
    return Answer(204)


def _labels(scope: Scope, asked: Asked, match: re.Match[str]) -> Answer:
    runner = _known(scope, match[1])
    wanted = asked.body.get("labels")
    if asked.method == "PUT":
        if not isinstance(wanted, list) or not all(isinstance(label, str) and 0 < len(label) <= 256 and "," not in label for label in wanted):
            raise Refusal(422, "Validation Failed", errors=["labels"])
        runner.labels = [label for label in runner.labels if label[1] == "read-only"] + [(label, "custom") for label in wanted]
    labels = runner.document()["labels"]
    return Answer(body={"total_count": len(labels), "labels": labels})


def _token(scope: Scope, _asked: Asked, match: re.Match[str]) -> Answer:
    event = "remove" if match[1] == "remove" else "register"
    return Answer(201, {"token": scope.mint(event), "expires_at": _stamp(scope.world.now() + 3600)})


def _jit(scope: Scope, asked: Asked, _match: re.Match[str]) -> Answer:
    labels = asked.body.get("labels")
    if not isinstance(labels, list) or not 1 <= len(labels) <= 100 or not asked.body.get("name") or not isinstance(asked.body.get("runner_group_id"), int):
        raise Refusal(422, "Validation Failed", errors=["name, runner_group_id and 1 to 100 labels are needed"])
    runner, config = scope.register_jit(asked.body)
    return Answer(201, {"runner": runner.document(), "encoded_jit_config": config})


def _groups(scope: Scope, asked: Asked, _match: re.Match[str]) -> Answer:
    return _page(asked, "runner_groups", [group.document(asked.base + scope.path) for group in scope.groups.values()])


def _into_group(scope: Scope, _asked: Asked, match: re.Match[str]) -> Answer:
    if int(match[1]) not in scope.groups:
        raise Refusal(404, "Not Found")
    _known(scope, match[2]).group = int(match[1])
    return Answer(204)


def _deprecation(scope: Scope, _asked: Asked, match: re.Match[str]) -> Answer:
    known = scope.world.deprecations.get(match[1])
    if known is None:
        raise Refusal(404, "Not Found")
    return Answer(body={"runner_version": match[1], **known})


def _downloads(scope: Scope, _asked: Asked, _match: re.Match[str]) -> Answer:
    return Answer(body=scope.world.downloads)


_RUNNER = r"/actions/runners/(\d+)"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", r"/actions/runners", _runners),
    ("GET", r"/actions/runners/downloads", _downloads),
    ("GET", r"/actions/runners/deprecations/([^/]+)", _deprecation),
    ("POST", r"/actions/runners/(registration|remove)-token", _token),
    ("POST", r"/actions/runners/generate-jitconfig", _jit),
    ("GET", _RUNNER, _runner),
    ("DELETE", _RUNNER, _remove),
    ("GET", _RUNNER + "/labels", _labels),
    ("PUT", _RUNNER + "/labels", _labels),
    ("GET", r"/actions/runner-groups", _groups),
    ("PUT", r"/actions/runner-groups/(\d+)/runners/(\d+)", _into_group),
)
