# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is particular to profiles: rules, filters, parameters, imports."""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.functions import FUNCTIONS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import Env, Run, WrongError, evaluate
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import names_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import ancestors
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.reader import read
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import (
    Builtin,
    Constant,
    Filter,
    Modifier,
    Op,
    Opaque,
    Rule,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.vocabulary import JOINTS, Filter as Meaning, filters_of

Arguments = t.List[t.Any]

MOST_IMPORTS = 16
_ADDRESS = re.compile(r"(.*):(\*|[0-9]+)\Z", re.DOTALL)
_HOSTS = ("*", "localhost")


@functools.lru_cache(maxsize=None)
def world_of(model: str) -> Env:
    """Every name that the language has in a model. Shared: nobody may bind in it."""
    names: t.Dict[str, t.Any] = dict(FUNCTIONS)
    names.update((name, Builtin(name, _filter(meaning), pure=False)) for name, meaning in filters_of(model).items())
    names.update((name, Builtin(name, _joint(name), pure=False)) for name in JOINTS)
    names.update((name, Op(meaning)) for name, meaning in names_of(model).items())
    names.update((one.name, one) for one in _VERBS)
    return Env(names, None)


def _rule(action: str) -> t.Callable[[Run, Arguments, Form], t.Any]:
    def add(run: Run, arguments: Arguments, form: Form) -> t.Any:
        if any(isinstance(one, Opaque) for one in arguments):
            return run.hole(f"something in this {action} was not understood", form, action)
        found: t.Dict[type, t.List[t.Any]] = {Op: [], Filter: [], Modifier: []}
        for argument in arguments:
            if type(argument) not in found:
                raise WrongError(f"illegal argument: {_shown(argument)}")
            found[type(argument)].append(argument)
        if not found[Op]:
            raise WrongError(f"this {action} names no operation")
        _record(run, action, form, found)
        return ()

    return add


def _record(run: Run, action: str, form: Form, found: t.Mapping[type, t.List[t.Any]]) -> None:
    names = tuple(dict.fromkeys(one.name for one in found[Op] if one.name))
    if not names:
        return
    if len(run.rules) >= run.limits.rules:
        raise WrongError(f"more than {run.limits.rules} rules")
    filters, modifiers = tuple(found[Filter]), tuple(found[Modifier])
    for outer in run.around:
        if isinstance(outer, Modifier):
            modifiers += (outer,)
        else:
            filters = (Filter("require-all", "", (outer, Filter("require-any", "", filters))),) if filters else (outer,)
    negates = any(one.contains("require-not") for one in filters if one.name in JOINTS)
    run.rules.append(Rule(len(run.rules), action, names, filters, modifiers, form, run.top or form, not run.doubts, negates))


def _shown(value: t.Any) -> str:
    return str(getattr(value, "name", value))[:60]


def _filter(meaning: Meaning) -> t.Callable[[Run, Arguments, Form], t.Any]:
    name, how, takes = meaning
    check = {"path": _check_patterns, "pattern": _check_patterns, "network": _check_network}.get(takes)

    def make(_run: Run, arguments: Arguments, form: Form) -> Filter:
        if check is not None:
            check(meaning, arguments)
        return Filter(name, how, tuple(arguments))

    return make


def _check_patterns(meaning: Meaning, arguments: Arguments) -> None:
    if not arguments:
        raise WrongError(f"{meaning.name} filter without a pattern")
    for argument in arguments:
        if argument is False:
            raise WrongError(f"invalid data type of {meaning.name} filter; expected pattern, got boolean", "unset-param")
        if not isinstance(argument, (str, Opaque)):
            raise WrongError(f"invalid data type of {meaning.name} filter; expected pattern, got {_shown(argument)}")
        if argument == "" and meaning.how == "subpath":
            raise WrongError("empty subpath pattern", "relative-path")


def _check_network(meaning: Meaning, arguments: Arguments) -> None:
    if not arguments or not isinstance(arguments[0], (Constant, Opaque)):
        raise WrongError(f"{meaning.name} needs a protocol, such as ip")
    for address in arguments[1:]:
        if address is False:
            raise WrongError("invalid network address: a boolean", "unset-param")
        if isinstance(address, str):
            check_address(address)


def check_address(address: str) -> None:
    """Raises :class:`WrongError` for what libsandbox does not take as ``host:port``."""
    match = _ADDRESS.match(address)
    if match is None or match[1] not in _HOSTS:
        raise WrongError(f"host must be * or localhost in network address, got {address[:60]}", "ip-address")
    if match[2] != "*" and not 1 <= int(match[2]) <= 65535:
        raise WrongError(f"invalid port in network address, got {address[:60]}", "ip-address")


def _joint(name: str) -> t.Callable[[Run, Arguments, Form], t.Any]:
    def make(_run: Run, arguments: Arguments, form: Form) -> Filter:
        wrong = [one for one in arguments if not isinstance(one, (Filter, Opaque))]
        if wrong or not arguments or (name == "require-not" and len(arguments) > 1):
            raise WrongError(f"illegal argument of {name}: {_shown(wrong[0]) if wrong else f'{len(arguments)} filters'}")
        return Filter(name, "", tuple(arguments))

    return make


def _text(name: str, arguments: Arguments) -> str:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise WrongError(f"{name} takes one text")
    return arguments[0]


def _param(run: Run, arguments: Arguments, form: Form) -> t.Any:
    return run.params.get(_text(form.head(), arguments), False)


def _version(run: Run, arguments: Arguments, form: Form) -> t.Any:
    run.versions.append(arguments[0] if len(arguments) == 1 else None)
    return ()


def _import(run: Run, arguments: Arguments, form: Form) -> t.Any:
    if any(isinstance(one, Opaque) for one in arguments):
        run.unread = run.unread or "an import whose name was not understood"
        return run.hole("the name of this import was not understood", form)
    name = _text("import", arguments)
    if name not in run.imports:
        run.unread = run.unread or f"{name} was not supplied"
        return run.hole(f"{name} was not supplied, so its rules and definitions are not known", form)
    if name in run.importing or len(run.importing) >= MOST_IMPORTS:
        raise WrongError(f"{name} imports itself, or imports are nested deeper than {MOST_IMPORTS}")
    run.importing.append(name)
    statements(run, read(run.imports[name], name))
    run.importing.pop()
    return ()


def statements(run: Run, forms: t.Sequence[Form]) -> None:
    """Evaluate the forms of a file, one after the other."""
    above = run.top
    for form in forms:
        run.top = form
        evaluate(run, form, run.world)
    run.top = above


def _path_ancestors(_run: Run, arguments: Arguments, _form: Form) -> Filter:
    paths = [one for one in arguments if isinstance(one, str) and one.startswith("/")]
    if len(paths) != len(arguments) or not paths:
        raise WrongError("path-ancestors takes absolute paths", "unset-param" if False in arguments else "does-not-compile")
    literals = dict.fromkeys(above for path in paths for above in ancestors(path))
    return Filter("path", "literal", tuple(literals))


def _alias(name: str, filters: t.Tuple[t.Any, ...]) -> t.Callable[[Run, Arguments, Form], Filter]:
    return lambda run, arguments, form: Filter(name, "", filters)


def _nothing(_run: Run, _arguments: Arguments, _form: Form) -> t.Any:
    return ()


_VERBS = (
    Builtin("allow", _rule("allow"), pure=False),
    Builtin("deny", _rule("deny"), pure=False),
    Builtin("param", _param),
    Builtin("getenv", _param),
    Builtin("version", _version),
    Builtin("import", _import, pure=False),
    Builtin("path-ancestors", _path_ancestors),
    Builtin("tty", _alias("vnode-type", (Constant("TTY"),)), pure=False),
    Builtin("debug-mode", _alias("system-attribute", (Constant("sandbox-debug-mode"),)), pure=False),
    # They change what is logged, not what is decided.
    Builtin("trace", _nothing, pure=False),
    Builtin("disable-full-symbolication", _nothing, pure=False),
    Builtin("disable-callouts", _nothing, pure=False),
)
