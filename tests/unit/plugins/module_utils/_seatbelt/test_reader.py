# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From text to forms and back; errors say line and column."""

from __future__ import annotations

import random

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import ReadError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Char, Form, Raw, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.printer import write
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.reader import read

ATOMS = [
    ("file-read*", Symbol.of("file-read*")),
    ("<=", Symbol.of("<=")),
    ("-", Symbol.of("-")),
    ("12", 12),
    ("-3", -3),
    ("1.5", 1.5),
    ("#o777", 0o777),
    ("#x1F", 31),
    ("#b101", 5),
    ("#t", True),
    ("#f", False),
    ("#\\a", Char("a")),
    ("#\\/", Char("/")),
    ("#\\space", Char(" ")),
    ('"a b"', "a b"),
    ('"a\nb"', "a\nb"),
    (r'"a\"b\\c"', 'a"b\\c'),
    (r'"\n\t\x41\101\."', "\n\tAA."),
    (r'#"^/a\.b$"', Raw(r"^/a\.b$")),
    ('";no comment"', ";no comment"),
]


@pytest.mark.parametrize(("text", "value"), ATOMS)
def test_an_atom(text, value):
    (form,) = read(f"(x {text})")
    assert type(form.items[1]) is type(value) and form.items[1] == value
    assert read(write([form])) == [form]


def test_comments_and_places():
    first, second = read("; one\n(version 1) #! two\n  (deny default) ; three\n ; four ;\n")
    assert (first.position(), second.position()) == ((2, 1), (3, 3))
    assert second.source.position(second.ats[1]) == (3, 9)
    assert second.source.comments == {1: "one", 4: "four ;"}


def test_quotes():
    (form,) = read("(f 'a '(b 'c) `d ,e)")
    assert write([form]) == "(f (quote a) (quote (b (quote c))) (quasiquote d) (unquote e))\n"


BAD = [
    ('(a\n "b', 2, 2, "does not end"),
    ('(a\n  (b #"c', 2, 6, "does not end"),
    ('(a "b\\"', 1, 4, "the text in quotes that begins here does not end"),
    ('(a "b\\\\"', 1, 1, "the list that begins here does not end"),
    ('(a #"b"', 1, 1, "the list that begins here does not end"),
    ("(a\n (b)", 1, 1, "a ) is missing"),
    ("(a)\n)", 2, 1, "closes nothing"),
    ("(a #| b |# )", 1, 4, "block comments"),
    ("(a ')", 1, 5, "before nothing"),
    ("(a)\nb", 2, 1, "nothing else may stand outside"),
    ("(#zz)", 1, 2, "#zz is nothing"),
    ("(#o9)", 1, 2, "no number of base 8"),
    ("(a\n  # )", 2, 3, "stands alone"),
    ("(" * 300, 1, 201, "nested deeper"),
]


@pytest.mark.parametrize(("text", "line", "column", "what"), BAD)
def test_what_cannot_be_read(text, line, column, what):
    with pytest.raises(ReadError, match=f"^x.sb, line {line}, column {column}: ") as error:
        read(text, "x.sb")
    assert what in str(error.value) and (error.value.line, error.value.column) == (line, column)


def made(dice, depth):
    """A form at random."""
    kinds = [lambda: dice.choice(ATOMS)[1], lambda: "".join(chr(dice.randint(1, 300)) for _char in range(dice.randint(0, 9)))]
    form = read("()")[0]
    form.items = [made(dice, depth - 1) if depth and dice.random() < 0.4 else dice.choice(kinds)() for _item in range(dice.randint(0, 7))]
    return form


def test_what_is_printed_is_read_as_the_same():
    dice = random.Random(1)
    for _time in range(500):
        form = made(dice, 5)
        text = write([form])
        assert read(text) == [form], text
        assert write(read(text)) == text


def test_noise_is_read_or_refused_with_a_place():
    dice = random.Random(2)
    pieces = ['"', "(", ")", "'", "#", ";", "\\", "\n", "a", " ", '#"', "|", ",", "1", "allow"]
    read_whole = 0
    for _time in range(5000):
        text = "".join(dice.choice(pieces) for _piece in range(dice.randint(0, 12)))
        try:
            forms = read(text)
        except ReadError as error:
            assert 1 <= error.line <= text.count("\n") + 1 and error.column >= 1
        else:
            read_whole += 1
            assert read(write(forms)) == forms, text
    assert 100 < read_whole < 4900


def test_forms_differ_by_the_kind_of_their_atoms():
    assert read('(a "b")') != read('(a #"b")')
    assert read("(a 1)") != read("(a #t)")
    assert isinstance(read("(a)")[0], Form)
