# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes: what people write, to the byte, and everything that is not a size."""

from __future__ import annotations

import decimal
import fractions
import random
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import (
    ALLOWED,
    GIB,
    LARGEST,
    MIB,
    SizeError,
    format_size,
    parse_size,
)


class TaggedText(str):
    """As Ansible's own texts, which are no plain ``str``."""


SIZES: t.Sequence[t.Tuple[t.Any, int]] = (
    (0, 0),
    ("0", 0),
    ("0GiB", 0),
    (1, 1),
    ("1", 1),
    ("1B", 1),
    ("1kB", 1000),
    ("1KB", 1000),
    ("1KiB", 1024),
    ("500MB", 500_000_000),
    ("512MiB", 512 * MIB),
    ("12GiB", 12 * GIB),
    ("12 GiB", 12 * GIB),
    (" 12GiB\n", 12 * GIB),
    ("1.5GiB", 3 * GIB // 2),
    ("1.2GiB", 1_288_490_188),
    ("0.0000000001GiB", 0),
    ("1.999999999999999999B", 1),
    ("0012GiB", 12 * GIB),
    ("2TB", 2_000_000_000_000),
    ("1TiB", 1024 * GIB),
    ("1024TiB", LARGEST),
    (LARGEST, LARGEST),
    (12884901888.0, 12 * GIB),
    (TaggedText("12GiB"), 12 * GIB),
)

NO_SIZES: t.Sequence[t.Any] = (
    "12G",
    "12g",
    "12gib",
    "12GIB",
    "12Gi",
    "12PiB",
    "1,5GiB",
    "1.GiB",
    ".5GiB",
    "1.5",
    "1..5GiB",
    "1.5.2GiB",
    "-1",
    "-1GiB",
    "+1GiB",
    -1,
    -1.0,
    1.5,
    "NaN",
    "nan",
    "inf",
    float("nan"),
    float("inf"),
    float("-inf"),
    True,
    False,
    "true",
    None,
    "",
    " ",
    "GiB",
    "1e3GiB",
    "1e400GiB",
    "1e999999999",
    1e300,
    10**400,
    10**5000,
    LARGEST + 1,
    "1024.1TiB",
    "9" * 18 + "TiB",
    "9" * 19,
    "9" * 10_000,
    "9" * 10_000 + "GiB",
    "x" * 10_000,
    "1\u00a0GiB",
    "1  GiB",
    "\u0661\u0662GiB",
    "\uff11\uff12GiB",
    "\u00b2GiB",
    "12GiB; rm -rf /",
    "12\x00GiB",
    "12\nGiB",
    "0x10",
    "1_000",
    b"12GiB",
    [],
    ["12GiB"],
    {},
    {"size": "12GiB"},
    (12,),
    decimal.Decimal(12),
    fractions.Fraction(12),
    object(),
)


def in_short(value: t.Any) -> str:
    """A test's name, also where pytest could not make one of an endless number."""
    return ascii(value)[:30] if isinstance(value, (str, float, bool, list, dict)) else type(value).__name__


@pytest.mark.parametrize(("given", "size"), SIZES, ids=repr)
def test_a_size_is_whole_bytes(given: t.Any, size: int) -> None:
    parsed = parse_size(given)
    assert parsed == size
    assert isinstance(parsed, int) and not isinstance(parsed, bool)


@pytest.mark.parametrize("given", NO_SIZES, ids=in_short)
def test_everything_else_is_refused(given: t.Any) -> None:
    with pytest.raises(SizeError) as caught:
        parse_size(given)
    assert str(caught.value) == ALLOWED


def test_decimals_are_exact() -> None:
    """No float is used on the way: the result is the fraction, its part of a byte dropped."""
    dice = random.Random(4)
    for _number in range(500):
        text = f"{dice.randint(0, 999)}.{dice.randint(0, 10**12):012}"
        assert parse_size(text + "GiB") == int(fractions.Fraction(text) * GIB), text


@pytest.mark.parametrize(
    ("size", "text"),
    (
        (0, "0 GiB"),
        (GIB, "1 GiB"),
        (12 * GIB, "12 GiB"),
        (3 * GIB // 2, "1.5 GiB"),
        (-6 * GIB, "-6 GiB"),
        (100 * GIB, "100 GiB"),
        (12 * GIB + MIB, "12.001 GiB (12289 MiB)"),
        (200 * MIB, "0.195 GiB (200 MiB)"),
        (12 * GIB + 1, "12 GiB (12884901889 bytes)"),
        (1, "0 GiB (1 bytes)"),
        (-1, "0 GiB (-1 bytes)"),
        (-MIB, "-0.001 GiB (-1 MiB)"),
        (1_288_490_188, "1.2 GiB (1288490188 bytes)"),
    ),
)
def test_sizes_are_written_so_that_a_byte_shows(size: int, text: str) -> None:
    assert format_size(size) == text
