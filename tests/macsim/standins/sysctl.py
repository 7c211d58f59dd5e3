# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sysctl: values from the Mac's description."""

from __future__ import annotations

import os
import struct
import sys
import time
from typing import Any

from standins.call import Call, Fail
from standins.mac import read_mac
from standins.memory import measure
from standins.options import take_flags


def table(mac: dict[str, Any]) -> dict[str, Any]:
    """All keys of this Mac, in the order a listing shows them."""
    memory = measure(mac)
    apple = mac["arch"] == "arm64"
    keys: dict[str, Any] = {
        "hw.ncpu": mac["cores"], "hw.byteorder": 1234, "hw.memsize": mac["memory"], "hw.activecpu": mac["cores"],
        "hw.physicalcpu": mac["cores"], "hw.physicalcpu_max": mac["cores"], "hw.logicalcpu": mac["cores"],
        "hw.logicalcpu_max": mac["cores"], "hw.pagesize": mac["page_size"], "hw.model": mac["model"],
    }
    if apple:
        keys.update({
            "hw.optional.arm64": 1, "hw.nperflevels": 2 if mac["efficiency_cores"] else 1,
            "hw.perflevel0.physicalcpu": mac["performance_cores"], "hw.perflevel0.logicalcpu": mac["performance_cores"],
            "sysctl.proc_translated": mac["translated"],
        })
        if mac["efficiency_cores"]:
            keys.update({"hw.perflevel1.physicalcpu": mac["efficiency_cores"], "hw.perflevel1.logicalcpu": mac["efficiency_cores"]})
    keys.update({
        "machdep.cpu.core_count": mac["cores"], "machdep.cpu.thread_count": mac["cores"], "machdep.cpu.brand_string": mac["chip"],
        "kern.ostype": "Darwin", "kern.osrelease": mac["darwin"], "kern.osrevision": 199506, "kern.version": mac["kernel_version"],
        "kern.hostname": os.uname().nodename, "kern.osversion": mac["build"], "kern.osproductversion": mac["product_version"],
        "kern.bootsessionuuid": mac.get("boot_session", ""), "kern.boottime": mac["boot_time"], "kern.hv_support": mac["hv_support"],
        "kern.hv_vmm_present": mac["hv_vmm_present"], "kern.maxproc": 8352, "kern.maxprocperuid": 5568, "kern.maxfiles": 276480,
        "kern.maxfilesperproc": 138240, "kern.memorystatus_vm_pressure_level": mac["pressure_level"],
        "kern.memorystatus_level": mac["memory_level"] or memory.free_percent, "vm.loadavg": _load(mac), "vm.swapusage": _swap(mac),
        "vm.compressor_mode": 4,
    })
    return keys


def _load(mac: dict[str, Any]) -> str:
    return "{ " + " ".join(f"{value:.2f}" for value in mac["load"]) + " }"


def _swap(mac: dict[str, Any]) -> str:
    used = mac["swap_used"] / (1 << 20)
    total = 0.0 if not used else max(1024.0, -(-used // 1024) * 1024)
    return f"total = {total:.2f}M  used = {used:.2f}M  free = {total - used:.2f}M  (encrypted)"


def sysctl(call: Call) -> int:
    flags, dummy, names = take_flags(call.argv, "nbaeq")
    keys = table(read_mac())
    if "a" in flags:
        names = list(keys)
    if not names:
        raise Fail(1, "usage: sysctl [-bdehiNnoqrx] name[=value] ...\n       sysctl [-bdehNnoqrx] -a\n")
    code = 0
    for name in names:
        code = max(code, _show(call, keys, name, flags))
    return code


def _show(call: Call, keys: dict[str, Any], name: str, flags: set[str]) -> int:
    if "=" in name:
        call.writes()
        raise Fail(1, f"sysctl: oid '{name.split('=')[0]}' is read only\n")
    found = [key for key in keys if key == name] or [key for key in keys if key.startswith(name + ".")]
    if not found:
        if "q" not in flags:
            call.err(f"sysctl: unknown oid '{name}'\n")
        return 1
    for key in found:
        if "b" in flags:
            sys.stdout.flush()
            sys.stdout.buffer.write(_raw(key, keys[key]))
        else:
            text = _text(key, keys[key])
            call.out(f"{text}\n" if "n" in flags else f"{key}{'=' if 'e' in flags else ': '}{text}\n")
    return 0


def _raw(key: str, value: Any) -> bytes:
    if key == "kern.boottime":
        return struct.pack("<qq", value, 0)
    if isinstance(value, int):
        return struct.pack("<q" if value > 0x7FFFFFFF or key == "hw.memsize" else "<i", value)
    return str(value).encode() + b"\0"


def _text(key: str, value: Any) -> str:
    if key == "kern.boottime":
        return f"{{ sec = {value}, usec = 0 }} {time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(value))}"
    return str(value)


TOOLS = {"sysctl": sysctl}
