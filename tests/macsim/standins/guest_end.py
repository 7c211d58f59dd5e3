# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guest_end.py PROC PID MARK: once that process has ended, end every process with the mark in its environment, as a guest's do with their VM."""

from __future__ import annotations

import os
import select
import signal
import sys


def marked(proc: str, mark: bytes) -> list[int]:
    found = []
    for name in os.listdir(proc):
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"{proc}/{name}/environ", "rb") as stream:
                    if mark in stream.read().split(b"\0"):
                        found.append(int(name))
            except OSError:
                continue
    return found


def main(proc: str, pid: int, mark: bytes) -> None:
    try:
        select.select([os.pidfd_open(pid)], [], [])
    except ProcessLookupError:
        pass
    while pids := marked(proc, mark):
        for other in pids:
            try:
                os.kill(other, signal.SIGKILL)
            except ProcessLookupError:
                pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), os.fsencode(sys.argv[3]))
