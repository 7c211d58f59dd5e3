# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single modules and small plays on a simulated Mac, over ssh, one or several at once."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

from tests.forks.command_lines import ROOT, Call

BIN = ROOT / ".venv" / "bin"

#: How results are told that are read by a program.
SPOKEN = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}


def run_module(mac: t.Any, module: str, *words: str, times: int = 1, **options: t.Any) -> list[dict[str, t.Any]]:
    """The result of a module, as often as it is run at the same time; ``words`` such as --check."""
    inventory = str(mac.inventory_path)
    arguments = ["-i", inventory, "macs", "-m", f"action_packer.mac_runners.{module}", "-a", json.dumps(options), *words]
    running = [Call("ansible", *arguments, **SPOKEN) for _number in range(times)]
    return [_result(one.result(timeout=300)[1]) for one in running]


def _result(output: str) -> dict[str, t.Any]:
    found = re.search(r" (?:=>|>>) (\{.*)", output, re.DOTALL)
    assert found, output
    return t.cast("dict[str, t.Any]", json.JSONDecoder().raw_decode(found.group(1))[0])


def play(mac: t.Any, directory: pathlib.Path, tasks: list[dict[str, t.Any]], *words: str, times: int = 1) -> list[tuple[int, str]]:
    """Exit code and output of a play over the Mac, as often as it is run at the same time."""
    book = directory / "play.yml"
    book.write_text(json.dumps([{"hosts": "macs", "gather_facts": False, "tasks": tasks}]))
    running = [Call("ansible-playbook", "-i", str(mac.inventory_path), str(book), *words, **SPOKEN) for _number in range(times)]
    return [one.result(timeout=300) for one in running]


def changed(output: str) -> int:
    """How many tasks of a play changed something."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", output))


def write(mac: t.Any, path: str, content: bytes) -> None:
    """Write a file of root's on the Mac, with its directories."""
    target = mac.root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
