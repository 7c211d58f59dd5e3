# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The logs of a slot's last jobs: for root alone, so many, so large."""

from __future__ import annotations

import contextlib
import os
import typing as t

_SUFFIX = ".tar"


class Limits(t.NamedTuple):
    """How many jobs, and how many bytes of each."""

    jobs: int = 10
    size: int = 20 * 1024 * 1024


def keep(folder: str, name: str, content: t.Iterable[bytes], limits: Limits) -> None:
    """Write ``content`` to ``<name>.tar``, cut where it is too long, and remove the oldest beyond the limit. Raises OSError.

    The tar is kept as it came: nothing in it is unpacked here, so no link in it leads anywhere.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    draft = os.path.join(folder, ".draft")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    try:
        _write(draft, content, limits.size)
        os.replace(draft, os.path.join(folder, name + _SUFFIX))
    except BaseException:
        # Also where it never came to a draft; what went wrong is told, not that.
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise
    for old in kept(folder)[: -limits.jobs]:
        os.unlink(os.path.join(folder, old))


def kept(folder: str) -> t.List[str]:
    """The files, the oldest first: by their times, since names begin anew with a lost record."""
    found = [entry for entry in os.scandir(folder) if entry.name.endswith(_SUFFIX)]
    return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))]


def _write(path: str, content: t.Iterable[bytes], left: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for chunk in content:
            file.write(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                return
