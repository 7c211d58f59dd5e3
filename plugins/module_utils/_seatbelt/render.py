# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From rules to the text of a profile: pure ASCII, everything spelt out, each rule below the line of the policy that made it."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.grants import Grant, grants
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.printer import text

#: The linter takes this in a comment as: known, and lived with.
ACCEPT = "lint-ok:"
#: Filters whose text is a constant and no text.
_CONSTANTS = frozenset(("target", "socket-domain"))


def render(policy: Policy) -> str:
    """The profile of a policy."""
    lines = [f"; Sandbox profile of {policy.name}. Generated: change the policy and not this file.", "(version 1)"]
    for grant in grants(policy):
        lines.extend(_rule(grant))
    return "\n".join(lines) + "\n"


def _rule(grant: Grant) -> t.Iterator[str]:
    yield ""
    yield f"; {grant.line}"
    yield from (f"; {ACCEPT} {name} ({why})" for name, why in grant.accepted)
    head = f"({grant.action} {' '.join(grant.operations)}"
    if not grant.filters:
        yield head + ")"
        return
    yield head
    filters = [_filter(name, value) for name, value in grant.filters]
    yield from (f"  {one}" for one in filters[:-1])
    yield f"  {filters[-1]})"


def _filter(name: str, value: str) -> str:
    if name in _CONSTANTS:
        return f"({name} {value})"
    return f'(regex #"{value}")' if name == "regex" else f"({name} {text(value)})"
