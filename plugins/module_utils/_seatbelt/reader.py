# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From text to forms. Nothing is evaluated here, and nothing is guessed: what cannot be read is an error with line and column."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import ReadError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Char, Form, Raw, Source, Symbol

#: Deeper lists are no profile; the machine, which recurses, relies on it.
MOST_DEPTH = 200

# Groups, by number: 1 open, 2 close, 3 name, 4 text, 5 raw, 6 comment, 7 quote, 8 char, 9 sharp. White space has none.
_TOKEN = re.compile(
    r'''\s+|(\()|(\))|([^\s()"';\#,`][^\s()"';]*)|("(?:[^"\\]|\\.)*")|(\#"[^"]*")|(;[^\n]*|\#![^\n]*)|('|`|,@|,)|(\#\\(?:[A-Za-z]+|.))|(\#[^\s()"';]+)''',
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|[0-7]{3}|.)", re.DOTALL)
_QUOTES = {"'": "quote", "`": "quasiquote", ",": "unquote", ",@": "unquote-splicing"}
_LETTERS = {"n": "\n", "t": "\t", "r": "\r"}
_CHARS = {"space": " ", "newline": "\n", "tab": "\t", "return": "\r"}
_BASES = {"o": 8, "x": 16, "d": 10, "b": 2}


def read(text: str, name: str = "profile") -> t.List[Form]:
    """All forms of a profile, in order. Raises :class:`ReadError`; ``name`` is how errors call the text."""
    return _Reader(Source(name, text)).forms()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.top = Form(0, source)
        self.stack = [self.top]
        #: For each open list, how many of those around it are quotes that end with it.
        self.quotes: t.List[int] = [0]

    def forms(self) -> t.List[Form]:
        atoms = {3: _name, 4: _text, 5: _raw, 8: _char, 9: self._sharp}
        match = _TOKEN.match
        text, end, at = self.source.text, len(self.source.text), 0
        while at < end:
            token = match(text, at)
            if token is None:
                self._unreadable(at)
            kind = token.lastindex  # type: ignore[union-attr]
            if kind == 1:
                self._open(at)
            elif kind == 2:
                self._close(at)
            elif kind == 6:
                self._comment(token[0], at)  # type: ignore[index]
            elif kind == 7:
                self._quote(token[0], at)  # type: ignore[index]
            elif kind is not None:
                self._add(atoms[kind](token[0]) if kind != 9 else self._sharp(token[0], at), at)  # type: ignore[operator,index]
            at = token.end()  # type: ignore[union-attr]
        if len(self.stack) > 1:
            self.fail(self.stack[-1].at, "the list that begins here does not end: a ) is missing")
        return self._statements()

    def _statements(self) -> t.List[Form]:
        for item, at in zip(self.top.items, self.top.ats):
            if type(item) is not Form:
                self.fail(at, "a profile consists of lists in parentheses; nothing else may stand outside of them")
        return self.top.items

    def fail(self, at: int, what: str) -> t.NoReturn:
        raise ReadError(self.source.name, *self.source.position(at), what)

    def _open(self, at: int) -> None:
        if len(self.stack) > MOST_DEPTH:
            self.fail(at, f"lists are nested deeper than {MOST_DEPTH}")
        form = Form(at, self.source)
        top = self.stack[-1]
        top.items.append(form)
        top.ats.append(at)
        self.stack.append(form)
        self.quotes.append(0)

    def _close(self, at: int) -> None:
        if len(self.stack) == 1:
            self.fail(at, "this ) closes nothing")
        if self.quotes.pop() < 0:
            self.fail(at, "a quote stands before nothing")
        self.stack.pop()
        self._unquote()

    def _quote(self, mark: str, at: int) -> None:
        self._open(at)
        self._add(Symbol.of(_QUOTES[mark]), at)
        self.quotes[-1] = -1

    def _add(self, atom: t.Any, at: int) -> None:
        top = self.stack[-1]
        top.items.append(atom)
        top.ats.append(at)
        self._unquote()

    def _unquote(self) -> None:
        """End the quotes that the datum just read belongs to."""
        while self.quotes[-1] < 0:
            self.quotes.pop()
            self.stack.pop()

    def _comment(self, comment: str, at: int) -> None:
        line, column = self.source.position(at)
        if not self.source.text[at - column + 1 : at].strip():
            self.source.comments[line] = comment.lstrip(";#! ").rstrip()

    def _sharp(self, text: str, at: int = 0) -> t.Any:
        if text in ("#t", "#f"):
            return text == "#t"
        base = _BASES.get(text[1:2])
        if base is not None:
            try:
                return int(text[2:], base)
            except ValueError:
                self.fail(at, f"{text[:40]} is no number of base {base}")
        if text.startswith("#|"):
            self.fail(at, "macOS does not read block comments; begin each line of the comment with ;")
        self.fail(at, f"{text[:40]} is nothing that a profile can hold")

    def _unreadable(self, at: int) -> t.NoReturn:
        if self.source.text[at] == "#" and self.source.text[at + 1 : at + 2] != '"':
            self.fail(at, "a # stands alone")
        self.fail(at, "the text in quotes that begins here does not end")


def _name(text: str) -> t.Any:
    if text[0] in "+-0123456789" and _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return Symbol.of(text)


def _text(text: str) -> str:
    return _ESCAPE.sub(_unescape, text[1:-1]) if "\\" in text else text[1:-1]


def _unescape(match: t.Match[str]) -> str:
    code = match[1]
    if len(code) == 3:
        return chr(int(code[1:], 16) if code[0] == "x" else int(code, 8))
    return _LETTERS.get(code, code)


def _raw(text: str) -> Raw:
    return Raw(text[2:-1])


def _char(text: str) -> Char:
    name = text[2:]
    return Char(_CHARS.get(name, name[0]))
