# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single modules and small plays on a simulated Mac, over ssh, one or several at once."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import typing as t

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"


def _start(*command: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )


def run_module(mac: t.Any, module: str, *words: str, times: int = 1, **options: t.Any) -> list[dict[str, t.Any]]:
    """The result of a module, as often as it is run at the same time; ``words`` such as --check."""
    inventory = str(mac.inventory_path)
    arguments = ["-i", inventory, "macs", "-m", f"action_packer.mac_runners.{module}", "-a", json.dumps(options), *words]
    running = [_start(str(BIN / "ansible"), *arguments) for _number in range(times)]
    outputs = [process.communicate(timeout=300)[0] for process in running]
    return [_result(output) for output in outputs]


def _result(output: str) -> dict[str, t.Any]:
    found = re.search(r" (?:=>|>>) (\{.*)", output, re.DOTALL)
    assert found, output
    return t.cast("dict[str, t.Any]", json.JSONDecoder().raw_decode(found.group(1))[0])


def play(mac: t.Any, directory: pathlib.Path, tasks: list[dict[str, t.Any]], *words: str, times: int = 1) -> list[tuple[int, str]]:
    """Exit code and output of a play over the Mac, as often as it is run at the same time."""
    book = directory / "play.yml"
    book.write_text(json.dumps([{"hosts": "macs", "gather_facts": False, "tasks": tasks}]))
    running = [_start(str(BIN / "ansible-playbook"), "-i", str(mac.inventory_path), str(book), *words) for _number in range(times)]
    outputs = [process.communicate(timeout=300)[0] for process in running]
    return [(process.returncode, output) for process, output in zip(running, outputs)]


def changed(output: str) -> int:
    """How many tasks of a play changed something."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", output))


def write(mac: t.Any, path: str, content: bytes) -> None:
    """Write a file of root's on the Mac, with its directories."""
    target = mac.root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
