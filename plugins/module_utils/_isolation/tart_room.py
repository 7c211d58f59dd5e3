# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether the VMs of a task fit on the Mac beside what is on it now."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_converge import Request
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_read import Store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import Wanted, require_room


def require_vm_room(request: Request, store: Store, facts: t.Mapping[str, t.Any]) -> None:
    """Raise unless all VMs that are going to run fit on a Mac with these facts."""
    costs = parse_policy(request.capacity)[0].costs
    wanted = [_wanted(vm, store, costs[f"tart-{vm.guest}"].disk) for vm in request.vms if _will_run(vm, store)]
    require_room(facts, wanted, request.capacity, request.licences, request.pools)


def _will_run(vm: Vm, store: Store) -> bool:
    seen = store.get(vm.name)
    return vm.runs or (vm.state == "present" and seen is not None and seen.state == "running")


def _wanted(vm: Vm, store: Store, space: int) -> Wanted:
    seen = store.get(vm.name)
    return Wanted(
        name=vm.name,
        isolation="tart",
        memory=vm.memory,
        cpus=vm.cpus,
        disk=space if vm.space is None else vm.space,
        guest=vm.guest,
        image=vm.image,
        exists=seen is not None and seen.ours,
    )
