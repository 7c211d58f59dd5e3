# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""shutdown, reboot and halt: a restart is real for every process of the Mac; a Mac that is off cannot be started again."""

from __future__ import annotations

from standins.call import Call, Fail, Unexpected
from standins.launchctl import ask
from standins.mac import is_root


def shutdown(call: Call) -> int:
    call.writes()
    if not is_root():
        raise Fail(1, "shutdown: NOT super-user\n")
    if call.argv[:2] != ["-r", "now"]:
        raise Unexpected("only a restart now is known")
    call.log(0)
    ask("reboot")
    return 0


def reboot(call: Call) -> int:
    call.writes()
    if not is_root():
        raise Fail(1, "reboot: Operation not permitted\n")
    if call.tool == "halt" or call.argv:
        raise Unexpected("only a plain reboot is known")
    call.log(0)
    ask("reboot")
    return 0


TOOLS = {"shutdown": shutdown, "reboot": reboot, "halt": reboot}
