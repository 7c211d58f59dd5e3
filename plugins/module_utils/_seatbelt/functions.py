# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The functions of Scheme that profiles use: texts, numbers, lists."""

from __future__ import annotations

import functools
import itertools
import operator
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.data import alike, as_item, is_list, joined, same
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import (
    ExhaustedError,
    Run,
    Tail,
    UnsureError,
    WrongError,
    call,
    finished,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Char, Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Builtin, Closure, Dotted, Opaque

Arguments = t.List[t.Any]

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}\Z")
#: What regex-quote of libsandbox escapes.
_QUOTED = re.compile(r"[\^.\[$()|*+?{\\]")


def _texts(name: str, arguments: Arguments, count: t.Optional[int] = None) -> t.List[str]:
    if count is not None and len(arguments) != count:
        raise WrongError(f"{name} takes {count} arguments and got {len(arguments)}")
    for number, argument in enumerate(arguments, start=1):
        if not isinstance(argument, str) or isinstance(argument, Char):
            # The message of libsandbox; what is no text is as a rule a parameter that was not given.
            raise WrongError(f"{name}: argument {number} must be: string", "unset-param" if argument is False else "does-not-compile")
    return arguments


def _string_append(run: Run, arguments: Arguments, _form: Form) -> str:
    whole = "".join(_texts("string-append", arguments))
    if len(whole) > run.limits.text:
        raise ExhaustedError(f"a text is longer than {run.limits.text} characters")
    return whole


def _substring(_run: Run, arguments: Arguments, _form: Form) -> str:
    text = _texts("substring", arguments[:1], 1)[0]
    bounds = arguments[1:]
    if not 1 <= len(bounds) <= 2 or not all(_is_whole(one) for one in bounds):
        raise WrongError("substring takes a text and one or two numbers")
    start, end = bounds[0], bounds[1] if len(bounds) > 1 else len(text)
    if not 0 <= start <= end <= len(text):
        raise WrongError("substring: out of bounds")
    return text[start:end]


def _string_to_number(_run: Run, arguments: Arguments, _form: Form) -> t.Any:
    text = _texts("string->number", arguments[:1], 1)[0]
    if not _NUMBER.match(text):
        raise UnsureError("string->number of what is no whole number, which versions of macOS take in different ways")
    return int(text)


def _number_to_string(_run: Run, arguments: Arguments, _form: Form) -> str:
    return str(_numbers("number->string", arguments)[0])


def _compare_texts(name: str, test: t.Callable[[str, str], bool]) -> Builtin:
    return Builtin(name, lambda run, arguments, form: test(*_texts(name, arguments, 2)))


def _is_whole(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(name: str, arguments: Arguments) -> Arguments:
    if not arguments or not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in arguments):
        raise WrongError(f"{name} needs numbers")
    if any(abs(one) > 1 << 62 for one in arguments):
        raise ExhaustedError("a number is beyond 62 bits")
    return arguments


def _arithmetic(name: str, step: t.Callable[[t.Any, t.Any], t.Any], empty: int) -> Builtin:
    def compute(_run: Run, arguments: Arguments, _form: Form) -> t.Any:
        numbers = _numbers(name, arguments)
        return step(empty, numbers[0]) if len(numbers) == 1 else functools.reduce(step, numbers)

    return Builtin(name, compute)


def _compare(name: str, test: t.Callable[[t.Any, t.Any], bool]) -> Builtin:
    def compute(_run: Run, arguments: Arguments, _form: Form) -> bool:
        numbers = _numbers(name, arguments)
        return all(test(one, two) for one, two in zip(numbers, numbers[1:]))

    return Builtin(name, compute)


def _listed(value: t.Any) -> t.Tuple[t.Any, ...]:
    if isinstance(value, (Dotted, Opaque)):
        raise UnsureError("a list is needed, and this may be none")
    if not is_list(value):
        raise WrongError("a list is needed")
    return t.cast(t.Tuple[t.Any, ...], value)


def _walk(name: str) -> Builtin:
    """car, cdr and what is composed of them: the letters are gone through from the last to the first."""

    def walk(_run: Run, arguments: Arguments, _form: Form) -> t.Any:
        if len(arguments) != 1:
            raise WrongError(f"{name} takes one list")
        value = arguments[0]
        for letter in reversed(name[1:-1]):
            value = _first(name, value) if letter == "a" else _rest(name, value)
        return value

    return Builtin(name, walk)


def _first(name: str, value: t.Any) -> t.Any:
    values = value.values if isinstance(value, Dotted) else _listed(value)
    if not values:
        raise WrongError(f"{name} of a list that is too short")
    return values[0]


def _rest(name: str, value: t.Any) -> t.Any:
    if isinstance(value, Dotted):
        return joined(value.values[1:], value.tail)
    if not _listed(value):
        raise WrongError(f"{name} of a list that is too short")
    return tuple(value[1:])


def _cons(run: Run, arguments: Arguments, _form: Form) -> t.Any:
    if len(arguments) != 2:
        raise WrongError("cons takes two arguments")
    if isinstance(arguments[1], Opaque):
        return Opaque(arguments[1].why)
    made = joined(arguments[:1], arguments[1])
    return _bounded(run, made) if is_list(made) else made


