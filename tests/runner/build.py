# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The package of the stand-in runner: the same bytes for the same version, wherever and whenever.

    build.py VERSION FOLDER [osx-arm64|linux-arm64|linux-x64]: writes actions-runner-SYSTEM-VERSION.tar.gz there and prints its path and sha256
"""

from __future__ import annotations

import gzip
import hashlib
import io
import pathlib
import re
import sys
import tarfile
import zipfile
from collections.abc import Sequence

VERSION = "2.337.0"
HERE = pathlib.Path(__file__).resolve().parent
SYSTEMS = ("osx-arm64", "linux-arm64", "linux-x64")
#: Zip knows no earlier time.
_TIME = (1980, 1, 1, 0, 0, 0)
#: It ends at once: an interpreter that winds up while a thread of it reads aborts now and then (exit code 134).
_MAIN = """import os
import sys

from standin.{module} import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""
_NODE = b"#!/bin/sh\necho 'this stand-in has no node' >&2\nexit 1\n"


def tree(version: str = VERSION) -> dict[str, bytes]:
    """The files of the package, by their path; all are programs."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ValueError(f"a version of the runner is three numbers: got {version!r}")
    files = {path.name: path.read_bytes() for path in (HERE / "scripts").iterdir() if path.name != "runsvc.sh"}
    files["bin/runsvc.sh"] = (HERE / "scripts" / "runsvc.sh").read_bytes()
    for program, module in (("Runner.Listener", "listener"), ("Runner.Worker", "worker")):
        files[f"bin/{program}"] = _program(module, version)
    files["externals/node20/bin/node"] = _NODE
    return files


def _program(module: str, version: str) -> bytes:
    """A zip that a Python runs."""
    content = {f"standin/{path.name}": path.read_bytes() for path in (HERE / "standin").glob("*.py")}
    content["standin/version.py"] = f'VERSION = "{version}"\n'.encode()
    content["__main__.py"] = _MAIN.format(module=module).encode()
    buffer = io.BytesIO(b"#!/usr/bin/env python3\n")
    buffer.seek(0, io.SEEK_END)
    # Stored, not deflated: what deflate makes differs between versions of zlib.
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, text in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def tarball(version: str = VERSION) -> bytes:
    """As GitHub packs it: no folder around it."""
    buffer = io.BytesIO()
    # Level 0 for the same reason.
    with gzip.GzipFile("", "wb", 0, buffer, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(tree(version).items()):
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o755, 1001, 1001
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def filename(version: str = VERSION, system: str = "osx-arm64") -> str:
    return f"actions-runner-{system}-{version}.tar.gz"


def main(argv: Sequence[str]) -> int:
    if len(argv) not in (2, 3) or not set(argv[2:]) <= set(SYSTEMS):
        print(__doc__, file=sys.stderr)
        return 64
    content = tarball(argv[0])
    path = pathlib.Path(argv[1]) / filename(argv[0], *argv[2:])
    path.write_bytes(content)
    print(f"{path} {hashlib.sha256(content).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
