# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What there is in a TART_HOME under our prefix."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import (
    Place,
    Seen,
    TartError,
    guest_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_job import VM_LABEL_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_store import intents, owned_names, read_paper
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import labels_on_disk, path_of, read_content
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX

Store = t.Dict[str, Seen]


def read_store(tart: Tart, place: Place) -> Store:
    """Everything with our prefix, by name: one call of Tart, the rest is read from files."""
    states = tart.states()
    unlisted = "incomplete" if tart.installed else "stopped"
    jobs = _jobs(place)
    begun = set(intents(place.intents_dir, place.tart_home))
    directories = set(owned_names(place.vms_dir))
    return {
        name: _see(name, states.get(name, unlisted) if name in directories else "absent", name in begun, jobs.get(name), place)
        for name in sorted(directories | begun | set(jobs))
    }


def _jobs(place: Place) -> t.Dict[str, t.Mapping[str, t.Any]]:
    """Content of our VMs' launchd jobs by VM name; those of other TART_HOMEs are left out."""
    jobs = {}
    for label in labels_on_disk(VM_LABEL_PREFIX, place.daemons_dir):
        content = read_content(path_of(label, place.daemons_dir))
        home = (content or {}).get("EnvironmentVariables", {}).get("TART_HOME")
        # One that cannot be read is somebody's hand in a file of ours: it is written anew.
        if content is not None and home in (None, place.tart_home):
            jobs[OWNED_PREFIX + label[len(VM_LABEL_PREFIX) :]] = content
    return jobs


def require_own_slots(slots: t.Iterable[str], place: Place) -> None:
    """A slot has one VM on a Mac: refuse one whose job belongs to another TART_HOME."""
    for slot in slots:
        content = read_content(path_of(VM_LABEL_PREFIX + slot, place.daemons_dir))
        home = (content or {}).get("EnvironmentVariables", {}).get("TART_HOME", place.tart_home)
        if home != place.tart_home:
            raise TartError(f'VM "{slot}": this slot already has a VM in {home}; allowed: remove that one first')


def _see(name: str, state: str, begun: bool, job: t.Optional[t.Mapping[str, t.Any]], place: Place) -> Seen:
    if state == "absent":
        return Seen(name, state, intent=begun, job=job)
    paper = read_paper(place.vms_dir, name)
    config = paper.config or {}
    return Seen(
        name=name,
        state=state,
        image=str(paper.marker.get("image", "")) if paper.marker is not None else None,
        intent=begun,
        guest=guest_of(config.get("os")) if config else "",
        cpus=_whole(config.get("cpuCount")),
        memory=_whole(config.get("memorySize")),
        disk=paper.disk,
        job=job,
    )


def _whole(value: t.Any) -> int:
    return value if isinstance(value, int) else 0
