# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Kernel values of a Mac, all in one call of sysctl."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import MIB

SYSCTL = "/usr/sbin/sysctl"
#: What is asked for. Intel Macs and virtual machines lack some; sysctl then prints the others and ends with 1.
KEYS = (
    "hw.memsize",
    "hw.physicalcpu",
    "hw.ncpu",
    "hw.perflevel0.physicalcpu",
    "hw.optional.arm64",
    "hw.model",
    "machdep.cpu.brand_string",
    "kern.osproductversion",
    "kern.osversion",
    "kern.boottime",
    "kern.bootsessionuuid",
    "kern.hv_support",
    "kern.hv_vmm_present",
    "kern.memorystatus_vm_pressure_level",
    "vm.swapusage",
)

_BOOT_TIME = re.compile(r"sec = (\d+)")
_SWAP_USED = re.compile(r"\bused = (\d+(?:\.\d+)?)M")


def read_sysctl(run: Run) -> t.Dict[str, str]:
    """The values by key; those that this Mac does not have are left out."""
    return parse_sysctl(run([SYSCTL, *KEYS]).stdout)


def parse_sysctl(text: str) -> t.Dict[str, str]:
    """Lines such as ``hw.memsize: 17179869184``; the separator is that of Apple's sysctl."""
    pairs = (line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return {key: value.strip() for key, value in pairs}


def describe_hardware(values: t.Mapping[str, str]) -> t.Dict[str, t.Any]:
    """The facts that kernel values hold; sizes in bytes, what is missing is left out."""
    facts = {
        "memory": _number(values, "hw.memsize"),
        "chip": values.get("machdep.cpu.brand_string"),
        "model": values.get("hw.model"),
        "arch": native_arch(values),
        "cores": _number(values, "hw.physicalcpu") or _number(values, "hw.ncpu"),
        "performance_cores": _number(values, "hw.perflevel0.physicalcpu"),
        "macos": values.get("kern.osproductversion"),
        "build": values.get("kern.osversion"),
        "virtual_machine": _truth(values, "kern.hv_vmm_present"),
        "virtualisation": _truth(values, "kern.hv_support"),
        "pressure": _pressure(values),
        "swap_used": parse_swap_used(values.get("vm.swapusage", "")),
        "boot_time": parse_boot_time(values.get("kern.boottime", "")),
        "boot_id": values.get("kern.bootsessionuuid"),
    }
    return {key: value for key, value in facts.items() if value is not None}


def native_arch(values: t.Mapping[str, str]) -> t.Optional[str]:
    """What the Mac is made of; uname says x86_64 to a process that runs under Rosetta."""
    if not values:
        return None
    return "arm64" if values.get("hw.optional.arm64") == "1" else "x86_64"


def parse_boot_time(text: str) -> t.Optional[int]:
    """Seconds since 1970 from ``{ sec = 1780966300, usec = 950491 } Mon Jun  8 ...``."""
    found = _BOOT_TIME.search(text)
    return int(found.group(1)) if found else None


def parse_swap_used(text: str) -> t.Optional[int]:
    """Bytes from ``total = 2048.00M  used = 512.00M  free = 1536.00M  (encrypted)``."""
    found = _SWAP_USED.search(text)
    return int(float(found.group(1)) * MIB) if found else None


def _pressure(values: t.Mapping[str, str]) -> t.Optional[int]:
    """1 is normal, 2 a warning, 4 critical; there is no other."""
    level = _number(values, "kern.memorystatus_vm_pressure_level")
    return level if level in (1, 2, 4) else None


def _number(values: t.Mapping[str, str], key: str) -> t.Optional[int]:
    text = values.get(key, "")
    return int(text) if text.isdigit() else None


def _truth(values: t.Mapping[str, str], key: str) -> t.Optional[bool]:
    number = _number(values, key)
    return None if number is None else bool(number)
