# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""colima: one profile, whose machine has the size that the boot was given; root is refused, as upstream does."""

from __future__ import annotations

import json
import os

from standins.call import Call, Fail, Unexpected
from standins.mac import read_mac
from standins.relay import SOCKET


def colima(call: Call) -> int:
    words = call.argv
    if words in (["version"], ["--version"]):
        call.out(f"colima version {call.version}\ngit commit: abcdef0\n")
        return 0
    if os.geteuid() == 0:
        raise Fail(1, 'time="2026-01-01T00:00:00Z" level=fatal msg="lima compatibility error: limactl is running as root"\n')
    engine = read_mac()["docker"] if os.geteuid() == 501 else None
    running = engine is not None and os.path.exists(SOCKET)
    if words in (["list", "--json"], ["ls", "--json"], ["list", "-j"]):
        if engine:
            row = {"name": "default", "status": "Running" if running else "Stopped", "arch": "aarch64", "cpus": engine["cpus"],
                   "memory": engine["memory"], "disk": 107374182400, "runtime": "docker"}
            call.out(json.dumps(row, separators=(",", ":")) + "\n")
        return 0
    if words in (["status"], ["status", "--json"], ["status", "-j"]):
        if not running:
            raise Fail(1, 'time="2026-01-01T00:00:00Z" level=fatal msg="colima is not running"\n')
        if len(words) == 2:
            call.out(json.dumps({
                "display_name": "colima", "driver": "macOS Virtualization.Framework", "arch": "aarch64", "runtime": "docker",
                "mount_type": "virtiofs", "docker_socket": f"unix://{SOCKET}", "kubernetes": False, "cpu": engine["cpus"],
                "memory": engine["memory"], "disk": 107374182400,
            }) + "\n")
        else:
            call.err('time="2026-01-01T00:00:00Z" level=info msg="colima is running using macOS Virtualization.Framework"\n')
        return 0
    raise Unexpected("this form")


TOOLS = {"colima": colima}
