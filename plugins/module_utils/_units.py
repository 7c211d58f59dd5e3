# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Sizes: whole bytes inside, units outside."""

from __future__ import annotations

import functools
import math
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import (
    MacRunnersError,
)

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

#: Past one pebibyte a size is a slip of the keyboard, not a Mac.
LARGEST = 1024 * TIB

ALLOWED = "a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB"

_UNITS: t.Mapping[str, int] = {
    "": 1,
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": KIB,
    "MiB": MIB,
    "GiB": GIB,
    "TiB": TIB,
}
_SIZE = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))? ?([A-Za-z]{0,3})\Z")


class SizeError(MacRunnersError):
    """A value that is not a size."""


def parse_size(value: t.Any) -> int:
    """Return ``value`` in whole bytes; a fraction of a byte is dropped.

    Raises :class:`SizeError` for anything that is not plainly a size.
    """
    if isinstance(value, bool):
        raise SizeError(ALLOWED)
    if isinstance(value, int):
        size = int(value)
    elif isinstance(value, float):
        size = _whole(value)
    elif isinstance(value, str):
        size = _from_text(value)
    else:
        raise SizeError(ALLOWED)
    if not 0 <= size <= LARGEST:
        raise SizeError(ALLOWED)
    return size


def _whole(value: float) -> int:
    # Jinja arithmetic yields 12884901888.0; 1.5 bytes can only be a forgotten unit.
    if not math.isfinite(value) or value != int(value):
        raise SizeError(ALLOWED)
    return int(value)


@functools.lru_cache(maxsize=4096)
def _from_text(text: str) -> int:
    match = _SIZE.match(text.strip())
    if match is None or match.group(3) not in _UNITS:
        raise SizeError(ALLOWED)
    whole, fraction, unit = match.group(1), match.group(2) or "", match.group(3)
    if fraction and not unit:
        raise SizeError(ALLOWED)
    return int(whole + fraction) * _UNITS[unit] // int(10 ** len(fraction))


# A fleet of thousands repeats a few sizes in its ledgers.
@functools.lru_cache(maxsize=4096)
def format_size(size: int) -> str:
    """Write bytes for people, in GiB: ``12 GiB``, ``1.5 GiB``, ``12.001 GiB (12289 MiB)``.

    A size that three decimals would round is followed by its exact value, so that a refusal
    over one byte can be seen.
    """
    # Adding 0 takes the sign from -0.000.
    number = f"{round(size / GIB, 3) + 0:.3f}".rstrip("0").rstrip(".")
    if size * 1000 % GIB == 0:
        return f"{number} GiB"
    exact = f"{size // MIB} MiB" if size % MIB == 0 else f"{size} bytes"
    return f"{number} GiB ({exact})"
