# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan written for people, word for word."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import as_data, plan_fleet
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import markdown_report, text_report, violation_lines

Json = t.Dict[str, t.Any]
FACTS: Json = {"memory": "32GiB", "arch": "arm64", "cores": 10, "macos": "26.1", "sip": "enabled", "disk_free": "400GiB"}
TART: Json = {"name": "ios", "isolation": "tart", "image": "acme/macos@sha256:" + "0" * 64}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
#: One Mac of each kind of verdict.
FLEET: Json = {
    "mini-1": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**TART, "count": 3, "memory": "8GiB"}]},
    "mini-2": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**TART, "count": 2, "memory": 12 * 1024**3 + 1}]},
    "mini-3": {"mac_runners_facts": FACTS, "mac_runners_pools": [{**LINT, "count": -1}]},
    "mini-4": {"mac_runners_facts": FACTS, "mac_runners_pools": [LINT]},
    "mini-5": {"mac_runners_facts": FACTS, "mac_runners_pools": [LINT]},
    "mini-6": {},
    "mini-7": {"mac_runners_pools": [LINT]},
}

TEXT = """\
MAC     VERDICT      MEMORY   LEFT              WHY
mini-1  REFUSED      32 GiB   0 GiB             macos-vm-licence
mini-2  REFUSED      32 GiB   0 GiB (-2 bytes)  memory
mini-3  REFUSED      32 GiB   24 GiB            input
mini-4  fits         32 GiB   22.5 GiB
mini-5  fits         32 GiB   22.5 GiB
mini-6  NOT REACHED  -        -                 left out, nothing is changed on it
mini-7  REFUSED      unknown  -                 facts

warnings:
  mini-4, mini-5, mini-7: pool lint is low-isolation: sandbox is weak, for trusted code only
  mini-6: could not be reached: left out, nothing is changed on it

The plan is refused, nothing was changed on any Mac. 7 Macs: 2 fit, 4 refused, 1 not reached (mini-6).

mini-1 is refused:
  macos-vm-licence: 3 macOS VMs planned; Apple's licence allows 2 a Mac
  ledger:
     32 GiB  memory of the Mac
     -6 GiB  reserve for macOS
     -2 GiB  headroom
    -24 GiB  pool ios: 3 x 8 GiB
      0 GiB  left
  smallest change that fits:
    pool ios: count 3 -> 2
  or move 1 of pool ios to mini-4, which has room

mini-2 is refused:
  memory: needs 32 GiB (34359738370 bytes), has 32 GiB
  ledger:
                          32 GiB  memory of the Mac
                          -6 GiB  reserve for macOS
                          -2 GiB  headroom
    -24 GiB (-25769803778 bytes)  pool ios: 2 x 12 GiB (12884901889 bytes)
                0 GiB (-2 bytes)  left
  smallest change that fits:
    pool ios: memory 12 GiB (12884901889 bytes) -> 12 GiB
  or move 1 of pool ios to mini-4, which has room

mini-3 is refused:
  input: pool "lint", field count: got -1; allowed: a whole number from 0 to 1000
  ledger:
    32 GiB  memory of the Mac
    -6 GiB  reserve for macOS
    -2 GiB  headroom
    24 GiB  left
  no change of counts and memory sizes alone was found that makes it fit

mini-7 is refused:
  facts: could not be read: its memory, which was neither measured nor declared in mac_runners_facts.memory \
(a Mac that cannot be read whole counts as full)
  ledger:
       0 GiB  memory of the Mac
      -4 GiB  reserve for macOS
      -2 GiB  headroom
    -1.5 GiB  pool lint: 1 x 1.5 GiB
    -7.5 GiB  left
  no change of counts and memory sizes alone was found that makes it fit"""

MARKDOWN = """\
**The plan is refused, nothing was changed on any Mac. 2 Macs: 1 fit, 1 refused.**

| Mac | verdict | memory | left | why |
| --- | --- | --- | --- | --- |
| mini-1 | REFUSED | 32 GiB | 0 GiB | macos-vm-licence |
| mini-4 | fits | 32 GiB | 22.5 GiB |  |

### mini-1

- **macos-vm-licence**: 3 macOS VMs planned; Apple's licence allows 2 a Mac

| bytes | |
| ---: | --- |
| 32 GiB | memory of the Mac |
| -6 GiB | reserve for macOS |
| -2 GiB | headroom |
| -24 GiB | pool ios: 3 x 8 GiB |
| 0 GiB | left |

Smallest change that fits:

- pool ios: count 3 -> 2
- or move 1 of pool ios to mini-4, which has room

### Warnings

- mini-4: pool lint is low-isolation: sandbox is weak, for trusted code only
"""


def plan(fleet: Json, **options: t.Any) -> Json:
    licences = {"tart": {"fsl_confirmed": True}}
    return as_data(plan_fleet({name: {"mac_runners_licences": licences, **one} for name, one in fleet.items()}, **options))


def test_text() -> None:
    assert text_report(plan(FLEET, unreachable=["mini-6"])) == TEXT


def test_markdown() -> None:
    assert markdown_report(plan({name: FLEET[name] for name in ("mini-1", "mini-4")})) == MARKDOWN


def test_a_plan_that_fits() -> None:
    pools = [{**TART, "count": 2}]
    wanted = "MAC  VERDICT  MEMORY  LEFT   WHY\na    fits     32 GiB  0 GiB\n\nThe plan fits. 1 Mac: 1 fit, 0 refused."
    assert text_report(plan({"a": {"mac_runners_facts": FACTS, "mac_runners_pools": pools}})) == wanted


def test_a_warning_of_many_macs_stands_once() -> None:
    report = text_report(plan({f"mini-{n}": FLEET["mini-4"] for n in range(9)}))
    assert report.count("low-isolation") == 1
    assert "  mini-0, mini-1, mini-2 and 6 more: pool lint is low-isolation" in report


def test_a_foreign_name_does_not_break_the_table() -> None:
    others = [{"kind": "tart", "name": "a | b", "guest": "linux", "memory": "40GiB"}]
    fleet = {"mini|1": {"mac_runners_facts": {**FACTS, "workloads": others}, "mac_runners_pools": [LINT]}}
    report = markdown_report(plan(fleet))
    assert "| -40 GiB | foreign tart a \\| b (running) |" in report
    assert "| mini\\|1 | REFUSED | 32 GiB | -17.5 GiB | memory |" in report


def test_violations_are_told_in_one_line_each() -> None:
    found = [
        Violation("disk", "", 2, 1, "needs more"),
        Violation("trust", "lint", None, None, "too weak"),
        Violation("input", "ios", None, None, 'pool "ios", field x'),
    ]
    assert violation_lines(found) == ["disk: needs more", 'trust: pool "lint": too weak', 'input: pool "ios", field x']
