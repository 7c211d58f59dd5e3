# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether a job runs in a VM: the guest is asked for the runner's process for it."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_guest import BUSY


def why_it_stays(tart: Tart, name: str) -> str:
    """Why a VM that is on must not be switched off; empty when no job runs in it."""
    said = tart.call("exec", name, "/bin/sh", "-c", BUSY).stdout.strip()
    if said == "idle" or tart.states().get(name) != "running":
        return ""
    if said == "busy":
        return "a job runs in it, so it is not stopped; force does it all the same"
    return "its guest does not tell whether a job runs in it, so it is not stopped; force does it all the same"


def staying(tart: Tart, names: t.Iterable[str]) -> t.Dict[str, str]:
    """Those of ``names`` that must not be switched off, and why."""
    found = {name: why_it_stays(tart, name) for name in names}
    return {name: why for name, why in found.items() if why}
