# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From what is installed for slots to what shall be: pure, and it says every change."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import (
    BY_OPERATOR,
    CURRENT,
    FOR_REMOVAL,
    PROGRAM,
    SECRETS,
    Installed,
    InstallError,
    Layout,
    Slot,
    label_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.journal import LOG_VARIABLE

_BUILDING = ("install", "switch", "write", "settings", "load")
#: Seconds that launchd gives a program to end.
EXIT_SECONDS = 30
PROGRAM_NAME, CREDENTIALS, NEWSYSLOG = "program", "credentials", "newsyslog"


class Goal(t.NamedTuple):
    """What shall be. ``slots``: name to the content of its settings, None to leave them as they are; ``secrets`` likewise.

    ``drain``: whether marks are laid (True), taken back (False) or left (None), on the slots of ``only`` or, without any, on all.
    ``absent``: slots that have to go whatever ``slots`` says. ``force``: what has to go goes at once, whatever job it runs.
    ``version``: of the program, empty to leave it.
    """

    slots: t.Optional[t.Mapping[str, bytes]] = None
    purge: bool = False
    absent: t.Tuple[str, ...] = ()
    drain: t.Optional[bool] = None
    only: t.Tuple[str, ...] = ()
    force: bool = False
    secrets: t.Optional[t.Mapping[str, bytes]] = None
    version: str = ""
    python: str = ""

    @property
    def empties(self) -> bool:
        """Whether nothing shall be left."""
        return self.purge and self.slots is not None and not self.slots


def needs_lease(step: Step, goal: Goal) -> bool:
    """Whether it builds something. A slot that is only loaded again, to drain or to go, asks for admission itself before it starts anything."""
    again = step.action == "load" and step.resource not in (goal.slots or {})
    return step.action in _BUILDING and not again


def job_of(slot: str, layout: Layout, python: str) -> t.Dict[str, t.Any]:
    """The daemon of a slot. What it started outlives it, so that its next run finds a job that goes on."""
    return {
        "Label": label_of(slot),
        "ProgramArguments": [python, "-I", f"{layout.root}/{CURRENT}/{PROGRAM}", "run", layout.folder(slot)],
        "EnvironmentVariables": {"LANG": "C", "LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", LOG_VARIABLE: layout.log(slot)},
        "WorkingDirectory": "/",
        "RunAtLoad": True,
        "KeepAlive": True,
        "AbandonProcessGroup": True,
        # So long a program may need to come to a point at which it can end; one that waits for a task of its own is killed then.
        "ExitTimeOut": EXIT_SECONDS,
        "ProcessType": "Interactive",
        "Umask": 0o077,
        "StandardOutPath": layout.log(slot),
        "StandardErrorPath": layout.log(slot),
    }


def newsyslog_of(layout: Layout) -> bytes:
    """How macOS rotates the slots' logs: five of 10 MB each, and no signal, since it would end a slot."""
    return f"# logfilename [owner:group] mode count size when flags\n{layout.log_dir}/slot.*.log root:wheel 640 5 10240 * GN\n".encode()


def going(goal: Goal, installed: Installed) -> t.List[str]:
    """The slots that have to go."""
    wanted = goal.slots if goal.purge and goal.slots is not None else installed.slots
    return [name for name in installed.slots if name in goal.absent or name not in wanted]


def plan_install(goal: Goal, installed: Installed, layout: Layout) -> ResourcePlan:
    """Every step, in the order in which it is done. Raises :class:`InstallError` when a slot is named that is not there."""
    unknown = sorted(set(goal.only) - set(installed.slots))
    if unknown:
        raise InstallError(f"field only: got {', '.join(unknown)}; allowed: slots of this Mac: {', '.join(sorted(installed.slots)) or 'there are none'}")
    steps = [*_marks(goal, installed), *_program(goal, installed), *_writing(goal, installed, layout), *_slots(goal, installed, layout)]
    steps += [Step(name, "remove", installed.slots[name].doing) for name in going(goal, installed)]
    steps += [*_cleaning(goal, installed), *_pruning(goal, installed)]
    return ResourcePlan(_before(installed), _after(goal, installed, layout), tuple(steps))


def _marks(goal: Goal, installed: Installed) -> t.Iterator[Step]:
    removed = set(going(goal, installed))
    for name, slot in installed.slots.items():
        chosen = not goal.only or name in goal.only
        if name in removed:
            if not slot.mark:
                yield Step(name, "drain", "it has to go")
        elif goal.drain is True and chosen and slot.mark != BY_OPERATOR:
            yield Step(name, "drain", "by the operator")
        elif slot.mark and ((goal.drain is False and chosen) or (goal.slots is not None and name in goal.slots and slot.mark == FOR_REMOVAL)):
            yield Step(name, "undrain", "")


def _program(goal: Goal, installed: Installed) -> t.Iterator[Step]:
    if goal.version and not goal.empties:
        if goal.version not in installed.versions:
            yield Step(PROGRAM_NAME, "install", goal.version)
        if installed.current != goal.version:
            yield Step(PROGRAM_NAME, "switch", f"{installed.current or 'nothing'} -> {goal.version}")


def _writing(goal: Goal, installed: Installed, layout: Layout) -> t.Iterator[Step]:
    if not goal.slots:
        return
    for name, content in (goal.secrets or {}).items():
        if installed.secrets.get(name) != content:
            yield Step(CREDENTIALS, "write", name)
    if installed.newsyslog != newsyslog_of(layout):
        yield Step(NEWSYSLOG, "write", layout.newsyslog)


