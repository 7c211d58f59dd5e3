# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GitHub's own description of its API, and whether an exchange keeps to it."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t
import urllib.parse

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.testing import MockRequest, MockResponse

from .server import Exchange

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "openapi" / "github.json"
#: Exchanges that the document does not know: newer than it, and what config.sh of the runner asks.
OUTSIDE = (
    re.compile(r"GET /(orgs/[^/]+|repos/[^/]+/[^/]+)/actions/runners/deprecations/[^/]+"),
    re.compile(r"POST /actions/runner-registration"),
    re.compile(r"POST /actions/runners/register"),
)
#: GitHub gives these answers to any request, documented or not.
ANYWHERE = frozenset((304, 400, 401, 403, 404, 422, 429, 500, 502, 503, 504))
MOST_A_PAGE = 100


class Judge:
    """Says what is wrong with an exchange."""

    def __init__(self) -> None:
        self._raw = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        self._api = OpenAPI.from_dict(self._raw, config=Config(spec_validator_cls=None))
        self._patterns = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + r"\Z"), path) for path in self._raw["paths"]]

    def breaches(self, exchange: Exchange) -> list[str]:
        """One text for each thing that is wrong; empty for a good exchange."""
        name = f"{exchange.method} {exchange.path}"
        if any(pattern.fullmatch(name) for pattern in OUTSIDE):
            return []
        found = [f"{name}: {what}" for what in self._asked_wrongly(exchange)]
        request = self._request(exchange)
        try:
            self._api.validate_request(request)
        except (OpenAPIError, ValueError) as error:
            found.append(f"{name}: request: {_text(error)}")
        if exchange.status is not None and exchange.true:
            found += [f"{name}: answer {exchange.status}: {what}" for what in self._answered_wrongly(request, exchange)]
        return found

    def _asked_wrongly(self, exchange: Exchange) -> t.Iterator[str]:
        """What a validator of schemas does not look at."""
        query = dict(urllib.parse.parse_qsl(exchange.query, keep_blank_values=True))
        for name in sorted(query.keys() - self._query_names(exchange)):
            yield f"the query {name} is unknown"
        if query.get("per_page", "1").isdigit() and int(query.get("per_page", "1")) > MOST_A_PAGE:
            yield f"per_page is {query['per_page']}"
        for header in ("authorization", "user-agent", "accept", "x-github-api-version"):
            if not exchange.request_headers.get(header):
                yield f"the header {header} is missing"

    def _query_names(self, exchange: Exchange) -> set[str]:
        """Of the most specific path that fits."""
        fitting = [path for pattern, path in self._patterns if pattern.match(exchange.path)]
        if not fitting:
            return set()
        item = self._raw["paths"][min(fitting, key=lambda path: path.count("{"))]
        parameters = item.get("parameters", []) + item.get(exchange.method.lower(), {}).get("parameters", [])
        resolved = [self._raw["components"]["parameters"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in parameters]
        return {one["name"] for one in resolved if one["in"] == "query"}

    def _answered_wrongly(self, request: MockRequest, exchange: Exchange) -> t.Iterator[str]:
        kind = exchange.headers.get("Content-Type", "application/json")
        response = MockResponse(exchange.body, exchange.status or 0, dict(exchange.headers), kind)
        try:
            self._api.validate_response(request, response)
        except ResponseNotFound:
            if exchange.status not in ANYWHERE:
                yield "not documented"
        except (OpenAPIError, ValueError) as error:
            yield _text(error)

    def _request(self, exchange: Exchange) -> MockRequest:
        return MockRequest(
            "http://localhost",
            exchange.method.lower(),
            exchange.path,
            args=dict(urllib.parse.parse_qsl(exchange.query)),
            headers=dict(exchange.request_headers),
            data=exchange.request_body or None,
            content_type=exchange.request_headers.get("content-type", "application/json"),
        )


def _text(error: BaseException) -> str:
    """The single mistakes where there are some, since the whole value is long."""
    details = [f"{'/'.join(map(str, one.path))}: {one.message[:200]}" for one in getattr(error.__cause__, "schema_errors", [])]
    return "; ".join(details) or f"{error} {error.__cause__ or ''}"[:600]
