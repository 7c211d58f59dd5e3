# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is ours on a Mac: the prefix and the markers by which everything that looks there knows it."""

from __future__ import annotations

import typing as t

#: Names of our VMs and containers begin with it; the rest is the slot.
OWNED_PREFIX = "mac-runners-"
#: Labels of our containers and of our launchd jobs begin with it.
LABEL_PREFIX = "dev.action-packer.mac-runners."
#: The label that marks a container as ours; its value is the pool.
POOL_LABEL = LABEL_PREFIX + "pool"
#: The file that marks a VM as ours, in its directory, and the owner that it names.
MARKER = ".mac-runners.json"
OWNER = "action_packer.mac_runners"


def slot_of(name: str) -> str:
    """The slot that a name of ours stands for; any other name as it is."""
    return name[len(OWNED_PREFIX) :] if name.startswith(OWNED_PREFIX) else name


def owns_container(name: str, labels: t.Any) -> bool:
    """Whether a container is ours: by name and by label."""
    return name.startswith(OWNED_PREFIX) and isinstance(labels, t.Mapping) and bool(labels.get(POOL_LABEL))


def owns_vm(name: str, marker: t.Any) -> bool:
    """Whether a VM is ours: by name and by ``marker``, the content of its marker file (None without one).

    The slot is in it so that a VM that somebody renamed is theirs from then on.
    """
    if not name.startswith(OWNED_PREFIX) or not isinstance(marker, t.Mapping):
        return False
    return marker.get("owner") == OWNER and marker.get("slot") == slot_of(name)
