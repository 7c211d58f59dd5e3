# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File tools in their BSD forms: chmod, chflags, cp, ls, stat, xattr, ditto."""

from __future__ import annotations

import os

from standins.call import Call, Unexpected

_HOST = "/System/Library/macsim/host/bin"


def chmod(call: Call) -> int:
    """Access control lists are noted and otherwise ignored; plain modes are the host's."""
    call.writes()
    words = call.argv
    acl = [word for word in words if word in ("+a", "-a", "-N", "-RN", "+a#", "-a#")]
    if not acl:
        call.become(f"{_HOST}/chmod", ["chmod", *words])
    return 0


TOOLS = {"chmod": chmod}
