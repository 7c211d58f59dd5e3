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

# A token and the white space before it. Everything is one: a text in quotes that does not end goes to the end of the profile.
_TOKEN = re.compile(
    r"""\s*(?:[()]|[^\s()"';\#,`][^\s()"';]*|"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|;[^\n]*|\#"[^"]*"?|\#![^\n]*|'|`|,@?|\#\\(?:[A-Za-z]+|.)|\#[^\s()"';]*|\Z)""",
    re.DOTALL,
)
_QUOTED = re.compile(r"""\#"[^"]*"|"[^"\\]*(?:\\.[^"\\]*)*\"""", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|[0-7]{3}|.)", re.DOTALL)
#: With these begins what is no name.
_MARKS = frozenset(("", "(", ")", '"', ";", "#", "'", "`", ","))
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
        #: Depths of the open lists that are quotes, and end after one datum.
        self.quotes: t.List[int] = []

    def forms(self) -> t.List[Form]:
        form, quotes, names = self.top, self.quotes, _Names()
        end = 0
        for piece in _TOKEN.findall(self.source.text):
            token = piece.lstrip()
            end += len(piece)
            at = end - len(token)
            begin = token[:1]
            if begin not in _MARKS and not quotes:
                form.ats.append(at)
                form.items.append(names[token])
            elif begin == "(":
                form.ats.append(at)
                form = self._open(form, at)
            elif begin == ")":
                form = self._close(at)
            elif begin == ";" or token[:2] == "#!":
                self._comment(token, at)
            elif token:
                form = self._rare(form, token, at)
        if len(self.stack) > 1:
            self.fail(self.stack[-1].at, "the list that begins here does not end: a ) is missing")
        return self._statements()

    def _rare(self, form: Form, token: str, at: int) -> Form:
        """What stands less often in a profile; the form that is open behind it."""
        form.ats.append(at)
        if token in _QUOTES:
            return self._quote(form, token, at)
        form.items.append(self._atom(token, at))
        return self._unquote() if self.quotes else form

    def _atom(self, token: str, at: int) -> t.Any:
        if token[0] == '"' or token[:2] == '#"':
            if at + len(token) == len(self.source.text) and not _QUOTED.fullmatch(token):
                self.fail(at, "the text in quotes that begins here does not end")
            return Raw(token[2:-1]) if token[0] == "#" else _text(token)
        return self._sharp(token, at) if token[0] == "#" else _name(token)

    def _statements(self) -> t.List[Form]:
        for item, at in zip(self.top.items, self.top.ats):
            if not isinstance(item, Form):
                self.fail(at, "a profile consists of lists in parentheses; nothing else may stand outside of them")
        return self.top.items

    def fail(self, at: int, what: str) -> t.NoReturn:
        raise ReadError(self.source.name, *self.source.position(at), what)

    def _open(self, above: Form, at: int) -> Form:
        if len(self.stack) > MOST_DEPTH:
            self.fail(at, f"lists are nested deeper than {MOST_DEPTH}")
        form = Form(at, self.source)
        above.items.append(form)
        self.stack.append(form)
        return form

    def _close(self, at: int) -> Form:
        if len(self.stack) == 1:
            self.fail(at, "this ) closes nothing")
        if self.quotes and self.quotes[-1] == len(self.stack):
            self.fail(at, "a quote stands before nothing")
        self.stack.pop()
        return self._unquote() if self.quotes else self.stack[-1]

    def _quote(self, above: Form, mark: str, at: int) -> Form:
        form = self._open(above, at)
        form.items.append(Symbol.of(_QUOTES[mark]))
        form.ats.append(at)
        self.quotes.append(len(self.stack))
        return form

    def _unquote(self) -> Form:
        """End the quotes that the datum just read belongs to."""
        while self.quotes and self.quotes[-1] == len(self.stack):
            self.quotes.pop()
            self.stack.pop()
        return self.stack[-1]

    def _comment(self, comment: str, at: int) -> None:
        begin = self.source.text.rfind("\n", 0, at) + 1
        if not self.source.text[begin:at].strip():
            self.source.comments[self.source.position(at)[0]] = comment.lstrip(";#! ").rstrip()

    def _sharp(self, text: str, at: int) -> t.Any:
        if text in ("#t", "#f"):
            return text == "#t"
        if text == "#":
            self.fail(at, "a # stands alone")
        if text[1] == "\\" and len(text) > 2:
            return Char(_CHARS.get(text[2:], text[2]))
        base = _BASES.get(text[1:2])
        if base is not None:
            try:
                return int(text[2:], base)
            except ValueError:
                self.fail(at, f"{text[:40]} is no number of base {base}")
        if text.startswith("#|"):
            self.fail(at, "macOS does not read block comments; begin each line of the comment with ;")
        self.fail(at, f"{text[:40]} is nothing that a profile can hold")


def _name(text: str) -> t.Any:
    if text[0] in "+-0123456789" and _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return Symbol.of(text)


class _Names(t.Dict[str, t.Any]):
    """Names and numbers of one text: most are there many times."""

    def __missing__(self, text: str) -> t.Any:
        made = self[text] = _name(text)
        return made


def _text(text: str) -> str:
    return _ESCAPE.sub(_unescape, text[1:-1]) if "\\" in text else text[1:-1]


def _unescape(match: t.Match[str]) -> str:
    code = match[1]
    if len(code) == 3:
        return chr(int(code[1:], 16) if code[0] == "x" else int(code, 8))
    return _LETTERS.get(code, code)
