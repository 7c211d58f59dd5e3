# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""For which system and processor a program was made, by its first bytes."""

from __future__ import annotations

import os
import struct
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_regular

_MACHO_64 = b"\xcf\xfa\xed\xfe"
_FAT = {b"\xca\xfe\xba\xbe": 20, b"\xca\xfe\xba\xbf": 32}
_ELF = b"\x7fELF"
_MACHO_ARCHS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
_ELF_ARCHS = {0xB7: "arm64", 0x3E: "x86_64"}
#: More parts than any program has; Java's classes begin with the same bytes and a larger number.
_MOST_PARTS = 16
_ENOUGH = 8 + _MOST_PARTS * 32

MACOS, LINUX, WINDOWS, SCRIPT = "macOS", "Linux", "Windows", "script"


class Made(t.NamedTuple):
    """What a program was made for: ``system`` is empty when its first bytes say nothing, ``archs`` are arm64, x86_64 or numbers."""

    system: str
    archs: t.Tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For people."""
        system = self.system or "no system that is known here"
        return f"{system} on {' and '.join(self.archs)}" if self.archs else system

    def runs_on(self, arch: str) -> bool:
        """Whether it runs on a Mac with such a processor; a script runs on any."""
        return self.system == SCRIPT or (self.system == MACOS and arch in self.archs)


def made_for(path: str) -> Made:
    """Look at a program, which must be a regular file; raises OSError."""
    descriptor = open_regular(path)
    try:
        return parse_head(os.read(descriptor, _ENOUGH))
    finally:
        os.close(descriptor)


def parse_head(head: bytes) -> Made:
    """From the first bytes of a program."""
    if head.startswith(b"#!"):
        return Made(SCRIPT)
    if head.startswith(b"MZ"):
        return Made(WINDOWS)
    try:
        if head.startswith(_ELF):
            order = "<" if head[5] == 1 else ">"
            return Made(LINUX, (_named(struct.unpack_from(f"{order}H", head, 18)[0], _ELF_ARCHS),))
        if head.startswith(_MACHO_64):
            return Made(MACOS, (_named(struct.unpack_from("<I", head, 4)[0], _MACHO_ARCHS),))
        if head[:4] in _FAT:
            return _parse_fat(head, _FAT[head[:4]])
    except (IndexError, struct.error):
        pass
    return Made("")


def _parse_fat(head: bytes, size: int) -> Made:
    """Several programs in one file, one for each processor."""
    (parts,) = struct.unpack_from(">I", head, 4)
    if not 0 < parts <= _MOST_PARTS:
        return Made("")
    return Made(MACOS, tuple(_named(struct.unpack_from(">I", head, 8 + part * size)[0], _MACHO_ARCHS) for part in range(parts)))


def _named(number: int, names: t.Mapping[int, str]) -> str:
    return names.get(number, f"processor {number:#x}")
