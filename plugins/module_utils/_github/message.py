# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""HTTP as the core sees it: a request, a response, and a function that turns one into the other."""

from __future__ import annotations

import dataclasses
import email.utils
import json
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError


@dataclasses.dataclass(frozen=True)
class Request:
    """What is sent; headers and body hold secrets and are never shown."""

    method: str
    url: str
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: t.Optional[bytes] = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Response:
    """What came back, whatever its status; header names in lower case."""

    status: int
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    body: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    @property
    def date(self) -> t.Optional[float]:
        """GitHub's own clock, in seconds since 1970."""
        try:
            return email.utils.parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def number(self, header: str) -> t.Optional[int]:
        """A header that is a whole number of at most ten digits."""
        text = self.headers.get(header, "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None

    @property
    def message(self) -> str:
        """What GitHub says about a failure; empty when it says nothing that can be read."""
        try:
            data = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        if not isinstance(data, dict):
            return ""
        said = data.get("message")
        return said if isinstance(said, str) else ""

    def json(self, what: str) -> t.Any:
        """The body; raises :class:`BadAnswerError` when it is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = self.headers.get("content-type", "no content type")
            raise BadAnswerError(f"{what}: the answer is no JSON ({kind}); is there a proxy or a login page between here and GitHub?") from error


class Transport(t.Protocol):
    """Sends one request and returns the response, whatever its status, without following redirects.

    Raises :class:`.errors.NoAnswerError` when there is none.
    """

    def __call__(self, request: Request) -> Response: ...


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return _origin(one) == _origin(other)


def _origin(url: str) -> t.Tuple[str, str, t.Optional[int]]:
    parts = urllib.parse.urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname or "", port or {"https": 443, "http": 80}.get(parts.scheme)
