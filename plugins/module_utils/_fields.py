# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Reading what people wrote: typed values out, every mistake collected."""

from __future__ import annotations

import difflib
import json
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import (
    ALLOWED as SIZE_ALLOWED,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import (
    SizeError,
    parse_size,
)

_MISSING = object()

#: What is allowed in a field, or how to say it once a value is known to be wrong.
Allowed = t.Union[str, t.Callable[[t.Any], str]]


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
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(word: t.Any, known: t.Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest known word, or nothing."""
    found = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


class Fields:
    """The fields of one mapping; each ``read`` returns a typed value or notes a mistake.

    ``path`` is put before each field name; after a mistake the default is returned, so
    that reading goes on and all mistakes come out together.
    """

    def __init__(self, raw: t.Any, mistakes: t.List[Mistake], pool: str = "", path: str = "") -> None:
        self.pool = pool
        self.path = path
        self.mistakes = mistakes
        self.raw: t.Mapping[t.Any, t.Any] = {}
        if isinstance(raw, t.Mapping):
            self.raw = raw
        elif raw is not None:
            self.wrong("", raw, "a mapping of fields")

    def wrong(self, field: str, given: t.Any, allowed: str, check: str = "input") -> None:
        """Note a mistake in ``field``."""
        name = f"{self.path}.{field}" if self.path and field else self.path or field
        self.mistakes.append(Mistake(self.pool, name or "itself", show(given), allowed, check))

    def known(self, names: t.Iterable[str]) -> None:
        """Refuse every field that is not among ``names``, with the nearest known one."""
        names = tuple(names)
        for field in self.raw:
            if field not in names:
                self._unknown(field, names)

    def _unknown(self, field: t.Any, names: t.Sequence[str]) -> None:
        name = f"{self.path}.{field}" if self.path else str(field)
        given = f"an unknown field ({show(self.raw[field])})"
        allowed = ", ".join(sorted(names)) + nearest(field, names)
        self.mistakes.append(Mistake(self.pool, name, given, allowed))

    def has(self, field: str) -> bool:
        """Whether the field was given; an empty (null) value counts as not given."""
        return self.raw.get(field) is not None

    def _read(self, field: str, default: t.Any, allowed: Allowed, convert: t.Callable[[t.Any], t.Any]) -> t.Any:
        value = self.raw.get(field)
        if value is None:
            return default
        try:
            result = convert(value)
        except (SizeError, ValueError, OverflowError):
            result = _MISSING
        if result is _MISSING:
            self.wrong(field, value, allowed(value) if callable(allowed) else allowed)
            return default
        return result

    def size(self, field: str, default: t.Any = None, least: int = 0, why: str = "") -> t.Any:
        """A size in bytes, at least ``least`` (``why`` says for what)."""

        def convert(value: t.Any) -> t.Any:
            size = parse_size(value)
            return size if size >= least else _MISSING

        return self._read(field, default, why or SIZE_ALLOWED, convert)

    def whole(self, field: str, default: t.Any = None, least: int = 0, most: int = 2**31) -> t.Any:
        """A whole number; the text ``"3"`` counts, since ``-e a=3`` and templates give text."""

        def convert(value: t.Any) -> t.Any:
            if isinstance(value, bool) or not isinstance(value, (int, str)):
                return _MISSING
            if isinstance(value, str) and not (value.isascii() and value.isdigit()):
                return _MISSING
            number = int(value)
            return number if least <= number <= most else _MISSING

        return self._read(field, default, lambda _given: f"a whole number from {least} to {most}", convert)

    def factor(self, field: str, default: float, most: float = 100.0) -> float:
        """A number above 0, at most ``most``."""

        def convert(value: t.Any) -> t.Any:
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                return _MISSING
            number = float(value)
            return number if 0 < number <= most else _MISSING

        return t.cast(float, self._read(field, default, f"a number above 0, at most {most:g}", convert))

    def truth(self, field: str, default: bool) -> bool:
        """A boolean; the texts ``true`` and ``false`` count."""

        def convert(value: t.Any) -> t.Any:
            if isinstance(value, bool):
                return bool(value)
            words = {"true": True, "yes": True, "false": False, "no": False}
            return words.get(value.lower(), _MISSING) if isinstance(value, str) else _MISSING

        return t.cast(bool, self._read(field, default, "true or false", convert))

    def choice(self, field: str, choices: t.Sequence[str], default: t.Any = None) -> t.Any:
        """One of ``choices``."""

        def convert(value: t.Any) -> t.Any:
            return str(value) if isinstance(value, str) and value in choices else _MISSING

        def allowed(value: t.Any) -> str:
            return "one of " + ", ".join(choices) + (nearest(value, choices) if isinstance(value, str) else "")

        return self._read(field, default, allowed, convert)

    def text(self, field: str, default: t.Any = None) -> t.Any:
        """A text that is not empty and has no control characters."""

        def convert(value: t.Any) -> t.Any:
            good = isinstance(value, str) and value.strip() and value.isprintable()
            return str(value) if good else _MISSING

        return self._read(field, default, "a text that is not empty", convert)

    def items(self, field: str) -> t.List[t.Any]:
        """A list; a text that a template rendered is refused, not split into letters."""

        def convert(value: t.Any) -> t.Any:
            good = isinstance(value, t.Sequence) and not isinstance(value, (str, bytes))
            return list(value) if good else _MISSING

        return t.cast(t.List[t.Any], self._read(field, [], "a list", convert))

    def mapping(self, field: str) -> Fields:
        """The fields of a nested mapping (empty when it is not given)."""
        path = f"{self.path}.{field}" if self.path else field
        return Fields(self.raw.get(field), self.mistakes, self.pool, path)
