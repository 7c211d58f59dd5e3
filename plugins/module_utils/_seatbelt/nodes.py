# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a profile is made of once it is read: forms of atoms, each of which knows where it stood."""

from __future__ import annotations

import bisect
import re
import typing as t


class Source:
    """A text that was read, and how to name places in it."""

    __slots__ = ("name", "text", "comments", "_starts")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        #: Line -> comment without its semicolons, for lines that are a comment alone.
        self.comments: t.Dict[int, str] = {}
        self._starts: t.List[int] = []

    def position(self, offset: int) -> t.Tuple[int, int]:
        """Line and column, from 1, of an offset."""
        if not self._starts:
            self._starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class Symbol:
    """A name. There is one object for each, so that ``is`` compares them."""

    __slots__ = ("name",)
    _known: t.Dict[str, "Symbol"] = {}

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def of(cls, name: str) -> "Symbol":
        """The one symbol of this name."""
        found = cls._known.get(name)
        if found is None:
            found = cls._known[name] = cls(name)
        return found

    def __repr__(self) -> str:
        return self.name


class Raw(str):
    """A text that was written as ``#"..."``, in which nothing is escaped."""

    __slots__ = ()


class Char(str):
    """A single character, written as ``#\\x``."""

    __slots__ = ()


class Form:
    """A list in parentheses. ``ats`` are the offsets of its items, ``at`` its own."""

    __slots__ = ("items", "ats", "at", "source")

    def __init__(self, at: int, source: Source) -> None:
        self.items: t.List[t.Any] = []
        self.ats: t.List[int] = []
        self.at = at
        self.source = source

    def __eq__(self, other: object) -> bool:
        # Raw and Char are texts, and equal to other texts with the same letters.
        return isinstance(other, Form) and len(self.items) == len(other.items) and all(
            type(mine) is type(theirs) and mine == theirs for mine, theirs in zip(self.items, other.items)
        )

    __hash__ = None  # type: ignore[assignment]

    def head(self) -> str:
        """The name that the form begins with, or nothing."""
        return self.items[0].name if self.items and isinstance(self.items[0], Symbol) else ""

    def position(self) -> t.Tuple[int, int]:
        """Line and column of its opening parenthesis."""
        return self.source.position(self.at)
