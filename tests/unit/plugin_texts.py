# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of plugins, as their files hold it."""

from __future__ import annotations

import ast
import pathlib


def texts(path: pathlib.Path) -> dict[str, str]:
    """The texts that a plugin, or the class of a doc fragment, gives names in capitals."""
    assignments = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name))
    return {node.targets[0].id: node.value.value for node in assignments if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)}
