# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The one exception family of the collection; edges turn it into a failed task."""

from __future__ import annotations


class MacRunnersError(Exception):
    """Something the operator must know: the text says what, where and what to do."""
