# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The check ``runner-version``: whether GitHub still takes the runner of a pool, by what it was asked on the controller.

What was not asked or is not told is a warning; nothing is guessed. Without any answer the check says nothing.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import (
    ENDS,
    GOOD,
    REFUSED,
    UNKNOWN,
    VERSION,
    End,
    first_end,
    parse_time,
    parse_version,
    read_version,
)

#: The version of the runner package of a Mac, which its native pools run.
PIN = "mac_runners_runner_version"

#: GitHub's own image, whose tag is the version of the runner in it.
_IMAGE = re.compile(r"ghcr\.io/actions/actions-runner:([^@]+)(?:@.+)?\Z")


class AnswersError(MacRunnersError):
    """What was given as GitHub's answers is none."""


class Answer(t.NamedTuple):
    """What GitHub told of a version: good, ends, refused or unknown, and from when on it is of no use (None: no date)."""

    verdict: str
    end: t.Optional[End] = None


class Answers(t.NamedTuple):
    """What one target told: by version, the version that it offers (empty: unknown), and why it could not be asked."""

    versions: t.Mapping[str, Answer]
    offered: str = ""
    error: str = ""


class Runner(t.NamedTuple):
    """The version of a pool's runner, and where it is pinned."""

    version: str
    pinned_in: str


def parse_answers(raw: t.Any) -> t.Dict[str, Answers]:
    """Read what the module C(fleet_versions) returns: by target ``runner_versions``, ``offered``, ``error``."""
    if not isinstance(raw, t.Mapping):
        raise AnswersError(f"versions: got {show(raw)}; allowed: what GitHub answered, by the URL of the target")
    return {str(url): _answers(str(url), given) for url, given in raw.items()}


def _answers(url: str, given: t.Any) -> Answers:
    try:
        versions = {str(one["version"]): _answer(one) for one in given.get("runner_versions", [])}
        offered = str(given.get("offered") or "")
        if offered and not VERSION.match(offered):
            raise ValueError(offered)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswersError(f"versions of {url}: this is not what fleet_versions returns: {type(error).__name__}: {error}") from None
    return Answers(versions, offered, str(given.get("error") or ""))


def _answer(given: t.Mapping[str, t.Any]) -> Answer:
    if given["verdict"] not in (GOOD, ENDS, REFUSED, UNKNOWN):
        raise ValueError(given["verdict"])
    registration, runtime = (parse_time(given.get(f"{kind}_deprecates_at")) for kind in ("registration", "runtime"))
    return Answer(given["verdict"], first_end(registration, runtime))


def parse_pin(raw: t.Any) -> t.Tuple[str, t.List[Mistake]]:
    """Read ``mac_runners_runner_version`` of one Mac; empty when it is not set."""
    mistakes: t.List[Mistake] = []
    return read_version(Fields({PIN: raw}, mistakes), PIN), mistakes


def runner_of(pool: Pool, pin: str) -> t.Optional[Runner]:
    """The runner of a pool where its version is known: from the pool, GitHub's own image, or the package of the Mac."""
    if pool.runner_version:
        return Runner(pool.runner_version, "runner_version and the image" if pool.image else "runner_version")
    image = _IMAGE.match(pool.image)
    if image and VERSION.match(image[1]):
        return Runner(image[1], "image")
    return Runner(pin, PIN) if pin and pool.isolation in NATIVE else None


def target_of(pool: Pool, github_url: str) -> str:
    """Where the runners of a pool register, empty when that is not said."""
    return pool.github_url or github_url


def refused_version(situation: Situation, pool: Pool) -> t.Iterator[Violation]:
    """A violation when GitHub does not take the pool's runner any more."""
    told = _told(situation, pool)
    if told is not None and told.refused(situation.now):
        message = f"the runner {told.runner.version} {told.since}; pin {told.instead}"
        yield Violation("runner-version", pool.name, None, None, message)


def version_warnings(situation: Situation, pool: Pool) -> t.Iterator[str]:
    """A warning when GitHub will soon not take the pool's runner, or when nobody knows."""
    told, now = _told(situation, pool), situation.now
    if told is None or told.refused(now):
        return
    end, version = told.answer.end, told.runner.version
    if end is not None and (now is None or end.soon(now)):
        yield f"pool {pool.name}: the runner {version} {end.effect} at {told.url} from {end.date} on; pin {told.instead} before"
    elif told.answer.verdict == UNKNOWN:
        why = f": {told.answers.error}" if told.answers.error else ""
        yield f"pool {pool.name}: it is not known until when {told.url} takes the runner {version}{why}"


class _Told(t.NamedTuple):
    """The runner of a pool, its target, and what that told of it."""

    runner: Runner
    url: str
    answers: Answers

    @property
    def answer(self) -> Answer:
        return self.answers.versions.get(self.runner.version, Answer(UNKNOWN))

    def refused(self, now: t.Optional[float]) -> bool:
        """Whether GitHub does not take the runner any more; an answer may be older than the end that it tells."""
        verdict, end = self.answer
        return verdict == REFUSED or (end is not None and now is not None and end.passed(now))

    @property
    def since(self) -> str:
        end = self.answer.end
        return f"is refused at {self.url}" if end is None else f"{end.effect} at {self.url} since {end.date}"

    @property
    def instead(self) -> str:
        offered = self.answers.offered
        newer = offered and parse_version(offered) > parse_version(self.runner.version)
        return f"{offered if newer else 'a newer version'} in {self.runner.pinned_in}"


def _told(situation: Situation, pool: Pool) -> t.Optional[_Told]:
    """None when nobody was asked, or the version or the target of the pool is not known."""
    if situation.versions is None:
        return None
    runner, url = runner_of(pool, situation.runner_version), target_of(pool, situation.github_url)
    if runner is None or not url:
        return None
    return _Told(runner, url, situation.versions.get(url, Answers({}, error="it was not asked")))
