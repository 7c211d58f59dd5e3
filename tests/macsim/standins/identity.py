# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the Mac is: sw_vers, uname, arch, csrutil, system_profiler."""

from __future__ import annotations

import json
import os

from standins.call import Call, Unexpected
from standins.mac import read_mac


def sw_vers(call: Call) -> int:
    mac = read_mac()
    values = {"productname": "macOS", "productversion": mac["product_version"], "buildversion": mac["build"], "productversionextra": ""}
    if not call.argv:
        call.out(f"ProductName:\t\tmacOS\nProductVersion:\t\t{mac['product_version']}\nBuildVersion:\t\t{mac['build']}\n")
        return 0
    key = call.argv[0].lstrip("-").lower()
    if len(call.argv) > 1 or key not in values:
        raise Unexpected("unknown option")
    call.out(values[key] + "\n")
    return 0


def uname(call: Call) -> int:
    mac = read_mac()
    fields = {"s": "Darwin", "n": os.uname().nodename, "r": mac["darwin"], "v": mac["kernel_version"], "m": mac["arch"]}
    letters = "".join(word[1:] for word in call.argv if word.startswith("-")) or "s"
    if any(not word.startswith("-") for word in call.argv) or set(letters) - set("amnprsvo"):
        raise Unexpected("unknown option")
    fields["p"] = "arm" if mac["arch"] == "arm64" else "i386"
    fields["o"] = "Darwin"
    wanted = "snrvm" if "a" in letters else "".join(key for key in "snrvmpo" if key in letters)
    call.out(" ".join(fields[key] for key in wanted) + "\n")
    return 0


def arch(call: Call) -> int:
    """Without words the architecture; with a flag and a program, run it when this Mac can."""
    mac = read_mac()
    if not call.argv:
        call.out(("arm64" if mac["arch"] == "arm64" else "i386") + "\n")
        return 0
    wanted, program = call.argv[0], call.argv[1:]
    if wanted not in ("-arm64", "-x86_64") or not program:
        raise Unexpected("unknown option")
    if wanted == "-arm64" and mac["arch"] != "arm64" or wanted == "-x86_64" and mac["arch"] == "arm64" and not mac.get("rosetta"):
        call.err("arch: posix_spawnp: " + program[0] + ": Bad CPU type in executable\n")
        return 1
    call.become(program[0], program)
    return 0


def csrutil(call: Call) -> int:
    if call.argv != ["status"]:
        raise Unexpected("only status works outside recoveryOS")
    state = read_mac()["sip"]
    if state in ("enabled", "disabled"):
        call.out(f"System Integrity Protection status: {state}.\n")
        return 0
    rows = ("Apple Internal: disabled", "Kext Signing: enabled", "Filesystem Protections: disabled", "Debugging Restrictions: enabled",
            "DTrace Restrictions: enabled", "NVRAM Protections: enabled", "BaseSystem Verification: enabled")
    call.out("System Integrity Protection status: unknown (Custom Configuration).\n\nConfiguration:\n")
    call.out("".join(f"\t{row}\n" for row in rows))
    call.out("\nThis is an unsupported configuration, likely to break in the future and leave your machine in an unknown state.\n")
    return 0


def system_profiler(call: Call) -> int:
    if call.argv not in (["-json", "SPHardwareDataType"], ["SPHardwareDataType"]):
        raise Unexpected("only SPHardwareDataType is known")
    mac = read_mac()
    memory = f"{mac['memory'] >> 30} GB"
    if call.argv[0] != "-json":
        call.out(f"Hardware:\n\n    Hardware Overview:\n\n      Model Identifier: {mac['model']}\n      Chip: {mac['chip']}\n"
                 f"      Total Number of Cores: {mac['cores']}\n      Memory: {memory}\n      Serial Number (system): {mac['serial']}\n\n")
        return 0
    cores = f"proc {mac['cores']}:{mac['performance_cores']}:{mac['efficiency_cores']}"
    if mac["messages"] != "14":
        cores = f"proc {mac['cores']}:0:{mac['performance_cores']}:{mac['efficiency_cores']}"
    row = {
        "_name": "hardware_overview", "activation_lock_status": "activation_lock_disabled", "boot_rom_version": "11881.81.4",
        "machine_model": mac["model"], "machine_name": "Mac", "model_number": "Z000LL/A", "number_processors": cores,
        "os_loader_version": "11881.81.4", "physical_memory": memory, "platform_UUID": "00000000-0000-0000-0000-000000000000",
        "provisioning_UDID": "00000000-0000000000000000", "serial_number": mac["serial"],
    }
    if mac["arch"] == "arm64":
        row["chip_type"] = mac["chip"]
    else:
        row.update(cpu_type=mac["chip"], current_processor_speed="3 GHz", packages=1, number_processors=mac["cores"])
    call.out(json.dumps({"SPHardwareDataType": [row]}, indent=2, separators=(",", " : ")) + "\n")
    return 0


TOOLS = {"sw_vers": sw_vers, "uname": uname, "arch": arch, "csrutil": csrutil, "system_profiler": system_profiler}