def _bounded(run: Run, values: t.Tuple[t.Any, ...]) -> t.Tuple[t.Any, ...]:
    if len(values) > run.limits.rules:
        raise ExhaustedError(f"a list is longer than {run.limits.rules}")
    return values


def _append(run: Run, arguments: Arguments, _form: Form) -> t.Any:
    return _bounded(run, tuple(value for one in arguments for value in _listed(one)))


def _map(run: Run, arguments: Arguments, form: Form) -> t.Any:
    if len(arguments) < 2:
        raise WrongError(f"{form.head()} takes a function and lists")
    if any(isinstance(one, Opaque) for one in arguments):
        return run.hole(f"{form.head()} over something that was not understood", form)
    rows = zip(*(_listed(one) for one in arguments[1:]))
    values = tuple(finished(run, call(run, arguments[0], list(row), form)) for row in rows)
    return values if form.head() == "map" else ()


def _apply(run: Run, arguments: Arguments, form: Form) -> t.Any:
    if len(arguments) < 2:
        raise WrongError("apply takes a function and a list")
    if isinstance(arguments[-1], Opaque):
        return run.hole("apply to something that was not understood", form)
    return call(run, arguments[0], [*arguments[1:-1], *_listed(arguments[-1])], form)


def _same(name: str) -> Builtin:
    def compare(run: Run, arguments: Arguments, _form: Form) -> bool:
        if len(arguments) != 2:
            raise WrongError(f"{name} takes two arguments")
        return alike(run, *arguments) if name == "equal?" else same(run, arguments[0], arguments[1], name)

    return Builtin(name, compare)


def _among(name: str) -> Builtin:
    """memq and its kin, which return the list from the value on, and assq and its, which return the pair that begins with it."""

    def search(run: Run, arguments: Arguments, _form: Form) -> t.Any:
        if len(arguments) != 2:
            raise WrongError(f"{name} takes a value and a list")
        values, how = _listed(arguments[1]), {"q": "eq?", "v": "eqv?"}.get(name[-1], "equal?")
        for index, value in enumerate(values):
            mine = _first(name, value) if name.startswith("ass") else value
            if alike(run, arguments[0], mine) if how == "equal?" else same(run, arguments[0], mine, how):
                return value if name.startswith("ass") else tuple(values[index:])
        return False

    return Builtin(name, search)


def _filter(run: Run, arguments: Arguments, form: Form) -> t.Any:
    if len(arguments) != 2:
        raise WrongError("filter takes a function and a list")
    kept = []
    for value in _listed(arguments[1]):
        wanted = finished(run, call(run, arguments[0], [value], form))
        if isinstance(wanted, Opaque):
            raise UnsureError(f"what is kept by this filter: {wanted.why}")
        kept += [value] if wanted is not False else []
    return tuple(kept)


def _list_from(name: str) -> Builtin:
    def take(_run: Run, arguments: Arguments, _form: Form) -> t.Any:
        values = _listed(arguments[0]) if len(arguments) == 2 and _is_whole(arguments[1]) else ()
        if len(arguments) != 2 or not _is_whole(arguments[1]) or not 0 <= arguments[1] <= len(values) - (name == "list-ref"):
            raise WrongError(f"{name} takes a list and a number of an item in it")
        return values[arguments[1]] if name == "list-ref" else tuple(values[arguments[1] :])

    return Builtin(name, take)


def _symbol_to_string(_run: Run, arguments: Arguments, _form: Form) -> str:
    if len(arguments) != 1 or not isinstance(arguments[0], Symbol):
        raise WrongError("symbol->string takes a name")
    return arguments[0].name


def _string_to_symbol(_run: Run, arguments: Arguments, _form: Form) -> Symbol:
    return Symbol.of(_texts("string->symbol", arguments, 1)[0])


def _gensym(run: Run, _arguments: Arguments, _form: Form) -> Symbol:
    """A name that no profile has, since it holds a blank."""
    run.made_up += 1
    return Symbol.of(f"gensym {run.made_up}")


def _error(_run: Run, arguments: Arguments, _form: Form) -> t.NoReturn:
    raise WrongError(" ".join(str(getattr(one, "name", one)) for one in arguments)[:200] or "error")


def _evaluate(run: Run, arguments: Arguments, form: Form) -> t.Any:
    if len(arguments) != 1:
        raise UnsureError("eval in a place of its own is not worked out here")
    holder = Form(form.at, form.source)
    holder.items, holder.ats = [as_item(run, arguments[0], form)], [form.at]
    return Tail(holder, 0, run.world)


def _kind(name: str, test: t.Callable[[t.Any], bool]) -> Builtin:
    return Builtin(name, lambda run, arguments, form: len(arguments) == 1 and test(arguments[0]))


def _defined(run: Run, arguments: Arguments, _form: Form) -> t.Any:
    if len(arguments) != 1 or not isinstance(arguments[0], Symbol):
        raise WrongError("defined? takes a quoted name")
    name = arguments[0].name
    if name in run.world.names or name in run.specials or (run.world.above is not None and name in run.world.above.names):
        return True
    return Opaque(f"{name} may be defined where nothing was read: {run.unread}") if run.unread else False


