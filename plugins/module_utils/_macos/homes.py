# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Users of the Mac, and reading in their homes without being led astray.

Root reads what ordinary users can arrange: links are not followed, only regular files are
read and only so much of them, nothing is ever written.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
import typing as t

#: Homes of users that have none.
_NO_HOME = frozenset(("", "/", "/var/empty", "/dev/null", "/nonexistent"))
_LARGEST_FILE = 1024 * 1024


class User(t.NamedTuple):
    """Somebody with a home on this Mac."""

    name: str
    uid: int
    home: str


def read_users(users_dir: str = "/Users") -> t.List[User]:
    """Everybody whose home exists; homes in ``users_dir`` whose user is gone as well."""
    found: t.Dict[str, User] = {}
    for entry in pwd.getpwall():
        if entry.pw_dir not in _NO_HOME and os.path.isdir(entry.pw_dir):
            # Daemons share a home with root; the first of equals is as good as any.
            found.setdefault(os.path.realpath(entry.pw_dir), User(entry.pw_name, entry.pw_uid, entry.pw_dir))
    for user in _left_behind(users_dir):
        found.setdefault(os.path.realpath(user.home), user)
    return list(found.values())


def _left_behind(users_dir: str) -> t.Iterator[User]:
    try:
        entries = sorted(os.scandir(users_dir), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield User(entry.name, entry.stat(follow_symlinks=False).st_uid, entry.path)


def user_name(uid: int) -> str:
    """The name of a user, the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def why(error: OSError) -> str:
    """Why something could not be opened here, in words."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it is a link, which is not followed"
    return error.strerror or str(error)


def open_directory(path: str, parent: t.Optional[int] = None, follow: bool = False) -> int:
    """A descriptor of a directory that is no link; raises OSError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    return os.open(path, flags if follow else flags | os.O_NOFOLLOW, dir_fd=parent)


def open_regular(name: str, parent: t.Optional[int] = None, writable: bool = False) -> int:
    """A descriptor of a regular file that is no link; raises OSError.

    ``writable`` asks for a descriptor that could write, which a test of a lock may need; one
    that can only read is returned where that is forbidden.
    """
    # Without O_NONBLOCK somebody's named pipe would hold us for ever.
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags | (os.O_RDWR if writable else os.O_RDONLY), dir_fd=parent)
    except OSError as error:
        if not writable or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        descriptor = os.open(name, flags | os.O_RDONLY, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", name)
    return descriptor


def read_all(descriptor: int, largest: int = _LARGEST_FILE) -> bytes:
    """The whole file; raises OSError when it is larger than anything that belongs there."""
    data = b""
    while len(data) <= largest:
        part = os.read(descriptor, largest + 1 - len(data))
        if not part:
            return data
        data += part
    raise OSError(errno.EFBIG, "larger than anything that belongs here")


def read_regular(name: str, parent: t.Optional[int] = None) -> bytes:
    """The content of a regular file that is no link; raises OSError."""
    descriptor = open_regular(name, parent)
    try:
        return read_all(descriptor)
    finally:
        os.close(descriptor)
