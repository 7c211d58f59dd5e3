# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sandbox_decision."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.sandbox_decision import FilterModule

sandbox_decision = FilterModule().filters()["sandbox_decision"]
HEAD = "(version 1)\n(deny default)\n"
READ = '(allow file-read* (subpath "/opt/x"))'


def test_a_decision_names_the_rule_behind_it():
    assert sandbox_decision(HEAD + READ, "file-read-data", "/opt/x/y") == {
        "verdict": "allow",
        "operation": "file-read*",
        "step": "filtered",
        "confidence": "measured",
        "rules": [{"file": "profile", "line": 3, "column": 1, "text": READ}],
        "why": "the last rule with filters on file-read* that holds",
        "model": "14.4",
    }


@pytest.mark.parametrize(
    ("operation", "argument", "verdict", "step", "confidence"),
    [
        ("file-read-data", "/opt/y", "deny", "unfiltered", "measured"),
        ("system-privilege", None, "allow", "implicit", "tables"),
        ("file-lock", "/opt/y", "allow", "derived", "derived"),
        ("file-read-data", "/opt/X/y", "unknown", "", "none"),
        ("file-read-data", None, "unknown", "", "none"),
    ],
)
def test_steps_and_confidence(operation, argument, verdict, step, confidence):
    got = sandbox_decision(HEAD + READ, operation, argument)
    assert (got["verdict"], got["step"], got["confidence"]) == (verdict, step, confidence)


def test_without_a_rule_on_anything_macos_denies():
    got = sandbox_decision("(version 1)", "file-read-data", "/x")
    assert (got["verdict"], got["step"], got["rules"]) == ("deny", "default", [])


def test_parameters_and_imports_are_used():
    text = HEAD + '(import "more.sb")(if (param "DIR") (allow file-write* (subpath (param "DIR"))))'
    assert sandbox_decision(text, "file-read-data", "/opt/x")["verdict"] == "unknown"
    assert sandbox_decision(text, "file-write-data", "/a/b", {"DIR": "/a"}, {"more.sb": READ})["verdict"] == "allow"
    assert sandbox_decision(text, "file-write-data", "/a/b", None, {"more.sb": READ})["verdict"] == "deny"
    read = sandbox_decision(text, "file-read-data", "/opt/x", imports={"more.sb": READ})
    assert (read["verdict"], read["rules"][0]["file"]) == ("allow", "more.sb")


def test_what_was_not_understood_is_named():
    got = sandbox_decision(HEAD + '(import "system.sb")', "file-read-data", "/x")
    assert got["verdict"] == "unknown" and '(import "system.sb")' in [rule["text"] for rule in got["rules"]]


@pytest.mark.parametrize(("macos", "model"), [("10.12", "10.12"), ("10.15.7", "10.15"), ("14.4", "14.4"), ("26.1", "14.4")])
def test_versions_are_judged_by_the_nearest_tables(macos, model):
    assert sandbox_decision(HEAD, "file-read-data", "/x", macos=macos)["model"] == model


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((7, "file-read-data"), "sandbox_decision: got a profile of type int; allowed: the text of a profile"),
        ((HEAD, "file-raed-data", "/x"), 'operation: got "file-raed-data"; allowed: an operation of macOS 14.4, such as file-read-data'),
        ((HEAD, "file-read-data", "x"), 'argument: got "x" for file-read-data; allowed: an absolute path without ..'),
        ((HEAD, "network-outbound", "github.com"), 'argument: got "github.com" for network-outbound; allowed: HOST:PORT'),
        (("(version 1", "file-read-data", "/x"), "sandbox_decision: profile, line 1, column 1: the list that begins here does not end"),
        ((HEAD + "(allow foo)", "file-read-data", "/x"), "macOS would not compile this profile: profile, line 3, column 8: unbound variable: foo"),
        ((HEAD, "file-read-data", "/x", {"A": 1}), "sandbox_decision: got params {'A': 1}; allowed: a mapping of names to texts"),
        ((HEAD, "file-read-data", "/x", None, None, 9), "sandbox_decision: got macos 9; allowed: a version such as 26.0, from 10.12 on"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(AnsibleFilterError) as caught:
        sandbox_decision(*arguments)
    assert message in str(caught.value)
