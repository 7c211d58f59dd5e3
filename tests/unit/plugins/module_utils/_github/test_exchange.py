# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pace, repetition, limits and redirects, with scripted answers and a clock of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fakes import TOKEN, client_of, said  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import errors  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.limits import Bucket, is_rate_limit, pause_for  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import list_runners, registration_token  # noqa: E402

EMPTY = {"total_count": 0, "runners": []}
LOST = errors.NoAnswerError("lost")


def slept(client):
    return client.exchange.clock.slept


def test_what_is_sent():
    client = client_of(said(body=EMPTY))
    assert list_runners(client) == []
    (request,) = client.script.requests
    assert (request.method, request.url) == ("GET", "https://api.github.com/orgs/acme/actions/runners?per_page=100&page=1")
    assert request.headers == {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "action_packer.mac_runners",
        "Authorization": f"Bearer {TOKEN}",
    }


@pytest.mark.parametrize("answers", [[LOST, said(502), said(503)], [said(500), LOST, LOST]])
def test_reading_is_repeated_with_growing_pauses(answers):
    client = client_of(*answers, said(body=EMPTY))
    assert list_runners(client) == []
    assert [low <= pause <= 3 * low for low, pause in zip((0.5, 1.0, 2.0), slept(client))] == [True, True, True]


def test_reading_is_not_repeated_for_ever():
    with pytest.raises(errors.NoAnswerError, match="lost"):
        list_runners(client_of(LOST, LOST, LOST, LOST, said(body=EMPTY)))


def test_what_changes_something_is_sent_once():
    for answer, kind in [(LOST, errors.NoAnswerError), (said(502), errors.ServerError)]:
        client = client_of(answer, said(201, {}))
        with pytest.raises(kind):
            client.call("POST", "/x", "do")
        assert len(client.script.requests) == 1


def test_what_was_surely_not_sent_is_sent_again():
    client = client_of(errors.NoAnswerError("refused", sent=False), said(201, {}))
    assert client.call("POST", "/x", "do").status == 201


def test_what_cannot_become_better_is_not_tried_again():
    client = client_of(errors.NoAnswerError("certificate", sent=False, lasting=True))
    with pytest.raises(errors.NoAnswerError, match="certificate"):
        list_runners(client)


LIMITS = [
    (said(429), True),
    (said(403, {"message": "no"}), False),
    (said(403, {"message": "You have exceeded a secondary rate limit"}), True),
    (said(403, {}, retry_after=3), True),
    (said(403, {}, x_ratelimit_remaining=0), True),
    (said(403, {}, x_ratelimit_remaining=1), False),
    (said(200, {}, x_ratelimit_remaining=0), False),
    (said(403, ["no", "mapping"]), False),
    (said(500, {}, retry_after=3), False),
]


@pytest.mark.parametrize(("response", "limit"), LIMITS)
def test_what_is_a_limit(response, limit):
    assert is_rate_limit(response) is limit


PAUSES = [
    (said(429, {}, retry_after=7, x_ratelimit_remaining=0, x_ratelimit_reset=2000), 0, 7.0),
    (said(403, {}, x_ratelimit_remaining=0, x_ratelimit_reset=1100), 0, 101.0),
    (said(403, {}, x_ratelimit_remaining=0, x_ratelimit_reset=900), 0, 1.0),
    (said(403, {}, x_ratelimit_remaining=0, x_ratelimit_reset=1100, date="Thu, 01 Jan 1970 00:18:00 GMT"), 0, 21.0),
    (said(403, {}, x_ratelimit_remaining=5, x_ratelimit_reset=1100), 0, 60.0),
    (said(429), 2, 240.0),
    (said(429, {}, retry_after="soon"), 1, 120.0),
    (said(429, {}, retry_after="99999999999999"), 0, 60.0),
]


@pytest.mark.parametrize(("response", "attempt", "pause"), PAUSES)
def test_how_long_to_wait(response, attempt, pause):
    assert pause_for(response, attempt, 1000.0) == pause


