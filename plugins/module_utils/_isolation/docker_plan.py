# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From the containers that are to those that shall be: every change as a step."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import UPDATABLE, ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import Container
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import POOL_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

Containers = t.Mapping[str, Container]

_RUNS = ("running", "restarting")
_BROKEN = ("dead", "removing")


class ForeignError(MacRunnersError):
    """A container that is not ours has a name that we need."""


def refuse_foreign(specs: t.Iterable[ContainerSpec], current: Containers) -> None:
    """Raise :class:`ForeignError` when a name is taken by a container that is not ours."""
    taken = [spec.name for spec in specs if spec.name in current and not current[spec.name].owned]
    if taken:
        raise ForeignError(
            f"container {', '.join(taken)} exists, and lacks the label {POOL_LABEL}: it is not ours and stays as it is; "
            "rename it, or give the pool another name"
        )


def missing_images(specs: t.Iterable[ContainerSpec], current: Containers) -> t.List[str]:
    """The images from which a container must be made, each once."""
    made = [spec.image for spec in specs if spec.present and _must_be_made(spec, current.get(spec.name))]
    return sorted(set(made))


def plan_containers(
    specs: t.Sequence[ContainerSpec],
    current: Containers,
    pulls: t.Iterable[str] = (),
    purge: bool = False,
) -> ResourcePlan:
    """Plan all containers; what must go comes first, since it makes room.

    ``pulls``: images that the engine lacks. With ``purge``, persistent containers of ours
    that are not among ``specs`` go.
    """
    wanted = {spec.name: spec for spec in specs if spec.present}
    gone = _unwanted(specs, current, purge)
    steps = [step for name in gone for step in _removal(current[name])]
    steps += [Step(image, "pull") for image in pulls]
    for name, spec in wanted.items():
        steps += _steps(spec, current.get(name))
    before = {name: container.fields for name, container in current.items() if container.owned}
    after = {name: _after(spec, current.get(name)) for name, spec in wanted.items()}
    return ResourcePlan(before, after, tuple(steps))


def differences(wanted: t.Mapping[str, t.Any], actual: t.Mapping[str, t.Any]) -> t.List[str]:
    """The fields, but the status, in which two containers differ."""
    return [field for field, value in wanted.items() if field != "status" and actual.get(field) != value]


def needs_room(plan: ResourcePlan) -> bool:
    """Whether the plan can make the Mac fuller; what only removes or makes smaller is never refused."""
    return any(step.action in ("create", "start", "unpause") or (step.action == "update" and _grows(plan, step.resource)) for step in plan.steps)


def shrinking(plan: ResourcePlan) -> t.FrozenSet[str]:
    """The containers of which no more is done than to make them smaller."""
    updated = {step.resource for step in plan.steps if step.action == "update" and not _grows(plan, step.resource)}
    return frozenset(updated - {step.resource for step in plan.steps if step.action != "update"})


def _grows(plan: ResourcePlan, name: str) -> bool:
    before, after = plan.before[name], plan.after[name]
    return any(after[field] > before[field] for field in ("memory", "cpus"))


def _unwanted(specs: t.Sequence[ContainerSpec], current: Containers, purge: bool) -> t.List[str]:
    absent = {spec.name for spec in specs if not spec.present}
    listed = {spec.name for spec in specs}
    surplus = {name for name, it in current.items() if purge and it.owned and it.persistent and name not in listed}
    return sorted((absent | surplus) & set(current))


def _after(spec: ContainerSpec, container: t.Optional[Container]) -> t.Dict[str, t.Any]:
    # One that the engine restarts again and again is left to the engine.
    kept = container is not None and not _steps(spec, container)
    return {**spec.fields, "status": container.status if container and kept else "running"}


def _must_be_made(spec: ContainerSpec, container: t.Optional[Container]) -> bool:
    if container is None or container.status in _BROKEN:
        return True
    return bool(set(differences(spec.fields, container.fields)) - UPDATABLE)


def _steps(spec: ContainerSpec, container: t.Optional[Container]) -> t.List[Step]:
    if container is None:
        return [Step(spec.name, "create"), Step(spec.name, "start")]
    if _must_be_made(spec, container):
        why = _why(spec, container)
        return [*_removal(container, why), Step(spec.name, "create"), Step(spec.name, "start")]
    steps = []
    if differences(spec.fields, container.fields):
        steps.append(Step(spec.name, "update", _why(spec, container)))
    if container.status == "paused":
        steps.append(Step(spec.name, "unpause"))
    elif container.status not in _RUNS:
        steps.append(Step(spec.name, "start", _how_it_ended(container)))
    return steps


def _removal(container: Container, why: str = "") -> t.List[Step]:
    stops = container.status in (*_RUNS, "paused")
    return [*([Step(container.name, "stop", why)] if stops else []), Step(container.name, "remove", why)]


def _why(spec: ContainerSpec, container: Container) -> str:
    if container.status in _BROKEN:
        return f"it is {container.status}"
    wanted = spec.fields
    differing = differences(wanted, container.fields)
    # These two follow from others.
    hidden = {"spec", "memory_swap"} if "memory" in differing else {"spec"}
    fields = [field for field in differing if field not in hidden]
    shown = [f"{field}: {container.fields.get(field)} -> {wanted[field]}" for field in fields]
    return ", ".join(shown) or "its command is another"


def _how_it_ended(container: Container) -> str:
    if container.oom_killed:
        return f"it ended with {container.exit_code}, killed for going past its memory"
    return "" if container.status == "created" else f"it ended with {container.exit_code}"
