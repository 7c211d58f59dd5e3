# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of the small Mac: VMs, the pools whose slots they are, and the lease under which they are made."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_converge import Outcome, Request, converge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, read_lease, write_lease

from .tart_mac import GB, GIB, FakeMac

IOS = Vm("ios-1", "ghcr.io/acme/macos:1", "macos", 4, 12 * GIB, None, None, "nat", "started")
IOS2 = IOS._replace(slot="ios-2", cpus=6)
LINUX = Vm("lin-1", "ghcr.io/acme/linux:1", "linux", 2, 4 * GIB, 30 * GB, None, "softnet", "stopped")
ALL = (IOS, IOS2, LINUX)
POOL = {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "cpus": 8, "image": IOS.image, "lifecycle": "persistent"}
POOLS = [POOL, {**POOL, "name": "lin", "guest": "linux", "count": 1, "memory": "4GiB", "image": LINUX.image}]


def request_for(*vms: Vm, **options: t.Any) -> Request:
    return Request(tuple(vms), **{"fleet": "test", "pools": POOLS, **options})


def lease_for(mac: FakeMac, request: Request) -> Lease:
    terms = Terms(request.fleet, request.pools, request.capacity, request.licences)
    return Lease(request.fleet, terms.digest, generation=1, boot=mac.boot_id, state="admitted", since=0)


def admit(mac: FakeMac, request: Request, **changes: t.Any) -> None:
    """Give the Mac a lease for this task, with some fields changed."""
    write_lease(mac.place.state_dir, dataclasses.replace(lease_for(mac, request), **changes))


def ask(mac: FakeMac, *vms: Vm, **options: t.Any) -> Outcome:
    """A task, whatever the lease of the Mac is."""
    return converge(mac.run, mac.tart, mac.place, request_for(*vms, **options))


def do(mac: FakeMac, *vms: Vm, **options: t.Any) -> Outcome:
    """A task on a Mac whose pools were admitted, unless it only asks what would be done."""
    request, lease = request_for(*vms, **options), read_lease(mac.place.state_dir)
    if not request.check and (lease is None or lease.digest != lease_for(mac, request).digest):
        admit(mac, request)
    return ask(mac, *vms, **options)


def steps(outcome: Outcome) -> t.List[t.Tuple[str, str]]:
    return [(step.resource, step.action) for step in outcome.plan.steps]
