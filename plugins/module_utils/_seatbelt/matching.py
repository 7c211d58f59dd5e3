# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether a filter holds for a question: True, False, or None where that depends on what was not asked or nobody has measured."""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import ancestors, is_in, tidy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.patterns import DoubtError, compile_pattern
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.question import Endpoint, Question
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Constant, Filter, Rule

Truth = t.Optional[bool]

_PLAIN = re.compile(r"\^([A-Za-z0-9/_-]*)")

#: Of these, a question names only one.
_MACH = frozenset(("global-name", "local-name", "xpc-service-name"))
#: Pairs of targets of which a process can be only one.
_APART = frozenset((frozenset(("self", "others")), frozenset(("self", "children")), frozenset(("self", "initproc"))))


def rule_matches(rule: Rule, question: Question) -> Truth:
    """Whether a rule with filters holds."""
    paths: t.Optional[_Index] = rule.prepared
    if paths is None:
        paths = rule.prepared = _Index.of(rule.filters)
    rest = paths.rest
    found = paths.holds(question) if paths.any else False
    # An address is none of a file.
    done = found or not rest or (paths.addresses and question.kind in ("path", "unix"))
    return found if done else _any((found, *(matches(one, question) for one in rest)))


def matches(given: Filter, question: Question) -> Truth:
    """Whether one filter holds."""
    joint = _JOINTS.get(given.name)
    if joint is not None:
        return joint(matches(one, question) if isinstance(one, Filter) else None for one in given.values)
    if given.name == "path":
        return _path(given, question)
    if given.name in ("local", "remote"):
        return _network(given, question)
    if question.kind == "target" and given.name == "target":
        return _any(_target(one, question.name) for one in given.values)
    if question.kind == "name":
        return _name(given, question)
    return None


def _any(truths: t.Iterable[Truth]) -> Truth:
    found: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            found = None
    return found


def _all(truths: t.Iterable[Truth]) -> Truth:
    return _not(_any(_not(truth) for truth in truths))


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


_JOINTS: t.Mapping[str, t.Callable[[t.Iterable[Truth]], Truth]] = {
    "require-any": _any,
    "require-all": _all,
    "require-not": lambda truths: _not(_any(truths)),
}


def _path(given: Filter, question: Question) -> Truth:
    if question.kind not in ("path", "unix"):
        # An address has no path; a question without argument may be about any.
        return False if question.kind == "network" else None
    return _any(_text(given.how, value, question.path) for value in given.values)


class _Index(t.NamedTuple):
    """The literal paths and the subpaths of some filters, and the filters that are neither."""

    any: bool
    addresses: bool
    literal: t.FrozenSet[str]
    subpath: t.FrozenSet[str]
    folded_literal: t.FrozenSet[str]
    folded_subpath: t.FrozenSet[str]
    rest: t.Tuple[Filter, ...]

    @classmethod
    def of(cls, filters: t.Sequence[Filter]) -> _Index:
        found: t.Dict[str, t.Set[str]] = {"literal": set(), "subpath": set()}
        rest = []
        for one in filters:
            # What is not written as the kernel writes paths is looked at on its own.
            if one.name == "path" and one.how in found and all(isinstance(value, str) and tidy(value) == value for value in one.values):
                found[one.how].update(one.values)
            else:
                rest.append(one)
        literal, subpath = frozenset(found["literal"]), frozenset(found["subpath"])
        folded = [frozenset(map(str.lower, paths)) for paths in (literal, subpath)]
        return cls(bool(literal or subpath), all(_is_address(one) for one in rest), literal, subpath, folded[0], folded[1], tuple(rest))

    def holds(self, question: Question) -> Truth:
        if question.kind not in ("path", "unix"):
            return False if question.kind == "network" else None
        way, folded = _way(question.path)
        if question.path in self.literal or not self.subpath.isdisjoint(way):
            return True
        alike = folded[-1] in self.folded_literal or not self.folded_subpath.isdisjoint(folded)
        # Whether case counts depends on the volume, and for some filters nobody knows.
        return None if alike else False


