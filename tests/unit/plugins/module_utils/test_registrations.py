# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which persistent runners have to be registered."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import (
    RegistrationError,
    Seen,
    Wanted,
    lacks,
    make_plan,
    parse_wanted,
    require_tokens,
)

URL = "https://github.com/acme"
GIVEN = {"name": "linux-1", "runner_name": "mac-linux-1", "url": URL, "labels": ["docker", "managed-by:x"], "group": "macs", "id": 23}
WANTED = Wanted("linux-1", "mac-linux-1", URL, ("docker", "managed-by:x"), "macs", 23)


def seen(**fields):
    return Seen(**{"slot": "linux-1", "environment": "c1", "running": True, "name": "mac-linux-1", "url": URL, "id": 23, **fields})


def test_what_is_given_is_read_and_given_to_config_sh():
    assert parse_wanted([GIVEN]) == (WANTED,)
    assert WANTED.options() == [
        *("--unattended", "--replace", "--disableupdate", "--url", URL, "--name", "mac-linux-1"),
        *("--labels", "docker,managed-by:x", "--runnergroup", "macs", "--work", "_work"),
    ]
    bare = parse_wanted([{"name": "linux-1", "runner_name": "m", "url": URL, "labels": None, "group": None, "id": None}])[0]
    assert bare.options() == ["--unattended", "--replace", "--disableupdate", "--url", URL, "--name", "m", "--work", "_work"]


@pytest.mark.parametrize(
    "change, told",
    [
        ({"name": "Linux"}, "runner number 1: field name: got"),
        ({"runner_name": "--replace me"}, "runner linux-1: field runner_name: got"),
        ({"url": "github.com/acme"}, "runner linux-1: field url: got"),
        ({"labels": ["a,b"]}, "runner linux-1: field labels: got"),
        ({"id": -1}, "runner linux-1: field id: got"),
        ({"token": "x"}, "runner linux-1: field token: got"),
    ],
)
def test_a_mistake_names_runner_and_field(change, told):
    with pytest.raises(RegistrationError) as error:
        parse_wanted([{**GIVEN, **change}])
    assert told in str(error.value)


def test_a_name_is_taken_once():
    with pytest.raises(RegistrationError, match="runner linux-1: field name: got it more than once"):
        parse_wanted([GIVEN, GIVEN])


@pytest.mark.parametrize(
    "there, told",
    [
        (seen(), ""),
        (seen(url=URL + "/", name="MAC-linux-1"), ""),
        (None, "it is not configured"),
        (seen(id=0), "it is not configured"),
        (seen(name="other"), "it is configured as other of " + URL),
        (seen(url="https://github.com/emca"), "it is configured as mac-linux-1 of https://github.com/emca"),
        (seen(id=22), "it is configured with the number 22, at GitHub it has 23"),
    ],
)
def test_why_one_lacks(there, told):
    assert lacks(WANTED, there) == told
    plan = make_plan([WANTED], {"linux-1": there} if there else {})
    assert [step.detail for step in plan.steps] == ([told] if told else [])
    assert plan.changed == bool(told)


def test_one_that_github_does_not_know_lacks():
    assert lacks(Wanted("linux-1", "mac-linux-1", URL), seen()) == "GitHub does not know it"


def test_a_job_is_left_alone():
    assert not make_plan([WANTED], {"linux-1": seen(id=22, busy=True)}).changed


@pytest.mark.parametrize("tokens", [{}, {URL: ""}, {URL: "two lines\nhere"}, {URL: 5}, {"https://github.com/emca": "A"}])
def test_a_token_is_needed_and_never_shown(tokens):
    with pytest.raises(RegistrationError) as error:
        require_tokens([WANTED], tokens)
    assert str(error.value).startswith("runner linux-1: field tokens") and "two lines" not in str(error.value)
    require_tokens([WANTED], {URL: "AAAA"})
