# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stable picture of a Mac, to compare before and after."""

from __future__ import annotations

from host.layout import Instance


def take(instance: Instance) -> dict[str, object]:
    return {}
