# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Changing the releases of tools: fetching archives, unpacking them with suspicion, putting them into their place."""

from __future__ import annotations

import collections
import contextlib
import hashlib
import http.client
import os
import shutil
import stat
import tempfile
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import directories
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_regular, why
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.machine_code import made_for
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.releases import (
    CONTENTS,
    CURRENT,
    STAGING,
    STAMP,
    ReleaseError,
    Tool,
    is_program,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan

TAR = "/usr/bin/tar"
#: Bytes of the largest archive that is taken.
LARGEST = 1024**3
#: Bytes left of a disk that is full: the last file that did not fit leaves some.
_FULL = 1024**2


@contextlib.contextmanager
def fetched(download: t.Callable[[str], t.BinaryIO], tools: t.Sequence[Tool]) -> t.Iterator[t.Dict[str, str]]:
    """Where the checked archive of each tool lies: files for root alone, which are there as long as the context.

    Those of a killed run stay in the system's directory for temporary files, which macOS clears.
    """
    with tempfile.TemporaryDirectory(prefix="mac-runners-") as directory:
        archives = {tool.name: os.path.join(directory, tool.name) for tool in tools}
        for tool in tools:
            try:
                with _opened(download, tool) as source, open(archives[tool.name], "xb") as target:
                    _copy_checked(tool, source, target)
            except (OSError, http.client.HTTPException) as error:
                full = _full_disk(directory)
                raise ReleaseError(f"{tool.where}: {full or 'its archive cannot be read to the end: '}{error}") from error
        yield archives


def _opened(download: t.Callable[[str], t.BinaryIO], tool: Tool) -> t.ContextManager[t.BinaryIO]:
    if tool.url:
        return contextlib.closing(_downloaded(download, tool))
    try:
        return os.fdopen(open_regular(tool.archive), "rb")
    except OSError as error:
        raise ReleaseError(f"{tool.where}: got {show(tool.archive)}, which cannot be read: {why(error)}") from None


def _downloaded(download: t.Callable[[str], t.BinaryIO], tool: Tool) -> t.BinaryIO:
    try:
        return download(tool.url)
    except ReleaseError as error:
        raise ReleaseError(f"{tool.where}: {error}") from error


def _copy_checked(tool: Tool, source: t.BinaryIO, target: t.BinaryIO) -> None:
    digest, size = hashlib.sha256(), 0
    for part in iter(lambda: source.read(1024 * 1024), b""):
        size += len(part)
        if size > LARGEST:
            raise ReleaseError(f"{tool.where}: its archive is larger than {LARGEST} bytes, which is the limit")
        digest.update(part)
        target.write(part)
    # Of an HTTP answer: the bytes that were promised and did not come.
    if getattr(source, "length", None):
        raise ReleaseError(f"{tool.where}: its archive cannot be read to the end: the connection ended too early")
    if digest.hexdigest() != tool.sha256:
        raise ReleaseError(
            f"tool {tool.name}, field sha256: got {tool.sha256}, but the archive for release {tool.version} has {digest.hexdigest()}; "
            "set version and sha256 together"
        )


def apply_plan(run: Run, root: str, tools: t.Sequence[Tool], plan: ResourcePlan, archives: t.Mapping[str, str]) -> None:
    """Do what the plan says, under the Mac's lock."""
    named = {tool.name: tool for tool in tools}
    for step in plan.steps:
        tool = named[step.resource]
        base = os.path.join(root, tool.name)
        directories.require_closed(base)
        if step.action == "remove":
            _remove(base)
            continue
        directories.make_closed(base)
        if step.action == "clear":
            _clear(base)
        elif step.action == "switch":
            _switch(base, tool)
        elif step.action == "prune":
            _prune(base, step.detail)
        else:
            _install(run, base, tool, archives)


def _remove(base: str) -> None:
    removed = [directories.Directory(base, 0o755, False, CONTENTS)]
    directories.apply_directories(directories.plan_directories(removed, directories.read_directories(removed)), removed)


def _clear(base: str) -> None:
    """Remove what killed runs left: whoever is alive works under the lock, which we have."""
    for name in os.listdir(base):
        if name.startswith(STAGING):
            shutil.rmtree(os.path.join(base, name))


def _switch(base: str, tool: Tool) -> None:
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=base) as staging:
        link = os.path.join(staging, CURRENT)
        os.symlink(tool.version, link)
        os.replace(link, os.path.join(base, CURRENT))


