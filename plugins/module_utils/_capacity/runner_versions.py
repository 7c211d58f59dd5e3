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
    for runner, url, answer in _told(situation, pool):
        if _is_refused(answer, situation.now):
            message = f"the runner {runner.version} {_since(answer, url)}; pin {_instead(situation, runner, url)} in {runner.pinned_in}"
            yield Violation("runner-version", pool.name, None, None, message)


def version_warnings(situation: Situation, pool: Pool) -> t.Iterator[str]:
    """A warning when GitHub will soon not take the pool's runner, or when nobody knows."""
    for runner, url, answer in _told(situation, pool):
        end, now = answer.end, situation.now
        if _is_refused(answer, now):
            continue
        if end is not None and (now is None or end.soon(now)):
            instead = _instead(situation, runner, url)
            yield f"pool {pool.name}: the runner {runner.version} {end.effect} at {url} from {end.date} on; pin {instead} in {runner.pinned_in} before"
        elif answer.verdict == UNKNOWN:
            why = _answers_of(situation, url).error
            yield f"pool {pool.name}: it is not known until when {url} takes the runner {runner.version}{': ' + why if why else ''}"


def _told(situation: Situation, pool: Pool) -> t.Iterator[t.Tuple[Runner, str, Answer]]:
    """The pool's runner, its target and what is known of the two; nothing when nobody was asked or the version is not known."""
    runner, url = runner_of(pool, situation.runner_version), target_of(pool, situation.github_url)
    if situation.versions is not None and runner is not None and url:
        yield runner, url, _answers_of(situation, url).versions.get(runner.version, Answer(UNKNOWN))


def _answers_of(situation: Situation, url: str) -> Answers:
    versions = t.cast(t.Mapping[str, Answers], situation.versions)
    return versions.get(url, Answers({}, error="it was not asked"))


def _is_refused(answer: Answer, now: t.Optional[float]) -> bool:
    return answer.verdict == REFUSED or (answer.end is not None and now is not None and answer.end.passed(now))


def _since(answer: Answer, url: str) -> str:
    return f"is refused at {url}" if answer.end is None else f"{answer.end.effect} at {url} since {answer.end.date}"


def _instead(situation: Situation, runner: Runner, url: str) -> str:
    offered = _answers_of(situation, url).offered
    return offered if offered and parse_version(offered) > parse_version(runner.version) else "a newer version"
