# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The special forms of the language: those that do not evaluate all that stands in them."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import macros
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import (
    Env,
    Run,
    Special,
    Tail,
    WrongError,
    body,
    doubtful,
    value_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Closure, Filter, Macro, Modifier, Opaque
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.vocabulary import MODIFIERS


#: What stays itself whatever is defined under its name; the other forms are macros.
_SYNTAX = frozenset("and begin case cond cons-stream define delay if lambda let let* letrec macro or quote set!".split())


def _define(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 2)
    target = form.items[1]
    if isinstance(target, Form):
        name = target.head()
        names, rest = _parameters(run, target, 1)
        value: t.Any = Closure(name, names, rest, form, 2, env)
    else:
        name = _symbol(form, 1)
        value = value_of(run, form, 2, env) if len(form.items) > 2 else ()
    _bind(run, env, name, value)
    return ()


def _set(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 3)
    name, value = _symbol(form, 1), value_of(run, form, 2, env)
    place: t.Optional[Env] = env
    while place is not None and name not in place.names:
        place = place.above
    if place is None:
        raise WrongError(f"set!: unbound variable: {name}", "unbound")
    # The names of the language are shared by all profiles.
    _bind(run, place if place.above is not None else run.world, name, value)
    return ()


def _bind(run: Run, env: Env, name: str, value: t.Any) -> None:
    if not name:
        raise WrongError("a definition without a name")
    _hide(run, (name,))
    env.names[name] = Opaque(f"whether {name} is defined here is not known") if run.doubts else value


def _hide(run: Run, names: t.Iterable[str]) -> None:
    """Where these names are bound they are no macros of the language."""
    for name in names:
        if name in run.specials and name not in _SYNTAX:
            run.redefined.add(name)


def _lambda(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 2)
    target = form.items[1]
    if isinstance(target, Symbol):
        return Closure("lambda", [], target.name, form, 2, env)
    if not isinstance(target, Form):
        raise WrongError("lambda needs a list of names")
    names, rest = _parameters(run, target, 0)
    return Closure("lambda", names, rest, form, 2, env)


def _parameters(run: Run, form: Form, first: int) -> t.Tuple[t.List[str], str]:
    """Names of parameters, and of the one that takes the rest."""
    names = [item.name if isinstance(item, Symbol) else "" for item in form.items[first:]]
    if "" in names:
        raise WrongError("a parameter that is no name")
    _hide(run, names)
    if "." in names:
        dot = names.index(".")
        if dot != len(names) - 2:
            raise WrongError("a . that does not stand before the last parameter")
        return names[:dot], names[-1]
    return names, ""


def _if(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 3)
    test = value_of(run, form, 1, env)
    if isinstance(test, Opaque):
        return _either(test, doubtful(run, form, 2, env))
    if test is not False:
        return Tail(form, 2, env)
    return body(run, form, 3, env)


def _either(test: Opaque, _value: t.Any) -> Opaque:
    return test


def _when(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 2)
    return _guarded(run, form, env, wanted=form.head() == "when")


def _guarded(run: Run, form: Form, env: Env, wanted: bool) -> t.Any:
    test = value_of(run, form, 1, env)
    if isinstance(test, Opaque):
        return _either(test, doubtful(run, form, 2, env))
    return body(run, form, 2, env) if (test is not False) is wanted else ()


def _cond(run: Run, form: Form, env: Env) -> t.Any:
    unsure: t.Optional[Opaque] = None
    for clause in form.items[1:]:
        if not isinstance(clause, Form) or not clause.items or "=>" in (getattr(item, "name", "") for item in clause.items):
            return run.hole("a clause of cond is not understood", form)
        test = True if clause.head() == "else" else value_of(run, clause, 0, env)
        if isinstance(test, Opaque) or (unsure is not None and test is not False):
            unsure = test if isinstance(test, Opaque) else unsure
            doubtful(run, clause, 1, env)
        elif test is not False:
            return body(run, clause, 1, env) if len(clause.items) > 1 else test
    return () if unsure is None else unsure


def _and(run: Run, form: Form, env: Env) -> t.Any:
    wanted = form.head() == "and"
    value: t.Any = wanted
    for index in range(1, len(form.items)):
        value = value_of(run, form, index, env)
        if isinstance(value, Opaque):
            return _either(value, doubtful(run, form, index + 1, env))
        if (value is not False) is not wanted:
            return value
    return value


def _begin(run: Run, form: Form, env: Env) -> t.Any:
    return body(run, form, 1, env)


def _let(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 3)
    named = isinstance(form.items[1], Symbol)
    pairs = _pairs(form, 2 if named else 1)
    values = [value_of(run, pair, 1, env) if len(pair.items) > 1 else () for pair in pairs]
    inner = Env(dict(zip((_symbol(pair, 0) for pair in pairs), values)), env)
    _hide(run, inner.names)
    if not named:
        return body(run, form, 2, inner)
    loop = Env({}, env)
    name = form.items[1].name
    loop.names[name] = Closure(name, list(inner.names), "", form, 3, loop)
    inner.above = loop
    return body(run, form, 3, inner)


def _let_star(run: Run, form: Form, env: Env) -> t.Any:
    """``let*``, one name after the other, and ``letrec``, in which all know each other."""
    _need(form, 3)
    shared = Env({}, env)
    for pair in _pairs(form, 1):
        inner = shared if form.head() == "letrec" else Env({}, shared)
        inner.names[_symbol(pair, 0)] = value_of(run, pair, 1, inner if inner is shared else shared) if len(pair.items) > 1 else ()
        shared = inner
    return body(run, form, 2, shared)


def _pairs(form: Form, index: int) -> t.List[Form]:
    holder = form.items[index]
    if not isinstance(holder, Form) or not all(isinstance(pair, Form) and pair.items for pair in holder.items):
        raise WrongError(f"{form.head()} needs a list of names and values")
    return holder.items


def _with(run: Run, form: Form, env: Env) -> t.Any:
    _need(form, 2)
    name = _symbol(form, 1)
    if name not in MODIFIERS:
        raise WrongError(f"unbound variable: {name}", "unbound")
    return Modifier(name, tuple(value_of(run, form, index, env) for index in range(2, len(form.items))))


def _around(run: Run, form: Form, env: Env) -> t.Any:
    """``with-filter`` and ``with-modifier``: what they are given holds for every rule inside."""
    _need(form, 2)
    given = value_of(run, form, 1, env)
    if not isinstance(given, (Filter, Modifier)):
        return run.hole(f"{form.head()} is given something that is not understood", form)
    run.around.append(given)
    inner = Env({}, env)
    for index in range(2, len(form.items)):
        value_of(run, form, index, inner)
    run.around.pop()
    return ()


def _debug(_run: Run, _form: Form, _env: Env) -> t.Any:
    """It does nothing; its argument is a bare name."""
    return ()


def _not_done(run: Run, form: Form, _env: Env) -> t.Any:
    return run.hole(f"{form.head()} is not evaluated here", form)


def _macro(run: Run, form: Form, env: Env) -> t.Any:
    """``(macro (name form) ...)`` and ``(define-macro (name parameter ...) ...)``; both may also be given a function for a name."""
    _need(form, 3)
    target = form.items[1]
    if not isinstance(target, Form):
        _bind(run, env, _symbol(form, 1), macros.macro_by(run, form, 2, env))
        return ()
    name = target.head()
    names, rest = _parameters(run, target, 1)
    _bind(run, env, name, Macro(Closure(name, names, rest, form, 2, env), form.head() == "macro"))
    return ()


def _unknown_macro(run: Run, form: Form, env: Env) -> t.Any:
    """A kind of macro that the language is not known to have; what calls it is opaque."""
    _need(form, 2)
    _bind(run, env, _symbol(form, 1), Opaque(f"{form.head()} is not evaluated here"))
    return ()


def _symbol(form: Form, index: int) -> str:
    item = form.items[index]
    if not isinstance(item, Symbol):
        raise WrongError(f"{form.head() or 'this form'} needs a name as its item {index + 1}")
    return item.name


def _need(form: Form, count: int) -> None:
    if len(form.items) < count:
        raise WrongError(f"{form.head()} is too short")


SPECIALS: t.Mapping[str, Special] = {
    **macros.SPECIALS,
    "define": _define,
    "set!": _set,
    "lambda": _lambda,
    "if": _if,
    "when": _when,
    "unless": _when,
    "cond": _cond,
    "and": _and,
    "or": _and,
    "begin": _begin,
    "let": _let,
    "let*": _let_star,
    "letrec": _let_star,
    "debug": _debug,
    "with": _with,
    "with-filter": _around,
    "with-modifier": _around,
    "with-operations": _not_done,
    "define-macro": _macro,
    "macro": _macro,
    "define-syntax": _unknown_macro,
    "delay": _not_done,
    "cons-stream": _not_done,
    "let-syntax": _not_done,
}
