# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Rules that other rules keep from deciding, and orders that nobody has measured."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import Found
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import ancestors
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Filter, Rule

#: A filter with one of its values.
Atom = t.Tuple[t.Any, ...]


def _never(profile: Profile) -> t.Iterator[Found]:
    """From the end to the beginning: what is held by later rules of the same operation."""
    later: t.Dict[str, t.Set[Atom]] = {}
    bare: t.Set[t.Tuple[str, str]] = set()
    for rule in reversed(profile.rules):
        if not isinstance(rule, Rule):
            continue
        if not rule.filters:
            keys = {(operation, rule.action) for operation in rule.operations}
            if keys <= bare:
                yield Found("never-wins", rule.form, "a later rule says the same")
            bare |= keys if rule.certain else set()
            continue
        atoms = [atom for one in rule.filters for atom in _atoms(one)]
        if all(_held(later.get(operation, ()), atom) for operation in rule.operations for atom in atoms):
            yield Found("never-wins", rule.form, "later rules on the same operations hold wherever it does")
        if rule.certain:
            for operation in rule.operations:
                later.setdefault(operation, set()).update(atoms)


def _atoms(one: Filter) -> t.Iterator[Atom]:
    # The values of a path filter are an OR; those of others may belong together.
    if one.name == "path" and all(isinstance(value, str) for value in one.values):
        yield from ((one.name, one.how, value) for value in one.values)
    else:
        yield one.key


def _held(later: t.Collection[Atom], atom: Atom) -> bool:
    if atom in later:
        return True
    if not later or atom[0] != "path" or atom[1] not in ("literal", "subpath"):
        return False
    return any(("path", "subpath", above) in later for above in (atom[2], *ancestors(atom[2])))


def _unmeasured(profile: Profile) -> t.Iterator[Found]:
    for operation, rules in profile.unfiltered.items():
        bare = [rule for rule in rules if isinstance(rule, Rule) and rule.certain]
        if len({rule.action for rule in bare}) > 1:
            yield Found("unmeasured-order", bare[-1].form, f"rules without filters on {operation} contradict each other")
    for operation, rules in profile.filtered.items():
        negated = [rule for rule in rules if isinstance(rule, Rule) and rule.negates]
        if negated and len({rule.action for rule in rules if isinstance(rule, Rule)}) > 1:
            yield Found("unmeasured-order", negated[-1].form, f"require-not competes with other rules on {operation}")


CHECKS = (_never, _unmeasured)
