# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A small machine for the Scheme of profiles: bounded in steps and depth, without input or output, and frank about what it cannot do."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import (
    Builtin,
    Closure,
    Constant,
    Filter,
    Hole,
    Macro,
    Modifier,
    Opaque,
    Problem,
    Rule,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.vocabulary import is_constant


class Limits(t.NamedTuple):
    """How much may be done for one profile."""

    steps: int = 400_000
    depth: int = 120
    rules: int = 20_000
    text: int = 1 << 20


class ExhaustedError(Exception):
    """A limit was reached; the text says which."""


class WrongError(Exception):
    """Something that macOS refuses to compile."""

    def __init__(self, message: str, code: str = "does-not-compile") -> None:
        super().__init__(message)
        self.code = code


class UnsureError(Exception):
    """Something that is not worked out here; the text says what."""


class Env:
    """Names and their values; what is not here is looked for in ``above``."""

    __slots__ = ("names", "above")

    def __init__(self, names: t.Dict[str, t.Any], above: t.Optional[Env]) -> None:
        self.names = names
        self.above = above


class Tail(t.NamedTuple):
    """The item of a form that is to be evaluated in place of the current one."""

    form: Form
    item: int
    env: Env


Special = t.Callable[["Run", Form, Env], t.Any]


@dataclasses.dataclass
class Run:
    """The evaluation of one profile."""

    model: str
    specials: t.Mapping[str, Special]
    expand: t.Callable[["Run", Macro, Form, Env], t.Any]
    world: Env
    params: t.Mapping[str, str]
    imports: t.Mapping[str, str]
    limits: Limits = Limits()
    rules: t.List[t.Union[Rule, Hole]] = dataclasses.field(default_factory=list)
    problems: t.List[Problem] = dataclasses.field(default_factory=list)
    versions: t.List[t.Any] = dataclasses.field(default_factory=list)
    #: Names of special forms to which the profile gave another meaning.
    redefined: t.Set[str] = dataclasses.field(default_factory=set)
    #: Why names may be defined that are not known here; empty when none can be.
    unread: str = ""
    importing: t.List[str] = dataclasses.field(default_factory=list)
    #: What with-filter and with-modifier put around the rules inside.
    around: t.List[t.Union[Filter, Modifier]] = dataclasses.field(default_factory=list)
    top: t.Optional[Form] = None
    steps: int = 0
    depth: int = 0
    #: How many names were made up for macros.
    made_up: int = 0
    #: Above 0 inside a branch of which nobody knows whether it is taken.
    doubts: int = 0

    def problem(self, error: WrongError, form: Form, index: int = 0) -> Opaque:
        """Note what macOS would refuse; goes on with a value of which nothing is known."""
        at = form.ats[index] if index else form.at
        self.problems.append(Problem(error.code, str(error), form, at, not self.doubts))
        return Opaque(str(error))

    def hole(self, why: str, form: Form, action: str = "") -> Opaque:
        """Note that rules may stand here that nobody read."""
        self.rules.append(Hole(len(self.rules), action, form, why))
        return Opaque(why)


def value_of(run: Run, form: Form, index: int, env: Env) -> t.Any:
    """The value of one item of a form."""
    item = form.items[index]
    kind = type(item)
    if kind is Form:
        return evaluate(run, item, env)
    if kind is not Symbol:
        return item
    name = item.name
    place: t.Optional[Env] = env
    while place is not None:
        if name in place.names:
            return place.names[name]
        place = place.above
    if is_constant(name):
        return Constant(name)
    if run.unread:
        return Opaque(f"{name} may be defined where nothing was read: {run.unread}")
    return run.problem(WrongError(f"unbound variable: {name}", "unbound"), form, index)


