# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.sysctl import (
    KEYS,
    SYSCTL,
    describe_hardware,
    native_arch,
    parse_boot_time,
    parse_swap_used,
    parse_sysctl,
    read_sysctl,
)

MAC_STUDIO = """\
hw.memsize: 68719476736
hw.physicalcpu: 12
hw.ncpu: 12
hw.perflevel0.physicalcpu: 8
hw.optional.arm64: 1
hw.model: Mac14,13
machdep.cpu.brand_string: Apple M2 Max
kern.osproductversion: 26.1
kern.osversion: 25B78
kern.boottime: { sec = 1780966300, usec = 950491 } Mon Jun  8 21:51:40 2026
kern.hv_support: 1
kern.hv_vmm_present: 0
kern.memorystatus_vm_pressure_level: 1
vm.swapusage: total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)
"""


def test_one_call_reads_everything(script):
    run = script({(SYSCTL, *KEYS): MAC_STUDIO})
    assert describe_hardware(read_sysctl(run)) == {
        "memory": 68719476736,
        "cores": 12,
        "performance_cores": 8,
        "arch": "arm64",
        "model": "Mac14,13",
        "chip": "Apple M2 Max",
        "macos": "26.1",
        "build": "25B78",
        "boot_time": 1780966300,
        "virtualisation": True,
        "virtual_machine": False,
        "pressure": 1,
        "swap_used": 512 * 1024 * 1024,
    }
    assert len(run.calls) == 1


def test_an_intel_mac_lacks_some_keys_and_that_is_no_error(script):
    said = "hw.memsize: 17179869184\nhw.ncpu: 8\nmachdep.cpu.brand_string: Intel(R) Core(TM) i7\n"
    unknown = "sysctl: unknown oid 'hw.perflevel0.physicalcpu'\n"
    facts = describe_hardware(read_sysctl(script({(SYSCTL, *KEYS): Result(1, said, unknown)})))
    assert facts["arch"] == "x86_64"
    assert facts["cores"] == 8
    assert "performance_cores" not in facts
    assert "pressure" not in facts


def test_architecture_is_not_guessed_when_nothing_was_read():
    assert native_arch({}) is None


def test_a_value_may_hold_the_separator():
    assert parse_sysctl("a.b: one: two\nnoise\n") == {"a.b": "one: two"}


def test_boot_time_and_swap_of_unknown_texts_are_unknown():
    assert parse_boot_time("yesterday") is None
    assert parse_swap_used("much") is None


def test_swap_without_use():
    assert parse_swap_used("total = 0.00M  used = 0.00M  free = 0.00M  (encrypted)") == 0


def test_a_pressure_that_does_not_exist_is_unknown():
    assert "pressure" not in describe_hardware({"kern.memorystatus_vm_pressure_level": "0"})
    assert describe_hardware({"kern.memorystatus_vm_pressure_level": "4"})["pressure"] == 4
