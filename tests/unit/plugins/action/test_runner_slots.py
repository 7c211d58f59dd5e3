# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action runner_slots: one module start where the program is, a second one and a copy where it is not."""

from __future__ import annotations

import hashlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.action import runner_slots


class Shell:
    tmpdir = "/tmp/of-this-task"

    @staticmethod
    def join_path(*parts: str) -> str:
        return "/".join(parts)


class Mac:
    """What a module and a connection would do; ``has`` the versions that are there."""

    def __init__(self, *has: str) -> None:
        self.has, self.started, self.copied = list(has), [], []  # type: ignore[var-annotated]

    def execute(self, name: str, arguments: dict[str, t.Any], task_vars: t.Any = None) -> dict[str, t.Any]:
        self.started.append(arguments)
        program = arguments.get("program")
        missing = bool(program) and program["version"] not in self.has and "path" not in program
        return {"changed": not missing, "program_missing": missing}

    def copy(self, local: str, remote: str) -> None:
        with open(local, "rb") as file:
            self.copied.append((remote, hashlib.sha256(file.read()).hexdigest()))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    def run(mac: Mac, **arguments: t.Any) -> dict[str, t.Any]:
        action = object.__new__(runner_slots.ActionModule)
        action._task = type("Task", (), {"args": arguments})()
        action._connection = type("Connection", (), {"_shell": Shell()})()
        monkeypatch.setattr(runner_slots.ActionBase, "run", lambda self, tmp, task_vars: {})
        monkeypatch.setattr(action, "_execute_module", mac.execute)
        monkeypatch.setattr(action, "_transfer_file", mac.copy)
        monkeypatch.setattr(action, "_fixup_perms2", lambda paths: None)
        return action.run(None, {})

    return run


def test_the_program_is_the_same_bytes_and_its_version_says_which() -> None:
    content, program = runner_slots._program()
    runner_slots._program.cache_clear()
    assert runner_slots._program() == (content, program)
    assert program["version"] == f"0.1.0-{hashlib.sha256(content).hexdigest()[:12]}"


def test_a_mac_with_the_program_is_visited_once(run: t.Callable[..., dict[str, t.Any]]) -> None:
    version = runner_slots._program()[1]["version"]
    mac = Mac(version)
    assert run(mac, slots=[{"name": "linux-1"}], fleet="acme")["changed"]
    assert ([arguments["program"]["version"] for arguments in mac.started], mac.copied) == ([version], [])


def test_a_mac_without_it_gets_it_and_nothing_else(run: t.Callable[..., dict[str, t.Any]]) -> None:
    mac, program = Mac(), runner_slots._program()[1]
    assert not run(mac, slots=[{"name": "linux-1"}], fleet="acme")["program_missing"]
    assert mac.copied == [("/tmp/of-this-task/slot.pyz", program["sha256"])]
    assert [arguments["program"].get("path") for arguments in mac.started] == [None, "/tmp/of-this-task/slot.pyz"]


@pytest.mark.parametrize("arguments", [{"drain": True}, {"slots": [], "purge": True}])
def test_what_needs_no_program_gets_none(run: t.Callable[..., dict[str, t.Any]], arguments: dict[str, t.Any]) -> None:
    mac = Mac()
    run(mac, fleet="acme", **arguments)
    assert [("program" in given, mac.copied) for given in mac.started] == [(False, [])]
