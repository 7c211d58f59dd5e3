# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From wanted and seen VMs to what has to be done: pure, and it says every change."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import (
    Seen,
    TartError,
    Vm,
    describe_seen,
    describe_vm,
    disk_to_grow,
    network_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size

Job = t.Mapping[str, t.Any]

#: In the order in which they are done; ``clone`` includes the marker, ``start`` the job.
VERBS = ("stop", "unload", "delete", "forget", "clone", "set", "write job", "start")


class Action(t.NamedTuple):
    """One of VERBS, and what it does in words."""

    verb: str
    detail: str = ""


class VmPlan(t.NamedTuple):
    """What has to be done to one VM; ``vm`` is None for one that is not wanted any more."""

    name: str
    vm: t.Optional[Vm]
    seen: Seen
    actions: t.Tuple[Action, ...]
    warnings: t.Tuple[str, ...] = ()

    def does(self, verb: str) -> bool:
        """Whether an action of this verb is among them."""
        return any(action.verb == verb for action in self.actions)


def plan_vms(
    vms: t.Sequence[Vm], store: t.Mapping[str, Seen], jobs: t.Mapping[str, Job], purge: bool, recreate: bool
) -> t.List[VmPlan]:
    """Plan every VM. Raises :class:`TartError` with all reasons when one must not be touched."""
    refused: t.List[str] = []
    plans = []
    for vm in vms:
        seen = store.get(vm.name, Seen(vm.name, "absent"))
        try:
            plans.append(_plan_vm(vm, seen, jobs[vm.name], recreate))
        except TartError as error:
            refused.append(str(error))
    if refused:
        raise TartError("nothing was changed: " + "; ".join(refused))
    if purge:
        wanted = {vm.name for vm in vms}
        plans += [VmPlan(name, None, seen, _removal(seen)) for name, seen in store.items() if name not in wanted and not seen.foreign]
    return plans


def _plan_vm(vm: Vm, seen: Seen, job: Job, recreate: bool) -> VmPlan:
    if seen.foreign:
        raise TartError(
            f"VM {vm.name} exists and is not ours (no marker in its directory): it is not touched;"
            " rename or delete it, or give the pool another name"
        )
    if vm.state == "absent":
        return VmPlan(vm.name, vm, seen, _removal(seen))
    if not seen.exists or seen.half_made or seen.state == "incomplete":
        return VmPlan(vm.name, vm, seen, _making(vm, seen))
    if seen.image != vm.image and recreate:
        return VmPlan(vm.name, vm, seen, _making(vm, seen))
    if seen.guest != vm.guest:
        raise TartError(f"VM {vm.name} has a {seen.guest or 'strange'} guest; field guest: got {vm.guest}; allowed: {seen.guest or 'none'}")
    actions, warnings = _adjusting(vm, seen, job)
    if seen.image != vm.image:
        warnings.append(f"VM {vm.name} was made from {seen.image}, not from {vm.image}; it stays as it is unless recreate is true")
    return VmPlan(vm.name, vm, seen, tuple(actions), tuple(warnings))


def _removal(seen: Seen) -> t.Tuple[Action, ...]:
    actions = [Action("stop", "shut down")] if seen.state == "running" else []
    if seen.job is not None:
        actions.append(Action("unload", "launchd job"))
    if seen.exists:
        actions.append(Action("delete", "half-made VM" if seen.half_made else "VM and its disk"))
    if seen.intent:
        actions.append(Action("forget", "that it was begun"))
    return tuple(actions)


def _making(vm: Vm, seen: Seen) -> t.Tuple[Action, ...]:
    # What was begun counts as begun until it is done.
    actions = [action for action in _removal(seen) if action.verb != "forget"]
    actions.append(Action("clone", vm.image))
    sizes = f"cpus {vm.cpus}, memory {format_size(vm.memory)}, new MAC address"
    actions.append(Action("set", sizes + (f", disk at least {format_size(vm.disk)}" if vm.disk is not None else "")))
    return (*actions, Action("start", "as a launchd job")) if vm.runs else tuple(actions)


