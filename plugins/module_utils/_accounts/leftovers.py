# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a user leaves outside its home: mounts, files in shared directories, cron entries, System V objects."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory
from ansible_collections.action_packer.mac_runners.plugins.module_utils._tree import is_going, remove_tree

MOUNT = "/sbin/mount"
UMOUNT = "/sbin/umount"
IPCS = "/usr/bin/ipcs"
IPCRM = "/usr/bin/ipcrm"

CRON = "/private/var/at/tabs"
#: Where everybody can write, and where macOS keeps what belongs to each user; how deep in directories of others files of a user are looked for.
SHARED = {
    "/private/tmp": 24,
    "/private/var/tmp": 24,
    "/Users/Shared": 24,
    "/Library/Caches": 2,
    "/private/var/folders": 1,
    "/private/var/at/jobs": 0,
    "/private/var/mail": 0,
}
#: The volume whose directories are seen at the top too; a mount may be listed by either name.
_DATA = "/System/Volumes/Data"


def unmount_of(run: Run, name: str, home: str) -> None:
    """Unmount what the user mounted and what is mounted in its home or on it, the deepest first. Raises when something is left."""
    for options in ([], ["-f"]):
        for point in _mounts_of(run, name, home):
            run([UMOUNT, *options, point])
    left = _mounts_of(run, name, home)
    if left:
        raise AccountError(f"account {name}: cannot be unmounted, and nothing was removed: {', '.join(left)}")


def _mounts_of(run: Run, name: str, home: str) -> t.List[str]:
    word, listed = f"mounted by {name}", mounts(run)
    inside = {point for point, _words in listed if home and _is_below(point, home)}
    claimed = {point for point, words in listed if word in words} - inside
    # A directory's name may hold a line end and what looks like a line: a volume is the user's only when no other line speaks of it.
    others = {_volume(point) for point, words in listed if word not in words} if claimed else set()
    return sorted(inside | {point for point in claimed if _volume(point) not in others}, key=len, reverse=True)


def _is_below(point: str, home: str) -> bool:
    plain = point[len(_DATA) :] if point.startswith(f"{_DATA}/") else point
    return f"{plain}/".startswith(f"{home}/")


def _volume(point: str) -> t.Any:
    """What tells a volume from all others, however its mount point is spelled; the spelling itself for one that cannot be looked at."""
    try:
        return os.stat(point).st_dev
    except OSError:
        return point


def mounts(run: Run) -> t.List[t.Tuple[str, t.List[str]]]:
    """What is mounted: where, and the words in brackets. A line is ``SOURCE on PATH (WORDS)``, and paths may have blanks."""
    found = []
    for line in must(run, [MOUNT]).splitlines():
        place, separator, words = line.rpartition(" (")
        if separator and " on " in place:
            found.append((place.partition(" on ")[2], words.rstrip(")").split(", ")))
    return found


def remove_files(name: str, uid: int, root: str = "") -> None:
    """Remove the user's cron table and everything of it in shared directories, of the Mac or of what is a root directory to a jail."""
    _remove_cron(root + CRON, name)
    for path, levels in SHARED.items():
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            _sweep(root + path, uid, levels)


def _remove_cron(path: str, name: str) -> None:
    try:
        tabs = open_directory(path)
    except FileNotFoundError:
        return
    try:
        remove_tree(tabs, name)
    finally:
        os.close(tabs)


def _sweep(path: str, uid: int, levels: int) -> None:
    top = open_directory(path)
    try:
        _sweep_in(top, os.listdir(top), uid, os.fstat(top).st_dev, levels)
    finally:
        os.close(top)


def _sweep_in(directory: int, names: t.Sequence[str], uid: int, device: int, levels: int) -> None:
    """Remove what belongs to the user in a directory of somebody else, and so many levels below it."""
    for name in names:
        # Whose directories these are may change them meanwhile; that harms nobody else, and is seen the next time.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = _look(directory, name)
            if status is None or status.st_dev != device:
                continue
            if status.st_uid == uid or (status.st_uid == 0 and is_going(name)):
                remove_tree(directory, name)
            elif stat.S_ISDIR(status.st_mode) and levels:
                _sweep_below(directory, name, uid, device, levels - 1)


def _look(directory: int, name: str) -> t.Optional[os.stat_result]:
    # Some directories of macOS, such as /Library/Caches/com.apple.aned, are data vaults: closed to root, and to every user.
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except PermissionError:
        return None


def _sweep_below(parent: int, name: str, uid: int, device: int, levels: int) -> None:
    try:
        directory = open_directory(name, parent)
    except OSError as error:
        # A link, or a data vault.
        if error.errno == errno.ELOOP or isinstance(error, PermissionError):
            return
        raise
    try:
        _sweep_in(directory, _names_in(directory), uid, device, levels)
    finally:
        os.close(directory)


def _names_in(directory: int) -> t.List[str]:
    try:
        return os.listdir(directory)
    except PermissionError:
        return []


def remove_ipc(run: Run, name: str) -> None:
    """Remove shared memory, semaphores and message queues of System V, which outlive their processes."""
    for kind, number in ipc_of(must(run, [IPCS]), name):
        # Another process of nobody may have removed it meanwhile; what is left is seen by the look that follows.
        run([IPCRM, f"-{kind}", number])
    left = ipc_of(must(run, [IPCS]), name)
    if left:
        raise AccountError(f"account {name}: System V objects cannot be removed: {', '.join(' '.join(each) for each in left)}")


def ipc_of(text: str, name: str) -> t.List[t.Tuple[str, str]]:
    """Kind (m, s, q) and number of the user's objects, from lines ``T ID KEY MODE OWNER GROUP``."""
    rows = [line.split() for line in text.splitlines()]
    return [(row[0], row[1]) for row in rows if len(row) >= 6 and row[0] in ("m", "s", "q") and row[1].isdigit() and row[4] == name]
