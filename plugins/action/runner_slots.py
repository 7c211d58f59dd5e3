# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the program of the slots to a Mac that lacks it; documented in the module of the same name."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import tempfile
import typing as t

import yaml
from ansible.plugins.action import ActionBase

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program import build

_MODULE = "action_packer.mac_runners.runner_slots"
_ROOT = pathlib.Path(__file__).resolve().parents[2]


class ActionModule(ActionBase):
    """The action runner_slots."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; only when the program is not on the Mac, bring it and run the module again."""
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if not arguments.get("slots"):
            result.update(self._execute_module(_MODULE, arguments, task_vars=task_vars))
            return result
        content, program = _program()
        answer = self._execute_module(_MODULE, {**arguments, "program": program}, task_vars=task_vars)
        if answer.get("program_missing") and not answer.get("failed"):
            answer = self._bring(content, program, arguments, task_vars)
        result.update(answer)
        return result

    def _bring(self, content: bytes, program: dict[str, str], arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        """Copy the program into the task's own directory and run the module with it."""
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        path = self._connection._shell.join_path(folder, "slot.pyz")
        with tempfile.NamedTemporaryFile(prefix="slot-") as file:
            file.write(content)
            file.flush()
            self._transfer_file(file.name, path)
        self._fixup_perms2((folder, path))
        return t.cast("dict[str, t.Any]", self._execute_module(_MODULE, {**arguments, "program": {**program, "path": path}}, task_vars=task_vars))


@functools.lru_cache(maxsize=1)
def _program() -> tuple[bytes, dict[str, str]]:
    """The program, and how the module is told of it."""
    content = build(_ROOT)
    digest = hashlib.sha256(content).hexdigest()
    return content, {"version": f"{_collection_version()}-{digest[:12]}", "sha256": digest}


def _collection_version() -> str:
    """From the manifest of an installed collection, or from the sources."""
    for name, read in (("MANIFEST.json", lambda data: data["collection_info"]["version"]), ("galaxy.yml", lambda data: data["version"])):
        path = _ROOT / name
        if os.path.exists(path):
            return str(read(yaml.safe_load(path.read_text(encoding="utf-8"))))
    return "0"
