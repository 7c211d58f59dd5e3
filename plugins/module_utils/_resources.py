# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What every resource kind shares: steps, and a plan from which changed and diff follow."""

from __future__ import annotations

import dataclasses
import typing as t

State = t.Mapping[str, t.Any]


class Step(t.NamedTuple):
    """One thing that has to be done to one resource, in words of its tool."""

    resource: str
    action: str
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class ResourcePlan:
    """What is, what shall be (resource name -> its fields, absent ones left out), and the steps between."""

    before: t.Mapping[str, State]
    after: t.Mapping[str, State]
    steps: t.Tuple[Step, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything has to be done."""
        return bool(self.steps)

    @property
    def diff(self) -> t.Dict[str, t.Any]:
        """Before and after of the resources that change, as Ansible shows them."""
        names = sorted({step.resource for step in self.steps})
        return {
            "before": {name: dict(self.before[name]) for name in names if name in self.before},
            "after": {name: dict(self.after[name]) for name in names if name in self.after},
        }

    def summary(self) -> t.List[t.Dict[str, str]]:
        """One entry a step, for the result of a module."""
        return [step._asdict() for step in self.steps]


def joined(*plans: ResourcePlan) -> ResourcePlan:
    """Several plans as one; what they say of one resource is put together."""
    states: t.List[t.Dict[str, t.Dict[str, t.Any]]] = [{}, {}]
    for plan in plans:
        for together, part in zip(states, (plan.before, plan.after)):
            for name, state in part.items():
                together.setdefault(name, {}).update(state)
    return ResourcePlan(states[0], states[1], tuple(step for plan in plans for step in plan.steps))
