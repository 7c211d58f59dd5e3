# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What we show GitHub: a token, or a GitHub App that gets one. No secret is ever in a text that is shown."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import CredentialError, InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target

#: Prefix -> kind. Lengths are not looked at: GitHub changes them.
_PREFIXES = (
    ("github_pat_", "fine-grained token"),
    ("ghp_", "classic token"),
    ("gho_", "OAuth token"),
    ("ghu_", "App user token"),
    ("ghs_", "App installation token"),
)
_CLASSIC = ("classic token", "OAuth token")
_NEVER_FOR_ENTERPRISES = ("fine-grained token", "App user token", "App installation token")
#: What config.sh takes; 29 characters of base 32.
_REGISTRATION_TOKEN = re.compile(r"[A-Z2-7]{29}\Z")
_SCOPES = {"repository": "repo", "organisation": "admin:org", "enterprise": "manage_runners:enterprise"}
_APP_PERMISSIONS = {"repository": "administration", "organisation": "organization_self_hosted_runners"}
_FINE_GRAINED = {
    "repository": "the repository permission Administration",
    "organisation": "the organisation permission Self-hosted runners",
}


class Secret:
    """A text that is not shown by accident."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for a header or a file."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


class Authority(t.Protocol):
    """Where the credential of each request comes from."""

    @property
    def kind(self) -> str:
        """What it is, in words."""

    def token(self) -> Secret:
        """The token for the next request."""

    def renew(self) -> bool:
        """After a 401: whether the next token is another one."""


class TokenAuthority:
    """A token that was given."""

    def __init__(self, token: Secret, kind: str) -> None:
        self._token = token
        self.kind = kind

    def token(self) -> Secret:
        """The token."""
        return self._token

    def renew(self) -> bool:
        """There is no other."""
        return False


def read_token(text: str, target: Target) -> TokenAuthority:
    """Take a token for a target; raises :class:`CredentialError` for a kind that cannot work there."""
    token = text.strip()
    if not token:
        raise CredentialError(f"{target.url}: token: it is empty")
    if "PRIVATE KEY" in token:
        raise CredentialError(f"{target.url}: token: this is a private key; give it as app.key or app.key_file")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialError(f"{target.url}: token: it has blanks, line breaks or other characters that no token has")
    if _REGISTRATION_TOKEN.match(token):
        raise CredentialError(f"{target.url}: token: this looks like a registration token, which only config.sh of a runner takes")
    if token.startswith("ghr_"):
        raise CredentialError(f"{target.url}: token: this is a refresh token, with which nothing can be asked")
    kind = next((kind for prefix, kind in _PREFIXES if token.startswith(prefix)), "token")
    if target.kind == "enterprise" and kind in _NEVER_FOR_ENTERPRISES:
        raise CredentialError(f"{target.url}: token: a {kind} cannot manage the runners of an enterprise; {_enterprise_needs()}")
    return TokenAuthority(Secret(token), kind)


def refuse_app_for_enterprise(target: Target) -> None:
    """GitHub Apps have no permission for the runners of an enterprise."""
    if target.kind == "enterprise":
        raise InputError(f"{target.url}: app: GitHub has no permission by which an App could manage the runners of an enterprise; {_enterprise_needs()}")


def _enterprise_needs() -> str:
    return "give a classic token with the scope manage_runners:enterprise, or use an organisation as target"


def app_permissions(target: Target, access: str) -> t.Dict[str, str]:
    """The one permission that an App needs for a target; ``access`` is read or write."""
    return {_APP_PERMISSIONS[target.kind]: access}


def needed_right(target: Target, kind: str, access: str) -> str:
    """What a credential of this kind needs for a target, in words."""
    scope = f"the scope {_SCOPES[target.kind]}"
    if kind in _CLASSIC or target.kind == "enterprise":
        return scope
    if kind == "fine-grained token":
        return f"{_FINE_GRAINED[target.kind]}: {access}"
    if kind.startswith(("App", "GitHub App")):
        return f"the permission {_APP_PERMISSIONS[target.kind]}: {access}"
    return f"{scope} (classic token), {_FINE_GRAINED[target.kind]}: {access} (fine-grained) or {_APP_PERMISSIONS[target.kind]}: {access} (App)"
