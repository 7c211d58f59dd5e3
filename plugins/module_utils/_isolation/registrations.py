# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The persistent runners of a Mac, of whichever isolation: looking at all of them, registering those that lack it."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_find import find_socket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_registrations import DockerRunners
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import find_place
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_registrations import TartRunners
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineDownError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import DAEMONS_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import Environments, Seen, Wanted, register_all, require_tokens
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

#: Where runners are, each with what was seen there, by slot.
Parts = t.Sequence[t.Tuple[Environments, t.Mapping[str, Seen]]]


class TartPlaces(t.NamedTuple):
    """Where VMs and the runners in them are. ``account``: the user who became root when not given; ``patience``: see :class:`.TartRunners`."""

    account: t.Optional[str]
    home: t.Optional[str]
    program: str
    runner_dir: str
    state_dir: str
    patience: float


def looked(docker: t.Optional[t.Tuple[str, str]], tart: t.Optional[TartPlaces], run: Run, needed: bool) -> t.Tuple[Parts, t.List[str]]:
    """Look where the isolations that are given have runners; return what there is, and what people should know.

    ``docker``: an engine's socket, which is found when empty, and the runner's folder in containers. ``needed``: an engine has to answer.
    """
    parts: t.List[t.Tuple[Environments, t.Mapping[str, Seen]]] = []
    troubles = []
    if docker is not None:
        try:
            containers = DockerRunners(find_socket(docker[0]), docker[1])
            parts.append((containers, containers.look()))
        except EngineDownError as error:
            if needed:
                raise
            troubles.append(f"no runner was looked for: {error}")
    if tart is not None:
        machines = _machines(tart, run)
        parts.append((machines, machines.look()))
    return parts, troubles + [f"runner {slot}: {one.trouble}" for slot, one in merged(parts).items() if one.trouble]


def _machines(tart: TartPlaces, run: Run) -> TartRunners:
    place = find_place(tart.account or os.environ.get("SUDO_USER"), tart.home, tart.program, tart.state_dir, "", DAEMONS_DIR)
    return TartRunners(Tart(run, place), place, tart.runner_dir, tart.patience)


def merged(parts: Parts) -> t.Dict[str, Seen]:
    """All persistent runners of the Mac, by slot."""
    return {slot: one for _there, seen in parts for slot, one in seen.items()}


def register(parts: Parts, wanted: t.Sequence[Wanted], plan: ResourcePlan, tokens: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """Register what the plan says; return what failed, by slot: also those of which nobody can tell whether they are registered."""
    asked, seen = {step.resource for step in plan.steps}, merged(parts)
    lacking = [one for one in wanted if one.slot in asked]
    require_tokens(lacking, tokens)
    failures = {one.slot: "it has no container and no VM here" for one in lacking if one.slot not in seen}
    failures.update({one.slot: seen[one.slot].trouble for one in wanted if one.slot in seen and seen[one.slot].trouble})
    for there, theirs in parts:
        failures.update(register_all(there, theirs, [one for one in lacking if one.slot in theirs], tokens))
    return failures
