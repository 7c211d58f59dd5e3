# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The client: requests about one target with one credential, answers or one clear error."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.app import JSON_HEADERS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Authority
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.explain import Situation, error_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target

#: The most that GitHub gives in one page.
PAGE = 100
#: No scope has more runners; a server that never ends its list is not followed for ever.
_MOST_PAGES = 1000
#: How often a list is read that comes with fewer entries than GitHub says there are, and the seconds between.
_MOST_READS, _BETWEEN = 4, 1.0

Json = t.Dict[str, t.Any]


class Client:
    """``access`` (read or write) is what the credential needs, for messages."""

    def __init__(self, target: Target, authority: Authority, exchange: Exchange, access: str = "write") -> None:
        self.target = target
        self.exchange = exchange
        self._authority = authority
        self._access = access

    def call(
        self, method: str, path: str, what: str, body: t.Optional[Json] = None, repeatable: bool = False, accept: t.Container[int] = ()
    ) -> Response:
        """Ask for ``path`` below the target; a status of ``accept`` is returned, any other failure raised.

        ``what`` names the request in messages; ``repeatable`` is for a POST that may be sent twice.
        """
        response = self._send(method, path, body, repeatable)
        if response.status == 401 and self._authority.renew():
            response = self._send(method, path, body, repeatable)
        if response.ok or response.status in accept:
            return response
        situation = Situation(self.target, self._authority.kind, self._access, what, self.exchange.clock.now())
        raise error_of(situation, response, self._authority.token())

    def get(self, path: str, what: str, **query: t.Any) -> t.Any:
        """The answer to a question, as JSON."""
        asked = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        return self.call("GET", asked, what).json(f"{self.target.url}: {what}")

    def some_of(self, path: str, field: str, what: str, **query: t.Any) -> t.List[Json]:
        """The first page of a list, for questions that have few answers."""
        return self._page(path, field, what, {**query, "per_page": PAGE, "page": 1})[0]

    def all_of(self, path: str, field: str, what: str, **query: t.Any) -> t.List[Json]:
        """Every entry of a list, page after page; raises :class:`BadAnswerError` when some are kept back.

        While entries vanish, those behind them move up, and one can slip from a page that is still to come to one that was read.
        So what was found in all reads together has to be as much as GitHub said during the last one.
        """
        found: t.Dict[t.Any, Json] = {}
        most = 0
        for attempt in range(_MOST_READS):
            if attempt:
                self.exchange.clock.sleep(_BETWEEN * attempt)
            most = self._read(path, field, what, query, found)
            if len(found) >= most:
                return list(found.values())
        raise BadAnswerError(
            f"{self.target.url}: {what}: GitHub says that there are {most}, and lists {len(found)} in {_MOST_READS} attempts; try again later"
        )

    def _read(self, path: str, field: str, what: str, query: Json, found: t.Dict[t.Any, Json]) -> int:
        """Add each entry to ``found``, once; the most that GitHub said there are.

        Pages are asked for by number. A link to the next page that an answer gives is never followed: behind some proxies
        it leads to another host.
        """
        most = 0
        for page in range(1, _MOST_PAGES + 1):
            entries, total = self._page(path, field, what, {**query, "per_page": PAGE, "page": page})
            found.update((entry.get("id"), entry) for entry in entries)
            most = max(most, total or 0)
            if len(entries) < PAGE or (total is not None and page * PAGE >= total):
                return most
        raise BadAnswerError(f"{self.target.url}: {what}: the list does not end after {_MOST_PAGES} pages")

    def _page(self, path: str, field: str, what: str, query: Json) -> t.Tuple[t.List[Json], t.Optional[int]]:
        answer = self.get(path, what, **query)
        entries = answer.get(field) if isinstance(answer, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise BadAnswerError(f"{self.target.url}: {what}: the answer has no list {field}; is the url that of GitHub?")
        total = answer.get("total_count")
        return entries, total if isinstance(total, int) else None

    def _send(self, method: str, path: str, body: t.Optional[Json], repeatable: bool) -> Response:
        headers = {**JSON_HEADERS, "Authorization": f"Bearer {self._authority.token().reveal()}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode("utf-8")
        url = f"{self.target.api}{self.target.path}{path}"
        return self.exchange.send(Request(method, url, headers, data), repeatable)