def evaluate(run: Run, form: Form, env: Env) -> t.Any:
    """The value of a form. Raises :class:`ExhaustedError`."""
    run.depth += 1
    if run.depth > run.limits.depth:
        raise ExhaustedError(f"calls are nested deeper than {run.limits.depth}")
    try:
        while True:
            # Not by a call: this is done for every form.
            run.steps += 1
            if run.steps > run.limits.steps:
                spend(run, 0)
            result = _once(run, form, env)
            if not isinstance(result, Tail):
                return result
            item = result.form.items[result.item]
            if not isinstance(item, Form):
                return value_of(run, result.form, result.item, result.env)
            form, env = item, result.env
    finally:
        run.depth -= 1


def spend(run: Run, steps: int) -> None:
    """Count what is done. Raises :class:`ExhaustedError`."""
    run.steps += steps
    if run.steps > run.limits.steps:
        raise ExhaustedError(f"more than {run.limits.steps} steps")


def _once(run: Run, form: Form, env: Env) -> t.Any:
    items = form.items
    if not items:
        return ()
    head = items[0]
    try:
        if isinstance(head, Symbol):
            special = run.specials.get(head.name)
            if special is not None and not (head.name in run.redefined and _is_bound(env, head.name)):
                return special(run, form, env)
        function = value_of(run, form, 0, env)
        if isinstance(function, Macro):
            return run.expand(run, function, form, env)
    except WrongError as error:
        return run.problem(error, form)
    except UnsureError as error:
        return run.hole(str(error), form)
    if isinstance(function, Opaque):
        # It may be a macro, which evaluates none of them.
        doubtful(run, form, 1, env)
        return call(run, function, [], form)
    return call(run, function, [value_of(run, form, index, env) for index in range(1, len(items))], form)


def _is_bound(env: t.Optional[Env], name: str) -> bool:
    while env is not None:
        if name in env.names:
            return True
        env = env.above
    return False


def call(run: Run, function: t.Any, arguments: t.List[t.Any], form: Form) -> t.Any:
    """Call a function; the answer may be a :class:`Tail`."""
    kind = type(function)
    if kind is Builtin:
        if function.pure:
            opaque = next((one for one in arguments if isinstance(one, Opaque)), None)
            if opaque is not None:
                return opaque
        try:
            return function.call(run, arguments, form)
        except WrongError as error:
            return run.problem(error, form)
        except UnsureError as error:
            return run.hole(str(error), form)
    if kind is Closure:
        return _enter(run, function, arguments, form)
    if kind is Macro:
        return run.hole(f"the macro {function.closure.name} is called as a function", form)
    if kind is Opaque:
        return run.hole(f"{form.head() or 'a function'} was not understood: {function.why}", form)
    return run.problem(WrongError(f"{form.head() or 'the first item'} is called, and is no function"), form)


def finished(run: Run, result: t.Any) -> t.Any:
    """The value behind a :class:`Tail`."""
    while isinstance(result, Tail):
        result = value_of(run, result.form, result.item, result.env)
    return result


def body(run: Run, form: Form, first: int, env: Env) -> t.Any:
    """Evaluate the items of a form from ``first`` on, the last one as a tail."""
    last = len(form.items) - 1
    if last < first:
        return ()
    for index in range(first, last):
        value_of(run, form, index, env)
    return Tail(form, last, env)


def doubtful(run: Run, form: Form, first: int, env: Env) -> t.Any:
    """Evaluate items of which nobody knows whether they would be."""
    run.doubts += 1
    value: t.Any = ()
    for index in range(first, len(form.items)):
        value = value_of(run, form, index, env)
    run.doubts -= 1
    return value


def _enter(run: Run, function: Closure, arguments: t.List[t.Any], form: Form) -> t.Any:
    missing, extra = len(function.names) - len(arguments), len(arguments) - len(function.names)
    if missing > 0 or (extra > 0 and not function.rest):
        return run.problem(WrongError(f"{function.name} takes {len(function.names)} arguments and got {len(arguments)}"), form)
    names = dict(zip(function.names, arguments))
    if function.rest:
        names[function.rest] = tuple(arguments[len(function.names) :])
    return body(run, function.form, function.first, Env(names, function.env))
