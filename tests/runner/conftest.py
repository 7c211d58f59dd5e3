# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local GitHub with jobs, and the package of the stand-in runner, run by the Python of a Mac."""

from __future__ import annotations

import io
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import time
import typing as t
from collections.abc import Iterator

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "github")]

import build  # noqa: E402
from double import record  # noqa: E402
from double.broker import Broker  # noqa: E402
from double.judge import Judge  # noqa: E402
from double.server import LocalGithub  # noqa: E402


class Package:
    """An unpacked package; each program of it is run with a bare environment and no rights to be root but by name."""

    def __init__(self, folder: pathlib.Path, python: pathlib.Path, version: str = build.VERSION) -> None:
        self.folder = folder
        with tarfile.open(fileobj=io.BytesIO(build.tarball(version))) as archive:
            archive.extractall(folder, filter="data")
        programs = folder.with_name(folder.name + "-path")
        programs.mkdir()
        (programs / "python3").symlink_to(python)
        self.environment = {"PATH": f"{programs}:/usr/bin:/bin", "RUNNER_ALLOW_RUNASROOT": "1", "LANG": "C.UTF-8"}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        argv = [str(self.folder / program), *arguments]
        environment = {name: text for name, text in {**self.environment, **environment}.items() if text}
        process = subprocess.Popen(
            argv, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        self.started.append(process)
        return process

    def run(self, program: str, *arguments: str, **environment: str) -> tuple[int, str]:
        process = self.start(program, *arguments, **environment)
        output, _none = process.communicate(timeout=60)
        return process.returncode, output

    def configure(self, url: str, token: str, *more: str) -> tuple[int, str]:
        return self.run("config.sh", "--unattended", "--url", url, "--token", token, "--name", "mac-1-a", *more)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name.startswith((".runner", ".cred"))}

    def close(self) -> None:
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.communicate()


def wait(what: str, met: t.Callable[[], t.Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge()


@pytest.fixture
def github(judge: Judge) -> Iterator[LocalGithub]:
    with LocalGithub() as local:
        yield local
    record.keep(local.exchanges)
    assert [breach for exchange in local.exchanges for breach in judge.breaches(exchange)] == []


@pytest.fixture
def broker(github: LocalGithub) -> Iterator[Broker]:
    made = Broker(github, ("127.0.0.1", 0))
    yield made
    made.close()


@pytest.fixture
def unpack(tmp_path: pathlib.Path) -> Iterator[t.Callable[..., Package]]:
    made: list[Package] = []

    def make(version: str = build.VERSION) -> Package:
        made.append(Package(tmp_path / f"runner-{len(made)}", ROOT / ".venv-py39" / "bin" / "python", version))
        return made[-1]

    yield make
    for package in made:
        package.close()


@pytest.fixture
def package(unpack: t.Callable[..., Package]) -> Package:
    return unpack()


@pytest.fixture
def waiting() -> t.Callable[..., None]:
    return wait
