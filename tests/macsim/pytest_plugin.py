# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for tests that need a Mac: import them from here, or name this file in ``pytest_plugins``.

``boot_mac(name, **options)`` boots a Mac that ends with the test, ``boot_module_mac`` and ``boot_session_mac`` boot Macs that
tests share; a use of a stand-in that no contract knows fails the test that owns the Mac.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).resolve().parent
_MACSIM = _HERE / "macsim"
_BOOT_TIMEOUT_S = 120
_PLAY_TIMEOUT_S = 300
_numbers = itertools.count(1)


def _run(*words: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess:
    return _output([str(_MACSIM), *words], f"macsim {' '.join(words)}", check, timeout)


def _output(words: list[str], what: str, check: bool, timeout: float = 60) -> subprocess.CompletedProcess:
    result = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False, timeout=timeout
    )
    if check and result.returncode != 0:
        raise RuntimeError(f"{what}: {result.stderr.strip() or result.stdout.strip()}")
    return result


@dataclass(frozen=True)
class Played:
    """How a play ended. ``results``: one dictionary for each task that was not skipped, what its
    module returned, ``task``, its name, and ``failed``."""

    rc: int
    text: str
    results: list[dict[str, Any]]

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(bool(result.get("changed")) for result in self.results)


@dataclass(frozen=True)
class Mac:
    """A booted Mac; ``work`` is a directory of the host that lives as long."""

    name: str
    port: int
    key: str
    pid: int
    enter: list[str]
    work: Path
    tolerated: list[str]

    @property
    def inventory_path(self) -> Path:
        path = self.work / "inventory.yml"
        if not path.exists():
            path.write_text(_run("inventory", self.name).stdout)
        return path

    @property
    def root(self) -> Path:
        """The Mac's file system as the host sees it."""
        return Path(f"/proc/{self.pid}/root")

    def exec(self, *argv: str, check: bool = False) -> subprocess.CompletedProcess:
        """Run a command inside as root."""
        return _output([*self.enter, *argv], " ".join(argv), check)

    def ssh(self, command: str, data: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess:
        """Run a shell command as admin over ssh."""
        options = [word for option in _SSH_OPTIONS for word in ("-o", option)]
        arguments = ["ssh", "-i", self.key, "-p", str(self.port), *options, "admin@127.0.0.1", command]
        return subprocess.run(
            arguments, input=data if data is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=timeout
        )

    def play(self, playbook: str | Path, *arguments: str, check: bool = True, timeout: float = _PLAY_TIMEOUT_S) -> Played:
        """Run a playbook on this Mac, which is in the group macs. A failure raises AssertionError unless ``check`` is false."""
        log = self.work / f"results-{next(_numbers)}.jsonl"
        environment = {**os.environ, "ANSIBLE_CALLBACK_PLUGINS": str(_HERE / "callbacks"), "MACSIM_RESULTS": str(log), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [_ansible_playbook(), "-i", str(self.inventory_path), str(playbook), *arguments], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=timeout,
        )
        assert done.returncode == 0 or not check, f"{playbook} ended with {done.returncode}:\n{done.stdout}"
        return Played(done.returncode, done.stdout, [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else [])

    def tasks(self, tasks: Sequence[dict[str, Any]], *arguments: str, check: bool = True) -> Played:
        """Run tasks as root on this Mac."""
        playbook = self.work / f"play-{next(_numbers)}.json"
        playbook.write_text(json.dumps([{"name": "Tasks", "hosts": "macs", "gather_facts": False, "tasks": list(tasks)}]))
        return self.play(playbook, *arguments, check=check)

    def role(self, path: str | Path = ".", *arguments: str, check: bool = True, **variables: Any) -> Played:
        """Apply the role in this folder to this Mac, as root unless the variable ansible_become says no."""
        role = {"name": f"Role {Path(path).resolve().name}", "ansible.builtin.import_role": {"name": str(Path(path).resolve())}}
        return self.tasks([{**role, "vars": variables}], *arguments, check=check)

    def calls(self, tool: str | None = None, writing: bool | None = None) -> list[dict[str, Any]]:
        """Calls of stand-ins so far, optionally those of one tool or only writing ones."""
        rows = self._rows("calls.jsonl")
        return [row for row in rows if tool in (None, row["tool"]) and writing in (None, row["writing"])]

    def unexpected(self) -> list[dict[str, Any]]:
        return self._rows("unexpected.log")

    def _rows(self, file: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / "private/var/macsim" / file).read_text().splitlines()]

    def tolerate_unexpected(self) -> None:
        """For tests that provoke unknown uses on purpose."""
        self.tolerated.append("all")

    def snapshot(self) -> dict[str, Any]:
        return json.loads(_run("snapshot", self.name).stdout)

    def fault(self, *faults: str | list[dict[str, Any]]) -> None:
        """Order faults: names of profiles, or lists of faults. They replace what was ordered before; none at all clears it."""
        words = []
        for number, fault in enumerate(faults):
            if not isinstance(fault, str):
                path = self.work / f"faults-{number}.json"
                path.write_text(json.dumps(fault))
                fault = str(path)
            words.append(fault)
        _run("fault", self.name, *(words or ["--clear"]))

    def set(self, **values: Any) -> None:
        """Change the Mac's description: memory, sip, pressure_level ..."""
        _run("set", self.name, *[f"{key}={json.dumps(value)}" for key, value in values.items()])

    def reboot(self) -> None:
        _run("reboot", self.name)

    def stop(self) -> None:
        _run("stop", self.name, check=False)


def _ansible_playbook() -> str:
    """That of the running Python's environment, or the first on PATH."""
    own = Path(sys.executable).parent / "ansible-playbook"
    return str(own) if own.exists() else shutil.which("ansible-playbook") or str(own)


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
    return Mac(record["name"], record["port"], record["key"], record["pid"], record["enter"], work, [])


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


@pytest.fixture(name="boot_module_mac", scope="module")
def boot_module_mac_fixture() -> Iterator[Callable[..., Mac]]:
    """Factory of Macs that end with the tests of a file."""
    yield from _booter()


@pytest.fixture(name="boot_session_mac", scope="session")
def boot_session_mac_fixture() -> Iterator[Callable[..., Mac]]:
    """Factory of Macs that end with the session."""
    yield from _booter()