def _pure(name: str, compute: t.Callable[[Arguments], t.Any]) -> Builtin:
    return Builtin(name, lambda run, arguments, form: compute(arguments))


def _nothing(_run: Run, _arguments: Arguments, _form: Form) -> t.Any:
    return ()


def _quote_regex(arguments: Arguments) -> str:
    return _QUOTED.sub(lambda match: "\\" + match[0], _texts("regex-quote", arguments, 1)[0])


def _of_lists() -> t.Iterator[Builtin]:
    yield from (_walk(f"c{letters}r") for count in range(1, 5) for letters in map("".join, itertools.product("ad", repeat=count)))
    yield from (_list_from(name) for name in ("list-ref", "list-tail"))
    yield from (_among(name) for name in ("memq", "memv", "member", "assq", "assv", "assoc"))
    yield Builtin("filter", _filter, pure=False)
    yield Builtin("eval", _evaluate)
    yield Builtin("cons", _cons, pure=False)
    yield Builtin("list", lambda run, arguments, form: _bounded(run, tuple(arguments)), pure=False)
    yield Builtin("append", _append)
    yield _pure("length", lambda given: len(_listed(given[0])) if len(given) == 1 else 0)
    yield _pure("reverse", lambda given: tuple(reversed(_listed(given[0]))) if len(given) == 1 else ())
    yield from (Builtin(name, _map, pure=False) for name in ("map", "for-each"))
    yield Builtin("apply", _apply, pure=False)
    yield _kind("null?", lambda value: is_list(value) and value == ())
    yield _kind("pair?", lambda value: isinstance(value, Dotted) or (is_list(value) and value != ()))
    yield _kind("list?", is_list)


def _of_atoms() -> t.Iterator[Builtin]:
    yield Builtin("string-append", _string_append)
    yield Builtin("substring", _substring)
    yield Builtin("string->number", _string_to_number)
    yield Builtin("number->string", _number_to_string)
    yield _pure("string-length", lambda given: len(_texts("string-length", given, 1)[0]))
    yield _pure("regex-quote", _quote_regex)
    yield from (_compare_texts(name, test) for name, test in (("string=?", operator.eq), ("string<?", operator.lt), ("string>?", operator.gt)))
    yield from (_arithmetic(name, step, empty) for name, step, empty in (("+", operator.add, 0), ("-", operator.sub, 0), ("*", operator.mul, 1)))
    comparisons = (("=", operator.eq), ("<", operator.lt), (">", operator.gt), ("<=", operator.le), (">=", operator.ge))
    yield from (_compare(name, test) for name, test in comparisons)
    yield Builtin("symbol->string", _symbol_to_string)
    yield Builtin("string->symbol", _string_to_symbol)
    yield Builtin("gensym", _gensym)
    yield Builtin("error", _error)
    yield from (_same(name) for name in ("eq?", "eqv?", "equal?"))
    yield _pure("not", lambda given: given == [False])
    yield _kind("boolean?", lambda value: isinstance(value, bool))
    yield _pure("zero?", lambda given: _numbers("zero?", given)[0] == 0)
    yield _pure("positive?", lambda given: _numbers("positive?", given)[0] > 0)
    yield _pure("negative?", lambda given: _numbers("negative?", given)[0] < 0)
    yield _kind("string?", lambda value: isinstance(value, str) and not isinstance(value, Char))
    yield _kind("number?", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
    yield _kind("symbol?", lambda value: isinstance(value, Symbol))
    yield _kind("procedure?", lambda value: isinstance(value, (Builtin, Closure)))
    yield Builtin("defined?", _defined)
    # They only speak.
    yield from (Builtin(name, _nothing, pure=False) for name in ("display", "newline", "print", "write"))


#: What the language has too, and is not evaluated here.
_NOT_DONE = (
    "acons append! apply-with-return atom->string atom? call-with-current-continuation call/cc char->integer char-downcase char-upcase char=? "
    "close-input-port closure? current-input-port current-output-port drop even? exact? exact->inexact expt floor foldr force "
    "get-closure-code integer->char integer? inexact->exact last-pair list->string list->vector load macro-expand make-string make-vector max "
    "min modulo odd? open-input-file open-output-file oblist partition pred put quotient read real? remainder round set-car! set-cdr! sqrt string "
    "string->atom string->list string-ci=? string-copy string-ref string-set! string<=? string>=? succ take throw truncate vector vector-length "
    "vector-ref vector-set! vector? abs gcd lcm sbpl-filter? require-entitlement entitlement-value entitlement-value-regex process-is-plugin "
    "process-is-installer executable-bundle application-group container system-container system-group _IO granted-extensions mach-extension"
).split()
#: By name.
FUNCTIONS: t.Mapping[str, t.Any] = {
    **{name: Opaque(f"{name} is not evaluated here") for name in _NOT_DONE},
    **{one.name: one for one in (*_of_lists(), *_of_atoms())},
}
