# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From pools to the lists of VMs and containers that the modules tart_vms and docker_runners take."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool


def wanted_containers(pools: t.Sequence[Pool], command: t.Sequence[str] = (), user: str = "") -> t.List[t.Dict[str, t.Any]]:
    """The option C(containers) for the persistent docker runners of ``pools``, sizes in bytes.

    Containers of ephemeral runners are made for each job, by the slot that runs it.
    """
    options: t.Dict[str, t.Any] = {}
    if command:
        options["command"] = list(command)
    if user:
        options["user"] = user
    return [
        {
            "name": slot,
            "image": pool.image,
            "memory": pool.memory,
            "cpus": pool.cpus,
            "pids_limit": pool.pids_limit,
            "disk": pool.disk,
            "network": pool.network,
            **options,
        }
        for pool in pools
        if pool.isolation == "docker" and pool.lifecycle == "persistent"
        for slot in pool.slots
    ]


def wanted_vms(pools: t.Sequence[Pool]) -> t.List[t.Dict[str, t.Any]]:
    """The option C(vms) for the persistent tart runners of ``pools``, sizes in bytes as text.

    VMs of ephemeral runners are made for each job, by the slot that runs it. The disk of a pool is what a
    runner may come to take, not the size of its root disk.
    """
    return [
        {
            "name": slot,
            "image": pool.image,
            "guest": pool.guest,
            "cpus": pool.cpus,
            "memory": str(pool.memory),
            "space": str(pool.disk),
            "network": pool.network,
        }
        for pool in pools
        if pool.isolation == "tart" and pool.lifecycle == "persistent"
        for slot in pool.slots
    ]