def _adjusting(vm: Vm, seen: Seen, job: Job) -> t.Tuple[t.List[Action], t.List[str]]:
    sizes = _differing(vm, seen)
    if sizes and vm.state == "present" and seen.state == "running" and seen.job is None:
        return _forgetting(seen), [f"VM {vm.name} was started by somebody else: its sizes are changed when it does not run"]
    actions = _stopping(vm, seen, bool(sizes))
    if sizes:
        actions.append(Action("set", ", ".join(sizes)))
    actions += _starting(vm, seen, job, stopped=any(action.verb == "stop" for action in actions))
    return _forgetting(seen) + actions, []


def _forgetting(seen: Seen) -> t.List[Action]:
    return [Action("forget", "that it was begun")] if seen.intent else []


def _differing(vm: Vm, seen: Seen) -> t.List[str]:
    sizes = []
    if vm.cpus != seen.cpus:
        sizes.append(f"cpus {seen.cpus} -> {vm.cpus}")
    if vm.memory != seen.memory:
        sizes.append(f"memory {format_size(seen.memory)} -> {format_size(vm.memory)}")
    grown = disk_to_grow(vm, seen.disk)
    if grown is not None:
        sizes.append(f"disk to {grown} GB")
    return sizes


def _stopping(vm: Vm, seen: Seen, resized: bool) -> t.List[Action]:
    """Stop it only where a wanted field says so: what runs may be in the middle of a job."""
    if vm.state == "stopped":
        running = [Action("stop", "shut down" if seen.state == "running" else "drop its saved state")]
        unloading = [Action("unload", "launchd job")] if seen.job is not None else []
        return (running if seen.state != "stopped" else []) + unloading
    if resized and seen.state == "running":
        return [Action("stop", "shut down for its new size")]
    if resized and seen.state == "suspended":
        return [Action("stop", "drop its saved state, which the new size makes unusable")]
    if vm.runs and seen.state == "running" and seen.job and network_of(seen.job) != vm.network:
        return [Action("stop", f"shut down for network {vm.network}")]
    return []


def _starting(vm: Vm, seen: Seen, job: Job, stopped: bool) -> t.List[Action]:
    if vm.state == "present":
        return [Action("start", "as before")] if stopped and seen.state == "running" else []
    if not vm.runs:
        return []
    if stopped or seen.state != "running":
        return [Action("start", "as a launchd job")]
    # A running VM is left alone; its job counts from its next start.
    return [] if seen.job == job else [Action("write job", "for its next start")]


def images_of(plans: t.Sequence[VmPlan]) -> t.List[str]:
    """The images that are going to be cloned, each once."""
    return list(dict.fromkeys(plan.vm.image for plan in plans if plan.vm is not None and plan.does("clone")))


class Images(t.NamedTuple):
    """What has to be done beside VMs: images to pull and to drop, and whether Tart's empty directories go."""

    pulls: t.Tuple[str, ...] = ()
    drops: t.Tuple[str, ...] = ()
    tidies: bool = False


def resource_plan(plans: t.Sequence[VmPlan], images: Images = Images(), tart_home: str = "") -> ResourcePlan:
    """The plan as all resource kinds have it."""
    steps = [Step(image, "pull", "once for all VMs that are made from it") for image in images.pulls]
    steps += [Step(plan.name, action.verb, action.detail) for plan in plans for action in plan.actions]
    steps += [Step(image, "drop", "from the cache, into which it was pulled for VMs of ours") for image in images.drops]
    steps += [Step(tart_home, "tidy", "empty directories that Tart made for us")] if images.tidies else []
    return ResourcePlan(
        before={plan.name: describe_seen(plan.seen, _tells_disk(plan)) for plan in plans if plan.seen.exists},
        after={plan.name: _after(plan) for plan in plans if plan.vm is not None and plan.vm.state != "absent"},
        steps=tuple(steps),
    )


def _tells_disk(plan: VmPlan) -> bool:
    return plan.vm is not None and plan.vm.disk is not None


def _after(plan: VmPlan) -> t.Dict[str, t.Any]:
    vm = t.cast(Vm, plan.vm)
    return describe_vm(vm, None if plan.does("clone") else plan.seen)
