# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of this Mac (mac.json) as the stand-ins read it, and small stores beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standins.call import STATE


def read_mac() -> dict[str, Any]:
    with open(f"{STATE}/mac.json", encoding="utf-8") as stream:
        return json.load(stream)


def read_store(name: str, default: Any) -> Any:
    """Read a JSON file of the state directory; ``default`` when it is not there."""
    try:
        with open(f"{STATE}/{name}", encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        return default


def write_store(name: str, value: Any) -> None:
    """Replace a JSON file of the state directory at once (root only: the directory is root's)."""
    path = f"{STATE}/{name}"
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1, sort_keys=True)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(temporary, path)


@contextmanager
def changed_store(name: str, default: Any) -> Iterator[Any]:
    """Read a store under its lock, let the caller change it, write it back; nothing is written when the caller fails."""
    with open(f"{STATE}/{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        value = read_store(name, default)
        is_good = False
        try:
            yield value
            is_good = True
        finally:
            if is_good:
                write_store(name, value)


def is_root() -> bool:
    return os.geteuid() == 0
