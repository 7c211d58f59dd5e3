# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What slots of the isolations sandbox, account and chroot are told of where and as whom their runners run. Pure."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.spec import accounts_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.job import read_limits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import PACKAGE

_UID_BASE, _HOMES = 1701, "/Users"
_FIELDS = ("accounts", "uid_base", "homes", "runner_version", "keep", "limits", "pool_limits")

Json = t.Dict[str, t.Any]


def native_places(pools: t.Sequence[Pool], run: t.Sequence[Pool], raw: t.Any, mistakes: t.List[Mistake]) -> t.Dict[str, Json]:
    """What each native slot is told, by its name. ``run``: those of the Mac's pools that slots run; ``raw``: what is said of all of them.

    ``accounts``, ``uid_base`` and ``homes`` as the module runner_accounts takes them; ``runner_version``: GitHub's runner that is
    installed, and ``keep``, which others stay; ``limits`` of the jobs of all pools, and ``pool_limits`` of those of one pool, whose fields hold before them.
    """
    by_name = {pool.name: pool for pool in run if pool.isolation in NATIVE}
    if not by_name:
        return {}
    fields = Fields(raw, mistakes, path="places.native")
    fields.known(_FIELDS)
    # Numbers depend on all native pools of a Mac, those too whose runners no slot runs.
    homes = str(fields.text("homes", _HOMES))
    accounts = accounts_of(pools, fields.items("accounts"), int(fields.whole("uid_base", _UID_BASE)), homes, mistakes)
    if homes != _HOMES:
        jailed = [pool.name for pool in by_name.values() if pool.isolation == "chroot"]
        mistakes += [Mistake(name, "homes", show(homes), f"{_HOMES}, where the jails of this pool have homes") for name in jailed]
    limits = _limits(fields, by_name)
    versions = [version for version in (str(fields.text("runner_version", "")), *map(str, fields.items("keep"))) if version]
    packages = {pool.name: _package(pool, versions, mistakes) for pool in by_name.values()}
    return {
        account.slot: {
            "uid": account.uid,
            "home": account.home,
            **({"template": account.template} if account.template else {}),
            "runner_package": packages[account.pool],
            "limits": limits[account.pool],
        }
        for account in accounts
        if account.pool in by_name
    }


def _limits(fields: Fields, pools: t.Mapping[str, Pool]) -> t.Dict[str, Json]:
    """By pool; read here too, as the slots read them, so that a mistake is told before anything changes."""
    pooled = fields.mapping("pool_limits")
    for name in sorted(set(map(str, pooled.raw)) - set(pools)):
        fields.mistakes.append(Mistake("", "runner_pool_limits", show(name), f"native pools whose runners are slots: {', '.join(sorted(pools))}"))
    shared = fields.mapping("limits").raw
    limits = {name: {**shared, **pooled.mapping(name).raw} for name in pools}
    for name, pool in pools.items():
        read_limits(limits[name], pool, fields.mistakes)
    return limits


def _package(pool: Pool, installed: t.Sequence[str], mistakes: t.List[Mistake]) -> str:
    """Where the runner is of which each job gets a copy: that of the pool, or the one that is current on the Mac."""
    if pool.runner_version and pool.runner_version not in installed:
        there = ", ".join(installed) or "none"
        allowed = f"a version that is on the Mac, by mac_runners_runner_version or runner_package_keep: {there}"
        mistakes.append(Mistake(pool.name, "runner_version", show(pool.runner_version), allowed))
    if not installed and not pool.runner_version:
        allowed = "a version, with mac_runners_runner_version and mac_runners_runner_sha256: its runners are copies of GitHub's runner on the Mac"
        mistakes.append(Mistake(pool.name, "runner_version", "nothing", allowed))
    return os.path.join(os.path.dirname(PACKAGE), pool.runner_version) if pool.runner_version else PACKAGE
