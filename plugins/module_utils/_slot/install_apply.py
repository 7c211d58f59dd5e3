# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Doing the steps of a plan for slots: each in one rename, so that a run that is killed leaves nothing half made."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import Job, Waiting, load, loaded, path_of, remove_content, unload
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_end import end_environment
from ansible_collections.action_packer.mac_runners.plugins.module_utils._replace import replace_file
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_plan import (
    CREDENTIALS,
    EXIT_SECONDS,
    NEWSYSLOG,
    PROGRAM_NAME,
    Goal,
    job_of,
    newsyslog_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import (
    BY_OPERATOR,
    CURRENT,
    DRAIN,
    EARLIER_SETTINGS,
    FOR_REMOVAL,
    LOCK,
    PROGRAM,
    SETTINGS,
    Installed,
    InstallError,
    Layout,
    Slot,
    in_job,
    label_of,
    read_file,
    read_progress,
    read_slot,
    read_status,
    runs,
)

_POLL = 0.5
#: launchd kills a program that does not end within EXIT_SECONDS; what it started lives on.
_UNLOADING = Waiting(tries=2 * (EXIT_SECONDS + 10), pause=0.5)
#: Seconds for a task that a program left behind, which holds the slot's lock.
_TASK_SECONDS = 120.0

Failures = t.Dict[str, str]


class Tools(t.NamedTuple):
    """With what steps are done; ``archive``: where the program was brought to, empty when it was not needed; times in seconds."""

    run: Run
    layout: Layout
    archive: str = ""
    sha256: str = ""
    start_seconds: float = 60.0
    wait_seconds: float = 10.0


def install(tools: Tools, plan: ResourcePlan, goal: Goal, installed: Installed) -> None:
    """Everything but removals: marks, program, credentials, settings. Daemons come after it.

    A program understands the settings of the one before, but not the other way round: so it becomes current before they are written.
    """
    for step in plan.steps:
        if step.action in ("drain", "undrain"):
            _mark(tools, step.resource, step.action == "drain", BY_OPERATOR if step.detail == "by the operator" else FOR_REMOVAL)
        elif (step.resource, step.action) == (PROGRAM_NAME, "install"):
            _install_program(tools, goal)
        elif (step.resource, step.action) == (PROGRAM_NAME, "switch"):
            _keep_settings(tools.layout, installed)
            switch(tools.layout, goal.version)
        elif step.action == "write":
            _write(tools, goal, step.resource, step.detail)
        elif step.action == "settings":
            _write_settings(tools, step.resource, (goal.slots or {})[step.resource])


def _mark(tools: Tools, slot: str, present: bool, why: str) -> None:
    path = os.path.join(tools.layout.folder(slot), DRAIN)
    if present:
        # A killed run may have left a daemon alone.
        make_folder(tools.layout.slots, 0o700)
        make_folder(tools.layout.folder(slot), 0o700)
        replace_file(path, f"{why}\n".encode(), 0o600)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _install_program(tools: Tools, goal: Goal) -> None:
    """The program is the right one by its checksum, whoever could write where it was brought to."""
    version = goal.version
    content = read_file(tools.archive) if tools.archive else None
    if content is None:
        raise InstallError(f"program {version} is not on this Mac, and was not brought")
    if hashlib.sha256(content).hexdigest() != tools.sha256:
        raise InstallError(f"field program.sha256: the program that was brought has another SHA-256 than {tools.sha256}")
    folder = os.path.join(tools.layout.root, version)
    make_folder(tools.layout.root, 0o755)
    make_folder(folder, 0o755)
    draft = os.path.join(folder, f".new-{PROGRAM}")
    replace_file(draft, content, 0o644)
    # Where that fails, it runs from its sources, only slower.
    tools.run([goal.python, "-I", draft, "compile"])
    os.replace(draft, os.path.join(folder, PROGRAM))
    # The newest is the last one that was brought, also when it lay there half made.
    os.utime(folder)


def _keep_settings(layout: Layout, installed: Installed) -> None:
    """On the disk, so that a run after one that was killed can go back as well."""
    for name, slot in installed.slots.items():
        if slot.settings is not None:
            replace_file(os.path.join(layout.folder(name), EARLIER_SETTINGS), slot.settings, 0o600)


def go_back(layout: Layout, names: t.Iterable[str], version: str) -> None:
    """Let an earlier program be current again, with the settings that it had. Slots take both over between two jobs."""
    for name in names:
        content = read_file(os.path.join(layout.folder(name), EARLIER_SETTINGS))
        if content is not None:
            replace_file(os.path.join(layout.folder(name), SETTINGS), content, 0o600)
    switch(layout, version)


def forget_settings(layout: Layout, names: t.Iterable[str]) -> None:
    """An upgrade is over."""
    for name in names:
        _unlink(os.path.join(layout.folder(name), EARLIER_SETTINGS))


def switch(layout: Layout, version: str) -> None:
    """Let ``current`` name a version, at once."""
    draft = os.path.join(layout.root, f".{CURRENT}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    os.symlink(version, draft)
    os.replace(draft, os.path.join(layout.root, CURRENT))


def _write(tools: Tools, goal: Goal, resource: str, name: str) -> None:
    if resource == NEWSYSLOG:
        replace_file(tools.layout.newsyslog, newsyslog_of(tools.layout), 0o644)
    elif resource == CREDENTIALS:
        make_folder(tools.layout.credentials, 0o700)
        replace_file(os.path.join(tools.layout.credentials, name), (goal.secrets or {})[name], 0o600)


def _write_settings(tools: Tools, slot: str, content: bytes) -> None:
    make_folder(tools.layout.slots, 0o700)
    make_folder(tools.layout.folder(slot), 0o700)
    replace_file(os.path.join(tools.layout.folder(slot), SETTINGS), content, 0o600)


def make_folder(path: str, mode: int) -> None:
    """A directory of root, with what is missing above it; raises where others could put something else in its place."""
    directories.make_closed(os.path.dirname(path))
    wanted = [directories.Directory(path, mode, True)]
    directories.apply_directories(directories.plan_directories(wanted, directories.read_directories(wanted)), wanted)


def start(tools: Tools, plan: ResourcePlan, goal: Goal, installed: Installed) -> Failures:
    """Load what has to be loaded; what failed, by slot."""
    failures = {}
    for name in [step.resource for step in plan.steps if step.action == "load"]:
        slot = installed.slots.get(name, Slot(name))
        content = job_of(name, tools.layout, goal.python) if name in (goal.slots or {}) else dict(slot.job or {})
        try:
            load(tools.run, Job(label_of(name), content), _UNLOADING, tools.layout.daemons)
        except MacRunnersError as error:
            failures[name] = str(error)
    return failures


def not_up(tools: Tools, names: t.Sequence[str], version: str, installed: Installed) -> Failures:
    """Wait until slots run a version of the program; why those did not come up with it that have left their old program.

    A slot that has a job, withdraws a runner or boots a VM goes on with its own program, and takes the new one after that.
    """
    deadline = time.monotonic() + tools.start_seconds
    waiting = list(names)
    while True:
        waiting = [name for name in waiting if not _is_up(tools.layout, name, version)]
        if not waiting or time.monotonic() >= deadline:
            return {name: _why_not(tools, name, version) for name in waiting if not _is_slow(tools, installed.slots.get(name, Slot(name)), version)}
        time.sleep(_POLL)


def _is_slow(tools: Tools, before: Slot, version: str) -> bool:
    """Whether the program that served the slot before still does. One that ended after it took the new one over has another process."""
    now = read_slot(tools.run, tools.layout, before.name)
    pids = [slot.daemon.pid for slot in (before, now) if slot.daemon and slot.daemon.pid]
    same = len(pids) == 2 and pids[0] == pids[1]
    return same and now.status.get("program") not in (None, "", version) and runs(tools.layout.folder(before.name))


def _is_up(layout: Layout, name: str, version: str) -> bool:
    status = read_status(layout.folder(name))
    return status.get("program") == version or in_job(status)


def _why_not(tools: Tools, name: str, version: str) -> str:
    daemon = loaded(tools.run, label_of(name))
    status = read_status(tools.layout.folder(name))
    if daemon is None:
        return "launchd does not know its daemon"
    if daemon.pid is None:
        ended = "by a signal" if daemon.signalled else f"with {daemon.last_exit}"
        return f"its daemon ended {ended}, {daemon.runs} times so far; see {tools.layout.log(name)}"
    return f"its state is {status.get('state') or 'none'}, and its program {status.get('program') or 'an unknown one'}"


def remove_slots(tools: Tools, names: t.Sequence[str], force: bool) -> t.Tuple[t.List[str], Failures]:
    """Take away the slots that are idle, or with ``force`` all of them; those that went, and what the others are busy with.

    Waits for those that only have to withdraw an idle runner; a job is waited for by whoever asks again.
    """
    deadline = time.monotonic() + tools.wait_seconds
    gone: t.List[str] = []
    left = list(names)
    while left:
        for name in list(left):
            if (force or read_progress(tools.layout, name).idle) and _take_away(tools, name, force):
                left.remove(name)
                gone.append(name)
        if all(in_job(read_status(tools.layout.folder(name))) for name in left) or time.monotonic() >= deadline:
            break
        time.sleep(_POLL)
    # One that is idle by now is not gone either, and what it uses has to stay.
    return gone, {**{name: "it is being taken away" for name in left}, **busy(tools.layout, left)}


def busy(layout: Layout, names: t.Iterable[str]) -> Failures:
    """What slots are busy with, for those that are not idle."""
    slots = [read_progress(layout, name) for name in names]
    return {slot.name: slot.doing for slot in slots if not slot.idle}


def wait_idle(tools: Tools, names: t.Sequence[str]) -> Failures:
    """Wait for marked slots that have no job; what those are busy with that are still not idle."""
    deadline = time.monotonic() + tools.wait_seconds
    while True:
        left = busy(tools.layout, names)
        if all(in_job(read_status(tools.layout.folder(name))) for name in left) or time.monotonic() >= deadline:
            return left
        time.sleep(_POLL)


def _take_away(tools: Tools, name: str, force: bool) -> bool:
    """Remove a slot; False when it began something before its daemon ended, which then goes on."""
    before = read_slot(tools.run, tools.layout, name)
    unload(tools.run, label_of(name), _UNLOADING)
    if not force and not read_progress(tools.layout, name).idle:
        if before.job:
            load(tools.run, Job(label_of(name), before.job), _UNLOADING, tools.layout.daemons)
        return False
    with _alone(tools.layout, name):
        if force:
            # Its record is whole only now: it may have begun something until its daemon ended.
            end_environment(tools.run, read_slot(tools.run, tools.layout, name), tools.layout.state_dir)
        remove_content(path_of(label_of(name), tools.layout.daemons))
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(tools.layout.folder(name))
    return True


@contextlib.contextmanager
def _alone(layout: Layout, name: str) -> t.Iterator[None]:
    """With the slot's lock, so that no task of its program goes on making what is being removed. Raises :class:`InstallError`."""
    try:
        descriptor = os.open(os.path.join(layout.folder(name), LOCK), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        # It was never started.
        yield
        return
    try:
        _take_lock(descriptor, name)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, name: str) -> None:
    deadline = time.monotonic() + _TASK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise InstallError(f"slot {name}: a task of it still runs {_TASK_SECONDS:g} s after its program ended; run this again later") from None
            time.sleep(_POLL)


def clean(tools: Tools, plan: ResourcePlan, goal: Goal) -> None:
    """Credentials and versions that nobody uses, and with the last slot everything."""
    layout = tools.layout
    for step in plan.steps:
        if (step.resource, step.action) == (CREDENTIALS, "remove"):
            _unlink(os.path.join(layout.credentials, step.detail))
        elif (step.resource, step.action) == (NEWSYSLOG, "remove"):
            _unlink(layout.newsyslog)
        elif (step.resource, step.action) == (PROGRAM_NAME, "prune"):
            shutil.rmtree(os.path.join(layout.root, step.detail))
    if goal.empties:
        for path in (layout.root, layout.slots, layout.credentials):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(path)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
