# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""How runners of ours are known at GitHub: by a name that begins as ours do **and** by the label of the fleet."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError

#: ``managed-by:<fleet>``: every runner of ours carries it.
MARK = "managed-by:"
_LONGEST_FLEET = 60
#: Characters of the name of a slot: an ephemeral runner adds a dash and eight digits to it, and GitHub takes 64.
LONGEST_SLOT = 55
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_JIT = re.compile(r"(?P<slot>.+)-[0-9a-f]{8}\Z")
#: A shorter prefix would take in what others have called by chance as ours begin.
_PREFIX = re.compile(r"[A-Za-z0-9._-]{3,64}\Z")


def fleet_label(fleet: str) -> str:
    """The label of a fleet; a name that is long or no plain word (a path) keeps apart by a digest."""
    plain = _UNSAFE.sub("-", fleet)
    if plain == fleet and len(fleet) <= _LONGEST_FLEET:
        return MARK + fleet
    digest = hashlib.sha256(fleet.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{MARK}{plain[-_LONGEST_FLEET:].lstrip('-')}-{digest}"


def jit_name(slot_name: str, suffix: int) -> str:
    """The name of one registration of an ephemeral slot: a name that was used cannot be used again."""
    return f"{slot_name}-{suffix & 0xFFFFFFFF:08x}"


def slot_of(name: str) -> t.Optional[str]:
    """The slot to which the name of an ephemeral runner belongs, None when it is no such name."""
    match = _JIT.match(name)
    return match["slot"] if match else None


@dataclasses.dataclass(frozen=True)
class Ownership:
    """Which runners are ours: those of a name that begins with a prefix, and with the label. Nothing else is ever touched."""

    label: str
    prefixes: t.Tuple[str, ...]

    @classmethod
    def of(cls, fleet: t.Optional[str], prefixes: t.Sequence[str]) -> Ownership:
        """The runners of a fleet; raises :class:`InputError`. Without a fleet or without prefixes nothing is ours."""
        if fleet is not None and not (fleet.strip() and fleet.isprintable()):
            raise InputError(f"fleet: got {show(fleet)}; allowed: a text that is not empty and has no control characters")
        for prefix in prefixes:
            if not _PREFIX.match(prefix):
                raise InputError(f"name_prefixes: got {show(prefix)}; allowed: 3 to 64 of A-Z, a-z, 0-9, . _ and -")
        return cls(fleet_label(fleet) if fleet else "", tuple(prefixes))

    def fits(self, name: str) -> bool:
        """Whether a name begins as ours do; GitHub ignores case."""
        return name.lower().startswith(tuple(prefix.lower() for prefix in self.prefixes))

    def covers(self, name: str, labels: t.Iterable[str]) -> bool:
        """Whether a runner is ours."""
        return bool(self.label) and self.fits(name) and self.label.lower() in (label.lower() for label in labels)
