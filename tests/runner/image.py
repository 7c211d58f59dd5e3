# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image of the stand-in runner: this machine's Python, busybox, and the runner's package where GitHub's image has it."""

from __future__ import annotations

import io
import os
import pathlib
import re
import subprocess
import tarfile

import docker
import engine

NAME = "mac-runners-standin:1"
HERE = pathlib.Path(__file__).parent
PYTHON = pathlib.Path("/usr/bin/python3").resolve()
_UNWANTED = re.compile(r"/(__pycache__|test|tests|idlelib|tkinter|ensurepip|lib2to3|distutils|config-[^/]*|dist-packages|pydoc_data)(/|\Z)")
_USER = 1001


def make(api: docker.APIClient) -> str:
    api.import_image_from_data(_tar(), *NAME.split(":"), changes=["WORKDIR /home/runner", f"USER {_USER}"])
    return NAME


def _tar() -> bytes:
    base = engine.busybox_tar()
    buffer = io.BytesIO(base)
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        library = pathlib.Path("/usr/lib") / PYTHON.name
        archive.add(library, str(library).lstrip("/"), filter=_wanted)
        for path in [PYTHON, *_libraries()]:
            archive.add(os.path.realpath(path), str(path).lstrip("/"), recursive=False, filter=_root)
        for name, to in (("python3", PYTHON.name), ("python", PYTHON.name), ("env", "/bin/busybox")):
            _link(archive, f"usr/bin/{name}", to)
        for folder in ("home/runner", "home/runner/bin"):
            _folder(archive, folder)
        for program in ("Runner.Listener", "Runner.Worker"):
            archive.add(HERE / "standin" / program, f"home/runner/bin/{program}", filter=_runner)
    return buffer.getvalue()


def _libraries() -> list[str]:
    """What the interpreter and its extensions load."""
    extensions = sorted((pathlib.Path("/usr/lib") / PYTHON.name / "lib-dynload").glob("*.so"))
    shown = subprocess.run(["ldd", str(PYTHON), *map(str, extensions)], check=False, capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(/\S+\.so\S*) \(0x", shown)))


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _UNWANTED.search(entry.name) else _root(entry)


def _root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


def _runner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = _USER
    entry.mode = 0o755
    return entry


def _folder(archive: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    archive.addfile(_runner(entry))


def _link(archive: tarfile.TarFile, name: str, to: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, to
    archive.addfile(entry)
