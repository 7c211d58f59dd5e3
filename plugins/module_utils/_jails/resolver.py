# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Names of the network in a jail: the Mac's resolver answers at a socket, which is linked into each jail, and its files are copied."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory

_FILES = ("resolv.conf", "hosts")
_BELOW = ("private", "var", "run")
_NAME = "mDNSResponder"
_STAGED = ".mDNSResponder.new"


class Host(t.NamedTuple):
    """Where the Mac keeps them."""

    etc: str = "/etc"
    socket: str = "/private/var/run/mDNSResponder"


HOST = Host()


def install(root: str, host: Host) -> None:
    """Bring files and socket into a jail that nobody works in yet."""
    for name in _FILES:
        with contextlib.suppress(FileNotFoundError), open(os.path.join(host.etc, name), "rb") as file:
            content = file.read()
            _replace(os.path.join(root, "private/etc", name), content)
    link(root, host)


def _replace(path: str, content: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o644)


def link(root: str, host: Host) -> None:
    """Link the socket into a jail, in the place of one that the resolver has left, as it does at each start."""
    if _linkable(root, host) is None:
        return
    with _directory(root) as directory:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_STAGED, dir_fd=directory)
        os.link(host.socket, _STAGED, dst_dir_fd=directory, follow_symlinks=False)
        os.rename(_STAGED, _NAME, src_dir_fd=directory, dst_dir_fd=directory)


def is_stale(root: str, host: Host) -> bool:
    """Whether the socket in a jail is not the Mac's."""
    wanted = _linkable(root, host)
    if wanted is None:
        return False
    try:
        with _directory(root) as directory:
            return not os.path.samestat(wanted, os.stat(_NAME, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return True


def _linkable(root: str, host: Host) -> t.Optional[os.stat_result]:
    """The socket, when there is one and it is on the volume of the jail; otherwise the copied files have to do."""
    try:
        status = os.lstat(host.socket)
    except FileNotFoundError:
        return None
    return status if stat.S_ISSOCK(status.st_mode) and status.st_dev == os.lstat(root).st_dev else None


@contextlib.contextmanager
def _directory(root: str) -> t.Iterator[int]:
    """The directory of the socket in a jail, by no link that somebody made there."""
    descriptor = open_directory(root)
    try:
        for name in _BELOW:
            below = open_directory(name, descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)
