# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter sandbox_lint, and the list of its findings in the docs."""

from __future__ import annotations

import pathlib
import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.sandbox_lint import FilterModule
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import KINDS

sandbox_lint = FilterModule().filters()["sandbox_lint"]
PAGE = pathlib.Path(__file__).resolve().parents[4] / "docs" / "sandbox-profiles.md"
HEAD = "(version 1)\n(deny default)\n"
TMP = '(allow file-read* (subpath "/tmp"))'


def ids(*arguments, **options):
    return {one["id"] for one in sandbox_lint(*arguments, **options)}


def test_a_finding_has_its_place_its_reason_and_a_fix():
    first = sandbox_lint(HEAD + TMP)[0]
    assert {name: first[name] for name in ("id", "severity", "file", "line", "column", "rule", "what", "accepted")} == {
        "id": "link-path",
        "severity": "error",
        "file": "profile",
        "line": 3,
        "column": 1,
        "rule": TMP,
        "what": "subpath /tmp",
        "accepted": "",
    }
    assert "the kernel compares what a link leads to" in first["why"] and "/private" in first["fix"]


def test_what_cannot_be_read_is_a_finding():
    (only,) = sandbox_lint("(version 1)\n(deny default")
    assert (only["id"], only["line"], only["column"]) == ("syntax", 2, 1)


def test_what_a_comment_accepts_is_shown_on_request():
    text = HEAD + "; lint-ok: link-path (the link itself)\n" + TMP
    assert "link-path" not in ids(text)
    assert {one["accepted"] for one in sandbox_lint(text, accepted=True) if one["id"] == "link-path"} == {"the link itself"}


def test_parameters_and_imports_are_used():
    text = HEAD + '(import "more.sb")(allow file-read* (subpath (param "DIR")))'
    assert {"unset-param", "not-understood"} <= ids(text)
    assert not {"unset-param", "not-understood", "link-path"} & ids(text, {"DIR": "/opt"}, {"more.sb": "(allow sysctl-read)"})
    found = sandbox_lint(text, params={"DIR": "/opt"}, imports={"more.sb": TMP})
    assert [(one["file"], one["line"]) for one in found if one["id"] == "link-path"] == [("more.sb", 1)]


def test_the_version_decides_which_operations_there_are():
    text = HEAD + "(allow file-test-existence)"
    assert "unknown-operation" in ids(text, macos="10.12")
    assert "unknown-operation" not in ids(text, macos="26.1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "sandbox_lint: got a profile of type NoneType; allowed: the text of a profile"),
        (([HEAD],), "sandbox_lint: got a profile of type list"),
        ((HEAD, ["a"]), "sandbox_lint: got params ['a']; allowed: a mapping of names to texts"),
        ((HEAD, None, {"a": 1}), "sandbox_lint: got imports {'a': 1}; allowed: a mapping of names to texts"),
        ((HEAD, None, None, "10.9"), "sandbox_lint: got macos '10.9'; allowed: a version such as 26.0, from 10.12 on"),
        ((HEAD, None, None, "Tahoe"), "sandbox_lint: got macos 'Tahoe'; allowed: a version such as 26.0"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(AnsibleFilterError) as caught:
        sandbox_lint(*arguments)
    assert message in str(caught.value)


def test_the_docs_list_every_finding_as_it_is():
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning|note) \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted((name, kind.severity) for name, kind in KINDS.items())
