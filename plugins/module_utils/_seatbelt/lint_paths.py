# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Patterns and addresses that do not say what they seem to."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import Found
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint_compile import flat
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import DATA, LINKS, is_in, resolve, tidy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.patterns import DoubtError, compile_pattern
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import ALLOW, DENY, Constant, Filter, Rule

#: What does not begin a dot that stands for any character.
_HARMLESS = re.compile(r"\\.|\[[^]]*\]|\.[*+?]", re.DOTALL)
#: The operations that a link itself is asked for.
_ON_LINKS = frozenset(("file-read-metadata", "file-read*", "file-read-data", "file-write-unlink"))


def _patterns(profile: Profile) -> t.Iterator[Found]:
    for rule in profile.rules:
        if isinstance(rule, Rule):
            for one in flat(rule):
                if one.name == "path":
                    yield from _path_filter(rule, one)
                elif one.how == "regex":
                    yield from _expressions(rule, one)


def _path_filter(rule: Rule, one: Filter) -> t.Iterator[Found]:
    if one.how == "regex":
        yield from _expressions(rule, one)
        if rule.action == DENY:
            yield Found("regex-deny", rule.form, f"{one.values[0]} is denied by an expression")
        return
    for value in one.values:
        if isinstance(value, str):
            found = _path(rule, one.how, value)
            if found:
                yield Found(found, rule.form, f"{one.how} {value or 'of nothing'}")


def _path(rule: Rule, how: str, path: str) -> str:
    """The id of what is wrong with a path, or nothing."""
    if not path.startswith("/"):
        return "relative-path"
    if ".." in path.split("/"):
        return "dotdot-path"
    if resolve(path) != path and not (how == "literal" and path in LINKS and _ON_LINKS & set(rule.operations)):
        return "link-path"
    if how != "prefix" and tidy(path) != path and not path.startswith(DATA):
        return "untidy-path"
    if is_in(path, DATA) and not is_in(path, LINKS["/home"]) and path != DATA:
        return "data-volume"
    return "" if path.isascii() else "non-ascii"


def _expressions(rule: Rule, one: Filter) -> t.Iterator[Found]:
    for value in one.values:
        if not isinstance(value, str):
            continue
        try:
            compile_pattern(value)
        except DoubtError as doubt:
            yield Found("doubtful-regex", rule.form, f"{value}: {doubt}")
        except ValueError as error:
            yield Found("does-not-compile", rule.form, f"{value}: {error}")
        if not value.startswith("^"):
            yield Found("open-regex", rule.form, value)
        if "." in _HARMLESS.sub("", value):
            yield Found("loose-dot", rule.form, value)


def _addresses(profile: Profile) -> t.Iterator[Found]:
    for rule in profile.rules:
        if isinstance(rule, Rule) and rule.action == ALLOW and "network-outbound" in rule.operations:
            for one in rule.filters:
                # A rule that also names inbound says so of the end that is listened on.
                if one.name == "local" and one.values and isinstance(one.values[0], Constant) and not one.values[0].name.startswith("unix"):
                    yield Found("outbound-local", rule.form, " ".join(str(getattr(value, "name", value)) for value in one.values))


CHECKS = (_patterns, _addresses)
