# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The environment of a job: what the slot gives and what its pool names. Nothing of the program's own environment is in it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.directories import Directories
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.ports import PortRange

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
_LONGEST = 4096
#: What a slot has of its own.
OWN = frozenset(("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "AGENT_TOOLSDIRECTORY", "PWD", "OLDPWD", "IFS"))
#: What belongs to the runner, to this collection, and to the loaders of programs, which would read foreign code before the job's.
OF_OTHERS = ("ACTIONS_", "GITHUB_", "RUNNER_", "MAC_RUNNERS_", "DYLD_", "LD_", "DOTNET_STARTUP_HOOKS", "BASH_ENV", "BASH_FUNC_")
_NAMES = "a name of letters, digits and _ that does not begin with a digit"
_VALUES = f"a text of at most {_LONGEST} characters without control characters"


def read_environment(fields: Fields) -> t.Dict[str, str]:
    """The variables that a pool gives its jobs; values are in no message, since they may be secrets in the wrong place."""
    found: t.Dict[str, str] = {}
    for name, value in fields.raw.items():
        if not isinstance(name, str) or not _NAME.match(name):
            fields.wrong("", name, _NAMES)
        elif name in OWN:
            _refuse(fields, name, "nothing: each slot has its own")
        elif name.startswith(OF_OTHERS):
            _refuse(fields, name, "nothing: it belongs to the runner, to this collection or to the loader of programs")
        elif not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
            _refuse(fields, name, _VALUES)
        else:
            found[name] = value
    return found


def _refuse(fields: Fields, name: str, allowed: str) -> None:
    fields.mistakes.append(Mistake(fields.pool, f"{fields.path}.{name}", "a value that is not shown", allowed))


class Owner(t.NamedTuple):
    """The slot, and the name of its account."""

    slot: str
    user: str


def job_environment(owner: Owner, directories: Directories, ports: PortRange, given: t.Mapping[str, str]) -> t.Dict[str, str]:
    """All variables of a job. ``given``: what the pool names, read before."""
    return {
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "en_US.UTF-8",
        **given,
        "HOME": directories.home,
        "USER": owner.user,
        "LOGNAME": owner.user,
        # Not that of its record, which lets nobody in.
        "SHELL": "/bin/sh",
        "TMPDIR": directories.temp,
        "RUNNER_TOOL_CACHE": directories.cache,
        "AGENT_TOOLSDIRECTORY": directories.cache,
        "MAC_RUNNERS_SLOT": owner.slot,
        "MAC_RUNNERS_PORT_FIRST": str(ports.first),
        "MAC_RUNNERS_PORT_LAST": str(ports.last),
    }
