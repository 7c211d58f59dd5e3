# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""LaunchDaemons of ours: what is on disk and loaded, what has to be done, doing it.

Exit codes of ``launchctl`` as observed on macOS 14 to 26: 3 no such process, 5 a catch-all (already
loaded, draining, disabled, bad plist), 36 still draining, 37 already loaded, 113 no such service,
119 disabled, 122 bad owner or mode. The legacy verbs ``load`` and ``unload`` exit 0 on failure and are
not used.
"""

from __future__ import annotations

import os
import plistlib
import re
import stat
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX

DAEMONS_DIR = "/Library/LaunchDaemons"
LAUNCHCTL = "/bin/launchctl"

NOT_FOUND = frozenset((3, 113))
BUSY = frozenset((5, 36, 37))
DISABLED = 119
BAD_OWNERSHIP = 122

Content = t.Mapping[str, t.Any]


class LaunchdError(MacRunnersError):
    """A job that cannot be loaded, unloaded or read."""


class Waiting(t.NamedTuple):
    """How long to wait for launchd: ``tries`` times with ``pause`` seconds between."""

    tries: int = 20
    pause: float = 0.5


class Job(t.NamedTuple):
    """A wanted job: ``content`` is its property list, whose Label is ``label``."""

    label: str
    content: Content


class Loaded(t.NamedTuple):
    """A loaded job; ``last_exit`` is None when it never ended or was ended by a signal."""

    state: str
    pid: t.Optional[int]
    runs: int
    last_exit: t.Optional[int]
    signalled: bool


def path_of(label: str, directory: str = DAEMONS_DIR) -> str:
    """Where the property list of a job of ours lies."""
    # An empty label would name the whole system domain: booting that out takes the Mac down.
    if not label.startswith(LABEL_PREFIX) or not re.match(r"[A-Za-z0-9.-]+\Z", label[len(LABEL_PREFIX) :]):
        raise LaunchdError(f"launchd label: got {label!r}; allowed: {LABEL_PREFIX} and then letters, digits, . and -")
    return os.path.join(directory, label + ".plist")


def read_content(path: str) -> t.Optional[Content]:
    """The property list in ``path``; None when there is none, empty when it is not one of ours to read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        # launchd refuses anything but a regular file of root that nobody else can write.
        if not stat.S_ISREG(status.st_mode) or status.st_uid != 0 or stat.S_IMODE(status.st_mode) != 0o644:
            return {}
        try:
            content = plistlib.load(stream)
        except Exception:  # plistlib raises whatever its parsers raise
            return {}
    return content if isinstance(content, dict) else {}


def write_content(path: str, content: Content) -> None:
    """Put a property list in place at once: root:wheel, 0644. Its name until then is no ``.plist``."""
    draft = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
    try:
        os.unlink(draft)
    except FileNotFoundError:
        pass
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        plistlib.dump(dict(content), stream)
        os.fchown(descriptor, 0, 0)
        os.fchmod(descriptor, 0o644)
        stream.flush()
        os.fsync(descriptor)
    os.rename(draft, path)


def remove_content(path: str) -> None:
    """Remove a property list, if there is one."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def parse_print(text: str) -> Loaded:
    """Read ``launchctl print system/LABEL``.

    Only lines with exactly one leading tab: nested blocks repeat the same keys.
    """
    values = dict(re.findall(r"^\t([a-z ]+) = (.*)$", text, re.MULTILINE))
    pid, runs = values.get("pid", ""), values.get("runs", "")
    exited = re.match(r"-?[0-9]+", values.get("last exit code", ""))
    return Loaded(
        state=values.get("state", "unknown"),
        pid=int(pid) if pid.isdigit() else None,
        runs=int(runs) if runs.isdigit() else 0,
        last_exit=int(exited.group()) if exited else None,
        signalled="last terminating signal" in values,
    )


def loaded(run: Run, label: str) -> t.Optional[Loaded]:
    """The loaded job, or None when launchd does not know it."""
    argv = [LAUNCHCTL, "print", f"system/{label}"]
    result = run(argv)
    if result.rc == 0:
        return parse_print(result.stdout)
    if result.rc in NOT_FOUND:
        return None
    raise CommandError(argv, result)


def unload(run: Run, label: str, waiting: Waiting = Waiting()) -> None:
    """Take a job out of launchd and wait until its process is gone.

    ``bootout`` may return before that, with or without saying so (36).
    """
    path_of(label)
    argv = [LAUNCHCTL, "bootout", f"system/{label}"]
    if loaded(run, label) is None:
        return
    result = run(argv)
    if result.rc not in NOT_FOUND | BUSY | {0}:
        raise CommandError(argv, result)
    for dummy in range(waiting.tries):
        if loaded(run, label) is None:
            return
        time.sleep(waiting.pause)
    raise LaunchdError(f"launchd job {label}: still there {waiting.tries * waiting.pause:g} s after bootout")


def load(run: Run, job: Job, waiting: Waiting = Waiting(), directory: str = DAEMONS_DIR) -> None:
    """Write a job and load it anew, whatever was loaded under its label before."""
    path = path_of(job.label, directory)
    unload(run, job.label, waiting)
    write_content(path, job.content)
    _enable(run, job.label)
    argv = [LAUNCHCTL, "bootstrap", "system", path]
    for attempt in range(waiting.tries):
        result = run(argv)
        if result.rc == 0:
            return
        if result.rc not in BUSY:
            raise LaunchdError(_explain(job.label, path, result.rc, result.stderr))
        if loaded(run, job.label) is not None:
            # An attempt that said busy may have succeeded; the file is the one just written.
            return
        if attempt + 1 < waiting.tries:
            time.sleep(waiting.pause)
    raise LaunchdError(_explain(job.label, path, result.rc, result.stderr))


def _enable(run: Run, label: str) -> None:
    """Lift an override that disables the job. ``enable`` leaves a record for ever, so only when needed."""
    result = run([LAUNCHCTL, "print-disabled", "system"])
    if re.search(rf'"{re.escape(label)}" => (disabled|true)\s*$', result.stdout, re.MULTILINE):
        run([LAUNCHCTL, "enable", f"system/{label}"])


def _explain(label: str, path: str, rc: int, said: str) -> str:
    reasons = {
        BAD_OWNERSHIP: f"{path} must be a regular file of root:wheel with mode 0644",
        DISABLED: "the job is disabled on this Mac",
        161: "macOS blocks it as a background item: allow it in System Settings, General, Login Items",
    }
    reason = reasons.get(rc, f"see launchd's lines in the unified log about {label}")
    return f"launchd job {label} cannot be loaded: code {rc}, {said.strip() or 'no message'}; {reason}"


def labels_on_disk(prefix: str, directory: str = DAEMONS_DIR) -> t.List[str]:
    """Labels of ours that begin with ``prefix`` and have a property list, sorted."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(name[: -len(".plist")] for name in names if name.startswith(prefix) and name.endswith(".plist"))
