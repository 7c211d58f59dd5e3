# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Profiles on the Mac: ROOT/NAME/SHA256.sb, one file for each text, which never changes, and the link ROOT/NAME/current.sb to one of them.

A job keeps the file that it was started with: a switch only makes the link anew. A marker tells that a directory is ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import SandboxError, Wanted
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_regular, read_all, read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, OWNER
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, Step

ROOT = "/opt/mac_runners/sandbox"
CURRENT = "current.sb"
#: What a run works in; it stays only when the run is killed.
STAGING = ".new-"
_MODE = 0o444
_VERSION = re.compile(r"([0-9a-f]{64})\.sb\Z")
_OPEN = (0o755, 0, 0)


class Seen(t.NamedTuple):
    """What is there of one profile. ``sound``: the wanted version is there as it must be. ``text`` is that of the current one."""

    directory: t.Optional[directories.Seen] = None
    ours: bool = False
    versions: t.Tuple[str, ...] = ()
    current: str = ""
    text: str = ""
    sound: bool = False
    leftovers: t.Tuple[str, ...] = ()
    strange: t.Tuple[str, ...] = ()


class Store(t.NamedTuple):
    """The directory of all profiles, None when it is missing, and what is there of those that are wanted or ours."""

    directory: t.Optional[directories.Seen]
    profiles: t.Mapping[str, Seen]


def read_store(root: str, wanted: t.Sequence[Wanted]) -> Store:
    """What is there; starts nothing. Raises for what is not as it must be, a link in the place of a directory too."""
    top = _directory(root)
    if top is None:
        return Store(None, {})
    named = {one.name: one for one in wanted}
    others = [entry[:-1] for entry in top.entries if entry.endswith("/") and entry[:-1] not in named]
    names = [*named, *(name for name in others if _is_ours(os.path.join(root, name), name))]
    found = {name: _read(os.path.join(root, name), name, named.get(name)) for name in names}
    return Store(top, {name: seen for name, seen in found.items() if seen.directory is not None})


def _directory(path: str) -> t.Optional[directories.Seen]:
    return directories.read_directories([directories.Directory(path, 0o755, True)]).get(path)


def _read(base: str, name: str, wanted: t.Optional[Wanted]) -> Seen:
    found = _directory(base)
    if found is None:
        return Seen()
    versions = tuple(match[1] for match in map(_VERSION.match, found.entries) if match)
    known = {MARKER, CURRENT, *(f"{version}.sb" for version in versions)}
    leftovers = tuple(entry for entry in found.entries if entry.startswith(STAGING))
    strange = tuple(entry for entry in found.entries if entry not in known and entry not in leftovers)
    current = _current(base) if CURRENT in found.entries else ""
    return Seen(
        directory=found,
        ours=_is_ours(base, name),
        versions=versions,
        current=current,
        text=_text_of(base, current) if current in versions else "",
        sound=wanted is not None and wanted.present and _is_sound(base, wanted),
        leftovers=leftovers,
        strange=strange,
    )


def _is_ours(base: str, name: str) -> bool:
    """Whether it has our marker, or is one in which a killed run came no further."""
    return _is_marked(base, name) or all(entry.startswith(STAGING) for entry in os.listdir(base))


def _is_marked(base: str, name: str) -> bool:
    try:
        marker = json.loads(read_regular(os.path.join(base, MARKER)))
    except (OSError, ValueError):
        return False
    return bool(marker == {"owner": OWNER, "profile": name})


def _current(base: str) -> str:
    path = os.path.join(base, CURRENT)
    try:
        target = os.readlink(path)
    except OSError:
        raise SandboxError(f"{path} is no link; it is not touched") from None
    match = _VERSION.match(target)
    return match[1] if match else target


def _text_of(base: str, version: str) -> str:
    try:
        return read_regular(os.path.join(base, f"{version}.sb")).decode(errors="replace")
    except OSError:
        return ""


def _is_sound(base: str, wanted: Wanted) -> bool:
    """Whether the file of the wanted version is regular, root's, not writable, and what its name says."""
    try:
        descriptor = open_regular(os.path.join(base, f"{wanted.version}.sb"))
    except OSError:
        return False
    try:
        status = os.fstat(descriptor)
        owned = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_nlink) == (_MODE, 0, 0, 1)
        return owned and hashlib.sha256(read_all(descriptor)).hexdigest() == wanted.version
    except OSError:
        return False
    finally:
        os.close(descriptor)


def plan_profiles(root: str, wanted: t.Sequence[Wanted], store: Store, purge: bool) -> ResourcePlan:
    """What has to be done: everything is installed before the first switch. Raises where something is not ours."""
    named = {one.name: one for one in wanted}
    present = [one for one in wanted if one.present]
    gone = [name for name in store.profiles if not (named[name].present if name in named else not purge)]
    _refuse_foreign(root, [*(one.name for one in present), *gone], gone, store)
    steps = [step for one in present for step in _installing(one, store.profiles.get(one.name, Seen()))]
    if present and store.directory is not None and store.directory[:3] != _OPEN:
        steps.insert(0, Step(root, "repair", "mode 0755, root:wheel"))
    steps += [step for one in present for step in _switching(one, store.profiles.get(one.name, Seen()))]
    steps += [Step(name, "remove", f"{len(store.profiles[name].versions)} versions") for name in gone]
    if not present and store.directory is not None and {name + "/" for name in gone}.issuperset(store.directory.entries):
        steps.append(Step(root, "remove", "nothing is left in it"))
    return ResourcePlan(
        before={name: _described(seen) for name, seen in store.profiles.items()},
        after={one.name: {"current": one.version, "text": one.text} for one in present},
        steps=tuple(steps),
    )


