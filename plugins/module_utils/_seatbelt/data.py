# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Forms as data, and data as forms: what quotes and macros work with."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import ExhaustedError, Run, UnsureError, spend
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form, Symbol
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.reader import MOST_DEPTH
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Datum, Dotted, Opaque

#: How deep the lists are nested that a macro makes, beside what it was given.
MOST_MADE = 60
_DOT = Symbol.of(".")


def datum(run: Run, item: t.Any, depth: int = 0) -> t.Any:
    """An item of a form as data. A list remembers its form, so that it has its place when it becomes one again."""
    if not isinstance(item, Form):
        return item
    if depth > MOST_DEPTH:
        raise ExhaustedError(f"lists are nested deeper than {MOST_DEPTH}")
    spend(run, len(item.items))
    values = [datum(run, one, depth + 1) for one in item.items]
    if _DOT in item.items:
        return _dotted(item, values)
    return Datum.of(values, item)


def _dotted(form: Form, values: t.List[t.Any]) -> t.Any:
    if form.items.index(_DOT) != len(values) - 2 or len(values) < 3:
        return Opaque("a . that does not stand before the last item")
    return joined(values[:-2], values[-1])


def joined(values: t.Sequence[t.Any], tail: t.Any) -> t.Any:
    """A list of values that goes on with ``tail``, which may be no list."""
    if is_list(tail):
        return (*values, *tail)
    if isinstance(tail, Dotted):
        return Dotted((*values, *tail.values), tail.tail)
    return Dotted(tuple(values), tail) if values else tail


def is_list(value: t.Any) -> bool:
    """Whether a value is a list, and none of the tuples that other values are."""
    return type(value) in (tuple, Datum)


def as_item(run: Run, value: t.Any, call: Form, depth: int = 0) -> t.Any:
    """Data as an item of a form; what is made anew stands where the macro was called."""
    if isinstance(value, Opaque):
        raise UnsureError(value.why)
    if isinstance(value, Datum) and value.form is not None:
        return value.form
    if isinstance(value, Dotted):
        value = (*value.values, _DOT, value.tail)
    if not is_list(value):
        return value
    if depth > MOST_MADE:
        raise ExhaustedError(f"a macro makes lists that are nested deeper than {MOST_MADE}")
    spend(run, len(value))
    form = Form(call.at, call.source)
    form.items = [as_item(run, one, call, depth + 1) for one in value]
    form.ats = [call.at] * len(value)
    return form


def alike(run: Run, one: t.Any, two: t.Any, depth: int = 0) -> bool:
    """Whether two values are equal, item by item; bounded, since lists may share what is in them."""
    spend(run, 1)
    if one is two:
        return True
    if is_list(one) and is_list(two):
        if depth > MOST_DEPTH:
            raise ExhaustedError(f"lists that are nested deeper than {MOST_DEPTH} are compared")
        return len(one) == len(two) and all(alike(run, mine, theirs, depth + 1) for mine, theirs in zip(one, two))
    if isinstance(one, Opaque) or isinstance(two, Opaque):
        raise UnsureError("something that was not understood is compared")
    return bool((type(one) is type(two) or (isinstance(one, str) and isinstance(two, str))) and one == two)


def same(run: Run, one: t.Any, two: t.Any, name: str) -> bool:
    """What ``eq?`` and ``eqv?`` say. Of equal texts, and other things that may be there twice, nobody knows here whether they are one."""
    if not alike(run, one, two):
        return False
    if is_list(one) and one:
        raise UnsureError(f"whether two equal lists are the same one, which {name} asks")
    if isinstance(one, str) or (name == "eq?" and isinstance(one, (int, float)) and not isinstance(one, bool)):
        raise UnsureError(f"whether two equal texts or numbers are the same one, which {name} asks")
    return True
