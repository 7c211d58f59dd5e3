# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""A module on the controller, from an action that runs for a Mac: what needs the credential of GitHub never runs there."""

from __future__ import annotations

import sys
import typing as t

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader


def run_here(action: ActionBase, module: str, arguments: dict[str, t.Any], task_vars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Run a module as the user and with the Python of the controller, without the environment that is meant for the Mac; return its result."""
    task = action._task.copy(exclude_parent=True)
    task.args, task.environment, task.become = {}, [], False
    connection = connection_loader.get("ansible.builtin.local", action._play_context)
    here = type(action)(task, connection, action._play_context, action._loader, action._templar, action._shared_loader_obj)
    own = {"ansible_python_interpreter": sys.executable, "ansible_connection": "local"}
    try:
        return t.cast("dict[str, t.Any]", here._execute_module(module, arguments, task_vars={**task_vars, **own}))
    finally:
        here.cleanup(force=True)
