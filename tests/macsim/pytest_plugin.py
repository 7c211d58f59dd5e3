# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests that need a Mac: import them from here, or load this file by its path as tests/conftest.py does.

``boot_mac(name, **options)`` boots a Mac that ends with the test (fixture) or with the session (``session_mac``); a use of a
stand-in that no contract knows fails the test that owns the Mac.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_MACSIM = Path(__file__).resolve().parent / "macsim"
_BOOT_TIMEOUT_S = 120
_numbers = itertools.count(1)


def _run(*words: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
    result = subprocess.run(
        [str(_MACSIM), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False,
        timeout=timeout,
    )
    if check and result.returncode != 0:
        raise RuntimeError(f"macsim {' '.join(words)}: {result.stderr.strip() or result.stdout.strip()}")
    return result


@dataclass(frozen=True)
class Mac:
    """A booted Mac; ``work`` is a directory of the host that lives as long."""

    name: str
    port: int
    key: str
    pid: int
    work: Path
    tolerated: list[str]

    @property
    def inventory_path(self) -> Path:
        path = self.work / "inventory.yml"
        path.write_text(_run("inventory", self.name).stdout)
        return path

    @property
    def root(self) -> Path:
        """The Mac's file system as the host sees it."""
        return Path(f"/proc/{self.pid}/root")

    def exec(self, *argv: str, check: bool = False) -> subprocess.CompletedProcess:
        """Run a command inside as root."""
        return _run("exec", self.name, "--", *argv, check=check)

    def ssh(self, command: str, data: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess:
        """Run a shell command as admin over ssh."""
        options = [word for option in _SSH_OPTIONS for word in ("-o", option)]
        arguments = ["ssh", "-i", self.key, "-p", str(self.port), *options, "admin@127.0.0.1", command]
        return subprocess.run(
            arguments, input=data if data is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=timeout
        )

    def calls(self, tool: str | None = None, writing: bool | None = None) -> list[dict[str, Any]]:
        """Calls of stand-ins so far, optionally those of one tool or only writing ones."""
        rows = [json.loads(line) for line in _run("calls", self.name).stdout.splitlines()]
        return [row for row in rows if tool in (None, row["tool"]) and writing in (None, row["writing"])]

    def unexpected(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in _run("unexpected", self.name, check=False).stdout.splitlines()]

    def tolerate_unexpected(self) -> None:
        """For tests that provoke unknown uses on purpose."""
        self.tolerated.append("all")

    def snapshot(self) -> dict[str, Any]:
        return json.loads(_run("snapshot", self.name).stdout)

    def fault(self, faults: list[dict[str, Any]]) -> None:
        path = self.work / "faults.json"
        path.write_text(json.dumps(faults))
        _run("fault", self.name, str(path))

    def set(self, **values: Any) -> None:
        """Change the Mac's description: memory, sip, pressure_level ..."""
        _run("set", self.name, *[f"{key}={json.dumps(value)}" for key, value in values.items()])

    def reboot(self) -> None:
        _run("reboot", self.name)

    def stop(self) -> None:
        _run("stop", self.name, check=False)


_SSH_OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "IdentitiesOnly=yes")


def boot(name: str, work: Path, **options: Any) -> Mac:
    """Boot a Mac named after this process, so that two runs never meet; options are those of the command line, seed a dictionary."""
    full_name = f"{name}-{os.getpid()}-{next(_numbers)}"
    words = ["boot", full_name, "--owner-pid", str(os.getpid())]
    for key, value in options.items():
        option = "--" + key.replace("_", "-")
        if key == "seed":
            path = work / f"{full_name}-seed.json"
            path.write_text(json.dumps(value))
            words += [option, str(path)]
        elif value is True:
            words.append(option)
        elif isinstance(value, (list, tuple)):
            words += [word for item in value for word in (option, str(item))]
        elif value is not None and value is not False:
            words += [option, str(value)]
    record = json.loads(_run(*words, timeout=_BOOT_TIMEOUT_S).stdout)
    return Mac(record["name"], record["port"], record["key"], record["pid"], work, [])


def _booter() -> Iterator[Callable[..., Mac]]:
    macs: list[Mac] = []
    with tempfile.TemporaryDirectory(prefix="macsim-") as directory:

        def boot_one(name: str = "mac", **options: Any) -> Mac:
            work = Path(directory) / str(len(macs))
            work.mkdir()
            macs.append(boot(name, work, **options))
            return macs[-1]

        try:
            yield boot_one
            problems = [f"{mac.name}: {row}" for mac in macs if not mac.tolerated and _is_up(mac) for row in mac.unexpected()]
        finally:
            for mac in macs:
                mac.stop()
    if problems:
        pytest.fail("uses of a Mac's tools that no contract knows:\n" + "\n".join(problems))


def _is_up(mac: Mac) -> bool:
    return Path(f"/proc/{mac.pid}").exists()


@pytest.fixture(name="boot_mac")
def boot_mac_fixture() -> Iterator[Callable[..., Mac]]:
    """Factory of Macs that end with the test."""
    yield from _booter()


@pytest.fixture(name="boot_session_mac", scope="session")
def boot_session_mac_fixture() -> Iterator[Callable[..., Mac]]:
    """Factory of Macs that end with the session."""
    yield from _booter()
