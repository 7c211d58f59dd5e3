# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The edge to Ansible: options of every module that asks GitHub, and HTTP over ``ansible.module_utils.urls``."""

from __future__ import annotations

import http.client
import os
import stat
import time
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils import urls
from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import on_one_line, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.answer import no_answer, read_answer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import App, AppAuthority
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Authority, read_token
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response, Transport
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.signing import (
    MissingLibraryError,
    Signer,
    cryptography_signer,
    openssl_signer,
    read_key,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target, parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._module import runner

_OPENSSL_SECONDS = 30.0
_PROXY = "http://[USER:PASSWORD@]HOST[:PORT]"

APP = {
    "client_id": {"type": "str", "required": True},
    "key_file": {"type": "path"},
    "key": {"type": "str", "no_log": True},
    "installation_id": {"type": "int"},
}
#: By which GitHub is reached; the doc fragment ``_github`` describes them.
_TARGET: t.Dict[str, t.Any] = {
    "url": {"type": "str", "required": True},
    "token": {"type": "str", "no_log": True},
    "app": {"type": "dict", "options": APP, "mutually_exclusive": [("key", "key_file")], "required_one_of": [("key", "key_file")]},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "use_proxy": {"type": "bool", "default": True},
    "proxy": {"type": "str", "no_log": True},
    "timeout": {"type": "int", "default": 30},
    "max_wait": {"type": "int", "default": 300},
}
#: By which runners are known as ours; the doc fragment ``_github.ours`` describes them.
OURS: t.Dict[str, t.Any] = {"name_prefixes": {"type": "list", "elements": "str", "required": True}, "fleet": {"type": "str", "required": True}}


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def module_with(options: t.Mapping[str, t.Any]) -> AnsibleModule:
    """A module that asks GitHub, with ``options`` beside those by which it is reached."""
    one = [("token", "app")]
    return AnsibleModule(argument_spec={**_TARGET, **options}, supports_check_mode=True, mutually_exclusive=one, required_one_of=one)


def connect(module: AnsibleModule, access: str) -> Client:
    """A client as the options of the module say; ``access`` is read or write."""
    params = module.params
    target = parse_target(params["url"])
    for name in ("timeout", "max_wait"):
        if not 0 < params[name] <= 86400:
            raise InputError(f"{name}: got {params[name]}; allowed: 1 to 86400 seconds")
    if params["proxy"]:
        _take_proxy(params["proxy"], params["use_proxy"])
    exchange = Exchange(_transport(params), SystemClock(), params["max_wait"])
    return Client(target, _authority(module, target, exchange, access), exchange, access)


def quota_of(client: Client) -> t.Dict[str, t.Any]:
    """What was used of GitHub, for results."""
    meter = client.exchange.meter
    return {"requests": meter.requests, "waited": meter.waited, "limit": meter.limit, "remaining": meter.remaining, "reset": meter.reset}


def _authority(module: AnsibleModule, target: Target, exchange: Exchange, access: str) -> Authority:
    app, token = module.params["app"], module.params["token"]
    if not app and token is None:
        raise InputError("token: got nothing, and no app; allowed: one of both")
    if not app:
        return read_token(token, target)
    installation = app["installation_id"]
    if installation is not None and not 0 < installation < 2**63:
        raise InputError(f"app.installation_id: got {show(installation)}; allowed: a whole number from 1, or to leave it out")
    return AppAuthority(App(app["client_id"], _signer(module, app), installation), target, exchange, access)


def _signer(module: AnsibleModule, app: t.Mapping[str, t.Any]) -> Signer:
    path = app["key_file"]
    if not path and app["key"] is None:
        raise InputError("app.key: got nothing, and no app.key_file; allowed: one of both")
    text, where = (read_key(path), f"app.key_file: {path}") if path else (app["key"], "app.key")
    if path and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        module.warn(f"app.key_file: {path} can be read by others than its owner; give it the mode 0600")
    try:
        return cryptography_signer(text, where)
    except MissingLibraryError as error:
        if path:
            return openssl_signer(runner(module, _OPENSSL_SECONDS), path)
        library = missing_required_lib("cryptography")
        raise InputError(f"{library} With app.key_file in place of app.key the system's openssl will do.") from error


def _take_proxy(proxy: str, wanted: bool) -> None:
    """Ansible's HTTP finds a proxy in the environment alone; that of this process is no other's, and no process table shows it."""
    if not wanted:
        raise InputError("proxy: got one beside use_proxy=false; allowed: one of both")
    try:
        parts = urllib.parse.urlsplit(proxy)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        good = False
    # What it says may be a password.
    if not good or not proxy.isprintable() or " " in proxy or parts.query or parts.fragment:
        raise InputError(f"proxy: it is no address of a proxy; allowed: {_PROXY}")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ.pop(name, None)
    os.environ["https_proxy"] = proxy


def _context(ca_path: t.Optional[str], validate: bool) -> t.Any:
    if ca_path and not os.path.isfile(ca_path):
        raise InputError(f"ca_path: {ca_path} is no file")
    try:
        return urls.make_context(cafile=ca_path or None, validate_certs=validate)
    except (OSError, ValueError) as error:
        if not ca_path:
            raise
        cause = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        raise InputError(f"ca_path: {ca_path} cannot be used ({on_one_line(str(cause))}); allowed: a file with certificates in PEM form") from error


def _transport(params: t.Mapping[str, t.Any]) -> Transport:
    """HTTP with Ansible's proxies, certificates and time-outs; redirects are the core's business."""
    # One context for all requests: loading the certificates takes longer than a request.
    context = _context(params["ca_path"], params["validate_certs"])
    # A forgotten netrc would take the place of our credential.
    session = urls.Request(
        use_proxy=params["use_proxy"], timeout=params["timeout"], follow_redirects="none", use_netrc=False, context=context
    )

    def send(request: Request) -> Response:
        try:
            answer = session.open(request.method, request.url, data=request.body, headers=dict(request.headers))
        except urllib.error.HTTPError as error:
            answer = error
        except (OSError, http.client.HTTPException, urls.ConnectionError) as error:
            raise no_answer(request, error) from None
        return read_answer(request, answer)

    return send
