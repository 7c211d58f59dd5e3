# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Macros, and the forms that the language itself has as macros: quasiquote, do; and case, which compares with data."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.data import as_item, datum, is_list, joined, same
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import (
    Env,
    Run,
    Special,
    Tail,
    UnsureError,
    WrongError,
    body,
    call,
    doubtful,
    finished,
    spend,
    value_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Closure, Macro, Opaque

_DOT = Symbol.of(".")


def expand(run: Run, macro: Macro, form: Form, env: Env) -> t.Any:
    """What a macro makes of the form that calls it, to be evaluated in its place."""
    given = datum(run, form)
    if not is_list(given):
        raise UnsureError(f"{macro.closure.name} is called with a pair that is no list")
    # The body may be left by a tail of its own, which does not belong to the caller.
    made = finished(run, call(run, macro.closure, [given] if macro.whole else list(given[1:]), form))
    if isinstance(made, Opaque):
        raise UnsureError(f"what the macro {macro.closure.name} makes: {made.why}")
    return as_tail(run, made, form, env)


def as_tail(run: Run, value: t.Any, form: Form, env: Env) -> Tail:
    """Data to be evaluated in the place of a form."""
    holder = Form(form.at, form.source)
    holder.items, holder.ats = [as_item(run, value, form)], [form.at]
    return Tail(holder, 0, env)


def quote(run: Run, form: Form, _env: Env) -> t.Any:
    """``quote``: an item as data."""
    _need(form, 2)
    return datum(run, form.items[1])


def quasiquote(run: Run, form: Form, env: Env) -> t.Any:
    """``quasiquote``: data with places that are evaluated."""
    _need(form, 2)
    return _filled(run, form, 1, env, 0)


def _filled(run: Run, form: Form, index: int, env: Env, level: int) -> t.Any:
    item = form.items[index]
    if not isinstance(item, Form):
        return item
    head = item.head()
    if head == "unquote" and level == 0:
        _need(item, 2)
        return value_of(run, item, 1, env)
    if not _has_places(item):
        return datum(run, item)
    level += {"quasiquote": 1, "unquote": -1, "unquote-splicing": -1}.get(head, 0)
    spend(run, len(item.items))
    values: t.List[t.Any] = []
    last = len(item.items) - 1
    for number, one in enumerate(item.items):
        if one is _DOT and number == last - 1 > 0:
            return joined(values, _filled(run, item, last, env, level))
        if level == 0 and isinstance(one, Form) and one.head() == "unquote-splicing":
            values.extend(_spliced(run, one, env))
        else:
            values.append(_filled(run, item, number, env, level))
    return tuple(values)


def _has_places(form: Form) -> bool:
    return form.head() in ("unquote", "unquote-splicing") or any(isinstance(item, Form) and _has_places(item) for item in form.items)


def _spliced(run: Run, form: Form, env: Env) -> t.Sequence[t.Any]:
    _need(form, 2)
    value = value_of(run, form, 1, env)
    if isinstance(value, Opaque):
        raise UnsureError(f"what is put in here was not understood: {value.why}")
    if not is_list(value):
        raise WrongError("unquote-splicing of what is no list")
    return t.cast(t.Sequence[t.Any], value)


def do(run: Run, form: Form, env: Env) -> t.Any:
    """``do``: a loop of names with steps, to a test."""
    _need(form, 3)
    names, end = form.items[1], form.items[2]
    if not isinstance(names, Form) or not isinstance(end, Form) or not end.items:
        raise WrongError("do needs a list of names and a list with a test")
    pairs = [_pair(names, index) for index in range(len(names.items))]
    values = [value_of(run, pair, 1, env) if len(pair.items) > 1 else () for pair in pairs]
    while True:
        spend(run, 1)
        inner = Env({pair.items[0].name: value for pair, value in zip(pairs, values)}, env)
        test = value_of(run, end, 0, inner)
        if isinstance(test, Opaque):
            doubtful(run, form, 3, inner)
            return run.hole(f"how often this do goes round is not known: {test.why}", form)
        if test is not False:
            return body(run, end, 1, inner)
        for index in range(3, len(form.items)):
            value_of(run, form, index, inner)
        values = [value_of(run, pair, 2 if len(pair.items) > 2 else 0, inner) for pair in pairs]


def _pair(names: Form, index: int) -> Form:
    """A name with its first value and its step; a bare name has neither."""
    item = names.items[index]
    if isinstance(item, Symbol):
        form = Form(names.ats[index], names.source)
        form.items, form.ats = [item], [names.ats[index]]
        return form
    if not isinstance(item, Form) or not item.head():
        raise WrongError("do needs a name for each value")
    return item


def case(run: Run, form: Form, env: Env) -> t.Any:
    """``case``: the first clause that names the value."""
    _need(form, 2)
    key = value_of(run, form, 1, env)
    for clause in form.items[2:]:
        if not isinstance(clause, Form) or not clause.items or clause.items[0] == Form(0, clause.source):
            return run.hole("a clause of case is not understood", form)
        if isinstance(key, Opaque):
            doubtful(run, clause, 1, env)
        elif _names(run, clause, key, env):
            return body(run, clause, 1, env)
    return key if isinstance(key, Opaque) else ()


def _names(run: Run, clause: Form, key: t.Any, env: Env) -> bool:
    choices = clause.items[0]
    if isinstance(choices, Form):
        return any(same(run, key, datum(run, one), "eqv?") for one in choices.items)
    test = True if clause.head() == "else" else value_of(run, clause, 0, env)
    if isinstance(test, Opaque):
        raise UnsureError(test.why)
    return test is not False


def macro_by(run: Run, form: Form, index: int, env: Env) -> t.Any:
    """The macro that a function is; it is given the whole form."""
    value = value_of(run, form, index, env)
    return Macro(value, True) if isinstance(value, Closure) else Opaque("a macro that is no function of the profile")


def _need(form: Form, count: int) -> None:
    if len(form.items) < count:
        raise WrongError(f"{form.head()} is too short")


SPECIALS: t.Mapping[str, Special] = {"quote": quote, "quasiquote": quasiquote, "do": do, "case": case}