def _described(seen: Seen) -> t.Dict[str, t.Any]:
    return {"current": seen.current, "text": seen.text}


def _refuse_foreign(root: str, touched: t.Sequence[str], gone: t.Sequence[str], store: Store) -> None:
    for name in touched:
        seen = store.profiles.get(name, Seen())
        if seen.directory is not None and not seen.ours:
            raise SandboxError(f"profile {name}: {os.path.join(root, name)} has no marker of ours; it is not touched")
        if name in gone and seen.strange:
            raise SandboxError(f"nothing was removed, since not all of it is ours: {os.path.join(root, name)} holds {', '.join(seen.strange)}")


def _installing(one: Wanted, seen: Seen) -> t.Iterator[Step]:
    if seen.directory is not None and seen.directory[:3] != _OPEN:
        yield Step(one.name, "repair", "mode 0755, root:wheel")
    if seen.leftovers:
        yield Step(one.name, "clear", ", ".join(seen.leftovers))
    if not seen.sound:
        yield Step(one.name, "replace" if one.version in seen.versions else "install", one.version)


def _switching(one: Wanted, seen: Seen) -> t.Iterator[Step]:
    if seen.current != one.version:
        yield Step(one.name, "switch", f"{seen.current or 'nothing'} -> {one.version}")


def text_diff(root: str, plan: ResourcePlan) -> t.List[t.Dict[str, str]]:
    """The texts of the profiles that change, as Ansible shows them."""
    diff = plan.diff
    return [
        {
            "before_header": os.path.join(root, name, CURRENT),
            "after_header": os.path.join(root, name, CURRENT),
            "before": diff["before"].get(name, {}).get("text", ""),
            "after": diff["after"].get(name, {}).get("text", ""),
        }
        for name in sorted({*diff["before"], *diff["after"]})
    ]


def apply_profiles(root: str, wanted: t.Sequence[Wanted], plan: ResourcePlan) -> None:
    """Do what the plan says, under the Mac's lock."""
    named = {one.name: one for one in wanted}
    directories.require_closed(os.path.dirname(root))
    _make_directories(root, sorted({step.resource for step in plan.steps if step.resource in named and named[step.resource].present}))
    for step in plan.steps:
        base = root if step.resource == root else os.path.join(root, step.resource)
        if step.action in ("install", "replace"):
            _install(base, named[step.resource])
        elif step.action == "clear":
            _clear(base)
        elif step.action == "switch":
            _switch(base, named[step.resource].version)
        elif step.action == "remove":
            _remove(base)


def _make_directories(root: str, names: t.Sequence[str]) -> None:
    if not names and not os.path.lexists(root):
        return
    directories.make_closed(os.path.dirname(root))
    made = [directories.Directory(path, 0o755, True) for path in (root, *(os.path.join(root, name) for name in names))]
    directories.apply_directories(directories.plan_directories(made, directories.read_directories(made)), made)


def _install(base: str, one: Wanted) -> None:
    marker = json.dumps({"owner": OWNER, "profile": one.name}) + "\n"
    if not _is_marked(base, one.name):
        _write(base, MARKER, marker.encode())
    _write(base, f"{one.version}.sb", one.text.encode())


def _write(base: str, name: str, content: bytes) -> None:
    """Put a whole file into its place; what was there is not changed, and stays with those who have it open."""
    descriptor, staged = tempfile.mkstemp(prefix=STAGING, dir=base)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchown(descriptor, 0, 0)
            os.fchmod(descriptor, _MODE)
            os.fsync(descriptor)
        os.rename(staged, os.path.join(base, name))
    except BaseException:
        os.unlink(staged)
        raise


def _switch(base: str, version: str) -> None:
    staged = os.path.join(base, STAGING + CURRENT)
    os.symlink(f"{version}.sb", staged)
    os.replace(staged, os.path.join(base, CURRENT))


def _clear(base: str) -> None:
    """Remove what killed runs left: whoever is alive works under the lock, which we have."""
    for name in os.listdir(base):
        if name.startswith(STAGING):
            os.unlink(os.path.join(base, name))


def _remove(base: str) -> None:
    """Remove a directory with its files, the marker last, so that a killed run leaves one that is known as ours."""
    for name in sorted(os.listdir(base), key=lambda name: name == MARKER):
        os.unlink(os.path.join(base, name))
    os.rmdir(base)


def described(root: str, wanted: t.Sequence[Wanted]) -> t.Dict[str, t.Dict[str, t.Any]]:
    """What is there now of our profiles, by name."""
    return {
        name: {
            "path": os.path.join(root, name, f"{seen.current}.sb"),
            "current": os.path.join(root, name, CURRENT),
            "version": seen.current,
            "versions": sorted(seen.versions),
        }
        for name, seen in read_store(root, wanted).profiles.items()
        if seen.current in seen.versions
    }
