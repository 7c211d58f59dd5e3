# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The ports on which jobs may listen: a range for each slot of a native pool, since all of them share the Mac's addresses.

The ranges follow from the order of pools and slots alone, so that they are the same wherever they are computed.
"""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.checks import port_ranges
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import FIRST_EPHEMERAL_PORT, Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool


class PortRange(t.NamedTuple):
    """Ports from the first to the last, both included."""

    first: int
    last: int


def slot_ports(pools: t.Sequence[Pool], capacity: Policy, mistakes: t.List[Mistake]) -> t.Dict[str, PortRange]:
    """The range of each slot of the native pools; what overlaps or reaches the ports that macOS takes itself is a mistake."""
    named = {pool.name: pool for pool in pools}
    ranges = port_ranges(Situation("", MacFacts(), tuple(pools), capacity))
    taken: t.List[t.Tuple[int, int, str]] = []
    for first, past, name in ranges:
        _refuse_ephemeral(named[name], first, past, mistakes)
        _refuse_overlap(named[name], first, past, taken, mistakes)
        taken.append((first, past, name))
    size = capacity.ports_per_slot
    return {
        slot: PortRange(first + number * size, first + (number + 1) * size - 1)
        for first, _past, name in ranges
        for number, slot in enumerate(named[name].slots)
    }


def _refuse_ephemeral(pool: Pool, first: int, past: int, mistakes: t.List[Mistake]) -> None:
    if past > FIRST_EPHEMERAL_PORT:
        allowed = f"ports up to {FIRST_EPHEMERAL_PORT - 1}, since macOS gives those from {FIRST_EPHEMERAL_PORT} on to whoever asks for any"
        mistakes.append(Mistake(pool.name, "port_base", _given(pool, first, past), allowed, "ports"))


def _refuse_overlap(pool: Pool, first: int, past: int, taken: t.Iterable[t.Tuple[int, int, str]], mistakes: t.List[Mistake]) -> None:
    for start, end, other in taken:
        if first < end and start < past:
            allowed = f"ports that pool {other} does not have ({start} to {end - 1})"
            mistakes.append(Mistake(pool.name, "port_base", _given(pool, first, past), allowed, "ports"))
            return


def _given(pool: Pool, first: int, past: int) -> str:
    return f"{show(pool.port_base)}, so ports {first} to {past - 1} for its {pool.count} slots"
