# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Which persistent runners an operator drained: a file each, in a directory of root, until the drain is taken back."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

FOLDER = "drained"
_SLOT = re.compile(r"[a-z][a-z0-9-]{0,30}-[1-9][0-9]{0,3}\Z")


def read_marks(state_dir: str) -> t.FrozenSet[str]:
    """The slots that are drained."""
    try:
        return frozenset(name for name in os.listdir(os.path.join(state_dir, FOLDER)) if _SLOT.match(name))
    except FileNotFoundError:
        return frozenset()


def plan_marks(marks: t.FrozenSet[str], slots: t.Iterable[str], drain: t.Optional[bool], only: t.Collection[str]) -> ResourcePlan:
    """With ``drain`` true, those of ``slots`` get a mark, with false marks are taken away; of ``only``, where it names some."""
    asked = {slot for slot in (slots if drain else marks) if not only or slot in only}
    after = marks if drain is None else marks | asked if drain else marks - asked
    steps = [Step(slot, "drain") for slot in sorted(after - marks)] + [Step(slot, "undrain") for slot in sorted(marks - after)]
    return ResourcePlan(_states(marks), _states(after), tuple(steps))


def write_marks(state_dir: str, plan: ResourcePlan) -> None:
    """Do the steps; what was done already is fine."""
    folder = os.path.join(state_dir, FOLDER)
    for step in plan.steps:
        path = os.path.join(folder, step.resource)
        if step.action == "drain":
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        else:
            _remove(path, folder)


def _remove(path: str, folder: str) -> None:
    """The last one takes the directory with it."""
    try:
        os.unlink(path)
        if not os.listdir(folder):
            os.rmdir(folder)
    except FileNotFoundError:
        return


def _states(marks: t.Iterable[str]) -> t.Dict[str, t.Dict[str, t.Any]]:
    return {slot: {"drained": True} for slot in marks}
