# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image of the stand-in runner: this machine's Python, busybox, and the runner's package where GitHub's image has it.

    image.py SOCKET NAME:TAG [PROXY]: makes it in the engine behind SOCKET
"""

from __future__ import annotations

import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / folder) for folder in ("runner", "integration")]

import build  # noqa: E402
import docker  # noqa: E402
import engine  # noqa: E402

NAME = "mac-runners-standin:1"
PYTHON = pathlib.Path("/usr/bin/python3").resolve()
_UNWANTED = re.compile(r"/(__pycache__|test|tests|idlelib|tkinter|ensurepip|lib2to3|distutils|config-[^/]*|dist-packages|pydoc_data)(/|\Z)")
_USER = 1001


def make(api: docker.APIClient, name: str = NAME, version: str = build.VERSION, proxy: str = "") -> str:
    """``proxy``: by which its runners reach everything, as in a network without another way out."""
    changes = ["WORKDIR /home/runner", f"USER {_USER}", "ENV HOME=/home/runner", *([f"ENV http_proxy={proxy}"] if proxy else [])]
    api.import_image_from_data(_tar(version), *name.split(":"), changes=changes)
    return name


def _tar(version: str) -> bytes:
    base = engine.busybox_tar()
    buffer = io.BytesIO(base)
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        library = pathlib.Path("/usr/lib") / PYTHON.name
        archive.add(library, str(library).lstrip("/"), filter=_wanted)
        for path in [PYTHON, *_libraries()]:
            archive.add(os.path.realpath(path), str(path).lstrip("/"), recursive=False, filter=_root)
        for name, to in (("python3", PYTHON.name), ("python", PYTHON.name), ("env", "/bin/busybox")):
            _link(archive, f"usr/bin/{name}", to)
        for name in ("uname", "dirname", "cp", "chmod", "rm", "kill", "hostname", "mkdir"):
            _link(archive, f"bin/{name}", "busybox")
        for folder in ("home", "home/runner", "home/runner/bin", "home/runner/externals", "home/runner/externals/node20", "home/runner/externals/node20/bin"):
            _folder(archive, folder)
        for name, content in sorted(build.tree(version).items()):
            entry = _runner(tarfile.TarInfo(f"home/runner/{name}"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
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


def main(argv: list[str]) -> int:
    if len(argv) not in (2, 3) or argv[1].count(":") != 1:
        print(__doc__, file=sys.stderr)
        return 64
    api = engine.client(argv[0])
    print(make(api, argv[1], proxy="".join(argv[2:])))
    api.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
