# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From forms to text that is read as the same forms. Comments are not kept."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Char, Form, Raw, Symbol

WIDTH = 120
_CHARS = {" ": "space", "\n": "newline", "\t": "tab", "\r": "return"}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def write(forms: t.Iterable[Form]) -> str:
    """One form after the other, each beginning a line."""
    return "".join(_form(form, 0) + "\n" for form in forms)


def text(value: str) -> str:
    """A text in quotes; nothing but the backslash and the quote is special in one."""
    return f'"{value.translate(_ESCAPES)}"' if '"' in value or "\\" in value else f'"{value}"'


def _form(form: Form, indent: int) -> str:
    parts = [_form(item, indent + 2) if isinstance(item, Form) else _atom(item) for item in form.items]
    line = f"({' '.join(parts)})"
    if len(line) + indent <= WIDTH and "\n" not in line or len(parts) < 2:
        return line
    return f"({parts[0]}" + "".join("\n" + " " * (indent + 2) + part for part in parts[1:]) + ")"


def _atom(value: t.Any) -> str:
    if isinstance(value, Symbol):
        return value.name
    if isinstance(value, bool):
        return "#t" if value else "#f"
    if isinstance(value, Raw):
        return f'#"{value}"'
    if isinstance(value, Char):
        return "#\\" + _CHARS.get(value, value)
    # A macro may put a value where names usually stand.
    return text(value) if isinstance(value, str) else str(getattr(value, "name", value))