def _slots(goal: Goal, installed: Installed, layout: Layout) -> t.Iterator[Step]:
    for name, content in sorted((goal.slots or {}).items()):
        slot = installed.slots.get(name, Slot(name))
        if slot.settings != content:
            yield Step(name, "settings", _differing(slot.settings, content))
        if slot.job != job_of(name, layout, goal.python):
            yield Step(name, "load", "its daemon is new" if slot.job is None else "its daemon changes")
        elif slot.daemon is None:
            yield Step(name, "load", "its daemon was not loaded")
    # What shall drain or go cannot do so by itself when nothing runs it.
    for name, slot in installed.slots.items():
        if name not in (goal.slots or {}) and slot.job and slot.daemon is None and not slot.idle and not (goal.force and name in going(goal, installed)):
            yield Step(name, "load", "its daemon was not loaded")


def _differing(before: t.Optional[bytes], after: bytes) -> str:
    old, new = shown_settings(before), shown_settings(after)
    if not old:
        return "new"
    return ", ".join(sorted(key for key in {*old, *new} if old.get(key) != new.get(key))) or "written anew"


def shown_settings(content: t.Optional[bytes]) -> t.Dict[str, t.Any]:
    """Settings for people: they name the files of credentials, and a proxy's password is left out."""
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {"state": "damaged"}
    if not isinstance(found, dict):
        return {"state": "damaged"}
    github = found.get("github")
    if isinstance(github, dict) and github.get("proxy"):
        found["github"] = {**github, "proxy": _without_user(str(github["proxy"]))}
    return found


def _without_user(proxy: str) -> str:
    """An address without the name and the password in it."""
    scheme, mark, rest = proxy.rpartition("://")
    return scheme + mark + rest.rpartition("@")[2]


def _cleaning(goal: Goal, installed: Installed) -> t.Iterator[Step]:
    """Credentials that no slot uses any more, and with the last slot everything."""
    if goal.slots is not None and goal.secrets is not None:
        for name in SECRETS:
            # A list without slots says nothing of what those use that stay.
            if name in installed.secrets and (goal.empties or (goal.slots and name not in goal.secrets)):
                yield Step(CREDENTIALS, "remove", name)
    if goal.empties:
        if installed.newsyslog is not None:
            yield Step(NEWSYSLOG, "remove", "")
        if installed.current or installed.versions or installed.broken or installed.folders:
            yield Step(PROGRAM_NAME, "remove", installed.current or "its folders")


def _pruning(goal: Goal, installed: Installed) -> t.Iterator[Step]:
    if not goal.version or goal.empties:
        return
    used = {str(slot.status.get("program") or "") for slot in installed.slots.values()}
    kept = {goal.version, earlier(goal, installed), *used}
    for name in (*installed.versions, *installed.broken):
        if name not in kept:
            yield Step(PROGRAM_NAME, "prune", name)


def earlier(goal: Goal, installed: Installed) -> str:
    """The version that is kept to go back to: the one before, empty when there is none."""
    if installed.current != goal.version and installed.current in installed.versions:
        return installed.current
    return next((name for name in installed.versions if name != goal.version), "")


def fallback(goal: Goal, installed: Installed) -> str:
    """What to go back to when the program does not come up, empty when nothing: what was current, or what slots ran when an earlier run was killed."""
    if installed.current != goal.version:
        return installed.current if installed.current in installed.versions else ""
    ran = {str(slot.status.get("program") or "") for slot in installed.slots.values()}
    return "" if goal.version in ran else next((name for name in installed.versions if name in ran), "")


def _before(installed: Installed) -> t.Dict[str, t.Dict[str, t.Any]]:
    described: t.Dict[str, t.Dict[str, t.Any]] = {name: _described(slot, slot.settings, slot.mark) for name, slot in installed.slots.items()}
    if installed.current or installed.versions:
        described[PROGRAM_NAME] = {"current": installed.current, "versions": sorted(installed.versions)}
    if installed.secrets:
        described[CREDENTIALS] = {"files": sorted(installed.secrets)}
    if installed.newsyslog is not None:
        described[NEWSYSLOG] = {"content": installed.newsyslog.decode(errors="replace")}
    return described


def _described(slot: Slot, settings: t.Optional[bytes], mark: str) -> t.Dict[str, t.Any]:
    return {"settings": shown_settings(settings), "drained": bool(mark), "python": (slot.job or {}).get("ProgramArguments", [""])[0]}


def _after(goal: Goal, installed: Installed, layout: Layout) -> t.Dict[str, t.Dict[str, t.Any]]:
    steps = [*_marks(goal, installed)]
    marked = {step.resource: step.action == "drain" for step in steps}
    removed = set(going(goal, installed))
    described: t.Dict[str, t.Dict[str, t.Any]] = {}
    for name in {*installed.slots, *(goal.slots or {})} - removed:
        slot = installed.slots.get(name, Slot(name))
        wanted = (goal.slots or {}).get(name, slot.settings)
        described[name] = _described(slot, wanted, "mark" if marked.get(name, bool(slot.mark)) else "")
        if goal.slots and name in goal.slots:
            described[name]["python"] = goal.python
    if goal.empties:
        return described
    if goal.version:
        pruned = {step.detail for step in _pruning(goal, installed)}
        described[PROGRAM_NAME] = {"current": goal.version, "versions": sorted({*installed.versions, goal.version} - pruned)}
    if goal.secrets:
        described[CREDENTIALS] = {"files": sorted(goal.secrets)}
    if goal.slots:
        described[NEWSYSLOG] = {"content": newsyslog_of(layout).decode()}
    return described
