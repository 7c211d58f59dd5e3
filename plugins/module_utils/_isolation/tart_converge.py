# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The whole way of a list of VMs: read, plan, lock, look again, judge the room, do it, read back."""

from __future__ import annotations

import functools
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, Seen, TartError, Vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart, is_remote, reference
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_job import job_content
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_plan import (
    Images,
    VmPlan,
    images_of,
    plan_vms,
    resource_plan,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_read import Store, read_store, require_own_slots
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_trace import read_trace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

if t.TYPE_CHECKING:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools

_GROWING = ("clone", "set", "start")


class Request(t.NamedTuple):
    """What a task asks for; ``pools``, ``capacity`` and ``licences`` as the user wrote them, times in seconds.

    ``images`` are fetched, whether a VM of the list is made from them or not. ``force``: VMs are stopped whatever runs in them; ``hold``:
    nothing is done when one would have to be stopped.
    """

    vms: t.Tuple[Vm, ...]
    purge: bool = False
    recreate: bool = False
    drop_images: bool = False
    check: bool = False
    stop_timeout: float = 120
    start_timeout: float = 120
    fleet: str = ""
    pools: t.Any = None
    capacity: t.Any = None
    licences: t.Any = None
    images: t.Tuple[str, ...] = ()
    force: bool = False
    hold: bool = False


class Outcome(t.NamedTuple):
    """What was or would be done, what failed by VM name, and what is there now. ``held``: slots whose VMs that run have to be stopped."""

    plan: ResourcePlan
    errors: t.Dict[str, str]
    warnings: t.List[str]
    store: Store
    held: t.Tuple[str, ...] = ()


class Plan(t.NamedTuple):
    """All that has to be done, and the state from which it starts."""

    vms: t.List[VmPlan]
    images: Images
    store: Store
    resources: ResourcePlan

    def outcome(self, errors: t.Dict[str, str], store: Store) -> Outcome:
        """What a task with this plan returns; ``store`` is what is there now."""
        return Outcome(self.resources, errors, [warning for one in self.vms for warning in one.warnings], store, self.held)

    @property
    def held(self) -> t.Tuple[str, ...]:
        """The slots whose VMs that run have to be stopped."""
        return tuple(slot_of(one.name) for one in self.vms if one.does("stop") and one.seen.state == "running")


def converge(run: Run, tart: Tart, place: Place, request: Request) -> Outcome:
    """Bring the VMs to what is asked for, or in check mode say what that would be."""
    plan = _read_and_plan(tart, place, request)
    if not plan.resources.changed:
        return plan.outcome({}, plan.store)
    if request.check:
        _judge_room(plan, request, _foretelling(plan, request, _reader(run, place)))
        return plan.outcome({}, plan.store)
    if request.hold and plan.held:
        return plan.outcome({}, plan.store)._replace(plan=ResourcePlan({}, {}, ()))
    if not tart.installed:
        raise TartError(f"Tart is not at {place.tart}; the role action_packer.mac_runners.tart installs it")
    return _change(run, tart, place, request)


def _change(run: Run, tart: Tart, place: Place, request: Request) -> Outcome:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools, apply_plans
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms, boot_of, permitted
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock

    terms = Terms(request.fleet, request.pools, request.capacity, request.licences)
    tools = Tools(run, tart, place, request.stop_timeout, request.start_timeout, request.force)
    with mac_lock(f"tart_vms of fleet {request.fleet}", place.state_dir):
        plan, facts = _read_and_plan(tart, place, request), _reader(run, place)
        builds = bool(plan.images.pulls) or any(_grows(one) for one in plan.vms)
        with permitted(place.state_dir, terms, builds, lambda: boot_of(facts())):
            errors, rest = _make_room(plan, request, tools) if builds else ({}, plan)
            errors.update(apply_plans([one for one in rest.vms if one.name not in errors], rest.images, tools))
            return plan.outcome(errors, read_store(tart, place))


def _make_room(plan: Plan, request: Request, tools: Tools) -> t.Tuple[t.Dict[str, str], Plan]:
    """What gives room back comes first, and the rest is judged by what is free then; return what failed, and the rest."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import apply_plans

    errors = apply_plans([one for one in plan.vms if not _grows(one)], Images(), tools)
    rest = _read_and_plan(tools.tart, tools.place, request)
    # One that failed takes what it has, not what was wanted of it.
    good = request._replace(vms=tuple(vm for vm in request.vms if vm.name not in errors))
    try:
        _judge_room(rest, good, _reader(tools.run, tools.place))
    except MacRunnersError as error:
        if not errors:
            raise
        refused = {one.name: str(error) for one in rest.vms if one.actions}
        return {**refused, **errors}, rest._replace(vms=[], images=Images())
    return errors, rest


def _reader(run: Run, place: Place) -> t.Callable[[], t.Mapping[str, t.Any]]:
    """Facts of the Mac as they are when first asked for."""

    def read() -> t.Mapping[str, t.Any]:
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.reading import read_facts

        return read_facts(run, tart_homes=(place.tart_home,))

    return functools.lru_cache(maxsize=None)(read)


def _foretelling(plan: Plan, request: Request, read: t.Callable[[], t.Mapping[str, t.Any]]) -> t.Callable[[], t.Mapping[str, t.Any]]:
    """Facts as they will be when the VMs are built: what gives room back comes first, as in :func:`_make_room`."""

    def facts() -> t.Mapping[str, t.Any]:
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.foretelling import foretold

        leaving = {one.name for one in plan.vms if one.does("delete") and not one.does("clone")}
        return foretold(read(), "tart", request.pools, request.capacity, leaving)

    return facts


def _read_and_plan(tart: Tart, place: Place, request: Request) -> Plan:
    store = read_store(tart, place)
    require_own_slots((vm.slot for vm in request.vms if vm.name not in store or store[vm.name].job is None), place)
    jobs = {vm.name: job_content(vm, place) for vm in request.vms}
    plans = [one for one in plan_vms(request.vms, store, jobs, request.purge, request.recreate) if one.vm or not _of_slot(one, place)]
    images = _cleaning(request, plans, store, place) if request.drop_images else Images()
    images = images._replace(pulls=tuple(_pulls([*images_of(plans), *request.images], tart)))
    return Plan(plans, images, store, resource_plan(plans, images, place.tart_home))


def _cleaning(request: Request, plans: t.Sequence[VmPlan], store: Store, place: Place) -> Images:
    """Images that we pulled and nobody of ours is made from any more; when none is left, Tart's directories too."""
    trace = read_trace(place)
    deleted = {plan.name for plan in plans if plan.does("delete") and not plan.does("clone")}
    needed = {vm.image for vm in request.vms if vm.state != "absent"} | set(request.images)
    needed |= {seen.image for seen in store.values() if seen.ours and seen.image and seen.name not in deleted}
    drops = tuple(image for image in trace.images if image not in needed)
    return Images((), drops, tidies=bool(trace.directories) and not needed and len(drops) == len(trace.images))


def _of_slot(plan: VmPlan, place: Place) -> bool:
    """Whether a slot is installed whose VM this is: what runs in it is the slot's business."""
    return os.path.lexists(os.path.join(place.state_dir, "slots", slot_of(plan.name)))


def _pulls(wanted: t.Sequence[str], tart: Tart) -> t.List[str]:
    """Images that have to be fetched. A cached tag is not refreshed: what a VM was made from is in its marker."""
    images = [image for image in dict.fromkeys(wanted) if is_remote(image)]
    if not images:
        return []
    cached = tart.cached()
    return [image for image in images if reference(image) not in cached]


def _judge_room(plan: Plan, request: Request, facts: t.Callable[[], t.Mapping[str, t.Any]]) -> None:
    if any(_grows(one) for one in plan.vms):
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_room import require_vm_room

        require_vm_room(request, plan.store, facts())


def _grows(plan: VmPlan) -> bool:
    """Whether a plan can make the Mac fuller; what is only taken away or made smaller is never refused."""
    if plan.vm is None or not any(plan.does(verb) for verb in _GROWING):
        return False
    smaller = plan.vm.memory <= (plan.seen.memory or 0) and plan.vm.cpus <= (plan.seen.cpus or 0)
    return plan.does("clone") or plan.seen.state != "running" or not smaller


def resource_of(seen: Seen) -> t.Dict[str, t.Any]:
    """A VM of ours for the result of a module."""
    return {
        "name": seen.name,
        "slot": seen.slot,
        "state": seen.state,
        "image": seen.image,
        "guest": seen.guest,
        "cpus": seen.cpus,
        "memory": seen.memory,
    }