@functools.lru_cache(maxsize=4096)
def _way(path: str) -> t.Tuple[t.Tuple[str, ...], t.Tuple[str, ...]]:
    """A path behind all directories above it, as it is and in small letters; it is looked for in the index of every rule."""
    small = path.lower()
    return (*ancestors(path), path), (*ancestors(small), small)


def _is_address(one: Filter) -> bool:
    protocol = one.values[0] if one.name in ("local", "remote") and one.values else None
    return isinstance(protocol, Constant) and not protocol.name.startswith("unix")


def _name(given: Filter, question: Question) -> Truth:
    truth = _any(_text(given.how, value, question.name) for value in given.values)
    if given.name == question.names:
        return truth
    # The same name may be looked up as another kind.
    return None if given.name in _MACH and question.names in _MACH and truth is not False else (False if given.name in _MACH else None)


def _text(how: str, pattern: t.Any, text: str) -> Truth:
    if not isinstance(pattern, str):
        return None
    try:
        if _holds(how, pattern, text, False):
            return True
        # Whether case counts depends on the volume, and for some filters nobody knows.
        return None if _holds(how, pattern, text, True) or _meant(how, pattern, text) else False
    except (DoubtError, ValueError):
        return None


def _holds(how: str, pattern: str, text: str, fold: bool) -> bool:
    if how == "regex":
        compiled = compile_pattern(pattern, fold)
        return (not pattern.startswith("^/") or _begins(pattern, text)) and compiled.search(text)
    if fold:
        pattern, text = pattern.lower(), text.lower()
    if how == "prefix":
        return text.startswith(pattern)
    return is_in(text, pattern) if how == "subpath" else text == pattern


def _begins(pattern: str, path: str) -> bool:
    """Whether a path begins, but for case, as an expression does that begins with ^; only to answer most questions quickly."""
    plain = t.cast(t.Match[str], _PLAIN.match(pattern))
    letters = plain[1]
    # What comes next may make the last letter optional, or the whole one of several.
    if pattern[plain.end() : plain.end() + 1] not in ("[", "(", "\\", "") or "|" in pattern:
        return True
    return path[: len(letters)].lower() == letters.lower()


def _meant(how: str, pattern: str, path: str) -> bool:
    """Whether a path that is not written as the kernel writes it would hold, were it put right."""
    if how not in ("literal", "subpath") or not pattern.startswith("/"):
        return False
    return tidy(pattern) != pattern and _holds(how, tidy(pattern), path, True)


def _target(value: t.Any, asked: str) -> Truth:
    if not isinstance(value, Constant):
        return None
    if value.name == asked:
        return True
    return False if frozenset((value.name, asked)) in _APART else None


def _network(given: Filter, question: Question) -> Truth:
    protocol = given.values[0] if given.values else None
    if not isinstance(protocol, Constant) or question.kind == "none":
        return None
    if protocol.name in ("unix", "unix-socket"):
        inner = [value for value in given.values[1:] if isinstance(value, Filter)]
        return question.kind == "unix" and (_any(matches(one, question) for one in inner) if inner else True)
    if question.endpoint is None:
        return False
    addresses = given.values[1:] or ("*:*",)
    fits = _protocol(protocol.name, question.endpoint)
    return _all((fits, _any(_address(given.name, one, question) for one in addresses)))


def _protocol(name: str, endpoint: Endpoint) -> Truth:
    protocol, family = (name[:-1], name[-1]) if name[-1] in "46" else (name, "")
    same = True if protocol == "ip" or protocol == endpoint.protocol else (None if not endpoint.protocol else False)
    alike = True if not family or family == endpoint.family else (None if not endpoint.family else False)
    return _all((same, alike))


def _address(side: str, address: t.Any, question: Question) -> Truth:
    if not isinstance(address, str) or question.endpoint is None:
        return None
    host, _colon, port = address.rpartition(":")
    outbound = question.operation == "network-outbound"
    if (side == "remote") is not outbound:
        # The other side was not asked about. That a local port of * lets every destination through was measured.
        return True if port == "*" and (outbound or host == "*") else None
    return (host == "*" or question.endpoint.own) and port in ("*", str(question.endpoint.port))
