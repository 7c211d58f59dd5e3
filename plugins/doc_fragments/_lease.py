# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this doc fragment is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

from __future__ import annotations


class ModuleDocFragment:
    """The terms of a Mac's lease, as every module takes them that gives one or asks for it."""

    DOCUMENTATION = r"""
options:
  fleet:
    description:
      - Whose Macs these are. Nothing is changed on a Mac that another fleet holds by its lease.
      - M(action_packer.mac_runners.mac_admission) gives the lease for O(fleet), O(pools), O(capacity) and O(licences) together.
        Modules that build ask for one with the same four, and build nothing otherwise. To remove or to make smaller needs none.
      - In check mode no lease is asked for, since the admission before wrote none.
    type: str
    required: true
  pools:
    description:
      - All pools of the Mac, as in C(mac_runners_pools), whatever their isolation. Only their slots are built.
    type: list
    elements: dict
    default: []
  capacity:
    description:
      - The numbers by which capacity is judged, as in C(mac_runners_capacity).
    type: dict
    default: {}
  licences:
    description:
      - Licences that are declared, as in C(mac_runners_licences).
    type: dict
    default: {}
"""

    # For modules that take the Mac's lock.
    STATE = r"""
options:
  state_dir:
    description:
      - Where the collection keeps the Mac's lock, its lease, and notes of what was begun.
    type: path
    default: /var/db/mac_runners
"""