def _prune(base: str, version: str) -> None:
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=base) as staging:
        os.rename(os.path.join(base, version), os.path.join(staging, "pruned"))


def _install(run: Run, base: str, tool: Tool, archives: t.Mapping[str, str]) -> None:
    if tool.name not in archives:
        raise ReleaseError(f"tool {tool.name}: release {tool.version} was removed by somebody else a moment ago; run this again")
    place = os.path.join(base, tool.version)
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=base) as staging:
        release = os.path.join(staging, "release")
        os.mkdir(release)
        _unpack(run, tool, archives[tool.name], release)
        with open(os.path.join(release, STAMP), "x", encoding="utf-8") as file:
            file.write(tool.sha256 + "\n")
        if os.path.lexists(place):
            os.rename(place, os.path.join(staging, "replaced"))
        os.rename(release, place)


def _unpack(run: Run, tool: Tool, archive: str, release: str) -> None:
    """Unpack into an empty directory; raise when the archive reaches out of it or lacks the program."""
    try:
        names = must(run, [TAR, "-t", "-z", "-f", archive]).splitlines()
        _refuse(tool, [name for name in names if name.startswith("/") or ".." in name.split("/")], "leave its directory")
        must(run, [TAR, "-x", "-z", "-o", "--no-same-permissions", "-f", archive, "-C", release])
    except CommandError as error:
        full = _full_disk(release)
        raise ReleaseError(f"{tool.where}: {full or 'nothing was installed, since its archive cannot be unpacked: '}{error}") from None
    _make_tame(tool, release)
    if not is_program(os.path.join(release, tool.program)):
        raise ReleaseError(
            f"{tool.where}: nothing was installed, since the archive for release {tool.version} does not have {show(tool.program)} as a program"
        )
    _require_arch(tool, os.path.join(release, tool.program))


def _require_arch(tool: Tool, program: str) -> None:
    if not tool.arch:
        return
    made = made_for(program)
    if not made.runs_on(tool.arch):
        raise ReleaseError(
            f"{tool.where}: nothing was installed, since {tool.program} in the archive for release {tool.version} was made for {made.words}, "
            f"and this Mac is {tool.arch}; take the archive for macOS on {tool.arch}, and its SHA-256"
        )


def _full_disk(directory: str) -> str:
    """What neither tar nor the system may say clearly; empty when there is room."""
    status = os.statvfs(directory)
    left = status.f_bavail * status.f_frsize
    return f"nothing was installed, since the disk is full ({left} bytes are left): " if left < _FULL else ""


def _refuse(tool: Tool, names: t.Sequence[str], what: str) -> None:
    if names:
        raise ReleaseError(f"{tool.where}: nothing was installed, since names in its archive {what}: {', '.join(map(show, sorted(names)[:5]))}")


def _make_tame(tool: Tool, release: str) -> None:
    """Raise when anything in the release leads out of it or is special; then give everything a plain mode."""
    entries = {path: os.lstat(path) for path in _everything(release)}
    kinds = {path: stat.S_IFMT(status.st_mode) for path, status in entries.items()}
    special = [path for path, kind in kinds.items() if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)]
    _refuse(tool, _told(special, release), "are neither file, directory nor link")
    links = [path for path, kind in kinds.items() if kind == stat.S_IFLNK and _leaves(path, release)]
    # A file with more names than are here has one elsewhere.
    inodes = collections.Counter((status.st_dev, status.st_ino) for status in entries.values())
    links += [path for path, status in entries.items() if kinds[path] == stat.S_IFREG and status.st_nlink > inodes[status.st_dev, status.st_ino]]
    _refuse(tool, _told(links, release), "are links out of it")
    for path, kind in kinds.items():
        if kind != stat.S_IFLNK:
            os.chmod(path, 0o755 if kind == stat.S_IFDIR or entries[path].st_mode & 0o111 else 0o644)


def _leaves(link: str, release: str) -> bool:
    inside = os.path.realpath(release)
    return os.path.commonpath([os.path.realpath(link), inside]) != inside


def _told(paths: t.Iterable[str], release: str) -> t.List[str]:
    return [os.path.relpath(path, release) for path in paths]


def _everything(top: str) -> t.Iterator[str]:
    """Every path below ``top``, and itself; links are not followed."""
    yield top
    for directory, folders, files in os.walk(top):
        yield from (os.path.join(directory, name) for name in folders + files)
