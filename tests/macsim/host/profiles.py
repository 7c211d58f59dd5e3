# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Mac is like: the two profiles of macOS, and the description that the stand-ins read (``mac.json``)."""

from __future__ import annotations

import json
import plistlib
import re
import time
import uuid
from dataclasses import dataclass

from host.layout import MacsimError

GIB = 1 << 30
_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": GIB, "TiB": 1 << 40}


@dataclass(frozen=True)
class Profile:
    """A version of macOS; ``messages`` picks the wording of tools that changed theirs."""

    product_version: str
    build: str
    darwin: str
    kernel_date: str
    xnu: str
    messages: str


PROFILES = {
    "macos14": Profile("14.6.1", "23G93", "23.6.0", "Mon Jul 29 21:14:30 PDT 2024", "10063.141.2~1", "14"),
    "macos26": Profile("26.1", "25B78", "25.1.0", "Mon Oct 20 19:34:05 PDT 2025", "12377.41.6~2", "26"),
}
# Performance and efficiency cores by chip and total; others get two thirds performance cores.
_CORES = {("M1", 8): 4, ("M1 Pro", 10): 8, ("M1 Max", 10): 8, ("M2", 8): 4, ("M2 Pro", 10): 6, ("M2 Pro", 12): 8, ("M2 Max", 12): 8,
          ("M2 Ultra", 24): 16, ("M3", 8): 4, ("M4", 10): 4, ("M4 Pro", 12): 8, ("M4 Pro", 14): 10, ("M4 Max", 16): 12}
_MODELS = {"M1": "Macmini9,1", "M2": "Mac14,3", "M2 Pro": "Mac14,12", "M2 Max": "Mac14,13", "M2 Ultra": "Mac14,14", "M4": "Mac16,10"}


def parse_size(text: str) -> int:
    """Bytes of a size such as ``64GiB`` or a plain number; raises MacsimError."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([KMGT]iB|B|)", str(text))
    if not match:
        raise MacsimError(f"{text!r} is not a size: a number with one of {', '.join(filter(None, _UNITS))}")
    return int(float(match.group(1)) * _UNITS[match.group(2)])


def describe(
    name: str, profile: str, memory: int, cores: int, chip: str, arch: str, disk_free: int, sip: str, tools: bool, time_scale: float
) -> dict[str, object]:
    """The description of one Mac; every value can be changed later with ``macsim set``."""
    if profile not in PROFILES:
        raise MacsimError(f"profile {profile!r} is unknown: {' or '.join(PROFILES)}")
    system = PROFILES[profile]
    short = chip.removeprefix("Apple ")
    fast = _CORES.get((short, cores), max(1, cores * 2 // 3))
    return {
        "name": name, "profile": profile, "messages": system.messages, "product_version": system.product_version, "build": system.build,
        "darwin": system.darwin, "kernel_version": _kernel_version(system, arch), "arch": arch, "chip": chip, "cores": cores,
        "performance_cores": fast, "efficiency_cores": cores - fast, "memory": memory,
        "page_size": 16384 if arch == "arm64" else 4096, "model": _MODELS.get(short, "Mac15,6") if arch == "arm64" else "Macmini8,1",
        "serial": f"SIM{uuid.uuid5(uuid.NAMESPACE_DNS, name).hex[:9].upper()}", "disk_free": disk_free, "sip": sip,
        "command_line_tools": tools, "pressure_level": 1, "memory_level": None, "swap_used": 0,
        "base_used": min(3 * GIB, memory // 4), "purgeable": 0, "load": [1.52, 1.80, 1.94], "hv_support": 1, "hv_vmm_present": 0,
        "translated": 0, "boot_time": int(time.time()), "gui_users": [], "time_scale": time_scale,
        "full_disk_access": True, "ds_lag": 0, "drain_s": 0, "job_fault": None, "docker": None, "remote_login": "On", "network_time": "On",
    }


def _kernel_version(system: Profile, arch: str) -> str:
    suffix = "RELEASE_ARM64_T6020" if arch == "arm64" else "RELEASE_X86_64"
    return f"Darwin Kernel Version {system.darwin}: {system.kernel_date}; root:xnu-{system.xnu}/{suffix}"


def identity(mac: dict[str, object]) -> str:
    """The lines that the private Python reads at every start: few, so that it costs nothing."""
    load = mac["load"]
    assert isinstance(load, list)
    lines = {
        "release": mac["darwin"], "version": mac["kernel_version"], "machine": mac["arch"], "cores": mac["cores"],
        "page": mac["page_size"], "memory": mac["memory"], "load": " ".join(str(value) for value in load),
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def version_plist(mac: dict[str, object]) -> str:
    """Content of /System/Library/CoreServices/SystemVersion.plist."""
    return plistlib.dumps({
        "ProductName": "macOS", "ProductVersion": mac["product_version"], "ProductUserVisibleVersion": mac["product_version"],
        "ProductBuildVersion": mac["build"], "ProductCopyright": "1983-2026 Apple Inc.", "iOSSupportVersion": "18.0",
    }).decode()


def dump(mac: dict[str, object]) -> str:
    return json.dumps(mac, indent=1, sort_keys=True) + "\n"
