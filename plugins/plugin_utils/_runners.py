# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""Pools and GitHub of every Mac of a fleet, for filters."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import Github, parse_github
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of


def macs_of(fleet: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, tuple[tuple[Pool, ...], Github]]:
    """Mac to its pools and its GitHub; of each host only these variables are read, since reading templates them."""
    return {
        str(name): (
            pools_of(plain(host["mac_runners_pools"]) if "mac_runners_pools" in host else [], plain(host.get("mac_runners_capacity"))),
            parse_github(plain(host.get("mac_runners_github"))),
        )
        for name, host in fleet.items()
    }
