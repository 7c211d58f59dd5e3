# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is installed on a Mac for its slots: the program's versions, credentials, the slots with their daemons."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import STATE_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import (
    DAEMONS_DIR,
    Content,
    Loaded,
    labels_on_disk,
    loaded,
    path_of,
    read_content,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX

SLOT_LABEL_PREFIX = LABEL_PREFIX + "slot."
SETTINGS, STATUS, DRAIN, LOCK = "settings.json", "status.json", "drain", "lock"
#: The settings that a slot had before an upgrade, until that has come up.
EARLIER_SETTINGS = "settings.earlier.json"
PROGRAM, CURRENT = "slot.pyz", "current"
SECRETS = ("app.pem", "token", "ca.pem")
VERSION = re.compile(r"[0-9][A-Za-z0-9.+_-]{0,95}\Z")
SLOT = re.compile(r"[a-z][a-z0-9-]{0,30}-[0-9]{1,4}\Z")
#: The state of a slot whose record says nothing.
DAMAGED = "damaged"
_LARGEST = 16 * 1024 * 1024

#: Why a slot's mark lies there: an operator's drain stays until it is taken back, the other one ends with the slot.
BY_OPERATOR, FOR_REMOVAL = "drain", "removal"


class InstallError(MacRunnersError):
    """What is installed for slots is not as it must be, or cannot become so."""


class Layout(t.NamedTuple):
    """Where everything is."""

    root: str = "/opt/mac_runners/slot"
    state_dir: str = STATE_DIR
    log_dir: str = "/var/log/mac_runners"
    daemons: str = DAEMONS_DIR
    newsyslog: str = "/etc/newsyslog.d/mac_runners.conf"

    @property
    def slots(self) -> str:
        """The folder of the slots' folders."""
        return os.path.join(self.state_dir, "slots")

    @property
    def credentials(self) -> str:
        """The folder of the credentials."""
        return os.path.join(self.state_dir, "credentials")

    def folder(self, slot: str) -> str:
        """A slot's own folder."""
        return os.path.join(self.slots, slot)

    def log(self, slot: str) -> str:
        """Where a slot's program writes."""
        return os.path.join(self.log_dir, f"slot.{slot}.log")

    def program(self, version: str) -> str:
        """The program of a version."""
        return os.path.join(self.root, version, PROGRAM)


class Slot(t.NamedTuple):
    """A slot as it is: ``settings`` and ``job`` (the daemon's property list) are None when there are none, ``mark`` is empty without one."""

    name: str
    settings: t.Optional[bytes] = None
    status: t.Mapping[str, t.Any] = {}
    mark: str = ""
    job: t.Optional[Content] = None
    daemon: t.Optional[Loaded] = None

    @property
    def state(self) -> str:
        """The state in its record; empty when it never had one."""
        return str(self.status.get("state") or "")

    @property
    def idle(self) -> bool:
        """Whether nothing of it runs, and nothing will while its mark lies there."""
        return bool(self.mark) and self.state in ("", "new", "drained")

    @property
    def doing(self) -> str:
        """What it is busy with, for people."""
        if in_job(self.status):
            return f"job {self.status.get('job')}" + (f" on {self.status['runner']}" if self.status.get("runner") else "")
        said = f" ({self.status['message']})" if self.status.get("message") else ""
        return (self.state or "not started") + said


class Installed(t.NamedTuple):
    """All that is there. ``versions``: whole ones, the newest first; ``broken``: those that are not; ``folders`` that exist."""

    slots: t.Mapping[str, Slot]
    versions: t.Tuple[str, ...]
    broken: t.Tuple[str, ...]
    current: str
    secrets: t.Mapping[str, bytes]
    newsyslog: t.Optional[bytes]
    folders: t.FrozenSet[str]


def in_job(status: t.Mapping[str, t.Any]) -> bool:
    """Whether a job runs, or its environment is being destroyed; the record names a job for longer than that."""
    return status.get("state") in ("job", "destroying") and bool(status.get("job"))


def label_of(slot: str) -> str:
    """The label of a slot's daemon."""
    return SLOT_LABEL_PREFIX + slot


def read_installed(run: Run, layout: Layout) -> Installed:
    """Look at everything; starts nothing but ``launchctl print`` for each slot. Raises :class:`InstallError`."""
    for path in (layout.slots, layout.credentials, layout.root):
        if os.path.islink(path):
            raise InstallError(f"{path} is a link to {os.readlink(path)}; allowed: a folder of root, in which slots can be found again; it is not touched")
    names = sorted({*_folders_in(layout.slots), *(label[len(SLOT_LABEL_PREFIX) :] for label in labels_on_disk(SLOT_LABEL_PREFIX, layout.daemons))})
    versions, broken = _versions(layout)
    return Installed(
        slots={name: read_slot(run, layout, name) for name in names},
        versions=versions,
        broken=broken,
        current=_link(os.path.join(layout.root, CURRENT)),
        secrets={name: found for name in SECRETS for found in [read_file(os.path.join(layout.credentials, name))] if found is not None},
        newsyslog=read_file(layout.newsyslog),
        folders=frozenset(path for path in (layout.root, layout.slots, layout.credentials) if os.path.isdir(path)),
    )


