# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""GitHub's runner package on a Mac: a release like any tool's, but one from which jobs run, and which GitHub takes for some time only.

The link is not switched and no release is removed under a process that runs from it. Releases that nobody needs go.
"""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import read_processes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.releases import (
    CURRENT,
    ReleaseError,
    Seen,
    Store,
    Tool,
    carry_out,
    parse_tools,
    plan_tools,
    read_tools,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.sysctl import native_arch, read_sysctl
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step
from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import (
    ALLOWED,
    REFUSED,
    SOON_DAYS,
    VERSION,
    Verdict,
    first_end,
    parse_time,
    parse_version,
    verdict_of,
)

NAME = "actions-runner"
PROGRAM = "bin/Runner.Listener"
#: Where GitHub publishes the packages; a mirror has the same folders and files below another address.
GITHUB = "https://github.com/actions/runner/releases/download"
#: Processor -> the word for it in the names of GitHub's archives.
_WORDS = {"arm64": "arm64", "x86_64": "x64"}
_MISSING = (
    "write both, as version: 2.337.0 and sha256: the 64 hexadecimal digits of its archive's SHA-256; "
    "github_runners_info with downloads: true tells the two that your target should run"
)


@dataclasses.dataclass(frozen=True)
class Package:
    """What is wanted: the release, releases that stay whatever happens, and how many others stay to go back to."""

    tool: Tool
    root: str
    keep: t.FrozenSet[str] = frozenset()
    retain: int = 1

    @property
    def base(self) -> str:
        """The directory of all releases."""
        return os.path.join(self.root, NAME)


@dataclasses.dataclass(frozen=True)
class Uses:
    """Who needs which release: processes (their ids), and slots (their names), by release; by CURRENT those that take the current one."""

    running: t.Mapping[str, t.Tuple[int, ...]] = dataclasses.field(default_factory=dict)
    named: t.Mapping[str, t.Tuple[str, ...]] = dataclasses.field(default_factory=dict)


class Outcome(t.NamedTuple):
    """What was done; ``waiting`` says why the link was not switched, empty when it was or need not be."""

    plan: ResourcePlan
    waiting: str
    running: t.Mapping[str, t.Tuple[int, ...]]


def read_arch(run: Run) -> str:
    """The Mac's own processor."""
    arch = native_arch(read_sysctl(run))
    if arch is None:
        raise ReleaseError("runner package: sysctl does not tell the processor of this Mac")
    return arch


def parse_package(options: t.Mapping[str, t.Any], arch: str) -> Package:
    """Read the module's options; raises :class:`ReleaseError`."""
    root, present = str(options["root"]), options["state"] == "present"
    source = {"url": options.get("url"), "archive": options.get("archive")}
    own = any(source.values())
    version = str(options.get("version") or "")
    if present:
        _require_pins(version, str(options.get("sha256") or ""))
        if not own:
            source["url"] = _published(str(options.get("mirror") or GITHUB), version, arch)
    entry = {"name": NAME, "state": options["state"], "version": version, "sha256": options.get("sha256"), "program": PROGRAM, **source}
    (tool,) = parse_tools([entry], root)
    wrong = [given for given in options["keep"] if not VERSION.match(str(given))]
    if wrong:
        raise ReleaseError(f"runner package, field keep: got {', '.join(map(show, wrong))}; allowed: {ALLOWED}")
    if options["retain"] < 0:
        raise ReleaseError(f"runner package, field retain: got {options['retain']}; allowed: 0 or more")
    return Package(tool._replace(arch=arch, field=tool.field if own else "mirror"), root, frozenset(map(str, options["keep"])), options["retain"])


def _require_pins(version: str, sha256: str) -> None:
    missing = [name for name, value in (("version", version), ("sha256", sha256)) if not value]
    if missing:
        raise ReleaseError(f"runner package: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given; {_MISSING}")
    if not VERSION.match(version):
        raise ReleaseError(f"runner package, field version: got {show(version)}; allowed: {ALLOWED}")


def _published(mirror: str, version: str, arch: str) -> str:
    return f"{mirror.rstrip('/')}/v{version}/actions-runner-osx-{_WORDS[arch]}-{version}.tar.gz"


def judge_age(version: str, registration: t.Optional[str], runtime: t.Optional[str], now: float) -> t.Tuple[Verdict, str]:
    """The verdict by the dates that GitHub told, and a warning when it ends within 30 days; raises when GitHub refuses the version."""
    times = [_read_time(f"{name}_deprecates_at", text) for name, text in (("registration", registration), ("runtime", runtime))]
    verdict = verdict_of(version, times[0], times[1], now)
    if verdict.verdict == REFUSED:
        raise ReleaseError(f"runner package, field version: got {show(version)}; nothing was changed, since {verdict.message}")
    end = first_end(times[0], times[1])
    if end is None or not end.soon(now):
        return verdict, ""
    return verdict, f"the runner {version} {end.effect} from {end.date} on, within {SOON_DAYS} days; pin a newer version before"


def _read_time(field: str, text: t.Optional[str]) -> t.Optional[float]:
    try:
        return parse_time(text or None)
    except ValueError:
        raise ReleaseError(f"runner package, field {field}: got {show(text)}; allowed: a time with its zone such as 2026-12-20T00:00:00Z") from None


