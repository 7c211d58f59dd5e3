# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of a slot of isolation account, killed with -9 at outgoing calls of a cycle. Prints a table."""

from __future__ import annotations

from cuts import MacTable, cuts_of, names, start
from native_mac import SPARE

pytest_plugins = ["tests.macsim.pytest_plugin", "native_mac"]

ACTS = ("child native-make", "child native-start", "child native-destroy", "child register", "child remove")


def calls_of_a_cycle(native, slot):
    """From the start to the end of a job."""
    native.slot(slot)
    start(native, slot, 0, "before")
    native.wait_for(slot, "listening")
    native.finish(native.queue(slot, "echo done"))
    # A drain that comes before its end was seen makes other calls.
    native.wait("its end was seen", lambda: native.status(slot)["jobs"] == 1)
    native.drain(slot)
    native.stop(slot)
    calls = names(native, slot, 0, "before")
    return calls[: calls.index("child native-destroy") + 1]


def test_killed_at_each_call_the_next_start_mends_it(native, capsys):
    calls = calls_of_a_cycle(native, SPARE[0])
    assert {"child admission", "child register", "child native-make", "child native-start", "record job", "child native-destroy"} <= set(calls)

    def seen(slot):
        return sorted({"keeper" if name.startswith("keeper") else "process" if " " in name else name for name in native.left(slot)})

    MacTable(native, SPARE, calls, seen).print(cuts_of(calls, ACTS), capsys)
