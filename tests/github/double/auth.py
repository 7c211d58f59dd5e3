# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks, and whether they may."""

from __future__ import annotations

import base64
import json
import typing as t

from . import canary
from .state import App, Json, Refusal, Scope, Token, World

PERMISSIONS = {"orgs": "organization_self_hosted_runners", "repos": "administration", "enterprises": ""}
SCOPES = {"orgs": "admin:org", "repos": "repo", "enterprises": "manage_runners:enterprise"}
NAMES = {"installation": "integration", "fine": "personal access token", "user": "integration"}


def bearer(headers: t.Mapping[str, str]) -> str:
    scheme, _blank, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not text:
        raise Refusal(401, "Requires authentication")
    return text


def token_of(world: World, headers: t.Mapping[str, str]) -> Token:
    token = world.tokens.get(bearer(headers))
    if token is None or token.revoked or token.expires <= world.now():
        raise Refusal(401, "Bad credentials")
    return token


def permit(world: World, scope: Scope, method: str, headers: t.Mapping[str, str]) -> None:
    """Refuses as GitHub does: 404 for what must not even be seen, 403 for what must not be done."""
    token = token_of(world, headers)
    wanted = "read" if method == "GET" else "write"
    right = token.grants.get("*") or token.grants.get(scope.path)
    if token.sso:
        raise Refusal(403, "Resource protected by organization SAML enforcement.", {"x-github-sso": "required; url=https://github.com/orgs/acme/sso"})
    if right is None:
        raise Refusal(404, "Not Found")
    if (scope.kind == "enterprises" and token.kind != "classic") or right == "none" or (right == "read" and wanted == "write"):
        hints = {"x-accepted-github-permissions": f"{PERMISSIONS[scope.kind]}={wanted}"}
        if token.scopes is not None:
            hints = {"x-oauth-scopes": token.scopes, "x-accepted-oauth-scopes": SCOPES[scope.kind]}
        raise Refusal(403, f"Resource not accessible by {NAMES.get(token.kind, 'this token')}", hints)


def app_of(world: World, headers: t.Mapping[str, str]) -> App:
    """The App that signed the assertion; its times are judged by this clock."""
    assertion = bearer(headers)
    header, claims, signed, signature = _decoded(assertion)
    canary.remember("assertion of an App", assertion.rpartition(".")[2])
    app = world.apps.get(str(claims.get("iss")))
    if app is None or header.get("alg") != "RS256" or not _is_signed_by(app, signed, signature):
        raise Refusal(401, "A JSON web token could not be decoded")
    now, issued, ends = world.now(), claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now:
        raise Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    if not isinstance(ends, int) or ends <= now:
        raise Refusal(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
    if ends > now + 600 or ends > issued + 600:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def _decoded(text: str) -> tuple[Json, Json, bytes, bytes]:
    try:
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split("."))
        return json.loads(header), json.loads(claims), text.rpartition(".")[0].encode(), signature
    except ValueError:
        raise Refusal(401, "A JSON web token could not be decoded") from None


def _is_signed_by(app: App, signed: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        app.public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def installation_token(world: World, app: App, wanted: Json) -> Token:
    """A token of an hour, with no more than was asked for and granted."""
    if app.suspended:
        raise Refusal(403, "This installation has been suspended")
    permissions = wanted.get("permissions") or app.permissions
    order = ("read", "write")
    for name, level in permissions.items():
        if name not in app.permissions or order.index(level) > order.index(app.permissions[name]):
            raise Refusal(422, "The permissions requested are not granted to this installation.", errors=[])
    right = permissions.get(PERMISSIONS[app.path.split("/")[1]])
    token = Token(world.secret("ghs_1234_"), "installation", {app.path: right or "none"}, expires=world.now() + 3600)
    world.tokens[token.text] = token
    return token
