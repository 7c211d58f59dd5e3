# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""What the filters on sandbox profiles take."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleFilterError

_VERSION = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}\Z")


def checked(name: str, profile: t.Any, params: t.Any, imports: t.Any, macos: t.Any) -> None:
    """Raise AnsibleFilterError for what is of the wrong type, naming the filter, the option, what was given and what is allowed."""
    if not isinstance(profile, str):
        raise AnsibleFilterError(f"{name}: got a profile of type {type(profile).__name__}; allowed: the text of a profile")
    for option, value in (("params", params), ("imports", imports)):
        if value is None:
            continue
        if not isinstance(value, t.Mapping) or not all(isinstance(text, str) for text in value.values()):
            raise AnsibleFilterError(f"{name}: got {option} {value!r}; allowed: a mapping of names to texts")
    if not _VERSION.match(str(macos)) or not _is_known(str(macos)):
        raise AnsibleFilterError(f"{name}: got macos {macos!r}; allowed: a version such as 26.0, from 10.12 on")


def _is_known(macos: str) -> bool:
    return tuple(int(part) for part in macos.split(".")) >= (10, 12)
