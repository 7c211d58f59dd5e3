# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What gives room back: it is done for all isolations before anything is built for one of them."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX, slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import parse_size

Entry = t.Mapping[str, t.Any]


def shrinking(pools: t.Iterable[Pool], wanted: t.Iterable[Entry], facts: MacFacts, isolation: str) -> t.List[Entry]:
    """The entries of a module's list that take away or make smaller.

    ``wanted``: the isolation's whole list, of which those stay that have more memory now than they
    shall have; what is ours and in no pool comes first, as absent.
    """
    present = {w.name: w.memory or 0 for w in facts.workloads if w.owned and w.kind == isolation}
    in_pools = {name for pool in pools for name in pool.owned_names}
    gone = [{"name": slot_of(name), "state": "absent"} for name in sorted(present) if name not in in_pools]
    return [*gone, *(entry for entry in wanted if parse_size(entry["memory"]) < present.get(OWNED_PREFIX + entry["name"], 0))]
