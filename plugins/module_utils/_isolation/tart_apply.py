# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Doing what a plan of Tart VMs says; what fails for one VM is noted, and the others go on."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import tart_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import (
    Place,
    Seen,
    TartError,
    Vm,
    disk_to_grow,
    guest_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_job import job_content, label_of, log_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_jobs import staying
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_plan import Images, VmPlan
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_power import start_all, stop_all
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_trace import extended, read_trace, write_trace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import launchd
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import MIB


class Tools(t.NamedTuple):
    """What the work is done with; times in seconds. ``force``: VMs are stopped although jobs may run in them."""

    run: Run
    tart: Tart
    place: Place
    stop_timeout: float = 120
    start_timeout: float = 120
    force: bool = False


class Attempts:
    """Errors by VM name; a VM with an error is not worked on any further."""

    def __init__(self) -> None:
        self.errors: t.Dict[str, str] = {}

    def each(self, plans: t.Sequence[VmPlan], verb: str, work: t.Callable[[VmPlan], None]) -> None:
        """Do ``work`` for each plan that has ``verb`` and no error."""
        for plan in self.good(plans, verb):
            try:
                work(plan)
            except (MacRunnersError, OSError) as error:
                self.errors[plan.name] = str(error)

    def good(self, plans: t.Sequence[VmPlan], verb: str) -> t.List[VmPlan]:
        """The plans that have ``verb`` and no error."""
        return [plan for plan in plans if plan.does(verb) and plan.name not in self.errors]


def apply_plans(plans: t.Sequence[VmPlan], images: Images, tools: Tools) -> t.Dict[str, str]:
    """Do everything; return the errors by VM or image. Changing commands of one TART_HOME never overlap."""
    attempts = Attempts()
    if not tools.force:
        attempts.errors.update(staying(tools.tart, [plan.name for plan in plans if plan.does("stop") and plan.seen.state == "running"]))
    stopping = attempts.good(plans, "stop")
    attempts.errors.update(stop_all([plan.name for plan in stopping], tools.tart, tools.run, tools.stop_timeout))
    attempts.each(plans, "unload", lambda plan: _unload(plan, tools))
    attempts.each(plans, "delete", lambda plan: _delete(plan, tools))
    attempts.each(plans, "forget", lambda plan: tart_store.drop_intent(tools.place.intents_dir, plan.name))
    if images.pulls or any(plan.does("clone") for plan in plans):
        write_trace(tools.place, extended(read_trace(tools.place), tools.place, images.pulls))
    failed = _pull_all(images.pulls, tools.tart)
    cloned = {plan.vm.image for plan in plans if plan.vm and plan.does("clone")}
    attempts.errors.update({image: why for image, why in failed.items() if image not in cloned})
    attempts.errors.update({plan.name: failed[plan.vm.image] for plan in plans if plan.vm and plan.does("clone") and plan.vm.image in failed})
    attempts.each(plans, "clone", lambda plan: make_vm(t.cast(Vm, plan.vm), tools))
    resized = [plan for plan in plans if not plan.does("clone")]
    attempts.each(resized, "set", lambda plan: _set(t.cast(Vm, plan.vm), tools, fresh=False))
    attempts.each(plans, "write job", lambda plan: _write_job(plan, tools))
    starting = [t.cast(Vm, plan.vm) for plan in attempts.good(plans, "start")]
    attempts.errors.update(start_all(starting, tools.tart, tools.run, tools.place, tools.start_timeout))
    _clean_up(images, tools, attempts.errors)
    return attempts.errors


def _clean_up(images: Images, tools: Tools, errors: t.Dict[str, str]) -> None:
    """Drop images that nobody needs, and then what Tart left of its directories."""
    for image in images.drops:
        result = tools.tart.call("delete", image)
        # Somebody else may have dropped it already.
        if result.rc != 0 and "does not exist" not in result.stderr:
            errors[image] = f"{image} cannot be dropped from the cache: {result.stderr.strip()}"
    dropped = {image for image in images.drops if image not in errors}
    trace = read_trace(tools.place)
    left = trace._replace(images=tuple(image for image in trace.images if image not in dropped))
    if images.tidies and not errors:
        _tidy(left.directories, tools)
        left = left._replace(directories=())
    if left != trace:
        write_trace(tools.place, left)


