# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What has to be done to the jails of a Mac; pure."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.store import Marker, Store, marker_of, untouchable
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import Wanted, refuse
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import Process
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

MODE = 0o700
#: Steps that take room on the Mac.
BUILDING = ("make", "build", "create", "reset")
#: Steps for which nobody may work in a jail.
_ENDING = ("remove", "reset")


def plan_jails(wanted: Wanted, store: Store, stale: t.Container[str] = ()) -> ResourcePlan:
    """Plan; raises when a step would touch what is not ours. ``stale``: jails whose resolver is not the Mac's any more."""
    present = {jail.name: marker_of(jail.name, wanted.template, jail) for jail in wanted.jails if jail.present}
    going = _going(wanted, store)
    staying = [name for name in store.jails() if name not in going]
    template = [wanted.template] if present else []
    keep = template + [store.jails()[name]["template"] for name in staying if name not in present]
    steps = [Step(name, "clear", "a run was killed here") for name in store.leftovers]
    steps += [Step(name, "remove", "the jail with all that is in it") for name in going]
    if present and store.mode != MODE:
        steps.append(Step(wanted.base, "make" if store.mode is None else "repair", "mode 0700, root:wheel"))
    steps += [Step(name, "build", f"from {len(wanted.contents)} paths of this Mac") for name in template if name not in store.names]
    steps += [step for name, marker in present.items() for step in _of_jail(name, marker, store, stale)]
    steps += [Step(name, "remove", "no jail is made from it any more") for name in store.templates() if name not in keep]
    if not present and not staying and store.mode is not None and not _is_kept(wanted, store):
        steps.append(Step(wanted.base, "remove", "nothing is left in it"))
    refuse(untouchable(wanted, store, _touched(wanted, store, steps)))
    before: t.Dict[str, Marker] = {name: marker for name, marker in store.names.items() if marker is not None}
    after = {**present, **{name: marker_of(name, name) for name in template}, **{name: before[name] for name in staying if name not in present}}
    return ResourcePlan(before, after, tuple(steps))


def _going(wanted: Wanted, store: Store) -> t.List[str]:
    """Jails that have to go; one that is not ours is among them, so that it is told of."""
    absent = [jail.name for jail in wanted.jails if not jail.present and jail.name in store.names]
    listed = {jail.name for jail in wanted.jails}
    return absent + [name for name in store.jails() if wanted.purge and name not in listed]


def _of_jail(name: str, marker: Marker, store: Store, stale: t.Container[str]) -> t.Iterator[Step]:
    if store.names.get(name) is None:
        yield Step(name, "create", f"from {marker['template']}")
    elif store.names[name] != marker:
        yield Step(name, "reset", f"from {marker['template']}; all that is in it is lost")
    elif name in stale:
        yield Step(name, "link", "the Mac's resolver")


def _is_kept(wanted: Wanted, store: Store) -> bool:
    """Whether the base stays without jails: it is a volume, or holds what is not ours."""
    return wanted.base in store.mounts or any(marker is None for marker in store.names.values())


def _touched(wanted: Wanted, store: Store, steps: t.Sequence[Step]) -> t.List[str]:
    """Names that a step is about, and those of all wanted jails: a mount in one is told of before it matters."""
    listed = [jail.name for jail in wanted.jails if jail.name in store.names]
    return list(dict.fromkeys([*(step.resource for step in steps if step.resource != wanted.base), *listed]))


def installed(wanted: Wanted, plan: ResourcePlan, slots: t.Container[str]) -> t.List[Mistake]:
    """Jails that have to go while their slots may begin a job in them at any moment."""
    names = [step.resource for step in plan.steps if step.action in _ENDING and step.resource in slots]
    allowed = "one whose slot is drained: run the playbook drain, this again, then undrain"
    return [Mistake(wanted.pool_of(name), f"jails.{name}", f"a jail that is made anew or removed, of the slot {name}", allowed) for name in names]


def busy(wanted: Wanted, plan: ResourcePlan, processes: t.Sequence[Process]) -> t.List[Mistake]:
    """Jails that have to go while somebody works in them: their account has processes."""
    found = []
    for step in plan.steps:
        user = plan.before.get(step.resource, {}).get("user")
        pids = [str(process.pid) for process in processes if user and process.uid == user[1]]
        if user and pids and step.action in _ENDING:
            given = f"a jail in which {user[0]} works, with the processes {', '.join(pids[:5])}"
            found.append(Mistake(wanted.pool_of(step.resource), f"jails.{step.resource}", given, "one that nobody works in; drain its slot first"))
    return found
