# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A GitHub App: a signed assertion, its installation on the target, and tokens of an hour with just the permission needed."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import (
    Secret,
    app_permissions,
    needed_right,
    refuse_app_for_enterprise,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError, CredentialError, ForbiddenError, InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.explain import Situation, error_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.signing import Signer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target

#: Seconds that an assertion is valid, and by which its start lies back for clocks that differ. GitHub takes 600 in all.
_VALID, _BACK = 540, 60
#: Seconds before its end at which a token is no longer used.
_MARGIN = 300
#: Seconds by which the clock here may differ from GitHub's before its time is taken instead.
_SKEW = 30.0

JSON_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "action_packer.mac_runners",
}


@dataclasses.dataclass(frozen=True)
class App:
    """Who the App is; without ``installation`` the one on the target is looked up."""

    client_id: str
    sign: Signer = dataclasses.field(repr=False)
    installation: t.Optional[int] = None


def assertion(client_id: str, sign: Signer, now: float) -> Secret:
    """A JSON Web Token (RS256) that says who the App is."""
    claims = {"iat": int(now) - _BACK, "exp": int(now) + _VALID, "iss": client_id}
    signed = b".".join(_encoded(json.dumps(part).encode("ascii")) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return Secret((signed + b"." + _encoded(sign(signed))).decode("ascii"))


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class AppAuthority:
    """Tokens of an App's installation, renewed before they end. ``access`` is read or write.

    ``lenient``: where the clock here is wrong, GitHub's is taken; otherwise it is an error that names the difference.
    """

    kind = "GitHub App"

    def __init__(self, app: App, target: Target, exchange: Exchange, access: str = "write", lenient: bool = False) -> None:
        refuse_app_for_enterprise(target)
        if not app.client_id.isascii() or not app.client_id.replace(".", "").isalnum():
            raise InputError(f"{target.url}: app.client_id: got {show(app.client_id)}; allowed: the client id of the App, such as Iv23liABCDEFGHIJKLMN")
        self._app, self._target, self._exchange, self._access = app, target, exchange, access
        self._installation = app.installation
        self._token: t.Optional[Secret] = None
        self._until = 0.0
        self._behind, self._lenient = 0.0, lenient

    def token(self) -> Secret:
        """A token that is good for five minutes at least."""
        if self._token is None or self._now() > self._until - _MARGIN:
            self._token, self._until = self._new_token()
        return self._token

    def renew(self) -> bool:
        """Drop the token; the next one is new."""
        had = self._token is not None
        self._token = None
        return had

    def _new_token(self) -> t.Tuple[Secret, float]:
        path = f"/app/installations/{self._find_installation()}/access_tokens"
        wanted: t.Dict[str, t.Any] = {"permissions": app_permissions(self._target, self._access)}
        if self._target.repository:
            wanted["repositories"] = [self._target.repository]
        what = "get a token for the App"
        response = self._ask("POST", path, what, wanted, (404, 422))
        if response.status == 422:
            raise ForbiddenError(
                f"{self._target.url}: {what}: GitHub answered 422 ({show(response.message)}); "
                f"the App needs {needed_right(self._target, self.kind, self._access)}, granted and accepted for this installation"
            )
        if response.status == 404:
            raise CredentialError(f"{self._target.url}: app.installation_id: the App has no installation {self._installation}")
        return _token_of(response, f"{self._target.url}: {what}")

    def _find_installation(self) -> int:
        if self._installation is None:
            what = "find the installation of the App"
            response = self._ask("GET", f"{self._target.path}/installation", what, accept=(404,))
            if response.status == 404:
                raise CredentialError(f"{self._target.url}: {what}: the App is not installed there, or there is no such {self._target.kind}")
            found = response.json(f"{self._target.url}: {what}")
            number = found.get("id") if isinstance(found, dict) else None
            if not isinstance(number, int):
                raise BadAnswerError(f"{self._target.url}: {what}: the answer has no id")
            self._installation = number
        return self._installation

    def _now(self) -> float:
        """The time as GitHub has it, as far as it is known."""
        return self._exchange.clock.now() + self._behind

    def _ask(self, method: str, path: str, what: str, body: t.Any = None, accept: t.Container[int] = ()) -> Response:
        signed, response = self._send(method, path, body)
        if response.status == 401 and self._lenient and self._learns_time(response):
            signed, response = self._send(method, path, body)
        if response.ok or response.status in accept:
            return response
        asked = f"{what}, as {show(self._app.client_id)}"
        raise error_of(Situation(self._target, self.kind, self._access, asked, self._exchange.clock.now()), response, signed)

    def _learns_time(self, response: Response) -> bool:
        """Whether GitHub's own time tells why it refused an assertion: a clock here that is wrong."""
        ahead = self._now() - response.date if response.date is not None else 0.0
        if abs(ahead) > _SKEW:
            self._behind -= ahead
        return abs(ahead) > _SKEW

    def _send(self, method: str, path: str, body: t.Any) -> t.Tuple[Secret, Response]:
        signed = assertion(self._app.client_id, self._app.sign, self._now())
        headers = {**JSON_HEADERS, "Authorization": f"Bearer {signed.reveal()}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode("utf-8")
        # A token that nobody got is worth nothing to anybody, so asking twice is safe.
        return signed, self._exchange.send(Request(method, self._target.api + path, headers, data), repeatable=True)


def _token_of(response: Response, what: str) -> t.Tuple[Secret, float]:
    answer = response.json(what)
    try:
        ends = datetime.datetime.strptime(answer["expires_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        token = answer["token"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError(f"{what}: the answer has no token with an end") from error
    if not isinstance(token, str) or not token:
        raise BadAnswerError(f"{what}: the answer has no token")
    return Secret(token), ends.timestamp()
