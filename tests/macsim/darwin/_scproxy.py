# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in for the C module that asks macOS for its proxy settings: there are none."""

from __future__ import annotations


def _get_proxy_settings() -> dict[str, object]:
    return {"exclude_simple": False, "exceptions": ()}


def _get_proxies() -> dict[str, str]:
    return {}
