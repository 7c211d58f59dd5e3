# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker Engine for tests alone, and the image that its containers are made from."""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import subprocess
import tarfile
from collections.abc import Iterator

import docker

ROOT = pathlib.Path(__file__).resolve().parents[2]
WITH_DOCKER = ROOT / "tests" / "gate" / "with_docker"
#: Below it lies every engine that with_docker starts; no other engine is ever used.
PRIVATE = "/tmp/mac-runners-engine."
BUSYBOX = "/bin/busybox"
IMAGE = "mac-runners-test:1"


@contextlib.contextmanager
def private_engine() -> Iterator[str]:
    """The path of the socket of an engine of our own: the one this process runs beside, or a new one.

    A new one ends when its standard input does, so it does not outlive us, whatever ends us.
    """
    given = os.environ.get("DOCKER_HOST", "").removeprefix("unix://")
    if given.startswith(PRIVATE):
        yield given
        return
    command = [str(WITH_DOCKER), "bash", "-c", 'printf "%s\\n" "$DOCKER_HOST"; exec cat >/dev/null']
    environment = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    # A session of its own: Ctrl-C in a terminal must not end the engine before the tests.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True) as process:
        assert process.stdin and process.stdout
        try:
            path = process.stdout.readline().strip().removeprefix("unix://")
            if not path:
                raise RuntimeError("no Docker Engine started: see above")
            yield path
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def client(socket_path: str) -> docker.APIClient:
    """The tests' own way to the engine."""
    return docker.APIClient(f"unix://{socket_path}", version="auto", timeout=60)


def import_image(api: docker.APIClient, name: str = IMAGE) -> str:
    """Make an image with a static busybox; its command waits until it is told to end."""
    api.import_image_from_data(busybox_tar(), *name.split(":"), changes=['CMD ["/bin/sleep", "1000000"]'])
    return name


def busybox_tar() -> bytes:
    """A root file system: busybox under the names that tests use."""
    path = next(path for path in (BUSYBOX, "/usr/bin/busybox") if os.path.exists(path))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(path, "bin/busybox", filter=_owned_by_root)
        for tool in ("sh", "sleep", "head", "tail", "cat", "id", "touch", "ps", "ls", "true", "echo", "grep", "wc"):
            link = tarfile.TarInfo(f"bin/{tool}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for folder, mode in (("tmp", 0o1777), ("proc", 0o755), ("dev", 0o755), ("etc", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
    return buffer.getvalue()


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.mode = 0o755
    return entry
