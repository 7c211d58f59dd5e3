# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Regular expressions of the profile language, matched in time that grows with the text only.

What the dialect is, is partly not known; what is in doubt (intervals, letters after a backslash, named classes) is not compiled.
"""

from __future__ import annotations

import functools
import typing as t

#: Larger ones are not worked out.
MOST_STATES = 4000
_LITERAL_ESCAPES = frozenset("\\^$.[]|()*+?{}-/\"' ~_@#%&=:;,<>!`")
_END = "end"

Test = t.Callable[[str], bool]
#: A state is a test of one character and the state after it, a fork without a character, or an anchor.
State = t.List[t.Any]


class DoubtError(Exception):
    """Nobody has measured what this expression means."""


class Pattern:
    """A compiled expression."""

    def __init__(self, states: t.List[State], start: int) -> None:
        self._states = states
        self._start = start

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in ``text``."""
        last = len(text)
        current: t.Set[int] = set()
        for at in range(last + 1):
            self._follow(self._start, at, last, current)
            if any(self._states[one][0] == _END for one in current):
                return True
            if at < last:
                current = self._step(current, text[at], at + 1, last)
        return False

    def _step(self, current: t.Set[int], char: str, at: int, last: int) -> t.Set[int]:
        following: t.Set[int] = set()
        for one in current:
            kind, what, target = self._states[one]
            if kind == "char" and what(char):
                self._follow(target, at, last, following)
        return following

    def _follow(self, state: int, at: int, last: int, found: t.Set[int]) -> None:
        """Add a state and all that are reached from it without a character."""
        waiting = [state]
        while waiting:
            one = waiting.pop()
            if one in found:
                continue
            found.add(one)
            kind, what, target = self._states[one]
            if kind == "fork":
                waiting += [what, target]
            elif (kind == "begin" and at == 0) or (kind == "finish" and at == last):
                waiting.append(target)


@functools.lru_cache(maxsize=1024)
def compile_pattern(expression: str, fold: bool = False) -> Pattern:
    """Compile an expression, ``fold`` without regard to case. Raises :class:`DoubtError` or ValueError (it is none)."""
    return _Compiler(expression, fold).compile()


class _Compiler:
    """Builds states from the end to the beginning of each piece: every piece is a function from what follows to its own start."""

    def __init__(self, expression: str, fold: bool) -> None:
        self.text = expression.lower() if fold else expression
        self.fold = fold
        self.at = 0
        self.depth = 0
        self.states: t.List[State] = []

    def compile(self) -> Pattern:
        build = self._choice()
        if self.at < len(self.text):
            raise ValueError(f"a ) that closes nothing at character {self.at + 1}")
        return Pattern(self.states, build(self._state(_END, None, 0)))

    def _state(self, kind: str, what: t.Any, target: int) -> int:
        if len(self.states) >= MOST_STATES:
            raise DoubtError("it is too large")
        self.states.append([kind, what, target])
        return len(self.states) - 1

    def _next(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def _choice(self) -> t.Callable[[int], int]:
        options = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            options.append(self._sequence())
        if len(options) == 1:
            return options[0]
        return lambda after: functools.reduce(lambda one, two: self._state("fork", one, two), [build(after) for build in options])

    def _sequence(self) -> t.Callable[[int], int]:
        pieces = []
        while self._next() not in ("", "|", ")"):
            pieces.append(self._repeated())
        return lambda after: functools.reduce(lambda target, build: build(target), reversed(pieces), after)

    def _repeated(self) -> t.Callable[[int], int]:
        if self._next() in "*+?":
            raise DoubtError("a repetition of nothing")
        build = self._atom()
        while self._next() and self._next() in "*+?":
            build = self._repeat(build, self._next())
            self.at += 1
        if self._next() == "{":
            raise DoubtError("an interval")
        return build

    def _repeat(self, build: t.Callable[[int], int], mark: str) -> t.Callable[[int], int]:
        if mark == "?":
            return lambda after: self._state("fork", build(after), after)

        def loop(after: int) -> int:
            fork = self._state("fork", 0, after)
            self.states[fork][1] = build(fork)
            return fork if mark == "*" else t.cast(int, self.states[fork][1])

        return loop

    def _atom(self) -> t.Callable[[int], int]:
        char = self._next()
        self.at += 1
        if char == "(":
            return self._group()
        if char in "^$":
            kind = "begin" if char == "^" else "finish"
            return lambda after: self._state(kind, None, after)
        if char == "{":
            raise DoubtError("an interval")
        test = self._set() if char == "[" else self._single(char)
        return lambda after: self._state("char", test, after)

    def _group(self) -> t.Callable[[int], int]:
        self.depth += 1
        if self._next() == "?" or self.depth > 50:
            raise DoubtError("a group of an unusual kind")
        build = self._choice()
        if self._next() != ")":
            raise ValueError("a ( without its )")
        self.at += 1
        self.depth -= 1
        return build

    def _single(self, char: str) -> Test:
        if char == ".":
            return lambda given: True
        wanted = self._escaped() if char == "\\" else char
        return lambda given: self._folded(given) == wanted

    def _escaped(self) -> str:
        char = self._next()
        self.at += 1
        if not char:
            raise ValueError("a \\ at the end")
        if char not in _LITERAL_ESCAPES:
            raise DoubtError(f"\\{char}")
        return char

    def _folded(self, char: str) -> str:
        return char.lower() if self.fold else char

    def _set(self) -> Test:
        end = self.text.find("]", self.at + (2 if self.text[self.at : self.at + 1] == "^" else 1))
        if end < 0:
            raise ValueError("a [ without its ]")
        inside = self.text[self.at : end]
        self.at = end + 1
        negated = inside.startswith("^")
        inside = inside[1:] if negated else inside
        if "[:" in inside or "\\" in inside:
            raise DoubtError("a named class or a backslash in [ ]")
        ranges = _ranges(inside)
        return lambda given: any(low <= self._folded(given) <= high for low, high in ranges) is not negated


def _ranges(inside: str) -> t.List[t.Tuple[str, str]]:
    found, at = [], 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            found.append((inside[at], inside[at + 2]))
            at += 3
        else:
            found.append((inside[at], inside[at]))
            at += 1
    return found
