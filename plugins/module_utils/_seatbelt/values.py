# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What evaluating a profile yields: filters, modifiers, functions, rules, and what could not be evaluated."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form

ALLOW = "allow"
DENY = "deny"


class Op(t.NamedTuple):
    """An operation as a value; ``name`` is empty for one on which rules do nothing."""

    name: str


class Constant(t.NamedTuple):
    """A constant of the language, such as ``self`` or ``SIGKILL``."""

    name: str


class Opaque(t.NamedTuple):
    """A value that was not worked out, and why."""

    why: str


class Filter:
    """A condition. ``values`` hold texts, constants, numbers, other filters and what is opaque; several texts are an OR."""

    __slots__ = ("name", "how", "values")

    def __init__(self, name: str, how: str, values: t.Tuple[t.Any, ...]) -> None:
        self.name = name
        self.how = how
        self.values = values

    @property
    def key(self) -> t.Tuple[t.Any, ...]:
        """What two filters that mean the same have in common."""
        values = tuple(value.key if isinstance(value, Filter) else value for value in self.values)
        return (self.name, self.how, values)

    def contains(self, name: str) -> bool:
        """Whether a filter of this name is it or in it."""
        return self.name == name or any(isinstance(value, Filter) and value.contains(name) for value in self.values)


class Modifier(t.NamedTuple):
    """What stands behind ``with``."""

    name: str
    arguments: t.Tuple[t.Any, ...]


class Builtin(t.NamedTuple):
    """A function of the language. A pure one is not called with what is opaque: its answer is then opaque too."""

    name: str
    call: t.Callable[..., t.Any]
    pure: bool = True


class Closure:
    """A function that the profile defines."""

    __slots__ = ("name", "names", "rest", "form", "first", "env")

    def __init__(self, name: str, names: t.List[str], rest: str, form: Form, first: int, env: t.Any) -> None:
        self.name = name
        self.names = names
        #: Takes the arguments beyond ``names``, as a list; empty when there may be none.
        self.rest = rest
        #: Its body are the items of ``form`` from ``first`` on.
        self.form = form
        self.first = first
        self.env = env


class Macro(t.NamedTuple):
    """A macro that the profile defines; ``whole``: it is given the form that calls it, and not what stands behind its name."""

    closure: Closure
    whole: bool


class Datum(t.Tuple[t.Any, ...]):
    """A list as data, and the form that it was."""

    form: t.Optional[Form] = None

    @classmethod
    def of(cls, values: t.Iterable[t.Any], form: Form) -> Datum:
        """The data of a form."""
        made = cls(values)
        made.form = form
        return made


class Dotted(t.NamedTuple):
    """Pairs whose last one does not end in a list."""

    values: t.Tuple[t.Any, ...]
    tail: t.Any


@dataclasses.dataclass
class Rule:
    """One ``allow`` or ``deny`` that was called. ``certain`` is False when it is not known whether it would be."""

    index: int
    action: str
    operations: t.Tuple[str, ...]
    filters: t.Tuple[Filter, ...]
    modifiers: t.Tuple[Modifier, ...]
    form: Form
    #: The statement of the profile that led to it.
    top: Form
    certain: bool = True
    #: Whether ``require-not`` is in its filters.
    negates: bool = False
    #: What matching makes of the filters once, so that it need not look at each of them for every question.
    prepared: t.Any = None
    #: Its filters and those inside them, once somebody asked.
    flat: t.Optional[t.Tuple[Filter, ...]] = None


@dataclasses.dataclass(frozen=True)
class Hole:
    """Where rules may stand that were not read; ``action`` is empty when they may do either."""

    index: int
    action: str
    form: Form
    why: str


class Problem(t.NamedTuple):
    """Why macOS would not compile the profile; ``certain`` is False when the place may never be reached."""

    code: str
    message: str
    form: Form
    at: int
    certain: bool
