# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From a refusal of GitHub to one clear error."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import on_one_line
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Secret, needed_right
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import (
    BadAnswerError,
    ConflictError,
    CredentialError,
    ForbiddenError,
    GithubError,
    NotFoundError,
    RefusedError,
    ServerError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Response
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target

#: Seconds that two clocks may differ before a message says so.
_SKEW = 60.0


class Situation(t.NamedTuple):
    """Who asked what: the target, the kind of credential, the access it needs, what was asked in words, this clock's time."""

    target: Target
    credential: str
    access: str
    what: str
    now: float


def error_of(situation: Situation, response: Response, shown: Secret) -> GithubError:
    """The error for a response that is no success; ``shown``, the credential that was sent, is not in it even when the answer echoes it."""
    response = dataclasses.replace(response, body=response.body.replace(shown.reveal().encode("utf-8"), b"<secret>"))
    start = f"{situation.target.url}: {situation.what}: GitHub answered {response.status}{_said(response)}"
    kind, hint = _hint(situation, response)
    return kind(f"{start}; {hint}" if hint else start)


def _said(response: Response) -> str:
    message = on_one_line(" ".join(response.message.split()))
    details = "; ".join(_details(response))
    said = ": ".join(text for text in (message, details) if text)
    return f" ({said})" if said else ""


def _details(response: Response) -> t.Iterator[str]:
    """The single mistakes that a 422 names."""
    try:
        errors = json.loads(response.body).get("errors")
    except (ValueError, AttributeError, RecursionError):
        return
    for error in errors[:5] if isinstance(errors, list) else []:
        if isinstance(error, str):
            yield on_one_line(error)
        elif isinstance(error, dict):
            yield on_one_line(" ".join(str(error[key]) for key in ("field", "code", "message") if error.get(key)))


def _hint(situation: Situation, response: Response) -> t.Tuple[t.Type[GithubError], str]:
    if response.status == 401:
        return CredentialError, f"the {situation.credential} is wrong, expired or revoked{_skew(situation, response)}"
    if response.status == 403:
        return ForbiddenError, _forbidden(situation, response)
    if response.status == 404:
        right = needed_right(situation.target, situation.credential, situation.access)
        return NotFoundError, f"either it does not exist (is the url right?) or the {situation.credential} may not see it: it needs {right}"
    if response.status in (409, 422):
        return (ConflictError if response.status == 409 else RefusedError), ""
    if response.status >= 500:
        return ServerError, "this is GitHub's failure; try again later"
    return BadAnswerError, "is the url that of GitHub, and the server not older than this collection supports?"


def _forbidden(situation: Situation, response: Response) -> str:
    if response.headers.get("x-github-sso", "").startswith("required"):
        return "the organisation wants single sign-on: authorise the token for it in its settings at GitHub"
    hint = f"the {situation.credential} needs {needed_right(situation.target, situation.credential, situation.access)}"
    wanted = response.headers.get("x-accepted-github-permissions") or response.headers.get("x-accepted-oauth-scopes")
    has = response.headers.get("x-oauth-scopes")
    if wanted:
        hint += f"; GitHub wants {on_one_line(wanted)}"
    if has is not None:
        hint += f"; the token has {on_one_line(has) or 'no scope'}"
    return hint


def _skew(situation: Situation, response: Response) -> str:
    if response.date is None or abs(situation.now - response.date) <= _SKEW:
        return ""
    ahead = situation.now - response.date
    return f"; this clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} GitHub's: set it right"
