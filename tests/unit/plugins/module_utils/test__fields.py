# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what people wrote: typed values, every mistake, and messages that stay on one line."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, nearest, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import ALLOWED, GIB

#: Wrong for every kind of field.
NEVER: t.Sequence[t.Any] = ([], {}, [1], {"a": 1}, object(), b"1", 1j)


def in_short(value: t.Any) -> str:
    """A test's name, also where pytest could not make one of an endless number."""
    return ascii(value)[:30] if isinstance(value, (str, float, bool, list, dict)) else type(value).__name__


def read(value: t.Any, kind: str, *arguments: t.Any) -> t.Tuple[t.Any, t.List[Mistake]]:
    mistakes: t.List[Mistake] = []
    result = getattr(Fields({"field": value}, mistakes), kind)("field", *arguments)
    return result, mistakes


GOOD: t.Sequence[t.Tuple[str, t.Tuple[t.Any, ...], t.Any, t.Any]] = (
    ("size", (7,), "1GiB", GIB),
    ("size", (7,), None, 7),
    ("whole", (7,), 3, 3),
    ("whole", (7,), "3", 3),
    ("whole", (7,), "0", 0),
    ("whole", (7,), None, 7),
    ("whole", (7, 0, 5), 5, 5),
    ("factor", (2.0,), 1, 1.0),
    ("factor", (2.0,), "1.5", 1.5),
    ("factor", (2.0,), None, 2.0),
    ("factor", (2.0,), 100, 100.0),
    ("truth", (False,), True, True),
    ("truth", (True,), "false", False),
    ("truth", (False,), "Yes", True),
    ("truth", (True,), None, True),
    ("choice", (("one", "two"),), "two", "two"),
    ("choice", (("one", "two"), "one"), None, "one"),
    ("text", (), "a b", "a b"),
    ("text", ("x",), None, "x"),
    ("items", (), [1, 2], [1, 2]),
    ("items", (), (1, 2), [1, 2]),
    ("items", (), None, []),
)


@pytest.mark.parametrize(("kind", "arguments", "given", "wanted"), GOOD)
def test_good_values(kind: str, arguments: t.Tuple[t.Any, ...], given: t.Any, wanted: t.Any) -> None:
    result, mistakes = read(given, kind, *arguments)
    assert (result, mistakes) == (wanted, [])
    assert type(result) is type(wanted)


BAD: t.Sequence[t.Tuple[str, t.Tuple[t.Any, ...], str, t.Sequence[t.Any]]] = (
    ("size", (7,), ALLOWED, ("12G", -1, True, float("nan"), 10**5000, *NEVER)),
    (
        "whole",
        (7, 0, 1000),
        "a whole number from 0 to 1000",
        (-1, "-1", 1001, "1001", 1.0, True, "1e3", "", " 1", "\u0663", "\u00b2", "9" * 10_000, 10**5000, "0x1", *NEVER),
    ),
    (
        "factor",
        (7.0,),
        "a number above 0, at most 100",
        (0, -1, "0", 101, 1e308, float("nan"), float("inf"), "nan", "inf", "1e1", "1_0", "\u0662", True, 10**400, "9" * 10_000, "", *NEVER),
    ),
    ("truth", (True,), "true or false", (1, 0, "1", "on", "", "tru", 1.0, *NEVER)),
    ("choice", (("one", "two"), "one"), "one of one, two", ("", "ONE", "third", 1, True, *NEVER)),
    ("text", ("x",), "a text that is not empty, without control characters", ("", " ", "a\nb", "\x1b[31m", "a\u2028b", 1, True, 1.5, *NEVER)),
    ("items", (), "a list", ("", "a,b", "['a']", 1, True, {}, {"a": 1}, object())),
)


@pytest.mark.parametrize(("kind", "arguments", "allowed", "given"), [(*row[:3], value) for row in BAD for value in row[3]], ids=in_short)
def test_bad_values_leave_the_default_and_one_mistake(kind: str, arguments: t.Tuple[t.Any, ...], allowed: str, given: t.Any) -> None:
    result, mistakes = read(given, kind, *arguments)
    default = [] if kind == "items" else arguments[1 if kind == "choice" else 0]
    assert result == default
    assert [(mistake.field, mistake.allowed) for mistake in mistakes] == [("field", allowed)]
    assert mistakes[0].message.isprintable() and len(mistakes[0].message) < 400


