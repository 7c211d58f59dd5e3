# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Since when runners are seen offline: GitHub does not tell, so the controller remembers, from one sweep to the next."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.private_file import write_private

_SCHEMA = 1
_LARGEST = 16 * 1024 * 1024

#: Runner id -> seconds since 1970 at which it was first seen offline.
Since = t.Mapping[int, float]


def read_since(path: str, key: str) -> t.Tuple[t.Dict[int, float], str]:
    """What is remembered about a target, and a warning when the file is damaged: then the grace begins anew."""
    known, warning = _read(path)
    entries = known.get(key)
    since = entries if isinstance(entries, dict) else {}
    return {int(number): float(at) for number, at in since.items() if number.isdigit() and isinstance(at, (int, float))}, warning


def write_since(path: str, key: str, since: Since) -> None:
    """Remember what is offline now at one target; what is remembered of others stays."""
    known, _warning = _read(path)
    if known.get(key, {}) == _entries(since):
        return
    known[key] = _entries(since)
    kept = {name: entries for name, entries in known.items() if entries}
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        write_private(path, json.dumps({"schema": _SCHEMA, "offline": kept}))
    except OSError as error:
        raise InputError(f"offline_file: {path} cannot be written: {error.strerror}") from error


def observed(before: Since, offline: t.Iterable[int], now: float) -> t.Dict[int, float]:
    """Since when each runner that is offline now has been so; one that was online in between begins anew."""
    # A time that lies ahead comes from a clock that was wrong.
    return {number: min(before.get(number, now), now) for number in offline}


def _entries(since: Since) -> t.Dict[str, float]:
    return {str(number): at for number, at in sorted(since.items())}


def _read(path: str) -> t.Tuple[t.Dict[str, t.Any], str]:
    data: t.Any = None
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read(_LARGEST))
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        raise InputError(f"offline_file: {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        pass
    if not isinstance(data, dict) or data.get("schema") != _SCHEMA or not isinstance(data.get("offline"), dict):
        return {}, f"offline_file: {path} is damaged or of another release; the grace of all runners begins anew"
    return data["offline"], ""
