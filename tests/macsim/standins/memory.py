# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vm_stat and memory_pressure: numbers that move with the virtual machines that run."""

from __future__ import annotations

from typing import Any, NamedTuple

from standins.call import Call, Unexpected
from standins.mac import read_mac
from standins.virtual_machines import machine_processes


class Pages(NamedTuple):
    """Counts of pages; used = anonymous - purgeable + wired + compressed, as Activity Monitor adds them up."""

    size: int
    total: int
    free: int
    active: int
    inactive: int
    speculative: int
    wired: int
    purgeable: int
    file_backed: int
    anonymous: int
    compressed: int

    @property
    def free_percent(self) -> int:
        used = self.anonymous - self.purgeable + self.wired + self.compressed
        return max(1, min(100, 100 - used * 100 // self.total))


def measure(mac: dict[str, Any]) -> Pages:
    """The system's own use (``base_used``) plus all of every running virtual machine's memory."""
    size, total = mac["page_size"], mac["memory"] // mac["page_size"]
    base = mac["base_used"] // size
    machines = sum(process.memory for process in machine_processes()) // size
    purgeable = mac["purgeable"] // size
    wired, compressed = base * 35 // 100, base * 10 // 100
    anonymous = min(base - wired - compressed + machines + purgeable, max(0, total - wired - compressed))
    left = max(0, total - wired - compressed - anonymous)
    file_backed = min(left, total // 10)
    free = left - file_backed
    speculative = min(free, total // 100)
    active = (anonymous + file_backed) // 2
    measured = Pages(
        size, total, free - speculative, active, anonymous + file_backed - active, speculative, wired, purgeable, file_backed,
        anonymous, compressed,
    )
    return measured


def vm_stat(call: Call) -> int:
    if call.argv:
        raise Unexpected("vm_stat with words would repeat for ever")
    pages = measure(read_mac())
    rows = [
        ("Pages free", pages.free), ("Pages active", pages.active), ("Pages inactive", pages.inactive),
        ("Pages speculative", pages.speculative), ("Pages throttled", 0), ("Pages wired down", pages.wired),
        ("Pages purgeable", pages.purgeable), ('"Translation faults"', 99999999), ("Pages copy-on-write", 1000000),
        ("Pages zero filled", 9000000), ("Pages reactivated", 10000), ("Pages purged", 1000), ("File-backed pages", pages.file_backed),
        ("Anonymous pages", pages.anonymous), ("Pages stored in compressor", pages.compressed * 5 // 2),
        ("Pages occupied by compressor", pages.compressed), ("Decompressions", 300000), ("Compressions", 800000), ("Pageins", 2000000),
        ("Pageouts", 100), ("Swapins", 0), ("Swapouts", 0),
    ]
    call.out(f"Mach Virtual Memory Statistics: (page size of {pages.size} bytes)\n")
    call.out("".join(f"{name + ':':<30} {value:16d}.\n" for name, value in rows))
    return 0


def memory_pressure(call: Call) -> int:
    if call.argv not in ([], ["-Q"]):
        raise Unexpected("-l, -p and -S press for real")
    mac = read_mac()
    pages = measure(mac)
    call.out(f"The system has {mac['memory']} ({pages.total} pages with a page size of {pages.size}).\n")
    if not call.argv:
        call.out(f"\nStats: \nPages free: {pages.free} \nPages purgeable: {pages.purgeable} \nPages purged: 1000 \n\n")
    call.out(f"System-wide memory free percentage: {mac['memory_level'] or pages.free_percent}%\n")
    return 0


TOOLS = {"vm_stat": vm_stat, "memory_pressure": memory_pressure}
