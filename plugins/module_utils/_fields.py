# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Reading what people wrote: typed values out, every mistake collected."""

from __future__ import annotations

import collections.abc as c
import difflib
import json
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import (
    SizeError,
    parse_size,
)

#: Python's float() takes more: digits of any script, 1_000, nan.
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?\Z")
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


class Mistake(t.NamedTuple):
    """One wrong value: where it stands, what was given and what is allowed."""

    pool: str
    field: str
    given: str
    allowed: str
    check: str = "input"

    @property
    def message(self) -> str:
        """One sentence without the Mac's name, which the caller puts in front."""
        where = f'pool "{self.pool}", ' if self.pool else ""
        return f"{where}field {self.field}: got {self.given}; allowed: {self.allowed}"


def show(value: t.Any) -> str:
    """Write a given value as it may stand in a message: short, on one line."""
    if value is None:
        return "nothing"
    try:
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    except ValueError:
        # Python does not write integers of thousands of digits.
        return "a number without end"
    return on_one_line(text)


def on_one_line(text: str) -> str:
    """Cut a long text, and escape what a terminal would obey or what would begin a second line."""
    text = text if len(text) <= 80 else text[:77] + "..."
    return text if text.isprintable() else "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def nearest(word: t.Any, known: t.Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest known word, or nothing."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.55)
    return f"; did you mean {found[0]}?" if found else ""


def _is_number(value: t.Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.match(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Fields:
    """The fields of one mapping; each ``read`` returns a typed value or notes a mistake.

    ``path`` is put before each field name; after a mistake the default is returned, so
    that reading goes on and all mistakes come out together. What is no mapping is one mistake,
    and with ``secret`` it is not shown.
    """

    def __init__(self, raw: t.Any, mistakes: t.List[Mistake], pool: str = "", path: str = "", secret: bool = False) -> None:
        self.pool = pool
        self.path = path
        self.mistakes = mistakes
        self.raw: t.Mapping[t.Any, t.Any] = {}
        self._secret = secret
        self._readable = raw is None or isinstance(raw, (dict, c.Mapping))
        if raw is not None and self._readable:
            self.raw = raw
        elif not self._readable:
            self._no_mapping(raw)

    def _no_mapping(self, raw: t.Any) -> None:
        given = f"something of the type {type(raw).__name__}" if self._secret else show(raw)
        self.mistakes.append(Mistake(self.pool, self.path or "itself", given, "a mapping of fields"))

    def wrong(self, field: str, given: t.Any, allowed: str, check: str = "input") -> None:
        """Note a mistake in ``field``."""
        if not self._readable:
            return
        name = f"{self.path}.{field}" if self.path and field else self.path or field
        self.mistakes.append(Mistake(self.pool, name or "itself", show(given), allowed, check))

    def known(self, names: t.Collection[str]) -> None:
        """Refuse every field that is not among ``names``, with the nearest known one."""
        for field in self.raw:
            if field not in names:
                self._unknown(field, names)

    def _unknown(self, field: t.Any, names: t.Collection[str]) -> None:
        name = on_one_line(f"{self.path}.{field}" if self.path else str(field))
        # Not its value: it may be a secret in the wrong place.
        given = "an unknown field"
        allowed = ", ".join(sorted(names)) + nearest(field, sorted(names))
        self.mistakes.append(Mistake(self.pool, name, given, allowed))

    def has(self, field: str) -> bool:
        """Whether the field was given; an empty (null) value counts as not given."""
        return self.raw.get(field) is not None

    def size(self, field: str, default: t.Any = None) -> t.Any:
        """A size in bytes."""
        value = self.raw.get(field)
        if value is None:
            return default
        try:
            return parse_size(value)
        except SizeError as error:
            self.wrong(field, value, str(error))
            return default

    def whole(self, field: str, default: t.Any = None, least: int = 0, most: int = 2**31) -> t.Any:
        """A whole number; the text ``"3"`` counts, since ``-e a=3`` and templates give text."""
        value = self.raw.get(field)
        if value is None:
            return default
        digits = isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdigit()
        if digits or (isinstance(value, int) and not isinstance(value, bool)):
            number = int(value)
            if least <= number <= most:
                return number
        self.wrong(field, value, f"a whole number from {least} to {most}")
        return default

    def factor(self, field: str, default: float, most: float = 100.0) -> float:
        """A number above 0, at most ``most``."""
        value = self.raw.get(field)
        if value is None:
            return default
        try:
            number = float(value) if _is_number(value) else 0.0
        except OverflowError:
            number = 0.0
        if 0 < number <= most:
            return number
        self.wrong(field, value, f"a number above 0, at most {most:g}")
        return default

    def truth(self, field: str, default: bool) -> bool:
        """A boolean; the texts ``true`` and ``false`` count."""
        value = self.raw.get(field)
        if value is None:
            return default
        word = str(value).lower() if isinstance(value, (bool, str)) else ""
        if word in _TRUTHS:
            return _TRUTHS[word]
        self.wrong(field, value, "true or false")
        return default

    def choice(self, field: str, choices: t.Sequence[str], default: t.Any = None) -> t.Any:
        """One of ``choices``."""
        value = self.raw.get(field)
        if value is None:
            return default
        if isinstance(value, str) and value in choices:
            return str(value)
        hint = nearest(value, choices) if isinstance(value, str) else ""
        self.wrong(field, value, "one of " + ", ".join(choices) + hint)
        return default

    def text(self, field: str, default: t.Any = None) -> t.Any:
        """A text that is not empty and has no control characters."""
        value = self.raw.get(field)
        if value is None:
            return default
        if isinstance(value, str) and value.strip() and value.isprintable():
            return str(value)
        self.wrong(field, value, "a text that is not empty, without control characters")
        return default

    def items(self, field: str) -> t.List[t.Any]:
        """A list; a text that a template rendered is refused, not split into letters."""
        value = self.raw.get(field)
        if value is None:
            return []
        if isinstance(value, (list, tuple)):
            return list(value)
        self.wrong(field, value, "a list")
        return []

    def mapping(self, field: str) -> Fields:
        """The fields of a nested mapping (empty when it is not given)."""
        path = f"{self.path}.{field}" if self.path else field
        return Fields(self.raw.get(field), self.mistakes, self.pool, path, self._secret)
