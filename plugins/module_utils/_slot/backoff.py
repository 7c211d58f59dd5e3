# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""How long to wait after something failed: twice as long each time, never at the same moment as other slots."""

from __future__ import annotations

#: Seconds after the first failure, and the most.
FIRST, MOST = 5.0, 300.0


def pause_after(failures: int, random: float) -> float:
    """Seconds to wait after so many failures in a row; ``random`` from 0 to 1. From half to the whole of 5, 10, 20 ... 300."""
    # A number of hundreds of failures must not become a number without end.
    longest = min(MOST, FIRST * 2.0 ** min(max(failures, 1) - 1, 16))
    return longest * (0.5 + random / 2)
