# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Jails on the Mac: BASE/NAME with a marker and the jail itself, ``root``. The marker is outside, where nobody in the jail reaches it.

What has a jail's name always is a whole one: it is made under another name and renamed, and renamed again before it is removed.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import TEMPLATE, Jail, Wanted, within
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory, read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, OWNER

MOUNT = "/sbin/mount"
_DATA = "/System/Volumes/Data"
ROOT = "root"
#: What a run works in; it stays only when the run is killed.
STAGING = ".new-"
_GOING = (".mac-runners-", ".going")
Marker = t.Mapping[str, t.Any]


class Store(t.NamedTuple):
    """What is in the base. ``names``: by name the marker of what is ours, None for what is not; ``strange``: why some may not be touched."""

    mode: t.Optional[int] = None
    names: t.Mapping[str, t.Optional[Marker]] = {}
    leftovers: t.Tuple[str, ...] = ()
    strange: t.Mapping[str, str] = {}
    mounts: t.Tuple[str, ...] = ()

    def jails(self) -> t.Dict[str, Marker]:
        """Jails of ours by name."""
        return {name: marker for name, marker in self.names.items() if marker is not None and not name.startswith(TEMPLATE)}

    def templates(self) -> t.List[str]:
        """Templates of ours."""
        return [name for name, marker in self.names.items() if marker is not None and name.startswith(TEMPLATE)]


def marker_of(name: str, template: str, jail: t.Optional[Jail] = None) -> Marker:
    """What the marker of a jail says; that of a template, which names itself, without one."""
    user = jail.user if jail is not None else None
    return {"owner": OWNER, "jail": name, "template": template, "user": list(user) if user else None}


def read_store(run: Run, base: str) -> Store:
    """What is there; follows no link, enters no mount."""
    try:
        parent = open_directory(base)
    except FileNotFoundError:
        return Store()
    try:
        status, entries = os.fstat(parent), sorted(os.listdir(parent))
        left = tuple(name for name in entries if _is_leftover(name))
        names = [name for name in entries if name not in left]
        strange = {name: why for name in entries for why in [_strange(parent, name, status.st_dev)] if why}
        markers = {name: None if name in strange else _marker(parent, name) for name in names}
        return Store(stat.S_IMODE(status.st_mode), markers, left, strange, mounts_below(run, base))
    finally:
        os.close(parent)


def _is_leftover(name: str) -> bool:
    return name.startswith(STAGING) or (name.startswith(_GOING[0]) and name.endswith(_GOING[1]))


def _strange(parent: int, name: str, device: int) -> str:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return f"is a link to {os.readlink(name, dir_fd=parent)}"
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory"
    return "is on another volume than the base" if status.st_dev != device else ""


def _marker(parent: int, name: str) -> t.Optional[Marker]:
    directory = open_directory(name, parent)
    try:
        marker = json.loads(read_regular(MARKER, directory))
    except (OSError, ValueError):
        return None
    finally:
        os.close(directory)
    ours = isinstance(marker, dict) and marker.get("owner") == OWNER and marker.get("jail") == name
    return marker if ours else None


def mounts_below(run: Run, base: str) -> t.Tuple[str, ...]:
    """Where something is mounted at a path that has no link in it, or below."""
    lines = must(run, [MOUNT]).splitlines()
    points = [line.split(" on ", 1)[1].rpartition(" (")[0] for line in lines if " on " in line]
    # The same place has two names, of which the kernel may tell either.
    plain = (point[len(_DATA) :] if point.startswith(_DATA + "/") else point for point in points)
    return tuple(sorted(point for point in plain if within(point, base)))


def untouchable(wanted: Wanted, store: Store, names: t.Sequence[str]) -> t.List[Mistake]:
    """Why jails, templates or leftovers of these names may not be changed."""
    return [mistake for name in names for mistake in _untouchable(wanted, store, name)]


def _untouchable(wanted: Wanted, store: Store, name: str) -> t.Iterator[Mistake]:
    path = os.path.join(wanted.base, name)
    pool, field = wanted.pool_of(name), f"jails.{name}"
    if name in store.strange:
        yield Mistake(pool, field, f"{show(path)}, which {store.strange[name]}", "a name that is free in the base, or a directory of ours in it")
        return
    inside = [point for point in store.mounts if within(point, path)]
    if inside:
        yield Mistake(pool, field, f"{show(path)}, in which something is mounted: {', '.join(inside)}", "a jail without a mount in it; unmount that first")
    elif name in store.names and store.names[name] is None:
        yield Mistake(pool, field, f"{show(path)}, which has no marker of ours", "a name that is free in the base, or a directory of ours in it")
