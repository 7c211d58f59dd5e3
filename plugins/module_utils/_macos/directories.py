# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Directories of root: what is there, what has to be done, doing it; removal takes only what is expected."""

from __future__ import annotations

import fnmatch
import os
import shutil
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import only_root_writes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

#: What :func:`is_plain` asks for, in words.
PLAIN = "an absolute path below a top directory, without . and .."


class DirectoryError(MacRunnersError):
    """Something is not the directory that it has to be, or holds what nobody expected."""


class Directory(t.NamedTuple):
    """A wanted directory of root:wheel.

    ``contents``: what may be removed with it when it shall be absent: patterns of file names, and
    with a trailing slash patterns of whole directories.
    """

    path: str
    mode: int
    present: bool
    contents: t.Tuple[str, ...] = ()


class Seen(t.NamedTuple):
    """A directory as it is; ``entries`` are its names, those of directories with a trailing slash."""

    mode: int
    uid: int
    gid: int
    entries: t.Tuple[str, ...]


Store = t.Dict[str, Seen]


def parse_directories(entries: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Directory]:
    """Read the module's list; every mistake is reported at once."""
    mistakes: t.List[str] = []
    directories = []
    for entry in entries:
        path, mode = str(entry["path"]), str(entry["mode"])
        if not is_plain(path):
            mistakes.append(f'field path: got "{path}"; allowed: {PLAIN}')
        if not mode.isdigit() or not set(mode) <= set("01234567") or int(mode, 8) > 0o755 or int(mode, 8) & 0o700 != 0o700:
            mistakes.append(f'directory {path}, field mode: got "{mode}"; allowed: an octal mode from 0700 to 0755, as text')
            mode = "0755"
        directories.append(Directory(path, int(mode, 8), entry["state"] == "present", tuple(entry["contents"])))
    if mistakes:
        raise DirectoryError("; ".join(mistakes))
    return directories


def is_plain(path: str) -> bool:
    """Whether the path says plainly where it leads, and that is no directory of the system itself."""
    return path.startswith("/") and os.path.normpath(path) == path and path.count("/") >= 2


def read_directories(directories: t.Sequence[Directory]) -> Store:
    """Those that are there. Raises :class:`DirectoryError` for anything else in their place, a link too."""
    store = {}
    for wanted in directories:
        try:
            status = os.lstat(wanted.path)
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            raise DirectoryError(f"{wanted.path} is no directory; it is not touched")
        store[wanted.path] = Seen(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, _entries(wanted.path))
    return store


def _entries(path: str) -> t.Tuple[str, ...]:
    with os.scandir(path) as entries:
        return tuple(sorted(entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in entries))


def plan_directories(directories: t.Sequence[Directory], store: Store) -> ResourcePlan:
    """Make from the top down, remove from the bottom up; refuse when anything unexpected would be lost."""
    ordered = sorted(directories, key=lambda wanted: wanted.path.count("/"))
    removed = [wanted for wanted in reversed(ordered) if not wanted.present and wanted.path in store]
    _refuse_surprises(removed, store)
    steps = [Step(wanted.path, "make" if wanted.path not in store else "repair", _words(wanted)) for wanted in ordered if _differs(wanted, store)]
    steps += [Step(wanted.path, "remove", ", ".join(store[wanted.path].entries)) for wanted in removed]
    return ResourcePlan(
        before={path: {"mode": f"{seen.mode:04o}", "owner": seen.uid, "group": seen.gid} for path, seen in store.items()},
        after={wanted.path: {"mode": f"{wanted.mode:04o}", "owner": 0, "group": 0} for wanted in directories if wanted.present},
        steps=tuple(steps),
    )


def _differs(wanted: Directory, store: Store) -> bool:
    return wanted.present and store.get(wanted.path, (None,))[:3] != (wanted.mode, 0, 0)


def _words(wanted: Directory) -> str:
    return f"mode {wanted.mode:04o}, root:wheel"


def _refuse_surprises(removed: t.Sequence[Directory], store: Store) -> None:
    gone = {wanted.path for wanted in removed}
    found = []
    for wanted in removed:
        surprises = [
            entry for entry in store[wanted.path].entries
            if os.path.join(wanted.path, entry.rstrip("/")) not in gone and not any(fnmatch.fnmatchcase(entry, p) for p in wanted.contents)
        ]
        if surprises:
            found.append(f"{wanted.path} holds {', '.join(surprises)}")
    if found:
        raise DirectoryError("nothing was removed, since not all of it is ours: " + "; ".join(found))


def apply_directories(plan: ResourcePlan, directories: t.Sequence[Directory]) -> None:
    """Do what the plan says."""
    wanted = {directory.path: directory for directory in directories}
    for step in plan.steps:
        if step.action == "remove":
            _remove(wanted[step.resource])
        else:
            _make(wanted[step.resource])


def _make(wanted: Directory) -> None:
    try:
        # Closed until it has the right owner.
        os.mkdir(wanted.path, 0o700)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise DirectoryError(f"{wanted.path}: the directory above it does not exist") from None
    descriptor = os.open(wanted.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(descriptor, 0, 0)
        os.fchmod(descriptor, wanted.mode)
    finally:
        os.close(descriptor)


def _remove(wanted: Directory) -> None:
    for entry in _entries(wanted.path):
        if not any(fnmatch.fnmatchcase(entry, pattern) for pattern in wanted.contents):
            continue
        path = os.path.join(wanted.path, entry.rstrip("/"))
        if entry.endswith("/"):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    os.rmdir(wanted.path)


def make_closed(path: str) -> None:
    """Make a directory and what is missing above it, mode 0755; raise unless root alone can change where it is."""
    require_closed(path)
    missing = [Directory(above, 0o755, True) for above in _above(path) if not os.path.lexists(above)]
    apply_directories(plan_directories(missing, {}), missing)


def require_closed_places(directories: t.Sequence[Directory]) -> None:
    """Raise where somebody but root can put something else in the place of one that shall be there or has to go.

    What is in the list itself is not asked: it is given the right owner and mode.
    """
    listed = {wanted.path for wanted in directories}
    for wanted in directories:
        if os.path.dirname(wanted.path) not in listed and (wanted.present or os.path.lexists(wanted.path)):
            _require_closed_above(wanted.path, os.path.dirname(wanted.path))


def require_closed(path: str) -> None:
    """Raise unless nobody but root can put something else in the place of ``path``, which need not exist yet."""
    _require_closed_above(path, path)


def _require_closed_above(path: str, last: str) -> None:
    for above in _above(last):
        if os.path.lexists(above) and not only_root_writes(above):
            raise DirectoryError(f"{path}: others than root can write to {above}")


def _above(path: str) -> t.List[str]:
    """Every directory from the top down to ``path``."""
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
