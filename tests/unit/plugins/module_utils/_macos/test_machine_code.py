# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""First bytes of programs, put together by hand and taken from this machine."""

from __future__ import annotations

import os
import pathlib
import struct

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.machine_code import Made, made_for, parse_head

ARM, INTEL, POWER = 0x0100000C, 0x01000007, 0x01000012


def thin(processor: int) -> bytes:
    return b"\xcf\xfa\xed\xfe" + struct.pack("<IIII", processor, 0, 2, 30)


def fat(*processors: int, wide: bool = False) -> bytes:
    parts = [struct.pack(">II", processor, 0) + bytes(24 if wide else 12) for processor in processors]
    return (b"\xca\xfe\xba\xbf" if wide else b"\xca\xfe\xba\xbe") + struct.pack(">I", len(parts)) + b"".join(parts)


def elf(machine: int, order: str = "<") -> bytes:
    return b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + bytes(10) + struct.pack(f"{order}HH", 2, machine)


@pytest.mark.parametrize(
    ("head", "made", "words"),
    [
        (thin(ARM), Made("macOS", ("arm64",)), "macOS on arm64"),
        (thin(INTEL), Made("macOS", ("x86_64",)), "macOS on x86_64"),
        (thin(POWER), Made("macOS", ("processor 0x1000012",)), "macOS on processor 0x1000012"),
        (fat(INTEL, ARM), Made("macOS", ("x86_64", "arm64")), "macOS on x86_64 and arm64"),
        (fat(INTEL, ARM, wide=True), Made("macOS", ("x86_64", "arm64")), "macOS on x86_64 and arm64"),
        (fat(*[ARM] * 16), Made("macOS", ("arm64",) * 16), "macOS on " + " and ".join(["arm64"] * 16)),
        (fat(*[ARM] * 17), Made(""), "no system that is known here"),
        (fat(), Made(""), "no system that is known here"),
        (fat(INTEL, ARM)[:30], Made(""), "no system that is known here"),
        (elf(0xB7), Made("Linux", ("arm64",)), "Linux on arm64"),
        (elf(0x3E), Made("Linux", ("x86_64",)), "Linux on x86_64"),
        (elf(0x3E, ">"), Made("Linux", ("x86_64",)), "Linux on x86_64"),
        (elf(0x15), Made("Linux", ("processor 0x15",)), "Linux on processor 0x15"),
        (b"\x7fELF", Made(""), "no system that is known here"),
        (thin(ARM)[:7], Made(""), "no system that is known here"),
        (b"MZ\x90", Made("Windows"), "Windows"),
        (b"#!/bin/sh\n", Made("script"), "script"),
        (b"", Made(""), "no system that is known here"),
        (b"text", Made(""), "no system that is known here"),
    ],
)
def test_first_bytes(head: bytes, made: Made, words: str) -> None:
    assert parse_head(head) == made
    assert made.words == words


@pytest.mark.parametrize(
    ("head", "arch", "runs"),
    [
        (thin(ARM), "arm64", True),
        (thin(ARM), "x86_64", False),
        (thin(INTEL), "arm64", False),
        (fat(INTEL, ARM), "arm64", True),
        (fat(INTEL, ARM), "x86_64", True),
        (elf(0xB7), "arm64", False),
        (b"#!/bin/sh", "arm64", True),
        (b"MZ", "x86_64", False),
        (b"", "arm64", False),
    ],
)
def test_what_runs_on_a_mac(head: bytes, arch: str, runs: bool) -> None:
    assert parse_head(head).runs_on(arch) is runs


def test_a_program_of_this_machine(tmp_path: pathlib.Path) -> None:
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
    assert made_for(os.path.realpath("/bin/ls")) == Made("Linux", (machine,))
    (tmp_path / "link").symlink_to("/bin/ls")
    with pytest.raises(OSError):
        made_for(str(tmp_path / "link"))
