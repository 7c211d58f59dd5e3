# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The Mac's lock: whoever changes a Mac holds it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError

STATE_DIR = "/var/db/mac_runners"
LOCK_NAME = "lock"


class LockedError(MacRunnersError):
    """Somebody else held the lock for too long."""


@contextlib.contextmanager
def mac_lock(what: str, state_dir: str = STATE_DIR, wait: float = 300.0) -> t.Iterator[None]:
    """Hold the lock of this Mac; ``what`` is told to those who wait in vain.

    The kernel frees the lock with its holder, so a killed play leaves none behind; the file
    descriptor is close-on-exec, so no child (a VM) keeps it. Raises :class:`LockedError`.
    """
    deadline = time.monotonic() + wait
    descriptor = _hold(state_dir, deadline, wait)
    try:
        _sign(descriptor, what)
        yield
    finally:
        os.close(descriptor)


def _hold(state_dir: str, deadline: float, wait: float) -> int:
    """The descriptor of the lock's file, locked. A file that was removed while we waited locks nobody out."""
    path = os.path.join(state_dir, LOCK_NAME)
    while True:
        descriptor = _open(state_dir, path)
        try:
            _acquire(descriptor, deadline, wait)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(state_dir: str, path: str) -> int:
    try:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise LockedError(f"{path}: {error.strerror}; only root changes a Mac (become: true)") from error


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _acquire(descriptor: int, deadline: float, wait: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
        if time.monotonic() >= deadline:
            raise LockedError(f"this Mac is being changed by {_holder(descriptor)}; waited {wait:g} s")
        time.sleep(0.1)


def _sign(descriptor: int, what: str) -> None:
    note = json.dumps({"pid": os.getpid(), "what": what, "since": int(time.time())})
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note.encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        note = json.loads(os.pread(descriptor, 4096, 0).decode())
        return f"{note['what']} (process {note['pid']}, for {int(time.time()) - note['since']} s)"
    except (ValueError, KeyError, TypeError):
        return "somebody who left no name"
