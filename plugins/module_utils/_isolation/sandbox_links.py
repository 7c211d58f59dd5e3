# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Links of this Mac in the way of a profile's paths: the kernel compares what they lead to, and the rule never holds."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import WARNING, Finding, Found, finding_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint_compile import flat
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import resolve, tidy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import PATHS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Rule


def linked_policy(policy: Policy) -> t.List[Mistake]:
    """The lines of a policy that go through a link of this Mac."""
    named = [("home", policy.home)] + [(f"{field}[{index}]", path) for field in PATHS for index, path in enumerate(policy.paths(field))]
    seen: t.Dict[str, str] = {}
    return [
        Mistake("", field, show(path), f"{_real(path, seen)}, since there is a link in the way on this Mac and macOS compares what it leads to")
        for field, path in named
        if _real(path, seen) != path
    ]


def linked_rules(profile: Profile) -> t.List[Finding]:
    """A warning for each rule with a path through a link of this Mac. A literal may be about the link itself."""
    found: t.Dict[Finding, None] = {}
    seen: t.Dict[str, str] = {}
    for rule in profile.rules:
        for one in flat(rule) if isinstance(rule, Rule) else ():
            if one.name == "path" and one.how in ("literal", "subpath"):
                for value in one.values:
                    real = _linked(value, one.how, seen)
                    if real:
                        found[finding_of(Found("link-path", rule.form, f"{one.how} {value}, which is {real} on this Mac"))._replace(severity=WARNING)] = None
    return list(found)


def _linked(path: t.Any, how: str, seen: t.Dict[str, str]) -> str:
    """What a path really is; nothing when that is itself, or when the linter says something else of it."""
    if not isinstance(path, str) or "\0" in path or tidy(path) != path or resolve(path) != path:
        return ""
    if how == "literal":
        above, name = os.path.split(path)
        real = os.path.join(_real(above, seen), name)
    else:
        real = _real(path, seen)
    return real if real != path else ""


def _real(path: str, seen: t.Dict[str, str]) -> str:
    """The path without links as far as it exists; nothing is opened."""
    if path not in seen:
        seen[path] = os.path.realpath(path)
    return seen[path]
