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
#: States of a slot in which it neither works nor can be given work.
_UNWELL = frozenset(("down", "stuck", "waiting", "drained", "damaged"))
_LONGEST_MESSAGE = 300

#: What the facts of a Mac tell of a slot.
Slot = t.Mapping[str, t.Any]


class Row(t.NamedTuple):
    """One slot, or one thing on the Mac that no slot explains.

    ``state`` is what is there: a workload's state, that of a slot's record, ``down`` for a slot that nothing runs, ``missing``, or
    ``not managed`` for a place in the plan that has no runner. ``as_declared`` is None where nothing is expected.
    """

    slot: str
    isolation: str
    level: str
    state: str
    as_declared: t.Optional[bool]
    note: str


def status_rows(
    pools: t.Sequence[Pool], facts: MacFacts, slots: t.Sequence[Slot] = (), expected: t.Container[str] = (), registrations: t.Sequence[Slot] = ()
) -> t.List[Row]:
    """Every slot in the order of the pools, then what is ours without a slot, then what is foreign.

    ``slots``: what the Mac told of those that are installed; ``expected``: the names of those that shall be; ``registrations``: what it told
    of persistent runners.
    """
    owned = {workload.name: workload for workload in facts.workloads if workload.owned}
    installed = {str(slot["name"]): slot for slot in slots}
    registered = {str(one["name"]): one for one in registrations}
    rows = []
    for pool in pools:
        for name, workload in zip(pool.slots, pool.owned_names):
            slot, there = installed.pop(name, None), owned.pop(workload, None)
            rows.append(_slot(pool, name, there, registered.get(name)) if slot is None else _installed(pool, slot, facts.measured_at or 0))
            if slot is None and name in expected:
                rows[-1] = rows[-1]._replace(state="missing", as_declared=False, note=_marked(pool))
    rows.extend(_left(slot, facts.measured_at or 0) for slot in installed.values())
    rows.extend(_other(workload, "ours, in no pool") for workload in owned.values() if slot_of(workload.name) not in {str(slot["name"]) for slot in slots})
    rows.extend(_other(workload, "foreign") for workload in facts.foreign if workload.counts)
    return rows


def _slot(pool: Pool, slot: str, workload: t.Optional[Workload], runner: t.Optional[Slot]) -> Row:
    note = _marked(pool) or (_registration(runner) if runner else "")
    if pool.lifecycle != "persistent" or pool.isolation not in OBSERVED:
        what = "no runner is installed"
        return Row(slot, pool.isolation, pool.level, "not managed", None, f"{note}, {what}" if note else what)
    state = workload.state if workload else "missing"
    return Row(slot, pool.isolation, pool.level, state, state == "running", note)


def _registration(runner: Slot) -> str:
    """What a persistent runner tells of itself."""
    told = [f"registered as {runner['runner_name']}" if runner["id"] else "not registered"]
    told += ["a job runs"] if runner["busy"] else []
    return "; ".join(told + (["drained by an operator"] if runner["drained"] else []))


def _marked(pool: Pool) -> str:
    return LOW_ISOLATION if pool.level in ("weak", "very-weak") else ""


def _installed(pool: Pool, slot: Slot, now: int) -> Row:
    """A slot that is installed; it is as declared while it works or waits for work."""
    state = (str(slot["state"]) or "new") if slot["running"] else "down"
    well = state not in _UNWELL and not slot["mark"]
    return Row(str(slot["name"]), pool.isolation, pool.level, state, well, "; ".join([*filter(None, [_marked(pool)]), *_notes(slot, now)]))


def _left(slot: Slot, now: int) -> Row:
    return Row(str(slot["name"]), "-", "-", str(slot["state"]) or "new", False, "; ".join(["ours, in no pool", *_notes(slot, now)]))


def _notes(slot: Slot, now: int) -> t.Iterator[str]:
    """What people want to know of a slot: its job, since when, why it does not work, the version that runs."""
    if slot["job"]:
        yield f"job {slot['job']} for {_span(now - slot['job_since'])}"
    elif slot["since"]:
        yield f"for {_span(now - slot['since'])}"
    if slot["mark"]:
        yield "it has to go" if slot["mark"] == "removal" else "drained by an operator"
    if slot["failures"]:
        yield f"{slot['failures']} failures in a row"
    if slot["message"]:
        yield str(slot["message"])[:_LONGEST_MESSAGE]
    if slot["jobs"]:
        yield f"{slot['jobs']} jobs so far"
    if slot["program"]:
        yield f"program {slot['program']}"


def _span(seconds: float) -> str:
    """A time for people, rounded down."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


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
