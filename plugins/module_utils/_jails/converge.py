# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The jails of a Mac from what is to what shall be: read, refuse, plan, then under the lock and by the lease look again and do it."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails import resolver
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.plan import BUILDING, MODE, busy, installed, plan_jails
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.store import ROOT, Store, read_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import (
    Jail,
    JailError,
    Wanted,
    parse_contents,
    parse_jails,
    refuse,
    template_name,
    wrong_base,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

if t.TYPE_CHECKING:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Terms

CSRUTIL = "/usr/bin/csrutil"
SW_VERS = "/usr/bin/sw_vers"
SYSCTL = "/usr/sbin/sysctl"
_BUILD = re.compile(r"[0-9A-Za-z]{1,20}\Z")


class Request(t.NamedTuple):
    """What a task asks for, as it was written; ``contents`` None: the usual. ``accepted``: that the isolation is experimental."""

    jails: t.Sequence[t.Mapping[str, t.Any]]
    base: str
    contents: t.Optional[t.Sequence[t.Mapping[str, t.Any]]] = None
    purge: bool = False
    accepted: bool = False
    state_dir: str = ""
    check: bool = False
    host: resolver.Host = resolver.HOST


class Done(t.NamedTuple):
    """What was done, or in check mode would be, and what is there now."""

    plan: ResourcePlan
    store: Store


def converge(run: Run, request: Request, terms: Terms) -> Done:
    """Bring the jails to what is asked for; raises before anything is changed when one of them cannot be."""
    wanted = read_wanted(run, request, terms)
    plan, store = _look(run, request, wanted)
    if request.check or not plan.changed:
        return Done(plan, store)
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import permitted
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock

    with mac_lock(f"chroot_jails of fleet {terms.fleet}", request.state_dir):
        plan, store = _look(run, request, wanted)
        builds = any(step.action in BUILDING for step in plan.steps)
        with permitted(request.state_dir, terms, builds, lambda: must(run, [SYSCTL, "-n", "kern.bootsessionuuid"]).strip()):
            _apply(run, request, wanted, plan)
    return Done(plan, read_store(run, request.base))


def read_wanted(run: Run, request: Request, terms: Terms) -> Wanted:
    """What is wanted; raises with every mistake."""
    mistakes = wrong_base(request.base)
    jails, wrong = parse_jails(request.jails, terms.pools, terms.capacity, request.check)
    mistakes += wrong
    present = [jail for jail in jails if jail.present]
    if not present:
        refuse(mistakes)
        return Wanted(request.base, tuple(jails), purge=request.purge)
    contents, wrong = parse_contents(request.contents, request.base)
    refuse([*mistakes, *wrong, *_not_here(run, request, present)])
    return Wanted(request.base, tuple(jails), contents, template_name(_build(run), contents), request.purge)


def _not_here(run: Run, request: Request, present: t.Sequence[Jail]) -> t.Iterator[Mistake]:
    """Why there can be no jails on this Mac, a mistake for each pool."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import parse_sip

    sip = parse_sip(run([CSRUTIL, "status"]).stdout)
    for pool in dict.fromkeys(jail.pool for jail in present):
        if not request.accepted:
            yield Mistake(pool, "experimental", "false", "true, with which this isolation is accepted as an experiment")
        if sip != "disabled":
            allowed = f"another one: chroot needs System Integrity Protection off, this Mac has it {sip}"
            yield Mistake(pool, "isolation", show("chroot"), allowed, "platform")


def _build(run: Run) -> str:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import parse_sw_vers

    build = str(parse_sw_vers(must(run, [SW_VERS])).get("build", ""))
    if not _BUILD.match(build):
        raise JailError(f"{SW_VERS} does not say the build of macOS, and a template is for one build alone")
    return build


def _look(run: Run, request: Request, wanted: Wanted) -> t.Tuple[ResourcePlan, Store]:
    store = read_store(run, wanted.base)
    listed = [jail.name for jail in wanted.jails if jail.present and store.names.get(jail.name) is not None]
    stale = {name for name in listed if resolver.is_stale(os.path.join(wanted.base, name, ROOT), request.host)}
    plan = plan_jails(wanted, store, stale)
    # A play removes slots before their jails; in check mode their processes are still there.
    if not request.check:
        refuse(installed(wanted, plan, _at_work(request.state_dir)))
        if any(plan.before.get(step.resource, {}).get("user") for step in plan.steps):
            refuse(busy(wanted, plan, _processes(run)))
    return plan, store


def _at_work(state_dir: str) -> t.FrozenSet[str]:
    """The slots that are installed here and may begin something at any moment: those that are not drained."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import Slot, tell_slots

    slots = [Slot(str(told["name"]), status=told, mark=told["mark"]) for told in tell_slots(state_dir)]
    return frozenset(slot.name for slot in slots if not slot.idle)


def _processes(run: Run) -> t.Sequence[t.Any]:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import read_processes

    unread: t.List[str] = []
    found = read_processes(run, unread)
    if unread:
        raise JailError(f"nothing was changed, since nobody knows who works in the jails: {'; '.join(unread)}")
    return found


def _apply(run: Run, request: Request, wanted: Wanted, plan: ResourcePlan) -> None:
    jails = {jail.name: jail for jail in wanted.jails}
    for step in plan.steps:
        if step.resource == wanted.base:
            _change_base(step)
        elif step.action in ("clear", "remove"):
            _remove(wanted.base, step.resource)
        else:
            _change(run, request, wanted, step, jails.get(step.resource, Jail("")))


def _change_base(step: Step) -> None:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories

    if step.action == "remove":
        os.rmdir(step.resource)
        return
    directories.make_closed(os.path.dirname(step.resource))
    base = [directories.Directory(step.resource, MODE, True)]
    directories.apply_directories(directories.plan_directories(base, directories.read_directories(base)), base)


def _remove(base: str, name: str) -> None:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.build import opened
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._tree import remove_tree

    with opened(base) as parent:
        remove_tree(parent, name)


def _change(run: Run, request: Request, wanted: Wanted, step: Step, jail: Jail) -> None:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails import build

    if step.action == "build":
        build.build_template(run, wanted.base, step.resource, wanted.contents)
    elif step.action == "create":
        build.clone_jail(run, wanted.base, wanted.template, jail, request.host)
    elif step.action == "reset":
        build.reset_jail(run, wanted.base, wanted.template, jail, request.host)
    else:
        resolver.link(os.path.join(wanted.base, step.resource, ROOT), request.host)


def described(base: str, store: Store) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Jails of ours that are there, by name."""
    return {
        name: {"path": os.path.join(base, name, ROOT), "template": marker["template"], "user": (marker["user"] or [None])[0]}
        for name, marker in store.jails().items()
    }
