# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Releases of tools that lie side by side in ROOT/NAME/VERSION, and the link ROOT/NAME/current to one of them.

A release comes into its place whole, by one rename, and with it the SHA-256 of the archive that it was made from.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

CURRENT = "current"
STAMP = ".sha256"
#: What a run works in; it stays only when the run is killed.
STAGING = ".new-"
#: All that can be in the directory of a tool, as patterns of `directories`.
CONTENTS = ("[0-9]*/", CURRENT, STAGING + "*/")


class ReleaseError(MacRunnersError):
    """A tool cannot become what it shall be."""


class Tool(t.NamedTuple):
    """A wanted tool; ``program`` is the path in the release of what is run. One of ``url`` and ``archive`` is empty.

    ``arch``: the processor for which the program must have been made, empty when that is not looked at.
    ``field``: the one that says where the archive is.
    """

    name: str
    present: bool = True
    version: str = ""
    sha256: str = ""
    program: str = ""
    url: str = ""
    archive: str = ""
    arch: str = ""
    field: str = "archive"

    @property
    def where(self) -> str:
        """How every complaint about the archive begins."""
        return f"tool {self.name}, field {self.field}"


class Seen(t.NamedTuple):
    """What is there of one tool.

    ``made_from``: the SHA-256 of the archive of the wanted release, empty unless that release is there and whole.
    ``directory`` is None when nothing is there.
    """

    directory: t.Optional[directories.Seen] = None
    releases: t.Tuple[str, ...] = ()
    current: str = ""
    made_from: str = ""
    leftovers: t.Tuple[str, ...] = ()


Store = t.Mapping[str, Seen]


