# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Which line of a policy claims which paths, for what: the user's own and those of its presets."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.parts import (
    KEYCHAIN,
    KEYCHAIN_PURPOSE,
    PARTS,
    at_home,
    parts_of,
    secrets_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import Policy

#: Fields of a policy, and of a part, that hold paths to be opened.
OPENED = ("work", "read", "write", "execute")


class Claim(t.NamedTuple):
    """``line`` is the field with its index, or the part."""

    line: str
    path: str


def claims(policy: Policy, field: str) -> t.List[Claim]:
    """The paths of one of :data:`OPENED`, or of ``files`` and ``devices``, of a policy and its presets; presets first."""
    found = [Claim(label(name), at_home(path, policy.home)) for name in parts_of(policy.presets) for path in getattr(PARTS[name], field)]
    if field == "write" and KEYCHAIN_PURPOSE in policy.services:
        found.append(Claim(f"services {KEYCHAIN_PURPOSE}", at_home(KEYCHAIN, policy.home)))
    return found + [Claim(f"{field}[{index}]", path) for index, path in enumerate(getattr(policy, field, ()))]


def protected(policy: Policy) -> t.List[Claim]:
    """What is denied whatever else is said: secrets and the user's own list."""
    kept = [Claim("always: secrets", path) for path in secrets_of(policy.home, policy.services)]
    return kept + [Claim(f"deny[{index}]", path) for index, path in enumerate(policy.deny)]


def field_of(line: str) -> str:
    """The field or part that a line belongs to, without an index."""
    return line.partition("[")[0]


def label(part: str) -> str:
    """How comments and messages call a part."""
    return f"part {part}: {PARTS[part].why}"
