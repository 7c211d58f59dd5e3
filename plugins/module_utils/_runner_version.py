# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Versions of GitHub's runner, and what follows from the dates from which GitHub does not take one any more."""

from __future__ import annotations

import datetime
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields

VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}\Z")
ALLOWED = "a version of GitHub's runner such as 2.337.0, as text"
GOOD, ENDS, REFUSED, UNKNOWN = "good", "ends", "refused", "unknown"
#: Days before its end from which a version is warned of.
SOON_DAYS = 30
_DAY = 86400.0


class Verdict(t.NamedTuple):
    """What GitHub does with a version.

    ``verdict``: good, ends (taken until ``ends``), refused (since ``ends`` where that is known) or unknown. ``ends`` and the two
    dates that GitHub tells are ISO dates with time, or None.
    """

    version: str
    verdict: str
    message: str
    ends: t.Optional[str] = None
    registration_deprecates_at: t.Optional[str] = None
    runtime_deprecates_at: t.Optional[str] = None


class End(t.NamedTuple):
    """From when on (seconds since 1970) a version is of no use, and what it cannot do then."""

    at: float
    effect: str

    @property
    def date(self) -> str:
        """The time for people, in UTC."""
        return iso(self.at)

    def passed(self, now: float) -> bool:
        """Whether the version is refused."""
        return self.at <= now

    def soon(self, now: float) -> bool:
        """Whether it is refused within 30 days."""
        return self.at - now <= SOON_DAYS * _DAY


def read_version(fields: Fields, field: str) -> str:
    """A version that somebody wrote, empty when it is not given; what is none is noted as a mistake."""
    value = fields.raw.get(field)
    if value is None:
        return ""
    if isinstance(value, str) and VERSION.match(value):
        return str(value)
    fields.wrong(field, value, ALLOWED)
    return ""


def parse_version(version: str) -> t.Tuple[int, ...]:
    """Numbers, to be compared."""
    return tuple(int(part) for part in version.split("."))


def parse_time(text: t.Optional[str]) -> t.Optional[float]:
    """Seconds since 1970 of a time as GitHub writes it; raises ValueError (a text) or AttributeError (no text)."""
    if text is None:
        return None
    read = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if read.tzinfo is None:
        raise ValueError("a time without a zone")
    return read.timestamp()


def iso(at: float) -> str:
    """A time in UTC."""
    return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def first_end(registration: t.Optional[float], runtime: t.Optional[float]) -> t.Optional[End]:
    """The earlier of the times from which a version cannot register and gets no jobs; None when GitHub names none."""
    known = [End(at, effect) for at, effect in ((registration, "cannot register"), (runtime, "gets no jobs")) if at is not None]
    return min(known, default=None)


def verdict_of(version: str, registration: t.Optional[float], runtime: t.Optional[float], now: float) -> Verdict:
    """The verdict by the times (seconds since 1970) from which a version cannot register and gets no jobs."""
    end = first_end(registration, runtime)
    if end is None:
        return Verdict(version, GOOD, f"GitHub takes the runner {version} and names no end")
    told = [None if at is None else iso(at) for at in (registration, runtime)]
    if end.passed(now):
        return Verdict(version, REFUSED, f"the runner {version} {end.effect} since {end.date}; pin a newer version", end.date, *told)
    days = (end.at - now) / _DAY
    message = f"the runner {version} {end.effect} from {end.date} on, in {days:.1f} days; pin a newer version before"
    return Verdict(version, ENDS, message, end.date, *told)
