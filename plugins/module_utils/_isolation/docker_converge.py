# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The containers of a Mac from what is to what shall be: look, then under the lock look again, check the room, change."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_find import HOW_TO_START, NoEngineError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_plan import (
    Containers,
    missing_images,
    needs_room,
    plan_containers,
    refuse_foreign,
    shrinking,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import ContainerSpec
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_state import (
    Container,
    read_architectures,
    read_containers,
    read_platform,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineDownError, EngineSocket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

Result = t.Dict[str, t.Any]

if t.TYPE_CHECKING:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_apply import Changer, Failures
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_room import Facts


class View(t.NamedTuple):
    """What is, and what has to be done. ``platform``: the engine's, when a container has to be made."""

    current: Containers
    plan: ResourcePlan
    platform: str = ""


class Goal(t.NamedTuple):
    """What shall be: the listed containers and, with ``purge``, no other persistent ones of ours; ``images`` that shall be there too."""

    specs: t.Tuple[ContainerSpec, ...]
    purge: bool = False
    images: t.Tuple[str, ...] = ()

    @property
    def names(self) -> t.FrozenSet[str]:
        """The names of the listed containers."""
        return frozenset(spec.name for spec in self.specs)

    @property
    def makes_something(self) -> bool:
        """Whether a container shall be; without one, no engine is needed."""
        return bool(self.images) or any(spec.present for spec in self.specs)


def look(socket_path: str, goal: Goal) -> View:
    """Read the engine over one connection and plan; changes nothing.

    Raises :class:`.docker_find.NoEngineError` when none answers.
    """
    try:
        return _look(socket_path, goal)
    except EngineDownError as error:
        raise NoEngineError(f"{error}: {HOW_TO_START}") from error


def _look(socket_path: str, goal: Goal) -> View:
    with EngineSocket(socket_path) as engine:
        current = read_containers(engine, goal.names)
        refuse_foreign(goal.specs, current)
        images = list(dict.fromkeys([*missing_images(goal.specs, current), *goal.images]))
        if not images:
            return View(current, plan_containers(goal.specs, current, purge=goal.purge))
        platform = read_platform(engine)
        present = read_architectures(engine, images)
    # Imported here: a run that changes nothing does without it.
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_apply import require_platform

    for image, its_platform in present.items():
        require_platform(image, its_platform, platform)
    pulls = [image for image in images if image not in present]
    return View(current, plan_containers(goal.specs, current, pulls, goal.purge), platform)


def check_room(
    view: View, goal: Goal, facts: t.Callable[[], Facts], rules: t.Sequence[t.Any], staying: t.Container[str] = (), check: bool = False
) -> None:
    """Raise :class:`._room.NoRoomError` when the Mac has no room for the plan.

    ``rules``: the arguments of :class:`.docker_room.Rules`. ``staying``: containers that could not be removed or made smaller.
    ``check``: judge as it will be after the tasks of other isolations, which only looked as well.
    """
    if not needs_room(view.plan):
        return
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_room import Rules, require_room_for
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.foretelling import foretold

    asked = Rules(*rules)
    going = {name for name in view.current if name not in view.plan.after and name not in staying and _changes(view, name)}
    # One that stays takes what it has, not what was wanted of it.
    specs = [spec for spec in goal.specs if spec.name not in staying]
    seen = foretold(facts(), "docker", asked.pools, asked.capacity) if check else facts()
    require_room_for(specs, seen, asked, frozenset(view.current), going)


def ids_of(view: View) -> t.Dict[str, str]:
    """The ids of the containers by name."""
    return {name: container.id for name, container in view.current.items()}


def apply(view: View, goal: Goal, changer: Changer, recheck: t.Callable[[t.Container[str]], None]) -> Failures:
    """Do all steps, first those that make room; return what failed by container.

    ``recheck`` is asked for room again when a container that had to go is still there, or as large as before.
    """
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_apply import (
        bring_up,
        pull_images,
        remove_unwanted,
    )

    first = shrinking(view.plan)
    failures = remove_unwanted(changer, view.plan)
    failures.update(bring_up(changer, view.plan, [spec for spec in goal.specs if spec.name in first], {}))
    if failures:
        try:
            recheck(failures)
        except MacRunnersError as error:
            return {**{name: str(error) for name in view.plan.after if _changes(view, name) and name not in first}, **failures}
    no_image = pull_images(changer, view.plan, view.platform)
    failures.update({image: why for image, why in no_image.items() if image in goal.images})
    return {**failures, **bring_up(changer, view.plan, [spec for spec in goal.specs if spec.name not in first], no_image)}


def troubles(containers: Containers) -> t.List[str]:
    """What an operator should know about containers although it is no error."""
    said = []
    for name, container in sorted(containers.items()):
        if container.oom_killed:
            said.append(f"{name}: a process of it was killed for going past its memory")
        if container.status == "restarting":
            said.append(f"{name}: ended with {container.exit_code} and is started again, {container.restarts} times so far")
    return said


def result(view: View) -> Result:
    """The result when nothing had to be done."""
    return _result(view, _entries(view.current))


def waits(view: View, hold: bool) -> bool:
    """Whether nothing may be done before the runners of containers that the plan stops were taken off GitHub."""
    return hold and bool(_held(view.plan))


def unchanged(view: View) -> Result:
    """The result when the plan was left for later."""
    return {**result(view), "changed": False, "steps": [], "diff": {"before": {}, "after": {}}}


def _held(plan: ResourcePlan) -> t.List[str]:
    """The slots whose running containers the plan stops."""
    return sorted({slot_of(step.resource) for step in plan.steps if step.action == "stop"})


def predicted(view: View) -> Result:
    """The result as it would be after the plan."""
    kept = {name: it.fields for name, it in view.current.items() if it.owned and not _changes(view, name)}
    fields = sorted({**kept, **view.plan.after}.items())
    return _result(view, [_entry(name, shown, view.current.get(name)) for name, shown in fields])


def outcome(view: View, after: Containers, failures: Failures) -> Result:
    """The result of a plan that was done; with C(failed) when a container failed."""
    failures = {**_failed_starts(view, after), **failures}
    done = _result(view, _entries(after))
    if not failures:
        return done
    said = "; ".join(f"{name}: {message}" for name, message in sorted(failures.items()))
    return {**done, "failed": True, "msg": said, "failures": failures, "changed": after != view.current}


def _result(view: View, containers: t.List[Result]) -> Result:
    return {
        "changed": view.plan.changed,
        "diff": view.plan.diff,
        "steps": view.plan.summary(),
        "held": _held(view.plan),
        "containers": containers,
    }


def _entries(containers: Containers) -> t.List[Result]:
    return [_entry(name, it.fields, it) for name, it in sorted(containers.items()) if it.owned]


def _failed_starts(view: View, after: Containers) -> Failures:
    failed = {}
    for name in view.plan.after:
        container = after.get(name)
        if container is not None and _changes(view, name) and container.status in ("exited", "dead", "restarting"):
            reason = ", killed for going past its memory" if container.oom_killed else ""
            failed[name] = f"ended with {container.exit_code} right after its start{reason}"
    return failed


def _entry(name: str, fields: t.Mapping[str, t.Any], container: t.Optional[Container]) -> Result:
    shown = {field: fields[field] for field in ("status", "image", "memory", "cpus", "pids_limit")}
    ran = container is not None and container.status == fields["status"]
    return {
        "name": name,
        **shown,
        "oom_killed": container.oom_killed if container and ran else False,
        "exit_code": container.exit_code if container and ran else 0,
        "restarts": container.restarts if container and ran else 0,
    }


def _changes(view: View, name: str) -> bool:
    return any(step.resource == name for step in view.plan.steps)
