# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The functions of Scheme that profiles use: texts, numbers, lists."""

from __future__ import annotations

import functools
import operator
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import ExhaustedError, Run, WrongError, call, finished
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Char, Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Builtin, Closure, Opaque

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
    return int(text) if _NUMBER.match(text) else False


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
    if not isinstance(value, tuple) or hasattr(value, "_fields"):
        raise WrongError("a list is needed")
    return value


def _car(_run: Run, arguments: Arguments, form: Form) -> t.Any:
    values = _listed(arguments[0]) if len(arguments) == 1 else ()
    if not values:
        raise WrongError(f"{form.head()} of an empty list")
    names = form.head()
    if names == "cadr":
        if len(values) < 2:
            raise WrongError("cadr of a list of one")
        return values[1]
    return values[0] if names == "car" else values[1:]


def _cons(run: Run, arguments: Arguments, _form: Form) -> t.Any:
    if len(arguments) != 2:
        raise WrongError("cons takes two arguments")
    if not isinstance(arguments[1], tuple):
        return Opaque("a pair that is no list")
    return _bounded(run, (arguments[0], *_listed(arguments[1])))


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


def _same(_run: Run, arguments: Arguments, _form: Form) -> bool:
    one, two = arguments if len(arguments) == 2 else (0, 1)
    return bool((type(one) is type(two) or isinstance(one, str) and isinstance(two, str)) and one == two)


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


def _all() -> t.Iterator[Builtin]:
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
    yield from (Builtin(name, _car) for name in ("car", "cdr", "cadr"))
    yield Builtin("cons", _cons, pure=False)
    yield Builtin("list", lambda run, arguments, form: _bounded(run, tuple(arguments)), pure=False)
    yield Builtin("append", _append)
    yield _pure("length", lambda given: len(_listed(given[0])) if len(given) == 1 else 0)
    yield _pure("reverse", lambda given: tuple(reversed(_listed(given[0]))) if len(given) == 1 else ())
    yield from (Builtin(name, _map, pure=False) for name in ("map", "for-each"))
    yield Builtin("apply", _apply, pure=False)
    yield from (Builtin(name, _same) for name in ("eq?", "eqv?", "equal?"))
    yield _pure("not", lambda given: given == [False])
    yield _kind("null?", lambda value: value == () and not hasattr(value, "_fields"))
    yield _kind("pair?", lambda value: isinstance(value, tuple) and not hasattr(value, "_fields") and value != ())
    yield _kind("list?", lambda value: isinstance(value, tuple) and not hasattr(value, "_fields"))
    yield _kind("string?", lambda value: isinstance(value, str) and not isinstance(value, Char))
    yield _kind("number?", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool))
    yield _kind("symbol?", lambda value: isinstance(value, Symbol))
    yield _kind("procedure?", lambda value: isinstance(value, (Builtin, Closure)))
    yield Builtin("defined?", _defined)
    # They only speak.
    yield from (Builtin(name, _nothing, pure=False) for name in ("display", "newline", "print", "write"))


#: By name.
FUNCTIONS: t.Mapping[str, Builtin] = {one.name: one for one in _all()}