def read_slot(run: Run, layout: Layout, name: str) -> Slot:
    """One slot as it is now."""
    return read_progress(layout, name)._replace(
        settings=read_file(os.path.join(layout.folder(name), SETTINGS)),
        job=read_content(path_of(label_of(name), layout.daemons)),
        daemon=loaded(run, label_of(name)),
    )


def read_progress(layout: Layout, name: str) -> Slot:
    """What a slot does, and no more of it."""
    folder = layout.folder(name)
    return Slot(name, status=read_status(folder), mark=read_mark(folder))


def _folders_in(path: str) -> t.List[str]:
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and SLOT.match(entry.name)]
    except FileNotFoundError:
        return []


def _versions(layout: Layout) -> t.Tuple[t.Tuple[str, ...], t.Tuple[str, ...]]:
    """The whole versions, the newest first, and those that are not whole."""
    try:
        with os.scandir(layout.root) as entries:
            found = {entry.name: entry.stat(follow_symlinks=False).st_mtime_ns for entry in entries if entry.is_dir(follow_symlinks=False)}
    except FileNotFoundError:
        return (), ()
    whole = {name for name in found if VERSION.match(name) and is_whole(layout, name)}
    return tuple(sorted(whole, key=lambda name: found[name], reverse=True)), tuple(sorted(set(found) - whole))


def is_whole(layout: Layout, version: str) -> bool:
    """Whether the program of a version is there and is the one of its name, which ends with the beginning of its SHA-256."""
    content = read_file(layout.program(version))
    return content is not None and version.endswith("-" + hashlib.sha256(content).hexdigest()[:12])


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
    except OSError:
        raise InstallError(f"{path} is no link; it is not touched") from None


def read_file(path: str) -> t.Optional[bytes]:
    """The content of a regular file that is no link, None when there is none. Raises :class:`InstallError`."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InstallError(f"{path} is no file; it is not touched")
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InstallError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise InstallError(f"{path} is larger than anything that belongs there")
    return content


def read_status(folder: str) -> t.Mapping[str, t.Any]:
    """The record of a slot as another version may have written it; nothing when it cannot be understood."""
    try:
        status = json.loads(read_file(os.path.join(folder, STATUS)) or b"{}")
    except ValueError:
        return {"state": DAMAGED, "message": "its status.json cannot be understood"}
    return status if isinstance(status, dict) else {}


def read_mark(folder: str) -> str:
    """Why the slot's mark lies there, empty without one."""
    content = read_file(os.path.join(folder, DRAIN))
    if content is None:
        return ""
    return FOR_REMOVAL if content.strip() == FOR_REMOVAL.encode() else BY_OPERATOR


def runs(folder: str) -> bool:
    """Whether a program serves the slot, which holds its lock for as long."""
    try:
        descriptor = os.open(os.path.join(folder, LOCK), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


def tell_slots(state_dir: str = STATE_DIR) -> t.List[t.Dict[str, t.Any]]:
    """Every slot of this Mac for people and for facts; starts no process. Nothing for who is not root."""
    layout, told = Layout(state_dir=state_dir), []
    try:
        names = sorted(_folders_in(layout.slots))
    except PermissionError:
        return []
    for name in names:
        folder = layout.folder(name)
        entry = tell(name, read_status(folder), read_mark(folder), runs(folder))
        told.append({**entry, "isolation": isolation_of(name, read_file(os.path.join(folder, SETTINGS)))})
    return told


def isolation_of(slot: str, settings: t.Optional[bytes]) -> str:
    """By which isolation a slot runs jobs, as its settings say; empty when they do not."""
    try:
        pools = json.loads(settings or b"{}").get("pools") or []
        return next((str(pool["isolation"]) for pool in pools if pool["name"] == slot.rpartition("-")[0]), "")
    except (ValueError, AttributeError, KeyError, TypeError):
        return ""


def tell(name: str, status: t.Mapping[str, t.Any], mark: str, alive: bool) -> t.Dict[str, t.Any]:
    """A slot for results: times in seconds since 1970, 0 when there is none."""
    texts = {key: str(status.get(key) or "") for key in ("state", "job", "runner", "message", "program")}
    times = {key: int(status.get(key) or 0) for key in ("since", "job_since", "retry_at", "failures", "jobs")}
    ended = {} if in_job(status) else {"job": "", "job_since": 0}
    return {"name": name, **texts, **times, **ended, "mark": mark, "running": alive}