def converge(run: Run, download: t.Callable[[str], t.BinaryIO], package: Package, state_dir: str, check: bool) -> Outcome:
    """Bring the package to what is asked for; what was done, or in check mode would be."""
    outcomes: t.List[Outcome] = []

    def planned() -> ResourcePlan:
        store = read_tools(package.root, [package.tool])
        uses = read_uses(run, package, store[NAME], state_dir) if _needs_uses(package, store[NAME]) else Uses()
        if check and not package.tool.present:
            # A play removes slots before their runner; in check mode they are still there.
            uses = dataclasses.replace(uses, named={})
        outcomes.append(plan_package(package, store, uses))
        return outcomes[-1].plan

    carry_out(run, download, [package.tool], package.root, state_dir, check, planned)
    return outcomes[-1]


def _needs_uses(package: Package, seen: Seen) -> bool:
    """Whether anything there may be touched; else nobody has to be asked."""
    return seen.releases != (package.tool.version,) or not seen.made_from


def read_uses(run: Run, package: Package, seen: Seen, state_dir: str) -> Uses:
    """Who needs which release. Raises when the processes cannot be read: then nobody knows who runs."""
    unread: t.List[str] = []
    processes = read_processes(run, unread)
    if unread:
        raise ReleaseError(f"runner package: nothing was changed, since it cannot be seen who runs from it: {'; '.join(unread)}")
    # Of a script the interpreter is the executable, so that the whole command is looked at.
    running = [(version, process.pid) for process in processes for version in _versions_in(process.command, package, seen)]
    named = [(name, slot) for slot, text in _settings(os.path.join(state_dir, "slots")) for name in _names_in(text, package)]
    return Uses(_grouped(running), _grouped(named))


def _versions_in(text: str, package: Package, seen: Seen) -> t.Set[str]:
    return {seen.current if name == CURRENT else name for name in _names_in(text, package)}


def _names_in(text: str, package: Package) -> t.Set[str]:
    """Releases that a text names, and the word for the current one, which is another one after a switch."""
    return set(re.findall(re.escape(package.base) + r"/([^/\s\"]+)", text))


def _settings(directory: str) -> t.Iterator[t.Tuple[str, str]]:
    """Each slot and the text of its settings; raises OSError for settings that cannot be read."""
    try:
        slots = sorted(os.listdir(directory))
    except FileNotFoundError:
        return
    for slot in slots:
        try:
            yield slot, read_regular(os.path.join(directory, slot, "settings.json")).decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            continue


_One = t.TypeVar("_One")


def _grouped(pairs: t.Iterable[t.Tuple[str, _One]]) -> t.Dict[str, t.Tuple[_One, ...]]:
    groups: t.Dict[str, t.List[_One]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def plan_package(package: Package, store: Store, uses: Uses) -> Outcome:
    """What has to be done, and what has to wait; raises when a release would be taken from somebody who needs it."""
    seen, tool = store[NAME], package.tool
    plan = plan_tools(package.root, [tool], store)
    if not tool.present:
        _refuse_removal(seen, uses)
        return Outcome(plan, "", uses.running)
    if tool.version in uses.running and any(step.action == "replace" for step in plan.steps):
        raise ReleaseError(
            f"runner package: release {tool.version} is damaged and cannot be mended under processes that run from it: "
            f"{_pids(uses, tool.version)}; drain their slots and run this again"
        )
    waiting = _waiting(tool, seen, uses)
    steps = [step for step in plan.steps if not (waiting and step.action == "switch")]
    current = seen.current if waiting else tool.version
    pruned = _surplus(package, seen, {current, *uses.running, *uses.named})
    steps += [Step(NAME, "prune", version) for version in pruned]
    after = {"current": current, "releases": sorted({*seen.releases, tool.version} - set(pruned))}
    return Outcome(ResourcePlan(plan.before, {NAME: after}, tuple(steps)), waiting, uses.running)


def _waiting(tool: Tool, seen: Seen, uses: Uses) -> str:
    if seen.current == tool.version or seen.current not in uses.running:
        return ""
    return (
        f"release {seen.current} stays the current one, since processes run from it: {_pids(uses, seen.current)}; "
        f"drain their slots and run this again to switch to {tool.version}"
    )


def _surplus(package: Package, seen: Seen, needed: t.AbstractSet[str]) -> t.List[str]:
    """Releases that nobody needs, the oldest first; the newest of them stay."""
    spared = {package.tool.version, *package.keep, *needed}
    others = [version for version in seen.releases if version not in spared and VERSION.match(version)]
    others.sort(key=parse_version)
    return others[: max(0, len(others) - package.retain)]


def _refuse_removal(seen: Seen, uses: Uses) -> None:
    users = [f"release {version} by processes {_pids(uses, version)}" for version in seen.releases if version in uses.running]
    for version in seen.releases:
        slots = sorted({*uses.named.get(version, ()), *(uses.named.get(CURRENT, ()) if version == seen.current else ())})
        users += [f"release {version} by slots {', '.join(slots)}"] if slots else []
    if users:
        raise ReleaseError(f"runner package: nothing was removed, since it is used: {'; '.join(users)}; drain the slots and take them away first")


def _pids(uses: Uses, version: str) -> str:
    return ", ".join(map(str, uses.running[version]))
