# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pgrep in a guest, which has no processes but its own: -f PATTERN, or -fl PATTERN."""

from __future__ import annotations

import os
import re
import sys

PROC = "/System/Library/macsim/proc"
MARK = f"MACSIM_GUEST={os.environ['MACSIM_GUEST']}".encode()


def parents() -> set[int]:
    """It names neither itself nor who started it."""
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        with open(f"{PROC}/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            pid = int(stream.read().rpartition(")")[2].split()[1])
    return found


def words(pid: int) -> str:
    """Its command line; empty when it is none of the guest."""
    try:
        with open(f"{PROC}/{pid}/environ", "rb") as environ, open(f"{PROC}/{pid}/cmdline", "rb") as cmdline:
            return cmdline.read().decode(errors="replace").replace("\0", " ").strip() if MARK in environ.read().split(b"\0") else ""
    except OSError:
        return ""


if len(sys.argv) != 3 or sys.argv[1] not in ("-f", "-fl"):
    sys.stderr.write("usage: pgrep -f [-l] pattern\n")
    sys.exit(2)
wanted = re.compile(sys.argv[2])
found = {pid: words(pid) for pid in {int(name) for name in os.listdir(PROC) if name.isdigit()} - parents()}
for pid in sorted(pid for pid, line in found.items() if line and wanted.search(line)):
    print(f"{pid} {found[pid]}" if sys.argv[1] == "-fl" else pid)
sys.exit(0 if any(line and wanted.search(line) for line in found.values()) else 1)