def test_after_a_limit_even_a_change_is_sent_again_since_nothing_was_done():
    client = client_of(said(403, {}, retry_after=5), said(201, {}))
    assert client.call("POST", "/x", "do").status == 201 and slept(client) == [5.0] and client.exchange.meter.waited == 5.0


def test_limits_are_waited_for_up_to_max_wait_in_all():
    client = client_of(said(429, {}, retry_after=60), said(429, {}, retry_after=60), max_wait=100)
    with pytest.raises(errors.RateLimitError, match=r"asks for 60 s, 60 s were waited, max_wait is 100"):
        list_runners(client)
    assert slept(client) == [60.0]


def test_a_limit_that_never_ends_ends():
    with pytest.raises(errors.RateLimitError):
        list_runners(client_of(*[said(429, {}, retry_after=1)] * 6))


def test_points_refill_and_a_clock_that_is_set_back_gives_none():
    client = client_of()
    clock = client.exchange.clock
    bucket = Bucket(clock)
    for _change in range(30):
        bucket.take(5)
    assert clock.slept == []
    bucket.take(5)
    assert clock.slept == pytest.approx([0.4])
    clock.at -= 1000
    bucket.take(5)
    assert clock.slept == pytest.approx([0.4, 0.4])
    clock.at += 1000
    for _change in range(30):
        bucket.take(5)
    assert len(clock.slept) == 2


PLACES = ["https://evil.test/x", "http://api.github.com/x", "//evil.test/x", "https://api.github.com.evil.test/", "https://api.github.com@evil.test/"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_elsewhere_is_refused(place, status):
    client = client_of(said(status, {}, location=place))
    with pytest.raises(errors.ForbiddenError, match="the credential is not sent to another host"):
        list_runners(client)
    assert len(client.script.requests) == 1


def test_a_redirect_at_home_is_followed_and_keeps_the_method():
    client = client_of(said(308, {}, location="/repositories/7/x"), said(201, {"token": "t", "expires_at": "soon"}))
    registration_token(client)
    assert [(one.method, one.url) for one in client.script.requests][1] == ("POST", "https://api.github.com/repositories/7/x")


def test_a_tag_is_sent_back_and_its_answer_remembered():
    body = {"total_count": 1, "runners": [{"id": 1, "name": "a", "os": "macos", "status": "online", "busy": False, "labels": []}]}
    client = client_of(said(body=body, etag='"1"'), said(304), said(body=EMPTY, etag='"2"'), said(304))
    assert [len(list_runners(client)) for _time in range(4)] == [1, 1, 0, 0]
    assert [one.headers.get("If-None-Match") for one in client.script.requests] == [None, '"1"', '"1"', '"2"']


def test_the_quota_is_read():
    client = client_of(said(body=EMPTY, x_ratelimit_limit=5000, x_ratelimit_remaining=499, x_ratelimit_reset=7), said(body=EMPTY))
    list_runners(client)
    meter = client.exchange.meter
    assert (meter.low, meter.limit, meter.remaining, meter.reset) == (True, 5000, 499, 7)
    # A server without limits says nothing.
    list_runners(client)
    assert not meter.low and meter.requests == 2


NO_LISTS = [None, [], {"runners": {}}, {"runners": ["x"]}, {"runners": [{"id": 1}]}, {"runners": [{"id": 1, "name": "a", "status": "?"}]}]


@pytest.mark.parametrize("body", NO_LISTS)
def test_what_is_no_list_of_runners(body):
    with pytest.raises(errors.BadAnswerError, match="https://github.com/acme: list the runners"):
        list_runners(client_of(said(body=body)))


def test_pages_end_although_the_list_changes_meanwhile():
    def page(first, number, total):
        entry = {"os": "macos", "status": "online", "busy": False, "labels": []}
        return said(body={"total_count": total, "runners": [{**entry, "id": n, "name": f"r{n}"} for n in range(first, first + number)]})

    client = client_of(page(1, 100, 241), page(91, 100, 241), page(191, 51, 241))
    assert [runner.id for runner in list_runners(client)] == list(range(1, 242))
    # A total that is missing, as it may be for an enterprise.
    client = client_of(said(body={"runners": []}))
    assert list_runners(client) == []
