# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of the runner and the seconds from which GitHub does not take them, whatever the time zone here."""

from __future__ import annotations

import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import (
    End,
    Verdict,
    first_end,
    iso,
    parse_time,
    parse_version,
    verdict_of,
)

NOW = 1_790_000_000.0
DAY = 86400
TODAY = "2026-09-21T14:13:20Z"


@pytest.fixture(autouse=True)
def far_away(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setenv("TZ", "XYZ-9:30")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("registration", "runtime", "verdict", "message"),
    [
        (None, None, "good", "GitHub takes the runner 2.337.0 and names no end"),
        (NOW, None, "refused", "the runner 2.337.0 cannot register since 2026-09-21T14:13:20Z; pin a newer version"),
        (NOW + 1, None, "ends", "the runner 2.337.0 cannot register from 2026-09-21T14:13:21Z on, in 0.0 days; pin a newer version before"),
        (None, NOW - 1, "refused", "the runner 2.337.0 gets no jobs since 2026-09-21T14:13:19Z; pin a newer version"),
        (None, NOW + 1.5 * DAY, "ends", "the runner 2.337.0 gets no jobs from 2026-09-23T02:13:20Z on, in 1.5 days; pin a newer version before"),
        (NOW + 9, NOW - 9, "refused", "the runner 2.337.0 gets no jobs since 2026-09-21T14:13:11Z; pin a newer version"),
        (NOW - 9, NOW + 9, "refused", "the runner 2.337.0 cannot register since 2026-09-21T14:13:11Z; pin a newer version"),
        (NOW + 9, NOW + 8, "ends", "the runner 2.337.0 gets no jobs from 2026-09-21T14:13:28Z on, in 0.0 days; pin a newer version before"),
    ],
)
def test_the_earlier_date_counts(registration: t.Optional[float], runtime: t.Optional[float], verdict: str, message: str) -> None:
    got = verdict_of("2.337.0", registration, runtime, NOW)
    dates = [None if at is None else iso(at) for at in (registration, runtime)]
    ends = min((date for date in dates if date), default=None)
    assert got == Verdict("2.337.0", verdict, message, ends, *dates)


def test_versions_are_compared_as_numbers() -> None:
    assert parse_version("2.100.0") > parse_version("2.99.9")


def test_an_end_and_the_time() -> None:
    end = first_end(NOW + 5, NOW)
    assert end == End(NOW, "gets no jobs") and end.date == TODAY
    assert (end.passed(NOW), end.passed(NOW - 1)) == (True, False)
    assert (end.soon(NOW - 30 * DAY), end.soon(NOW - 30 * DAY - 1)) == (True, False)
    assert first_end(None, None) is None


@pytest.mark.parametrize("text", ["2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00", "2026-09-21T14:13:20.000+00:00", "2026-09-21 14:13:20+00:00"])
def test_times_as_github_writes_them(text: str) -> None:
    assert parse_time(text) == NOW
    assert iso(NOW) == TODAY


def test_no_time() -> None:
    assert parse_time(None) is None
    for text in ("2026-09-21T14:13:20", "2026-09-21", "soon", ""):
        with pytest.raises(ValueError):
            parse_time(text)
