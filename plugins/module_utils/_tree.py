# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Removing and filling directory trees as root, where somebody hostile can write.

No link is followed and no mount is entered, whatever others do meanwhile. A directory that has to go is renamed first, since a
mount point cannot be; then it is opened as a directory that is no link, on the same device, and taken over: root's, 0700.
Directories in it are lifted up into it by the same rename, so that a deep tree costs neither recursion nor descriptors.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import stat
import threading
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory

T = t.TypeVar("T")

_GOING = re.compile(r"\.mac-runners-[0-9a-f]{16}\.going\Z")
#: How often a directory is gone through again in which something appears meanwhile.
_ROUNDS = 20
#: What an entry is that changed its kind or vanished since it was looked at: the next round sees what it is now.
_CHANGED = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY, errno.EEXIST)
_MOUNTED = (errno.EBUSY, errno.EXDEV)
#: Clearing a flag without following a link takes the process's working directory along.
_IN_DIRECTORY = threading.Lock()


class TreeError(MacRunnersError):
    """A tree that is not removed or filled: something is mounted in it, or it cannot be done."""


def remove_tree(parent: int, name: str) -> None:
    """Remove ``name`` from the directory ``parent`` with everything in it; none is no error.

    A killed removal is finished by the next one of the same name, and only under this name the tree is ever found complete.
    """
    going = name_while_going(name)
    for dummy in range(_ROUNDS):
        if _gone(parent, going) and _gone(parent, name):
            return
        _again_later(lambda: _remove_aside(parent, going))
        _again_later(lambda: _set_aside(parent, name, going))
    raise TreeError(f"{shown(name)}: somebody makes it anew faster than it can be removed")


def name_while_going(name: str) -> str:
    """Under which name in the same directory a tree is while it is removed."""
    return f".mac-runners-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.going"


def is_going(name: str) -> bool:
    """Whether this is such a name."""
    return _GOING.match(name) is not None


def empty_directory(directory: int) -> None:
    """Remove everything in an open directory, which belongs to root alone afterwards."""
    _take_over(directory)
    for dummy in range(_ROUNDS):
        if not os.listdir(directory):
            return
        _empty_once(directory)
    raise TreeError("a directory that has to be emptied is filled faster than it can be")


def shown(name: str) -> str:
    """A name for messages, whatever bytes are in it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _gone(parent: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return False


def _set_aside(parent: int, name: str, going: str) -> None:
    if _is_directory(parent, name):
        _moved(parent, name, parent, going)
    else:
        _unlink(parent, name)


def _remove_aside(parent: int, going: str) -> None:
    if not _is_directory(parent, going):
        _unlink(parent, going)
        return
    directory = _entered(parent, going)
    try:
        empty_directory(directory)
    finally:
        os.close(directory)
    os.rmdir(going, dir_fd=parent)


def _empty_once(top: int) -> None:
    mark = os.urandom(8).hex()
    fresh = (f".{mark}-{number}" for number in itertools.count())
    waiting = _clear(top, top, fresh)
    while waiting:
        _again_later(lambda: waiting.extend(_clear_lifted(top, waiting.pop(), fresh)))


def _clear_lifted(top: int, name: str, fresh: t.Iterator[str]) -> t.List[str]:
    """Remove a directory in ``top``; the names of those that were in it and are in ``top`` now."""
    directory = _entered(top, name)
    try:
        _take_over(directory)
        lifted = _clear(directory, top, fresh)
    finally:
        os.close(directory)
    _again_later(lambda: os.rmdir(name, dir_fd=top))
    return lifted


def _clear(directory: int, top: int, fresh: t.Iterator[str]) -> t.List[str]:
    """Remove what is in a directory; directories in it that are not empty are lifted into ``top``, under the names returned."""
    lifted: t.List[str] = []
    for name in os.listdir(directory):
        _again_later(lambda name=name: lifted.extend(_clear_entry(directory, name, top, fresh)))  # type: ignore[misc]
    return lifted


def _clear_entry(directory: int, name: str, top: int, fresh: t.Iterator[str]) -> t.List[str]:
    if not _is_directory(directory, name):
        _unlink(directory, name)
        return []
    lifted = next(fresh)
    _moved(directory, name, top, lifted)
    return [lifted]


def _entered(parent: int, name: str) -> int:
    """A descriptor of a directory in ``parent``; raises :class:`TreeError` where something is mounted."""
    directory = open_directory(name, parent)
    if os.fstat(directory).st_dev != os.fstat(parent).st_dev:
        os.close(directory)
        raise _mounted(name)
    return directory


def _take_over(directory: int) -> None:
    """Make a directory root's alone, also for those who have it open."""
    _forced(directory, ".", lambda: os.fchown(directory, os.geteuid(), os.getegid()))
    os.fchmod(directory, 0o700)


