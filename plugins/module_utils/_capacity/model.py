# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a capacity plan is made of."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Licences, Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool

#: Every check, in the order in which refusals are shown.
CHECKS = (
    "input",
    "names",
    "facts",
    "platform",
    "trust",
    "network",
    "image-pin",
    "runner-version",
    "macos-vm-licence",
    "tart-licence",
    "docker-desktop-licence",
    "memory",
    "docker-vm",
    "cpus",
    "disk",
    "ports",
)


class Line(t.NamedTuple):
    """One line of the ledger: supply is positive, demand negative. Bytes."""

    what: str
    bytes: int


class Violation(t.NamedTuple):
    """A check that failed; need and have are bytes, or a number of things, or None."""

    check: str
    pool: str
    need: t.Optional[int]
    have: t.Optional[int]
    message: str


class Change(t.NamedTuple):
    """One step of the smallest change: pool's count or memory (bytes, each runner)."""

    pool: str
    field: str
    old: int
    new: int
    message: str


class Move(t.NamedTuple):
    """Another way to fit: so many runners of a pool on another Mac that has room."""

    pool: str
    count: int  # type: ignore[assignment]  # a tuple's own method of this name is not used
    to: str
    message: str


@dataclasses.dataclass(frozen=True)
class Situation:
    """Everything a plan depends on.

    ``now``: seconds since 1970, None not to judge age. ``github_url`` is the target of pools that name none, ``runner_version``
    that of the Mac's runner package, ``versions`` what GitHub was asked by target (`runner_versions.Answers`), None: nothing.
    """

    mac: str
    facts: MacFacts
    pools: t.Tuple[Pool, ...]
    policy: Policy = Policy()
    licences: Licences = Licences()
    now: t.Optional[int] = None
    github_url: str = ""
    runner_version: str = ""
    versions: t.Optional[t.Mapping[str, t.Any]] = None


@dataclasses.dataclass(frozen=True)
class MacPlan:
    """The capacity plan of one Mac."""

    ledger: t.Tuple[Line, ...] = ()
    violations: t.Tuple[Violation, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    changes: t.Tuple[Change, ...] = ()
    moves: t.Tuple[Move, ...] = ()
    unreachable: bool = False

    @property
    def free(self) -> int:
        """Bytes left; below zero when the plan needs more than there is."""
        return sum(line.bytes for line in self.ledger)

    @property
    def fits(self) -> bool:
        """Whether every check holds and the Mac could be asked."""
        return not self.violations and not self.unreachable
