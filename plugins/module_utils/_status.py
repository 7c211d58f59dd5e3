# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is on each Mac beside what is declared, slot by slot."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import MacFacts, Workload
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import LEVELS, LOW_ISOLATION, Pool

#: Isolations whose runners this release can see on a Mac.
OBSERVED = frozenset(("tart", "docker"))


class Row(t.NamedTuple):
    """One slot, or one thing on the Mac that no slot explains.

    ``state`` is what is there: a workload's state, ``missing``, or ``not managed`` for what the
    collection plans but does not build. ``as_declared`` is None where nothing is expected.
    """

    slot: str
    isolation: str
    level: str
    state: str
    as_declared: t.Optional[bool]
    note: str


def status_rows(pools: t.Sequence[Pool], facts: MacFacts) -> t.List[Row]:
    """Every slot in the order of the pools, then what is ours without a slot, then what is foreign."""
    owned = {workload.name: workload for workload in facts.workloads if workload.owned}
    rows = []
    for pool in pools:
        for slot, name in zip(pool.slots, pool.owned_names):
            rows.append(_slot(pool, slot, owned.pop(name, None)))
    rows.extend(_other(workload, "ours, in no pool") for workload in owned.values())
    rows.extend(_other(workload, "foreign") for workload in facts.foreign if workload.counts)
    return rows


def _slot(pool: Pool, slot: str, workload: t.Optional[Workload]) -> Row:
    note = LOW_ISOLATION if pool.level in ("weak", "very-weak") else ""
    if pool.lifecycle != "persistent" or pool.isolation not in OBSERVED:
        what = "planned, not built by this release"
        return Row(slot, pool.isolation, pool.level, "not managed", None, f"{note}, {what}" if note else what)
    state = workload.state if workload else "missing"
    return Row(slot, pool.isolation, pool.level, state, state == "running", note)


def _other(workload: Workload, note: str) -> Row:
    name = slot_of(workload.name) if workload.owned else workload.name
    expected = None if note == "foreign" else False
    return Row(name, workload.kind, LEVELS.get(workload.kind, "-"), workload.state, expected, note)


def status_text(macs: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    """A table of all Macs, with a line for who holds each, and one for each thing that could not be read."""
    lines = [("MAC", "SLOT", "ISOLATION", "LEVEL", "STATE", "NOTE")]
    for name, mac in macs.items():
        if mac["holder"]:
            lines.append((name, "-", "-", "-", "held", f"by {mac['holder']}"))
        lines.extend((name, r["slot"], r["isolation"], r["level"], r["state"], r["note"]) for r in mac["slots"])
        if not mac["slots"]:
            lines.append((name, "-", "-", "-", "-", "nothing declared, nothing found"))
        lines.extend((name, "-", "-", "-", "unread", reason) for reason in mac["unread"])
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[5]]).rstrip() for line in lines
    )
