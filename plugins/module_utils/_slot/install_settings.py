# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From pools to the slots of a Mac: what each slot is told, beside what the whole Mac is told once.

Pure; ``_slot.settings`` reads what becomes of it on the Mac.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, nearest, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import refuse_app_for_enterprise
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import LONGEST_SLOT
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target, parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_native import native_places

#: Isolations whose ephemeral runners this release runs.
RUN = ("tart", "docker", *sorted(NATIVE))
#: GitHub's group of every organisation and enterprise, and the only one of a repository.
DEFAULT_GROUP = 1
_GITHUB_FIELDS = ("url", "runner_group", "app", "token", "ca_path", "proxy", "accept_key_beside_weak")
_APP_FIELDS = ("client_id", "key_file", "installation_id")
_ARCHITECTURES = {"arm64": "ARM64", "x86_64": "X64"}

Json = t.Dict[str, t.Any]


class FleetError(MacRunnersError):
    """What was written about GitHub cannot be used."""


class Github(t.NamedTuple):
    """``mac_runners_github`` of a Mac; ``app`` has client_id, key_file (on the controller) and installation_id, 0 when not given."""

    url: str = ""
    group: str = ""
    app: t.Optional[t.Mapping[str, t.Any]] = None
    token: str = ""
    ca_path: str = ""
    proxy: str = ""
    accepts_weak: bool = False

    def url_of(self, pool: Pool) -> str:
        """Where the runners of a pool register, empty when nobody said it."""
        return pool.github_url or self.url

    def group_of(self, pool: Pool) -> str:
        """The name of their runner group, empty for the default one."""
        return pool.runner_group or self.group


def parse_github(raw: t.Any) -> Github:
    """Read ``mac_runners_github``; raises :class:`FleetError` with all mistakes."""
    mistakes: t.List[Mistake] = []
    # Who writes a template that gives nothing means nothing.
    given = {key: value for key, value in raw.items() if value != ""} if isinstance(raw, c.Mapping) else raw
    fields = Fields(given, mistakes, path="mac_runners_github", secret=True)
    fields.known(_GITHUB_FIELDS)
    app = _app(fields.mapping("app")) if fields.raw.get("app") else None
    github = Github(
        url=fields.text("url", "") or "",
        group=fields.text("runner_group", "") or "",
        app=app,
        token=_secret(given, mistakes),
        ca_path=fields.text("ca_path", "") or "",
        proxy=fields.text("proxy", "") or "",
        accepts_weak=fields.truth("accept_key_beside_weak", False),
    )
    if github.app and github.token:
        mistakes.append(Mistake("", "mac_runners_github.token", "a token and an app", "one of token and app"))
    _raise(mistakes)
    return github


def _secret(given: t.Any, mistakes: t.List[Mistake]) -> str:
    token = given.get("token") if isinstance(given, c.Mapping) else None
    if token is not None and (not isinstance(token, str) or not token.strip().isprintable() or not token.strip()):
        mistakes.append(Mistake("", "mac_runners_github.token", "something else", "a text that is not empty, without control characters"))
    return str(token or "").strip()


def _app(fields: Fields) -> t.Mapping[str, t.Any]:
    fields.known(_APP_FIELDS)
    for name in ("client_id", "key_file"):
        if not fields.has(name):
            fields.wrong(name, None, "a text that is not empty")
    return {
        "client_id": fields.text("client_id", ""),
        "key_file": fields.text("key_file", ""),
        "installation_id": fields.whole("installation_id", 0, 0, 2**62),
    }


def _raise(mistakes: t.Sequence[Mistake]) -> None:
    if mistakes:
        raise FleetError("; ".join(dict.fromkeys(mistake.message for mistake in mistakes)))


def run_pools(pools: t.Sequence[Pool], github: Github) -> t.List[Pool]:
    """The pools whose runners slots run: ephemeral, of an isolation that this release runs, and with a place to register."""
    return [pool for pool in pools if pool.lifecycle == "ephemeral" and pool.isolation in RUN and github.url_of(pool)]


def registers(pool: Pool) -> bool:
    """Whether this release registers the runners of a pool: persistent ones, in containers or macOS guests."""
    return pool.lifecycle == "persistent" and (pool.isolation == "docker" or (pool.isolation == "tart" and pool.guest == "macos"))


def registered_pools(pools: t.Sequence[Pool], github: Github) -> t.List[Pool]:
    """The pools whose persistent runners this release registers, since somebody said where."""
    return [pool for pool in pools if registers(pool) and github.url_of(pool)]


def planned_only(pools: t.Sequence[Pool], github: Github) -> t.List[str]:
    """Why the runners of pools do not run or are not registered, a sentence each."""
    told = []
    for pool in pools:
        if pool.lifecycle == "ephemeral" and pool.isolation not in RUN:
            told.append(f"pool {pool.name}: this release does not run the isolation {pool.isolation}")
        elif pool.lifecycle == "persistent" and not registers(pool):
            guest = ", Linux guests" if pool.isolation == "tart" else ""
            told.append(f"pool {pool.name}: this release does not register persistent runners of the isolation {pool.isolation}{guest}")
        elif not github.url_of(pool):
            told.append(f"pool {pool.name}: neither mac_runners_github.url nor github.url of the pool says where its runners register")
    return told


def images_of(pools: t.Sequence[Pool], github: Github, isolation: str) -> t.List[str]:
    """The images of the pools of an isolation that slots run, each once."""
    return list(dict.fromkeys(pool.image for pool in run_pools(pools, github) if pool.isolation == isolation))


