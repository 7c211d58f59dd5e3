# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Who holds a lock on a file, without taking part."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import typing as t


class _Layout(t.NamedTuple):
    """How C lays out ``struct flock``, and where type and pid are in it."""

    form: str
    type_at: int
    pid_at: int


# Told apart by the value of F_WRLCK that the interpreter was built with, from sys/fcntl.h of Darwin and Linux (64 bit).
_LAYOUTS = {3: _Layout("@qqihh", 3, 2), 1: _Layout("@hhqqi0q", 0, 4)}


def lock_holder(descriptor: int) -> t.Optional[int]:
    """The process that holds a record lock on the file (0 when it cannot be seen), None for nobody.

    F_GETLK only asks. Trying the lock and releasing it would for a moment hold it, and a VM
    that is started in that moment would fail as "already running". Raises OSError.
    """
    layout = _LAYOUTS.get(fcntl.F_WRLCK)
    if layout is None:
        raise OSError(errno.ENOTSUP, "locks of this system are not known")
    question = {layout.type_at: fcntl.F_WRLCK}
    length = len(struct.unpack(layout.form, bytes(struct.calcsize(layout.form))))
    # SEEK_SET, from 0, length 0: the whole file; all of them are zeros.
    asked = struct.pack(layout.form, *(question.get(index, os.SEEK_SET) for index in range(length)))
    answer = struct.unpack(layout.form, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    if answer[layout.type_at] == fcntl.F_UNLCK:
        return None
    return max(0, int(answer[layout.pid_at]))
