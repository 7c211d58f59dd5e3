# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Facts for a check mode: a Mac as the tasks before this one, which only looked as well, would have left it."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools

Facts = t.Mapping[str, t.Any]


def foretold(facts: Facts, isolation: str, pools: t.Any, capacity: t.Any, leaving: t.Container[str] = ()) -> Facts:
    """``facts`` without what of ours takes no room any more when this task builds.

    Of ``isolation`` itself that is what is in ``leaving``, by name. Of the others, whose tasks give room back first,
    it is what no pool wants, and what is larger than its pool wants it. ``pools`` and ``capacity`` as the user wrote them.
    """
    read, _mistakes = parse_pools(pools, parse_policy(capacity)[0])
    slots = {(pool.isolation, name): pool.memory for pool in read for name in pool.owned_names}
    return {**facts, "workloads": list(_staying(facts.get("workloads") or [], isolation, slots, leaving))}


def _staying(workloads: t.Iterable[Facts], isolation: str, slots: t.Mapping[t.Tuple[str, str], int], leaving: t.Container[str]) -> t.Iterator[Facts]:
    for load in workloads:
        kind, name = load["kind"], load["name"]
        if not load.get("owned"):
            yield load
        elif kind == isolation:
            if name not in leaving:
                yield load
        elif (kind, name) in slots:
            yield {**load, "memory": min(load.get("memory") or 0, slots[kind, name])}
