# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import (
    parse_meminfo,
    parse_sip,
    parse_sw_vers,
    parse_vm_stat,
    read_posix,
)

VM_STAT = """\
Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               60000.
Pages active:                            300000.
Pages inactive:                          280000.
Pages speculative:                        10000.
Pages throttled:                              0.
Pages wired down:                        120000.
Pages purgeable:                           4000.
"Translation faults":                  99999999.
Pages copy-on-write:                    1000000.
Pages zero filled:                      9000000.
Pages reactivated:                        10000.
Pages purged:                              1000.
File-backed pages:                       190000.
Anonymous pages:                         400000.
Pages stored in compressor:              500000.
Pages occupied by compressor:            200000.
Decompressions:                          300000.
Compressions:                            800000.
Pageins:                                2000000.
Pageouts:                                   100.
Swapins:                                      0.
Swapouts:                                     0.
"""

CUSTOM = """\
System Integrity Protection status: unknown (Custom Configuration).

Configuration:
\tApple Internal: disabled
\tKext Signing: enabled
\tFilesystem Protections: disabled
"""


def test_memory_in_use_is_anonymous_wired_and_compressed():
    assert parse_vm_stat(VM_STAT) == (400000 - 4000 + 120000 + 200000) * 16384


def test_page_size_of_intel_is_used():
    assert parse_vm_stat(VM_STAT.replace("16384", "4096")) == 716000 * 4096


@pytest.mark.parametrize("missing", ["Anonymous pages", "Pages wired down", "page size of 16384 bytes"])
def test_memory_in_use_is_not_known_from_half_an_answer(missing):
    assert parse_vm_stat(VM_STAT.replace(missing, "something")) is None


@pytest.mark.parametrize(
    "text, sip",
    [
        ("System Integrity Protection status: enabled.\n", "enabled"),
        ("System Integrity Protection status: disabled.\n", "disabled"),
        ("System Integrity Protection status: enabled (Custom Configuration).\n", "custom"),
        (CUSTOM, "custom"),
        ("System Integrity Protection status: unknown.\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_system_integrity_protection(text, sip):
    assert parse_sip(text) == sip


@pytest.mark.parametrize("padding", ["\t\t", "         "])
def test_sw_vers_with_either_padding(padding):
    text = f"ProductName:{padding}macOS\nProductVersion:{padding}15.6.1\nBuildVersion:{padding}24G90\n"
    assert parse_sw_vers(text) == {"macos": "15.6.1", "build": "24G90"}


def test_sw_vers_that_says_nothing():
    assert parse_sw_vers("") == {}


def test_available_memory_of_linux():
    assert parse_meminfo("MemTotal:  100 kB\nMemAvailable:     50 kB\n") == 50 * 1024
    assert parse_meminfo("") is None


def test_a_machine_that_is_no_mac_has_a_size():
    facts = read_posix()
    assert facts["memory"] > 2**28
    assert facts["cores"] >= 1
    assert facts["arch"] in ("arm64", "x86_64")
