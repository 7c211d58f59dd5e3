# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kill -9 of the program of a tart slot at outgoing calls of a recorded cycle: the next start mends what was left. Prints a table."""

from __future__ import annotations

from cuts import MacTable, cuts_of, names, start

pytest_plugins = ["tests.macsim.pytest_plugin", "tart_fixtures"]

ACTS = ("child tart-make", "child tart-start", "child tart-destroy", "child register", "child remove")
SLOTS = [f"linux-{number}" for number in range(1, 5)]


def calls_of_a_cycle(tart, slot):
    """From one look at what is there to the next."""
    tart.slot(slot)
    start(tart, slot, 0, "before")
    tart.wait_for(slot, "listening")
    tart.finish(tart.queue(slot, "echo done"))
    tart.drain(slot)
    tart.stop(slot)
    calls = names(tart, slot, 0, "before")
    looks = [index for index, name in enumerate(calls) if name == "child tart-observe"]
    return calls[: looks[1]]


def test_killed_at_each_call_the_next_start_mends_it(tart, capsys):
    calls = calls_of_a_cycle(tart, SLOTS[0])
    assert {"child admission", "child register", "child tart-make", "child tart-start", "tart exec follow", "record job"} <= set(calls)

    def seen(slot):
        left = [name.rpartition("/")[2] for name in tart.left(slot) if "exec" not in name and "/" not in name.strip("/")]
        return left + (["VM"] if f"/Users/admin/.tart/vms/mac-runners-{slot}" in tart.vms() else [])

    MacTable(tart, SLOTS, calls, seen).print(cuts_of(calls, ACTS), capsys)
    assert tart.vms() == set()