class _Rule(t.NamedTuple):
    pattern: str
    allowed: str

    def broken_by(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is None


_PART = r"(?!\.\.?(?:/|\Z))[^/\0]+"
_RULES = {
    "name": _Rule(r"[a-z][a-z0-9-]{0,30}", "a lower-case letter, then up to 30 of a-z, 0-9 and -"),
    "version": _Rule(r"[0-9][A-Za-z0-9.+_-]{0,63}", "a digit, then up to 63 of letters, digits and .+_-"),
    "sha256": _Rule(r"[0-9a-f]{64}", "the 64 hexadecimal digits of the archive's SHA-256"),
    "program": _Rule(rf"{_PART}(?:/{_PART})*", "a path in the unpacked release, without . and .."),
    "url": _Rule(r"(?:https?://[^\s@/]+/\S*)?", "an http or https URL without user name and password"),
    "archive": _Rule(r"(?:/[^\0]+)?", "an absolute path on the Mac"),
}
#: May hold a password in the wrong place.
_NOT_SHOWN = "url"


def parse_tools(entries: t.Sequence[t.Mapping[str, t.Any]], root: str) -> t.List[Tool]:
    """Read the module's list and where tools are; every mistake is reported at once."""
    mistakes = [] if directories.is_plain(root) else [f"field root: got {show(root)}; allowed: {directories.PLAIN}"]
    tools: t.List[Tool] = []
    for entry in entries:
        values = {field: str(entry.get(field) or "") for field in _RULES}
        values["sha256"] = values["sha256"].lower()
        present = entry["state"] == "present"
        mistakes += _mistakes(values, present)
        if values["name"] in (tool.name for tool in tools):
            mistakes.append(f"tool {values['name']}, field name: got it twice; allowed: one entry a tool")
        tools.append(Tool(present=present, field="url" if values["url"] else "archive", **values))
    if mistakes:
        raise ReleaseError("; ".join(mistakes))
    return tools


def _mistakes(values: t.Mapping[str, str], present: bool) -> t.Iterator[str]:
    where = f"tool {values['name']}"
    for field, rule in _RULES.items():
        if (present or field == "name") and rule.broken_by(values[field]):
            given = "another text" if field == _NOT_SHOWN else show(values[field] or None)
            yield f"{where}, field {field}: got {given}; allowed: {rule.allowed}"
    if present and bool(values["url"]) == bool(values["archive"]):
        given = "both" if values["url"] else "none"
        yield f"{where}, fields url and archive: got {given}; allowed: one of them"


def read_tools(root: str, tools: t.Sequence[Tool]) -> Store:
    """What is there of each tool; starts nothing. Raises for what is not as it must be, a link in the place of a directory too."""
    return {tool.name: _read(os.path.join(root, tool.name), tool) for tool in tools}


def _read(base: str, tool: Tool) -> Seen:
    found = directories.read_directories([directories.Directory(base, 0o755, tool.present)]).get(base)
    if found is None:
        return Seen()
    leftovers = tuple(name for name in found.entries if name.startswith(STAGING))
    releases = tuple(name[:-1] for name in found.entries if name.endswith("/") and name not in leftovers)
    return Seen(found, releases, _link_target(os.path.join(base, CURRENT)), _made_from(base, tool) if tool.present else "", leftovers)


def _link_target(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
    except OSError:
        raise ReleaseError(f"{path} is no link; it is not touched") from None


def _made_from(base: str, tool: Tool) -> str:
    release = os.path.join(base, tool.version)
    if os.path.islink(release):
        raise ReleaseError(f"{release} is a link, which is not followed")
    if not is_program(os.path.join(release, tool.program)):
        return ""
    try:
        return read_regular(os.path.join(release, STAMP)).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def is_program(path: str) -> bool:
    """Whether there is a file that can be run."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def plan_tools(root: str, tools: t.Sequence[Tool], store: Store) -> ResourcePlan:
    """What has to be done. Raises when a release is there that was made from another archive, or when a removal would take more than ours."""
    return ResourcePlan(
        before={name: _described(seen) for name, seen in store.items() if seen.directory},
        after={tool.name: _wanted(tool, store[tool.name]) for tool in tools if tool.present},
        steps=tuple(step for tool in tools for step in (_steps(tool, store[tool.name]) if tool.present else _removal(root, tool, store[tool.name]))),
    )


def described(root: str, tools: t.Sequence[Tool]) -> t.Dict[str, t.Dict[str, t.Any]]:
    """What is there now, by tool."""
    return {name: _described(seen) for name, seen in read_tools(root, tools).items() if seen.directory}


def _described(seen: Seen) -> t.Dict[str, t.Any]:
    shown = {"current": seen.current, "releases": sorted(seen.releases)}
    return {**shown, "leftovers": list(seen.leftovers)} if seen.leftovers else shown


def _wanted(tool: Tool, seen: Seen) -> t.Dict[str, t.Any]:
    return {"current": tool.version, "releases": sorted({*seen.releases, tool.version})}


def _steps(tool: Tool, seen: Seen) -> t.Iterator[Step]:
    if seen.made_from and seen.made_from != tool.sha256:
        raise ReleaseError(
            f"tool {tool.name}, field sha256: got {tool.sha256}, but release {tool.version} on this Mac was made from an archive with "
            f"{seen.made_from}; allowed: that one, or another version"
        )
    if seen.leftovers:
        yield Step(tool.name, "clear", ", ".join(seen.leftovers))
    if not seen.made_from:
        yield Step(tool.name, "replace" if tool.version in seen.releases else "install", tool.version)
    if seen.current != tool.version:
        yield Step(tool.name, "switch", f"{seen.current or 'nothing'} -> {tool.version}")


def _removal(root: str, tool: Tool, seen: Seen) -> t.Iterator[Step]:
    if seen.directory is not None:
        base = directories.Directory(os.path.join(root, tool.name), 0o755, False, CONTENTS)
        for step in directories.plan_directories([base], {base.path: seen.directory}).steps:
            yield step._replace(resource=tool.name)


def converge(run: Run, download: t.Callable[[str], t.BinaryIO], tools: t.Sequence[Tool], root: str, state_dir: str, check: bool) -> ResourcePlan:
    """Bring the tools to what is asked for; what was done, or in check mode would be."""
    return carry_out(run, download, tools, root, state_dir, check, lambda: plan_tools(root, tools, read_tools(root, tools)))


def carry_out(
    run: Run,
    download: t.Callable[[str], t.BinaryIO],
    tools: t.Sequence[Tool],
    root: str,
    state_dir: str,
    check: bool,
    planned: t.Callable[[], ResourcePlan],
) -> ResourcePlan:
    """Do what is ``planned`` of the tools, by what is there under the lock; what was done, or in check mode would be.

    Archives are fetched before the lock is taken, so that nobody waits for the network.
    """
    plan = planned()
    if check or not plan.changed:
        return plan
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import mac_lock
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.unpacking import apply_plan, fetched

    what = "mac_tools of " + ", ".join(tool.name for tool in tools)
    with fetched(download, _lacking(plan, tools)) as archives, mac_lock(what, state_dir):
        plan = planned()
        apply_plan(run, root, tools, plan, archives)
    return plan


def _lacking(plan: ResourcePlan, tools: t.Sequence[Tool]) -> t.List[Tool]:
    names = {step.resource for step in plan.steps if step.action in ("install", "replace")}
    return [tool for tool in tools if tool.name in names]