def _moved(parent: int, name: str, target: int, new: str) -> None:
    _forced(parent, name, lambda: os.rename(name, new, src_dir_fd=parent, dst_dir_fd=target))


def _unlink(parent: int, name: str) -> None:
    _forced(parent, name, lambda: os.unlink(name, dir_fd=parent))


def _is_directory(parent: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _again_later(action: t.Callable[[], t.Any]) -> None:
    """Do something to an entry, unless somebody changed it since it was looked at: it is looked at again in the next round."""
    try:
        action()
    except OSError as error:
        if error.errno not in _CHANGED:
            raise


def _forced(parent: int, name: str, action: t.Callable[[], T]) -> T:
    """Change the entry ``name`` of ``parent``, if need be against flags that forbid it."""
    try:
        return action()
    except OSError as error:
        if error.errno in _MOUNTED:
            raise _mounted(name) from error
        if error.errno != errno.EPERM or not hasattr(os, "chflags"):
            raise
    _clear_flags(parent, name)
    return action()


def _clear_flags(parent: int, name: str) -> None:
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    # A file of root that a job linked into its tree is the same file where root has it.
    if status.st_uid == 0 and status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
        raise TreeError(f"{shown(name)}: it is a file of root with flags that forbid to remove it, and has other names: look what it is")
    with _IN_DIRECTORY:
        os.fchdir(parent)
        try:
            for entry in dict.fromkeys((".", name)):
                os.chflags(entry, 0, follow_symlinks=False)  # type: ignore[attr-defined,unused-ignore]
        finally:
            os.chdir("/")


def _mounted(name: str) -> TreeError:
    return TreeError(f"{shown(name)}: something is mounted there, and nothing below it was touched")


def fill_directory(source: int, target: int, uid: int, gid: int) -> None:
    """Copy what is in a directory of root into one that belongs to root alone; the copies belong to ``uid`` and ``gid``.

    Only what root alone can write is copied: regular files, directories, and links as they are.
    """
    for name in sorted(os.listdir(source)):
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        _require_template(name, status, os.fstat(source).st_dev)
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            os.chown(name, uid, gid, dir_fd=target, follow_symlinks=False)
        elif stat.S_ISDIR(status.st_mode):
            _copy_directory(source, target, name, uid, gid)
        else:
            _copy_file(source, target, name, uid, gid)


def _require_template(name: str, status: os.stat_result, device: int) -> None:
    mode = status.st_mode
    if status.st_dev != device:
        raise _mounted(name)
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise TreeError(f"{shown(name)}: got neither a file nor a directory nor a link in a template; allowed: these three")
    if status.st_uid != os.geteuid() or (mode & 0o022 and not stat.S_ISLNK(mode)):
        raise TreeError(f"{shown(name)}: others than root can write it in a template; allowed: what belongs to root alone")


def _copy_directory(source: int, target: int, name: str, uid: int, gid: int) -> None:
    os.mkdir(name, 0o700, dir_fd=target)
    below, copy = open_directory(name, source), open_directory(name, target)
    try:
        fill_directory(below, copy, uid, gid)
        os.fchmod(copy, stat.S_IMODE(os.fstat(below).st_mode) & 0o777)
        os.fchown(copy, uid, gid)
    finally:
        os.close(below)
        os.close(copy)


def _copy_file(source: int, target: int, name: str, uid: int, gid: int) -> None:
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(name, flags | os.O_RDONLY | os.O_NONBLOCK, dir_fd=source), "rb") as content:
        with os.fdopen(os.open(name, flags | os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=target), "wb") as copy:
            for part in iter(lambda: content.read(1024 * 1024), b""):
                copy.write(part)
            copy.flush()
            os.fchmod(copy.fileno(), stat.S_IMODE(os.fstat(content.fileno()).st_mode) & 0o777)
            os.fchown(copy.fileno(), uid, gid)
