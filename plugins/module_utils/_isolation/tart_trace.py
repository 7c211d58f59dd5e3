# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What came into a TART_HOME on our behalf beside VMs: cached images, and Tart's own directories.

It is noted before it is made, in a file that root alone can write, so that it can be taken away again
and what others pulled stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place

#: Tart makes these by itself at its first command.
_DIRECTORIES = ("", "cache", "cache/IPSWs", "cache/OCIs", "tmp", "vms")


class Trace(t.NamedTuple):
    """``directories`` relative to the TART_HOME, ``images`` as they were pulled; both sorted."""

    directories: t.Tuple[str, ...] = ()
    images: t.Tuple[str, ...] = ()


def read_trace(place: Place) -> Trace:
    """What was noted for this TART_HOME; nothing when it cannot be read, so that nothing is taken away."""
    try:
        with open(_path(place), encoding="utf-8") as stream:
            content = json.load(stream)
        return Trace(tuple(map(str, content["directories"])), tuple(map(str, content["images"])))
    except (OSError, ValueError, KeyError, TypeError):
        return Trace()


def write_trace(place: Place, trace: Trace) -> None:
    """Note it durably; an empty one leaves no file."""
    path = _path(place)
    if trace == Trace():
        for remove, what in ((os.unlink, path), (os.rmdir, os.path.dirname(path))):
            with contextlib.suppress(OSError):
                remove(what)
        return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as stream:
        json.dump({"home": place.tart_home, **trace._asdict()}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(path + ".new", path)


def extended(trace: Trace, place: Place, images: t.Sequence[str]) -> Trace:
    """With what is going to be made now: directories that are missing, and images that are pulled."""
    missing = [name for name in _DIRECTORIES if not os.path.isdir(os.path.join(place.tart_home, name))]
    return Trace(tuple(sorted({*trace.directories, *missing})), tuple(sorted({*trace.images, *images})))


def _path(place: Place) -> str:
    name = hashlib.sha256(place.tart_home.encode()).hexdigest()[:16]
    return os.path.join(place.state_dir, "tart", name + ".json")
