# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""One request to GitHub, carried through: paced, repeated where that is safe, never sent to another host."""

from __future__ import annotations

import dataclasses
import random
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import (
    ForbiddenError,
    NoAnswerError,
    RateLimitError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Request, Response, Transport, same_origin
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.limits import (
    READ_POINTS,
    WRITE_POINTS,
    Bucket,
    Clock,
    is_low,
    is_rate_limit,
    pause_for,
)

#: How often one request is sent at most when no answer or a 5xx comes.
MOST_TRIES = 4
#: How often GitHub's "too much" is obeyed for one request.
MOST_PAUSES = 5
MOST_REDIRECTS = 3
#: Methods that can be sent twice without doing anything twice.
_REPEATABLE = frozenset(("GET", "DELETE", "PUT"))
_REDIRECTS = frozenset((301, 302, 307, 308))


@dataclasses.dataclass
class Meter:
    """What was used: requests sent, seconds waited because GitHub asked for it, and whether the quota runs low."""

    requests: int = 0
    waited: float = 0.0
    low: bool = False
    limit: t.Optional[int] = None
    remaining: t.Optional[int] = None
    reset: t.Optional[int] = None
    date: t.Optional[float] = None


class Exchange:
    """Sends requests over a transport. ``max_wait``: seconds that GitHub may make us wait in all."""

    def __init__(self, transport: Transport, clock: Clock, max_wait: float) -> None:
        self._transport = transport
        self.clock = clock
        self._max_wait = max_wait
        self._bucket = Bucket(clock)
        self._remembered: t.Dict[str, t.Tuple[str, Response]] = {}
        self.meter = Meter()

    def send(self, request: Request, repeatable: bool = False) -> Response:
        """The answer, whatever its status; ``repeatable`` says that a POST leaves nothing behind when it is sent twice.

        Raises :class:`NoAnswerError`, :class:`RateLimitError`, and :class:`ForbiddenError` for a redirect to another host.
        """
        asked = self._conditional(request)
        response = self._follow(asked, repeatable or request.method in _REPEATABLE)
        return self._recall(request, response)

    def _conditional(self, request: Request) -> Request:
        known = self._remembered.get(request.url) if request.method == "GET" else None
        return dataclasses.replace(request, headers={**request.headers, "If-None-Match": known[0]}) if known else request

    def _recall(self, request: Request, response: Response) -> Response:
        """An answer that did not change costs no quota; it is taken from memory."""
        if request.method != "GET":
            return response
        if response.status == 304 and request.url in self._remembered:
            return self._remembered[request.url][1]
        tag = response.headers.get("etag")
        if response.status == 200 and tag:
            self._remembered[request.url] = (tag, response)
        return response

    def _follow(self, request: Request, repeatable: bool) -> Response:
        for _hop in range(MOST_REDIRECTS + 1):
            response = self._obey_limits(request, repeatable)
            if response.status not in _REDIRECTS:
                return response
            request = dataclasses.replace(request, url=self._location(request, response))
        raise ForbiddenError(f"{request.method} {request.url}: redirected more than {MOST_REDIRECTS} times")

    def _location(self, request: Request, response: Response) -> str:
        url = urllib.parse.urljoin(request.url, response.headers.get("location", ""))
        if not same_origin(request.url, url):
            host = urllib.parse.urlsplit(url).hostname or "nowhere"
            raise ForbiddenError(f"{request.method} {request.url}: redirected to {host}; the credential is not sent to another host")
        if request.method != "GET" and response.status in (301, 302):
            raise ForbiddenError(f"{request.method} {request.url}: it has moved, perhaps renamed; give its present name as url")
        return url

    def _obey_limits(self, request: Request, repeatable: bool) -> Response:
        for attempt in range(MOST_PAUSES + 1):
            response = self._try(request, repeatable)
            if not is_rate_limit(response):
                return response
            pause = pause_for(response, attempt, self.clock.now())
            if attempt == MOST_PAUSES or self.meter.waited + pause > self._max_wait:
                said = response.message or "no reason given"
                raise RateLimitError(
                    f"{request.method} {request.url}: GitHub's rate limit is reached ({response.status}: {said}); it asks for {pause:.0f} s, "
                    f"{self.meter.waited:.0f} s were waited, max_wait is {self._max_wait:.0f}",
                    pause,
                )
            self._wait(pause)
        raise AssertionError("the last round returns or raises")

    def _wait(self, seconds: float) -> None:
        self.meter.waited += seconds
        self.clock.sleep(seconds)

    def _try(self, request: Request, repeatable: bool) -> Response:
        """Send until there is an answer below 500, where sending again is safe."""
        for attempt in range(MOST_TRIES):
            last = attempt == MOST_TRIES - 1
            try:
                response = self._once(request)
            except NoAnswerError as error:
                if last or error.lasting or (error.sent and not repeatable):
                    raise
            else:
                if response.status < 500 or last or not repeatable:
                    return response
            # Many Macs that lost GitHub at the same time must not come back at the same time.
            self.clock.sleep(2.0**attempt * (0.5 + random.random()))
        raise AssertionError("the last round returns or raises")

    def _once(self, request: Request) -> Response:
        self._bucket.take(READ_POINTS if request.method == "GET" else WRITE_POINTS)
        self.meter.requests += 1
        response = self._transport(request)
        for name in ("limit", "remaining", "reset"):
            value = response.number(f"x-ratelimit-{name}")
            if value is not None:
                setattr(self.meter, name, value)
        self.meter.low = is_low(response)
        self.meter.date = response.date or self.meter.date
        return response
