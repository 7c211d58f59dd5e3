# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Doing the steps of a plan: each container on its own, several at once, no failure hides another."""

from __future__ import annotations

import concurrent.futures
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_plan import differences
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

#: The engine does most of a start one after the other; more threads only queue there.
_AT_ONCE = 6

Failures = t.Dict[str, str]
T = t.TypeVar("T")


class Changer(t.Protocol):
    """What changes an engine. Containers are named; every method raises :class:`MacRunnersError`."""

    def pull(self, image: str) -> str:
        """Pull an image and return its ``os/architecture``."""

    def create(self, spec: ContainerSpec) -> None:
        """Create the container, labels and all in one step."""

    def fields(self, name: str) -> t.Mapping[str, t.Any]:
        """The fields that the container really has."""

    def update(self, spec: ContainerSpec) -> None:
        """Give the container the limits of ``spec``."""

    def start(self, name: str) -> None:
        """Start it."""

    def unpause(self, name: str) -> None:
        """Let it go on."""

    def stop(self, name: str) -> None:
        """Ask it to end, then end it."""

    def remove(self, name: str) -> None:
        """Remove it with its anonymous volumes."""


class StepError(MacRunnersError):
    """A step did not do what it had to."""


def remove_unwanted(changer: Changer, plan: ResourcePlan) -> Failures:
    """Do the steps of the containers that go; return what failed, by name."""
    gone = [name for name in _resources(plan, ("stop", "remove")) if name not in plan.after]
    return _each(gone, lambda name: _remove(changer, plan, name))


def pull_images(changer: Changer, plan: ResourcePlan, platform: str) -> Failures:
    """Pull what is missing; return what failed, by image. ``platform``: the engine's own."""

    def pull(image: str) -> None:
        require_platform(image, changer.pull(image), platform)

    return _each(_resources(plan, ("pull",)), pull)


def bring_up(changer: Changer, plan: ResourcePlan, specs: t.Iterable[ContainerSpec], no_image: Failures) -> Failures:
    """Do the steps of the containers that shall be; return what failed, by name.

    ``no_image``: images that are not to be had, with the reason.
    """
    work = {spec.name: spec for spec in specs if spec.present and steps_of(plan, spec.name)}

    def bring(name: str) -> None:
        spec = work[name]
        steps = steps_of(plan, name)
        if spec.image in no_image and any(step.action == "create" for step in steps):
            raise StepError(no_image[spec.image])
        for step in steps:
            _do(changer, spec, step.action)

    return _each(list(work), bring)


def require_platform(image: str, platform: str, engine: str) -> None:
    """Raise unless an image is for the engine: emulation is slow and breaks the runner."""
    if platform != engine:
        raise StepError(f"image {image} is for {platform}, this Docker Engine runs {engine}")


def steps_of(plan: ResourcePlan, name: str) -> t.List[Step]:
    """The steps of one resource, in order."""
    return [step for step in plan.steps if step.resource == name]


def _resources(plan: ResourcePlan, actions: t.Container[str]) -> t.List[str]:
    return list(dict.fromkeys(step.resource for step in plan.steps if step.action in actions))


def _each(names: t.Sequence[str], do: t.Callable[[str], None]) -> Failures:
    def guarded(name: str) -> str:
        try:
            do(name)
        except MacRunnersError as error:
            return str(error)
        return ""

    if not names:
        return {}
    with concurrent.futures.ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        said = dict(zip(names, pool.map(guarded, names)))
    return {name: message for name, message in said.items() if message}


def _remove(changer: Changer, plan: ResourcePlan, name: str) -> None:
    for step in steps_of(plan, name):
        if step.action == "stop":
            changer.stop(name)
        else:
            changer.remove(name)


def _do(changer: Changer, spec: ContainerSpec, action: str) -> None:
    if action == "create":
        _create(changer, spec)
    elif action == "update":
        changer.update(spec)
        _verify(changer, spec)
    else:
        plain = {"start": changer.start, "unpause": changer.unpause, "stop": changer.stop, "remove": changer.remove}
        plain[action](spec.name)


def _create(changer: Changer, spec: ContainerSpec) -> None:
    changer.create(spec)
    try:
        _verify(changer, spec)
    except MacRunnersError:
        # It has never run, and must not run without what it lacks.
        changer.remove(spec.name)
        raise


def _verify(changer: Changer, spec: ContainerSpec) -> None:
    """An engine drops a limit that its kernel lacks, with no more than a warning."""
    actual = changer.fields(spec.name)
    dropped = differences(spec.fields, actual)
    if dropped:
        shown = ", ".join(f"{field}: wanted {spec.fields[field]}, got {actual.get(field)}" for field in dropped)
        raise StepError(f"the Docker Engine did not keep {shown}")