def names_of(pools: t.Sequence[Pool], github: Github) -> t.List[str]:
    """The slots of the pools that slots run."""
    return [slot for pool in run_pools(pools, github) for slot in pool.slots]


def surplus_of(pools: t.Sequence[Pool], github: Github, installed: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[str]:
    """The installed slots that have to go: those that no pool wants, and those that leave or enter a native isolation.

    What such a slot has of an account or a jail goes with it; between other isolations a slot moves by itself. ``installed``: as
    ``mac_facts`` tells of them.
    """
    wanted = {slot: pool.isolation for pool in run_pools(pools, github) for slot in pool.slots}
    return [str(slot["name"]) for slot in installed if not _stays(str(slot.get("isolation") or ""), wanted.get(str(slot["name"])))]


def _stays(isolation: str, wanted: t.Optional[str]) -> bool:
    return wanted is not None and (isolation in ("", wanted) or not NATIVE & {isolation, wanted})


def require_credential(mac: str, pools: t.Sequence[Pool], github: Github) -> None:
    """Raise unless there is one credential that may lie on this Mac and serves all its pools."""
    run = run_pools(pools, github)
    if not run:
        return
    if not github.app and not github.token:
        raise FleetError(f"{mac}, pool {run[0].name}: field mac_runners_github: got neither token nor app; allowed: one of them, with which runners register")
    weak = [pool.name for pool in pools if pool.weak]
    if weak and not github.accepts_weak:
        raise FleetError(
            f"{mac}, pool {weak[0]}: field isolation: its jobs are processes of a Mac on which the credential of GitHub lies that pool {run[0].name} needs; "
            "allowed: no weak isolation on this Mac, or mac_runners_github.accept_key_beside_weak: true"
        )
    if github.app:
        for pool in run:
            refuse_app_for_enterprise(parse_target(github.url_of(pool)))


def slots_of(mac: str, pools: t.Sequence[Pool], github: Github, groups: t.Mapping[str, t.Any], places: t.Mapping[str, Json], arch: str) -> t.List[Json]:
    """What each slot of a Mac is told, as the option C(slots) of the module.

    ``groups``: a target's address to its runner groups, as ``github_runners_info`` returns them. ``places``: isolation to what its
    slots have to know of the Mac, C(native) for those that are processes of it. Raises :class:`FleetError`.
    """
    require_credential(mac, pools, github)
    mistakes: t.List[Mistake] = []
    run = run_pools(pools, github)
    natives = native_places(pools, run, places.get("native"), mistakes)
    slots = [_slot(mac, pool, slot, github, groups, _place(pool, slot, places, natives), arch, mistakes) for pool in run for slot in pool.slots]
    if mistakes:
        raise FleetError("; ".join(dict.fromkeys(f"{mac}, {mistake.message}" for mistake in mistakes)))
    return slots


def _place(pool: Pool, slot: str, places: t.Mapping[str, Json], natives: t.Mapping[str, Json]) -> Json:
    """What the settings of a slot say of where its runners run."""
    return {"native": natives.get(slot, {})} if pool.isolation in NATIVE else {pool.isolation: dict(places.get(pool.isolation, {}))}


def _slot(
    mac: str, pool: Pool, slot: str, github: Github, groups: t.Mapping[str, t.Any], place: Json, arch: str, mistakes: t.List[Mistake]
) -> Json:
    name, target = f"{mac}-{slot}", parse_target(github.url_of(pool))
    if len(name) > LONGEST_SLOT:
        allowed = f"at most {LONGEST_SLOT} characters for the Mac's name and the slot's, to which each runner adds 9"
        mistakes.append(Mistake(pool.name, "name", show(name), allowed))
    return {
        "name": slot,
        "runner_name": name,
        "github": {"url": target.url, "labels": labels_of(pool, arch), "group": _group(pool, github, target, groups, mistakes)},
        **place,
        **({} if pool.job_seconds is None else {"job_seconds": pool.job_seconds}),
    }


def labels_of(pool: Pool, arch: str) -> t.List[str]:
    """All labels of its runners but the fleet's, which the slot adds."""
    system = "Linux" if pool.guest == "linux" else "macOS"
    return ["self-hosted", system, _ARCHITECTURES.get(arch, "ARM64"), pool.isolation, *pool.runner_labels]


def _group(pool: Pool, github: Github, target: Target, groups: t.Mapping[str, t.Any], mistakes: t.List[Mistake]) -> int:
    """The number of the pool's runner group; one that public repositories may use is for untrusted code alone."""
    wanted = github.group_of(pool)
    if target.kind == "repository":
        if wanted and wanted.lower() != "default":
            mistakes.append(Mistake(pool.name, "runner_group", show(wanted), "nothing: a repository has no groups"))
        return DEFAULT_GROUP
    known = groups.get(target.url)
    if known is None:
        mistakes.append(Mistake(pool.name, "runner_group", show(wanted or "Default"), f"a group of {target.url}, whose groups were not read"))
        return DEFAULT_GROUP
    found = next((one for one in known if (str(one["name"]).lower() == wanted.lower() if wanted else one.get("default"))), None)
    if found is None:
        names = sorted(str(one["name"]) for one in known)
        allowed = f"a group of {target.url}: {', '.join(names) or 'none'}{nearest(wanted, names)}"
        mistakes.append(Mistake(pool.name, "runner_group", show(wanted or "Default"), allowed))
        return DEFAULT_GROUP
    if found.get("public") and pool.trust != "untrusted":
        allowed = f"a group that public repositories may not use, since the pool's trust is {pool.trust} (forbid it in the group's settings at GitHub)"
        mistakes.append(Mistake(pool.name, "runner_group", show(str(found["name"])), allowed))
    return int(found["id"])
