# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The runners of a whole fleet at its targets, and which persistent ones have to be registered; pure."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import refuse_app_for_enterprise
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target, parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import (
    FleetError,
    Github,
    registered_pools,
    registers,
    run_pools,
)

Json = t.Dict[str, t.Any]
Macs = t.Mapping[str, t.Tuple[t.Sequence[Pool], Github]]
#: Mac to its persistent runners as it told; a Mac that was not asked is not in it.
Seen = t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]


def targets_of(macs: Macs) -> t.List[Json]:
    """The targets of a fleet, each once.

    C(url), C(mac) (the first that uses it, whose credential serves), whether it has C(groups), and whether C(persistent) runners
    register there. Raises :class:`FleetError` where persistent runners have no credential.
    """
    found: t.Dict[str, Json] = {}
    for mac, (pools, github) in macs.items():
        persistent = registered_pools(pools, github)
        for pool in [*run_pools(pools, github), *persistent]:
            target = parse_target(github.url_of(pool))
            entry = found.setdefault(target.key, {"url": target.url, "mac": mac, "groups": target.kind != "repository", "persistent": False})
            entry["persistent"] = entry["persistent"] or pool in persistent
        _require_credential(mac, persistent, github)
    return list(found.values())


def _require_credential(mac: str, persistent: t.Sequence[Pool], github: Github) -> None:
    for pool in persistent:
        if not github.app and not github.token:
            raise FleetError(
                f"{mac}, pool {pool.name}: field mac_runners_github: got neither token nor app; allowed: one of them, "
                "with which the controller registers persistent runners and takes them off"
            )
        if github.app:
            refuse_app_for_enterprise(parse_target(github.url_of(pool)))


def urls_of(pools: t.Sequence[Pool], github: Github) -> t.List[str]:
    """Where persistent runners of a Mac may be registered, whichever pool they were of."""
    urls = [*([github.url] if github.url else []), *(pool.github_url for pool in pools if pool.github_url)]
    return list({parse_target(url).key: parse_target(url).url for url in urls}.values())


def runners_of(macs: Macs, url: str, absent: t.Collection[str] = (), seen: t.Optional[Seen] = None) -> Json:
    """C(runners) and C(name_prefixes) of M(action_packer.mac_runners.github_runners) for one target and the whole fleet.

    ``absent``: Macs whose runners are gone. ``seen``: what Macs told of their persistent runners.
    """
    target = parse_target(url)
    runners = []
    for mac, (pools, github) in macs.items():
        for pool in pools:
            if github.url_of(pool) and parse_target(github.url_of(pool)).key == target.key:
                shared = {"lifecycle": pool.lifecycle, "trust": pool.trust, **({"state": "absent", "idle": True} if mac in absent else {})}
                if pool.lifecycle == "persistent" and mac not in absent:
                    shared.update(_persistent(pool, github, target))
                told = (seen or {}).get(mac) if registers(pool) else None
                runners += [{"name": f"{mac}-{slot}", **shared, **_told(pool, slot, told, mac in absent)} for slot in pool.slots]
    return {"runners": runners, "name_prefixes": [f"{mac}-" for mac in macs]}


def _persistent(pool: Pool, github: Github, target: Target) -> Json:
    group = github.group_of(pool) if target.kind != "repository" else ""
    return {"labels": labels_of(pool), **({"runner_group": group} if group else {})}


def _told(pool: Pool, slot: str, told: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], gone: bool) -> Json:
    """What the Mac knows of a runner: one that is drained shall not be, one of a Mac that was not asked registers another time."""
    if pool.lifecycle != "persistent" or gone:
        return {}
    if told is None:
        return {"registers": False}
    one = next((runner for runner in told if runner["name"] == slot), None)
    if one and one["drained"]:
        return {"state": "absent"}
    return {"id": one["id"] if one else 0}


def labels_of(pool: Pool) -> t.List[str]:
    """The labels of persistent runners beside those that they bring themselves and the fleet's."""
    return [pool.isolation, *pool.runner_labels]


def registrations_of(mac: str, pools: t.Sequence[Pool], github: Github, sweeps: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Json]:
    """C(runners) of M(action_packer.mac_runners.runner_registrations): the persistent runners of a Mac that GitHub lacks.

    ``sweeps``: results of M(action_packer.mac_runners.github_runners), each with its C(url).
    """
    swept = {parse_target(str(sweep["url"])).key: sweep for sweep in sweeps}
    found = []
    for pool in registered_pools(pools, github):
        target = parse_target(github.url_of(pool))
        sweep = swept.get(target.key, {})
        lacking = {str(name).lower() for name in sweep.get("missing") or ()}
        known = {str(one["name"]).lower(): one["id"] for one in sweep.get("runners") or ()}
        wanted = _persistent(pool, github, target)
        for slot in pool.slots:
            name = f"{mac}-{slot}"
            if name.lower() in lacking:
                entry = {"name": slot, "runner_name": name, "url": target.url, "labels": [*wanted["labels"], sweep["fleet_label"]]}
                group = {"group": wanted["runner_group"]} if "runner_group" in wanted else {}
                found.append({**entry, **group, "id": known.get(name.lower(), 0)})
    return found
