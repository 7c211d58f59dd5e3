# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check runner-version: which runner a pool has, who was asked about it, and the second at which it is of no use."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import as_data, plan_fleet
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import (
    AnswersError,
    Runner,
    parse_answers,
    parse_pin,
    runner_of,
    target_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool, parse_pools

Json = t.Dict[str, t.Any]
NOW = 1_800_000_000
TODAY, A_SECOND_LATER, IN_30_DAYS = "2027-01-15T08:00:00Z", "2027-01-15T08:00:01Z", "2027-02-14T08:00:00Z"
AFTER_30_DAYS = "2027-02-14T08:00:01Z"
URL, OTHER = "https://github.com/acme", "https://github.com/other"
IMAGE = "ghcr.io/actions/actions-runner:"
DIGEST = "@sha256:" + "0123456789abcdef" * 4
FACTS: Json = {"memory": "64GiB", "arch": "arm64", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "800GiB"}
LINUX: Json = {"name": "linux", "isolation": "docker", "image": IMAGE + "2.336.0" + DIGEST}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
IOS: Json = {"name": "ios", "isolation": "tart", "image": "acme/macos" + DIGEST}


def answer(version: str = "2.336.0", registration: t.Optional[str] = None, runtime: t.Optional[str] = None, verdict: str = "ends") -> Json:
    return {"version": version, "verdict": verdict, "registration_deprecates_at": registration, "runtime_deprecates_at": runtime}


def asked(*answers: Json, offered: str = "2.338.0", url: str = URL) -> Json:
    return {url: {"runner_versions": list(answers), "offered": offered}}


def judged(pool: Json, versions: t.Optional[Json], now: t.Optional[int] = NOW, **variables: t.Any) -> t.Tuple[t.List[Json], t.List[str]]:
    """Violations and warnings of a Mac with one pool."""
    licences = {"tart": {"fsl_confirmed": True}}
    mac = {"mac_runners_facts": FACTS, "mac_runners_pools": [pool], "mac_runners_licences": licences, "mac_runners_github": {"url": URL}, **variables}
    plan = as_data(plan_fleet({"mac": mac}, now=now, versions=None if versions is None else parse_answers(versions)))["macs"]["mac"]
    assert plan["fits"] is not bool(plan["violations"])
    return plan["violations"], [warning for warning in plan["warnings"] if "low-isolation" not in warning]


def pool_of(**fields: t.Any) -> Pool:
    ((pool,), wrong) = parse_pools([fields], Policy())
    assert not wrong
    return pool


KNOWN: t.Sequence[t.Tuple[Json, str, t.Optional[Runner]]] = (
    (LINUX, "", Runner("2.336.0", "image")),
    ({**LINUX, "image": IMAGE + "2.336.0"}, "", Runner("2.336.0", "image")),
    ({**LINUX, "image": IMAGE + "latest"}, "2.300.0", None),
    ({**LINUX, "image": IMAGE + "2.336"}, "", None),
    ({**LINUX, "image": IMAGE + "2.336.0-arm64"}, "", None),
    ({**LINUX, "image": "x/" + IMAGE + "2.336.0"}, "", None),
    ({**LINUX, "image": "ghcrxio/actions/actions-runner:2.336.0"}, "", None),
    ({**LINUX, "image": "ghcr.io/actions/actions-runner" + DIGEST}, "2.300.0", None),
    ({**LINUX, "runner_version": "2.300.0"}, "2.1.0", Runner("2.300.0", "runner_version and the image")),
    (IOS, "2.300.0", None),
    ({**IOS, "runner_version": "2.300.0"}, "", Runner("2.300.0", "runner_version and the image")),
    (LINT, "", None),
    (LINT, "2.300.0", Runner("2.300.0", "mac_runners_runner_version")),
    ({**LINT, "runner_version": "2.301.0"}, "2.300.0", Runner("2.301.0", "runner_version")),
)


@pytest.mark.parametrize(("pool", "pin", "runner"), KNOWN)
def test_where_the_version_of_a_runner_is_known_from(pool: Json, pin: str, runner: t.Optional[Runner]) -> None:
    assert runner_of(pool_of(**pool), pin) == runner


def test_a_pool_may_have_a_target_of_its_own() -> None:
    assert target_of(pool_of(**LINUX), URL) == URL
    assert target_of(pool_of(**LINUX, github={"url": OTHER}), URL) == OTHER


REFUSED = (
    (answer(runtime=TODAY), "gets no jobs at https://github.com/acme since 2027-01-15T08:00:00Z; pin 2.338.0 in image"),
    (answer(registration=TODAY, runtime=IN_30_DAYS), "cannot register at https://github.com/acme since 2027-01-15T08:00:00Z; pin 2.338.0 in image"),
    (answer(registration=IN_30_DAYS, runtime="2026-11-01T02:00:00+02:00"), "gets no jobs at https://github.com/acme since 2026-11-01T00:00:00Z; pin"),
    (answer(verdict="refused"), "is refused at https://github.com/acme; pin 2.338.0 in image"),
)


@pytest.mark.parametrize(("told", "words"), REFUSED)
def test_a_version_that_github_refuses_now(told: Json, words: str) -> None:
    (violation,), warnings = judged(LINUX, asked(told))
    assert (violation["check"], violation["pool"], violation["need"], violation["have"]) == ("runner-version", "linux", None, None)
    assert violation["message"].startswith("the runner 2.336.0 " + words)
    assert warnings == []


SOON = (
    (A_SECOND_LATER, NOW, A_SECOND_LATER),
    (IN_30_DAYS, NOW, IN_30_DAYS),
    (AFTER_30_DAYS, NOW, None),
    # Without a clock a date is told, whatever it is.
    (AFTER_30_DAYS, None, AFTER_30_DAYS),
    (TODAY, None, TODAY),
)


@pytest.mark.parametrize(("date", "now", "warned"), SOON)
def test_a_version_that_ends_within_30_days(date: str, now: t.Optional[int], warned: t.Optional[str]) -> None:
    violations, warnings = judged(LINUX, asked(answer(runtime=date)), now)
    wanted = f"pool linux: the runner 2.336.0 gets no jobs at https://github.com/acme from {warned} on; pin 2.338.0 in image before"
    assert (violations, warnings) == ([], [wanted] if warned else [])


@pytest.mark.parametrize(
    ("offered", "instead"), (("2.338.0", "2.338.0"), ("2.336.0", "a newer version"), ("2.100.0", "a newer version"), ("", "a newer version"))
)
def test_only_something_newer_is_advised(offered: str, instead: str) -> None:
    (violation,), _warnings = judged(LINUX, asked(answer(runtime=TODAY), offered=offered))
    assert violation["message"].endswith(f"; pin {instead} in image")


@pytest.mark.parametrize(
    ("versions", "why"),
    (
        (asked(answer(verdict="unknown")), ""),
        (asked(answer("2.335.0", runtime=TODAY)), ""),
        ({URL: {"error": "no answer"}}, ": no answer"),
        ({OTHER: {"runner_versions": [answer(runtime=TODAY)]}}, ": it was not asked"),
        ({}, ": it was not asked"),
    ),
)
def test_what_is_not_known_is_a_warning(versions: Json, why: str) -> None:
    assert judged(LINUX, versions) == ([], [f"pool linux: it is not known until when https://github.com/acme takes the runner 2.336.0{why}"])


@pytest.mark.parametrize(
    ("pool", "versions", "variables"),
    (
        (LINUX, None, {}),
        (LINUX, asked(answer(verdict="good")), {}),
        ({**LINUX, "count": 0}, asked(answer(runtime=TODAY)), {}),
        ({**LINUX, "count": 0}, asked(), {}),
        (IOS, asked(answer(runtime=TODAY)), {"mac_runners_runner_version": "2.336.0"}),
        (LINUX, asked(answer(runtime=TODAY)), {"mac_runners_github": None}),
        (LINUX, asked(answer(runtime=TODAY)), {"mac_runners_github": {"url": 5}}),
        (LINUX, asked(answer(runtime=TODAY)), {"mac_runners_github": "https://github.com/acme"}),
        ({**LINUX, "github": {"url": OTHER}}, {**asked(answer(runtime=TODAY)), **asked(answer(verdict="good"), url=OTHER)}, {}),
    ),
)
def test_nothing_is_said(pool: Json, versions: t.Optional[Json], variables: Json) -> None:
    assert judged(pool, versions, **variables) == ([], [])


def test_the_package_of_the_mac_is_judged_for_its_native_pools() -> None:
    (violation,), _warnings = judged(LINT, asked(answer(runtime=TODAY)), mac_runners_runner_version="2.336.0")
    assert violation["message"].endswith("; pin 2.338.0 in mac_runners_runner_version")


def test_no_count_and_no_size_mends_it() -> None:
    mac = {"mac_runners_facts": FACTS, "mac_runners_pools": [LINUX, {**IOS, "count": 3}], "mac_runners_github": {"url": URL}}
    plan = as_data(plan_fleet({"mac": mac}, now=NOW, versions=parse_answers(asked(answer(runtime=TODAY)))))["macs"]["mac"]
    assert [violation["check"] for violation in plan["violations"]] == ["runner-version", "macos-vm-licence"]
    assert (plan["changes"], plan["moves"]) == ([], [])


@pytest.mark.parametrize("given", ("latest", "2.337", "v2.337.0", "2.337.0 ", "2.337.0\n", "", 2.337, 2, ["2.337.0"], "2.3370.12345"))
def test_what_is_no_version(given: t.Any) -> None:
    pin, (mistake,) = parse_pin(given)
    assert (pin, mistake.check, mistake.pool, mistake.field) == ("", "input", "", "mac_runners_runner_version")
    assert mistake.allowed == "a version of GitHub's runner such as 2.337.0, as text"
    pools, (mistake,) = parse_pools([{**LINT, "runner_version": given}], Policy())
    assert (pools, mistake.pool, mistake.field) == ((), "lint", "runner_version")


def test_a_wrong_pin_refuses_the_mac() -> None:
    (violation,), _warnings = judged(LINT, None, mac_runners_runner_version="latest")
    assert (violation["check"], violation["message"]) == (
        "input",
        'field mac_runners_runner_version: got "latest"; allowed: a version of GitHub\'s runner such as 2.337.0, as text',
    )
    assert parse_pin(None) == ("", [])
    assert parse_pin("2.337.0") == ("2.337.0", [])


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ([], "versions: got []; allowed: what GitHub answered, by the URL of the target"),
        ({URL: []}, f"versions of {URL}: this is not what fleet_versions returns: AttributeError"),
        ({URL: {"runner_versions": [{}]}}, "fleet_versions returns: KeyError: 'version'"),
        ({URL: {"runner_versions": [{"version": "2.336.0"}]}}, "fleet_versions returns: KeyError: 'verdict'"),
        ({URL: {"runner_versions": [answer(verdict="fine")]}}, "fleet_versions returns: ValueError: fine"),
        ({URL: {"runner_versions": [answer(runtime="soon")]}}, "fleet_versions returns: ValueError"),
        ({URL: {"runner_versions": [answer(registration="2027-01-15T08:00:00")]}}, "ValueError: a time without a zone"),
        ({URL: {"runner_versions": None}}, "fleet_versions returns: TypeError"),
        ({URL: {"offered": "latest"}}, "fleet_versions returns: ValueError: latest"),
    ),
)
def test_answers_that_are_none(given: t.Any, message: str) -> None:
    with pytest.raises(AnswersError, match=re.escape(message)):
        parse_answers(given)
