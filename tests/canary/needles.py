# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How secrets look where they leak, and whether some are in a text."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator, Mapping

#: Base 64 for URLs is read as the other; blanks, line ends and the backslashes of JSON are not there: no way to break or to escape a line hides a secret.
_TABLE = bytes.maketrans(b"-_", b"+/")
_DROPPED = b" \t\r\n\\"


def normal(data: bytes) -> bytes:
    """The form in which needles and hay are compared."""
    return data.replace(b"\\n", b"").translate(_TABLE, _DROPPED)


def encodings(text: bytes) -> list[bytes]:
    """Base 64 of anything that holds the text: one form for each place of its first byte among three."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text)
        # What also depends on the bytes before and after is cut off.
        forms.append(encoded[(before * 8 + 5) // 6 : (before + len(text)) * 8 // 6])
    return forms


def _twice(text: bytes) -> list[bytes]:
    return [form for once in encodings(text) for form in encodings(once)]


class Needles:
    """``mark`` is in every secret; ``kinds``: how one of each kind begins, before its mark."""

    def __init__(self, mark: str, kinds: Mapping[str, str]) -> None:
        marked = mark.encode()
        self._marks = [normal(form) for form in (marked, *encodings(marked), *_twice(marked))]
        self._forms = [(kind, form) for start, name in kinds.items() for kind, form in _forms_of(name, f"{start}{mark}".encode())]
        self._others: dict[bytes, str] = {}
        self.count = 0

    def add(self, kind: str, text: str) -> None:
        """A secret without the mark, or a line of one."""
        for form in (text.encode(), *encodings(text.encode())):
            self._others[normal(form)] = kind
        self.count += 1

    def kinds_in(self, data: bytes) -> set[str]:
        """The kinds of the secrets in it."""
        hay = normal(data)
        found = {kind for form, kind in self._others.items() if form in hay}
        if any(mark in hay for mark in self._marks):
            found |= {kind for kind, form in self._forms if form in hay} or {"secret of an unknown kind"}
        return found


def _forms_of(kind: str, text: bytes) -> Iterator[tuple[str, bytes]]:
    for form in (text, *encodings(text)):
        yield kind, normal(form)
    for form in _twice(text):
        # A JIT config is base 64 of files in base 64, of which one is the runner's key.
        yield "JIT config" if kind == "runner key" else kind, normal(form)


def unpacked(data: bytes) -> bytes:
    """With what is in it, if it is a gzip."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return data + gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data