def _tidy(directories: t.Sequence[str], tools: Tools) -> None:
    """Remove directories that are empty; as the account, to whom they belong."""
    cache = os.path.join(tools.place.tart_home, "cache", "OCIs")
    if os.path.isdir(cache):
        tools.tart.as_account("/usr/bin/find", cache, "-mindepth", "1", "-depth", "-type", "d", "-empty", "-delete")
    for name in sorted(directories, key=len, reverse=True):
        path = os.path.normpath(os.path.join(tools.place.tart_home, name))
        if os.path.isdir(path) and not os.listdir(path):
            tools.tart.as_account("/bin/rmdir", path)


def _pull_all(images: t.Sequence[str], tart: Tart) -> t.Dict[str, str]:
    """Pull each image; errors by image."""
    failed = {}
    for image in images:
        try:
            tart.pull(image)
        except MacRunnersError as error:
            failed[image] = str(error)
    return failed


def _unload(plan: VmPlan, tools: Tools) -> None:
    label = label_of(plan.name)
    launchd.unload(tools.run, label)
    launchd.remove_content(launchd.path_of(label, tools.place.daemons_dir))


def delete_vm(seen: Seen, tools: Tools) -> None:
    """Delete a VM that does not run, whole or half-made."""
    if seen.state == "incomplete":
        # Tart does not know it. As the account, so that it can remove no more than its owner could.
        tools.tart.as_account("/bin/rm", "-rf", "--", os.path.join(tools.place.vms_dir, seen.name))
    else:
        tools.tart.must("delete", seen.name)


def _delete(plan: VmPlan, tools: Tools) -> None:
    delete_vm(plan.seen, tools)
    try:
        os.unlink(log_of(plan.name, tools.place))
    except FileNotFoundError:
        pass


def make_vm(vm: Vm, tools: Tools) -> None:
    """Clone, size and mark a VM: the marker comes last, so that one without it is half-made."""
    place = tools.place
    if os.path.lexists(os.path.join(place.vms_dir, vm.name)):
        # The clone would replace it without a word.
        raise TartError(f"VM {vm.name} has appeared meanwhile: it is not touched")
    tart_store.note_intent(place.intents_dir, vm.name, place.tart_home)
    tools.tart.must("clone", vm.image, vm.name)
    try:
        _set(vm, tools, fresh=True)
    except MacRunnersError:
        tools.tart.call("delete", vm.name)
        tart_store.drop_intent(place.intents_dir, vm.name)
        raise
    tart_store.write_marker(place.vms_dir, vm.name, vm.image, place.account)
    tart_store.drop_intent(place.intents_dir, vm.name)


def _set(vm: Vm, tools: Tools, fresh: bool) -> None:
    """Set what differs. ``fresh``: a clone, which has the MAC address of what it was cloned from."""
    paper = tart_store.read_paper(tools.place.vms_dir, vm.name)
    config = paper.config or {}
    guest = guest_of(config.get("os")) if config else "unreadable"
    if guest != vm.guest:
        raise TartError(f'VM "{vm.slot}", field guest: got {vm.guest}; {vm.image} has a {guest} guest')
    words = ["--cpu", str(vm.cpus)] if config.get("cpuCount") != vm.cpus else []
    if config.get("memorySize") != vm.memory:
        words += ["--memory", str(vm.memory // MIB)]
    grown = disk_to_grow(vm, paper.disk)
    if grown is not None:
        words += ["--disk-size", str(grown)]
    if fresh:
        words.append("--random-mac")
    if words:
        tools.tart.must("set", vm.name, *words)


def _write_job(plan: VmPlan, tools: Tools) -> None:
    path = launchd.path_of(label_of(plan.name), tools.place.daemons_dir)
    launchd.write_content(path, job_content(t.cast(Vm, plan.vm), tools.place))
