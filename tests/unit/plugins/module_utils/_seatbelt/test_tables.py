# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Expressions of the profile language, the paths of a Mac, and the tables of operations."""

from __future__ import annotations

import time

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import operations, paths, vocabulary
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.patterns import DoubtError, compile_pattern

MATCHES = [
    (r"^/a\.b(/|$)", "/a.b/c", True),
    (r"^/a\.b(/|$)", "/a.bc", False),
    (r"^/a\.b(/|$)", "/axb", False),
    ("b+c?", "xbb", True),
    ("^(a|bc)*$", "abcab", False),
    ("^(a|bc)*$", "abca", True),
    ("[^/]+$", "/x/", False),
    ("^[]a]$", "]", True),
    ("^[a-c0-]+$", "b-0", True),
    ("^[^a-c]$", "b", False),
    ("^/dev/ttys[0-9]+$", "/dev/ttys12", True),
    ("^/dev/ttys[0-9]+$", "/dev/ttys", False),
    ("", "x", True),
    ("a||b", "x", True),
    ("^$", "", True),
    ("^()+x", "x", True),
    (r"\*\?\(\)", "*?()", True),
]


@pytest.mark.parametrize(("expression", "text", "holds"), MATCHES)
def test_an_expression(expression, text, holds):
    assert compile_pattern(expression).search(text) is holds


@pytest.mark.parametrize("expression", ["(a*)*b", "(a+)+$", "(a|a)*b", "((a*)*)*b"])
def test_no_expression_takes_long(expression):
    started = time.process_time()
    assert not compile_pattern(expression + "c").search("a" * 2000)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("expression", ["a{2}", r"\d", "[[:alpha:]]", "(?i)a", "*a", "(" * 60 + ")" * 60, "a" * 5000])
def test_what_is_in_doubt(expression):
    with pytest.raises(DoubtError):
        compile_pattern(expression)


@pytest.mark.parametrize("expression", ["(a", "a)", "[a", "a\\"])
def test_what_is_no_expression(expression):
    with pytest.raises(ValueError):
        compile_pattern(expression)


def test_case_can_be_overlooked():
    assert compile_pattern("^/A[B-C]", True).search("/ab") and not compile_pattern("^/A[B-C]").search("/ab")


ALLOWED = [
    ("tmp", "an absolute path"),
    ("", "an absolute path"),
    (7, "an absolute path"),
    (None, "an absolute path"),
    ("/a/../b", "without .."),
    ('/a"b', "without quotes"),
    ("/a\nb", "without quotes and line ends"),
    ("/a\x7f", "printable"),
    ("/caf\u00e9", "ASCII"),
    ("/a*", "no patterns"),
    ("/a(b)", "no patterns"),
    ("/a\\b", "no patterns"),
    ("/a//b", "/a/b, which is how macOS sees it"),
    ("/a/./b", "/a/b, which is how macOS sees it"),
    ("/tmp", "/private/tmp, since /tmp is a link"),
    ("/tmp/", "/private/tmp, since /tmp is a link"),
    ("/var/db/x", "/private/var/db/x, since /var is a link"),
    ("/etc/hosts", "/private/etc/hosts, since /etc is a link"),
    ("/home/x", "/System/Volumes/Data/home/x, since /home is a link"),
    ("/System/Volumes/Data/Users/x", "/Users/x, which is how macOS sees it"),
    ("/" + "a" * 1100, "at most 1023"),
]


@pytest.mark.parametrize(("path", "allowed"), ALLOWED)
def test_a_path_that_a_policy_may_not_have(path, allowed):
    assert allowed in paths.mistake_in(path)


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/Applications/Xcode-26.1.app", "/opt/c++/x y", "/tmpx", "/System/Volumes/Data/home/x"])
def test_a_path_that_it_may_have(path):
    assert paths.mistake_in(path) == ""


def test_paths():
    assert paths.is_in("/a/b", "/a") and paths.is_in("/a", "/a") and paths.is_in("/a", "/") and not paths.is_in("/ab", "/a")
    assert paths.ancestors("/a/b/c") == ("/", "/a", "/a/b") and paths.ancestors("/a") == ("/",) and paths.ancestors("/") == ()
    assert paths.resolve("/tmp/x") == "/private/tmp/x" and paths.resolve("/tmpx") == "/tmpx"


@pytest.mark.parametrize(
    ("macos", "model"), [("10.12.6", "10.12"), ("10.15", "10.15"), ("11.0", "14.4"), ("13", "14.4"), ("14.4", "14.4"), ("26.1", "14.4")]
)
def test_models(macos, model):
    assert operations.model_of(macos) == model


@pytest.mark.parametrize("model", operations.MODELS)
def test_the_tables_hold_together(model):
    known = operations.operations_of(model)
    assert all(one.parent in known for one in known.values() if one.parent)
    # Only default has neither a parent nor a built-in action that was read or derived.
    assert [one.name for one in known.values() if one.parent == "" and not one.implicit] == []
    assert known["default"].implicit == "deny"
    assert not set(operations.names_of(model)) & set(vocabulary.filters_of(model))
    assert set(operations.below(model, "file-read*")) == {"file-read-data", "file-read-metadata", "file-read-xattr"}
    for one in known.values():
        seen = set()
        while one.parent:
            assert one.name not in seen
            seen.add(one.name)
            one = known[one.parent]


def test_sizes_of_the_tables():
    assert {model: len(operations.operations_of(model)) for model in operations.MODELS} == {"10.12": 133, "10.13": 140, "10.14": 144, "10.15": 145, "14.4": 196}
