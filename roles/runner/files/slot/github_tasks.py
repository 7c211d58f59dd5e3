# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""What the short-lived children do at GitHub: register a runner, take one off."""

from __future__ import annotations

import http.client
import os
import ssl
import time
import typing as t
import urllib.error
import urllib.request

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.answer import no_answer, read_answer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import App, AppAuthority
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Authority, read_token
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.jit import jit_config
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response, Transport
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import fleet_label
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import delete_runner, find_runner, get_runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.signing import openssl_signer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target, parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import GithubSettings, Settings, read_settings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.updates import without_updates
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.command import run

#: Seconds for one answer, and that GitHub may make us wait in all: the slot itself waits longer, and says so.
_TIMEOUT, _MAX_WAIT = 30.0, 30.0
_LARGEST_SECRET = 65536

Json = t.Dict[str, t.Any]


def register(folder: str, request: Json) -> Json:
    """A registration for one job: the runner's id, its config, and the proxy through which it finds GitHub."""
    given = read_settings(folder)
    made = jit_config(_client(given, parse_target(given.github.url)), request["name"], given.github.labels, fleet_label(given.fleet), given.github.group)
    return {"runner": made.runner.id, "config": without_updates(made.config.reveal()), "proxy": given.github.proxy}


def remove(folder: str, request: Json) -> Json:
    """Take a runner of ours off GitHub, from where it was registered: by the id that GitHub gave us, or by name and label."""
    given = read_settings(folder)
    client, number = _client_of(given, request)
    runner = get_runner(client, number) if number else find_runner(client, request["name"])
    ours = runner is not None and runner.name.lower() == request["name"].lower() and (number or runner.has(fleet_label(given.fleet)))
    return {"answer": delete_runner(client, runner) if runner and ours else "gone"}


def known(folder: str, request: Json) -> Json:
    """Whether a runner of ours is where it was registered: not when it is neither found by its name nor by its id."""
    client, number = _client_of(read_settings(folder), request)
    # The list is asked first: where the credential may see nothing, GitHub refuses that, but calls every number unknown.
    runner = find_runner(client, request["name"]) or (get_runner(client, number) if number else None)
    return {"known": runner is not None and runner.name.lower() == request["name"].lower()}


GITHUB_TASKS: t.Mapping[str, t.Callable[[str, Json], Json]] = {"register": register, "remove": remove, "known": known}


def _client_of(given: Settings, request: Json) -> t.Tuple[Client, int]:
    """For where a runner was registered; and its number, 0 where that cannot be asked for.

    Numbers are small and each target has its own: what carries another name is somebody else's. Where the credential may see
    nothing, GitHub calls every number unknown, but refuses the list.
    """
    now = parse_target(given.github.url)
    target = parse_target(request["target"]) if request["target"] else now
    _require_host(target, now)
    return _client(given, target), request["runner"] if target.key == now.key else 0


class _Clock:
    """The time of this Mac."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _require_host(target: Target, now: Target) -> None:
    """A runner may have been registered elsewhere before the settings changed; the credential of now goes to no other host."""
    if target.api != now.api:
        raise InputError(f"a runner is registered at {target.url}, and the credential is for {now.url}: take it off there by hand")


def _client(given: Settings, target: Target) -> Client:
    exchange = Exchange(transport(given.github), _Clock(), _MAX_WAIT)
    return Client(target, _authority(given.github, target, exchange), exchange)


def _authority(given: GithubSettings, target: Target, exchange: Exchange) -> Authority:
    if given.token_file:
        return read_token(_secret(given.token_file), target)
    signer = openssl_signer(run, given.key_file, given.openssl)
    # Nobody looks at the clock of a Mac in a rack, and its jobs should not stop for it.
    return AppAuthority(App(given.client_id, signer, given.installation or None), target, exchange, lenient=True)


def _secret(path: str) -> str:
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return file.read(_LARGEST_SECRET).decode("ascii", "replace")
    except OSError as error:
        raise InputError(f"github.token_file: {path} cannot be read: {error.strerror}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are the core's business: a credential goes to no other host."""

    def redirect_request(self, *_arguments: t.Any) -> None:
        return None


def transport(given: GithubSettings) -> Transport:
    """HTTP with the standard library; only the proxy that the slot was given."""
    try:
        context = ssl.create_default_context(cafile=given.ca_path or None)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"github.ca_path: {given.ca_path} holds no certificates: {error}") from error
    proxies = {"http": given.proxy, "https": given.proxy} if given.proxy else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies), urllib.request.HTTPSHandler(context=context), _NoRedirect)

    def send(request: Request) -> Response:
        asked = urllib.request.Request(request.url, request.body, dict(request.headers), method=request.method)
        try:
            answer = opener.open(asked, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, http.client.HTTPException) as error:
            raise no_answer(request, error) from None
        return read_answer(request, answer)

    return send
