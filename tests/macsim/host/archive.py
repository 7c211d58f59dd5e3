# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that look like upstream's releases and hold stand-ins. The same version always gives the same bytes."""

from __future__ import annotations

import gzip
import io
import plistlib
import re
import tarfile
from pathlib import Path

from host.layout import MacsimError
from standins.programs import program_text

_LICENCE = "Stand-in of a simulated Mac; not the software of the same name.\n"


def write_tart(version: str, output: Path) -> None:
    """Write ``tart.app`` with its binary and the licence beside it, as a release has them."""
    if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version):
        raise MacsimError(f"version {version!r} has to be three numbers, such as 2.36.0")
    information = plistlib.dumps({
        "CFBundleIdentifier": "com.github.cirruslabs.tart", "CFBundleExecutable": "tart", "CFBundleShortVersionString": version,
    }).decode()
    files = {
        "LICENSE": (_LICENCE, 0o644),
        "tart.app/Contents/Info.plist": (information, 0o644),
        "tart.app/Contents/MacOS/tart": (program_text(version), 0o755),
        "tart.app/Contents/embedded.provisionprofile": ("macsim\n", 0o644),
    }
    with open(output, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for directory in ("tart.app", "tart.app/Contents", "tart.app/Contents/MacOS"):
                archive.addfile(_member(directory, 0o755, tarfile.DIRTYPE))
            for name, (text, mode) in files.items():
                member = _member(name, mode, tarfile.REGTYPE)
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))


def _member(name: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.type = mode, kind
    member.uname, member.gname = "root", "wheel"
    return member