def test_all_mistakes_come_out_together() -> None:
    mistakes: t.List[Mistake] = []
    fields = Fields({"a": "12G", "b": -1, "c": "maybe", "x": 1, "inner": {"d": []}}, mistakes, pool="ios")
    fields.known(("a", "b", "c", "inner"))
    fields.size("a")
    fields.whole("b")
    fields.truth("c", False)
    fields.mapping("inner").text("d")
    assert [mistake.field for mistake in mistakes] == ["x", "a", "b", "c", "inner.d"]
    assert {mistake.pool for mistake in mistakes} == {"ios"}


@pytest.mark.parametrize(
    ("field", "hint"),
    (("memmory", "; did you mean memory?"), ("Memory", "; did you mean memory?"), ("lable", "; did you mean labels?"), ("zzz", "")),
)
def test_an_unknown_field_is_told_its_nearest(field: str, hint: str) -> None:
    mistakes: t.List[Mistake] = []
    Fields({field: "secret"}, mistakes, pool="ios").known(("labels", "memory", "name"))
    assert mistakes == [Mistake("ios", field, "an unknown field", f"labels, memory, name{hint}")]
    assert "secret" not in mistakes[0].message


@pytest.mark.parametrize("field", (1, True, None, ("a",), "", "x" * 10_000, "\x1b[2J\u2028"), ids=in_short)
def test_an_unknown_field_may_be_anything(field: t.Any) -> None:
    mistakes: t.List[Mistake] = []
    Fields({field: 1}, mistakes).known(("name",))
    assert len(mistakes) == 1
    assert mistakes[0].message.isprintable() and len(mistakes[0].message) < 400


@pytest.mark.parametrize("given", ("text", "", 1, True, 1.5, [], [{"a": 1}]))
def test_what_is_no_mapping_is_a_mistake(given: t.Any) -> None:
    mistakes: t.List[Mistake] = []
    fields = Fields(given, mistakes, path="mac_runners_capacity")
    assert [(m.field, m.allowed) for m in mistakes] == [("mac_runners_capacity", "a mapping of fields")]
    assert fields.whole("a", 5) == 5


def test_nothing_is_an_empty_mapping() -> None:
    mistakes: t.List[Mistake] = []
    assert not Fields(None, mistakes).has("a")
    assert mistakes == []


@pytest.mark.parametrize(
    ("value", "text"),
    (
        (None, "nothing"),
        ("12G", '"12G"'),
        ('a"b', '"a\\"b"'),
        ("a\nb\x1b", '"a\\nb\\u001b"'),
        ("a\u2028\x9b\u202e", '"a\\u2028\\x9b\\u202e"'),
        ("Gr\u00fc\u00dfe", '"Gr\u00fc\u00dfe"'),
        (True, "True"),
        (-1, "-1"),
        ([1, "a"], "[1, 'a']"),
        (10**5000, "a number without end"),
        ("x" * 10_000, '"' + "x" * 76 + "..."),
    ),
    ids=in_short,
)
def test_values_are_shown_on_one_short_line(value: t.Any, text: str) -> None:
    assert show(value) == text


def test_message_names_pool_field_given_and_allowed() -> None:
    assert Mistake("ios", "count", "-1", "more").message == 'pool "ios", field count: got -1; allowed: more'
    assert Mistake("", "reserve", "-1", "more").message == "field reserve: got -1; allowed: more"


def test_nearest_of_nothing_alike_is_silent() -> None:
    assert nearest("docke", ("docker", "tart")) == "; did you mean docker?"
    assert nearest("qqq", ("docker", "tart")) == ""
    assert nearest(1, ("docker",)) == ""


@pytest.mark.parametrize("given", ("hunter22", ["hunter22"], True, [{"a": "hunter22"}]))
def test_what_is_no_mapping_is_one_mistake_and_no_secret_is_shown(given: t.Any) -> None:
    mistakes: t.List[Mistake] = []
    inner = Fields({"app": given}, mistakes, path="mac_runners_github", secret=True).mapping("app")
    inner.wrong("client_id", None, "a text that is not empty")
    kind = type(given).__name__
    assert [m.message for m in mistakes] == [f"field mac_runners_github.app: got something of the type {kind}; allowed: a mapping of fields"]
