# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The operating system: version, protection, memory in use; on Linux as far as the same facts exist."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.sysctl import describe_hardware, read_sysctl

#: What macOS puts on the disk with Rosetta; asking it by running an Intel program would offer to install it.
ROSETTA = ("/Library/Apple/usr/libexec/oah/libRosettaRuntime", "/Library/Apple/usr/share/rosetta/rosetta")

_PAGE_SIZE = re.compile(r"page size of (\d+) bytes")
_PAGES = re.compile(r'^"?([^":]+)"?:\s+(\d+)\.$', re.MULTILINE)
_SIP = re.compile(r"System Integrity Protection status: *(\w+)")

Facts = t.Dict[str, t.Any]


def read_mac(run: Run, unread: t.List[str]) -> Facts:
    """What a Mac says about itself; adds to ``unread`` what it did not say."""
    facts = describe_hardware(read_sysctl(run))
    if "macos" not in facts or "build" not in facts:
        facts.update(parse_sw_vers(run(["/usr/bin/sw_vers"]).stdout))
    facts["sip"] = parse_sip(run(["/usr/bin/csrutil", "status"]).stdout)
    if facts.get("arch") == "arm64":
        facts["rosetta"] = any(os.path.exists(path) for path in ROSETTA)
    for field, what in (("memory", "its memory"), ("cores", "its cores"), ("macos", "the version of macOS")):
        if field not in facts:
            unread.append(f"{what}: neither sysctl nor sw_vers says it")
    used = parse_vm_stat(run(["/usr/bin/vm_stat"]).stdout)
    if used is None:
        unread.append("memory in use: vm_stat gives no numbers")
    elif "memory" in facts:
        facts["memory_available"] = max(0, facts["memory"] - used)
    return facts


def read_posix() -> Facts:
    """The same of a machine that is no Mac, for a Docker Engine on Linux."""
    machine = os.uname().machine
    page = os.sysconf("SC_PAGE_SIZE")
    facts = {
        "memory": page * os.sysconf("SC_PHYS_PAGES"),
        "cores": os.cpu_count() or 1,
        "arch": {"aarch64": "arm64", "amd64": "x86_64"}.get(machine, machine),
    }
    available = parse_meminfo(_read_text("/proc/meminfo"))
    return facts if available is None else {**facts, "memory_available": available}


def parse_vm_stat(text: str) -> t.Optional[int]:
    """Bytes in use: anonymous pages that cannot be purged, wired ones, and those the compressor occupies.

    This is what Activity Monitor adds up. "Pages free" alone is always small, and what
    Ansible's own facts call free counts compressed pages as free.
    """
    size = _PAGE_SIZE.search(text)
    pages = {name: int(count) for name, count in _PAGES.findall(text)}
    try:
        used = pages["Anonymous pages"] - pages["Pages purgeable"]
        used += pages["Pages wired down"] + pages["Pages occupied by compressor"]
    except KeyError:
        return None
    return used * int(size.group(1)) if size else None


def parse_sw_vers(text: str) -> Facts:
    """``ProductVersion:<tabs>15.6.1``; the padding differs between versions."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    said = {key.strip(): value.strip() for key, value in pairs}
    names = (("macos", "ProductVersion"), ("build", "BuildVersion"))
    return {field: said[name] for field, name in names if said.get(name)}


def parse_sip(text: str) -> str:
    """``enabled``, ``disabled``, ``custom`` (parts are off), or ``unknown``."""
    found = _SIP.search(text)
    if found is None:
        return "unknown"
    if "Custom Configuration" in text:
        return "custom"
    return found.group(1) if found.group(1) in ("enabled", "disabled") else "unknown"


def parse_meminfo(text: str) -> t.Optional[int]:
    """Bytes that Linux calls available."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else None


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""
