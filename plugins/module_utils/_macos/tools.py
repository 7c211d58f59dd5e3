# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Tools of others: where they are, and how root asks them without trusting them."""

from __future__ import annotations

import os
import re
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result, Run

SUDO = "/usr/bin/sudo"
#: Where tools are installed by us, by Homebrew on Apple silicon and on Intel, and by packages.
PLACES: t.Mapping[str, t.Tuple[str, ...]] = {
    "tart": (
        "/opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart",
        "/opt/homebrew/bin/tart",
        "/usr/local/bin/tart",
    ),
    "container": ("/usr/local/bin/container", "/opt/homebrew/bin/container"),
    "colima": ("/opt/homebrew/bin/colima", "/usr/local/bin/colima"),
}
#: Enough for tools that start others, such as colima and limactl.
TOOL_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

_VERSION = re.compile(r"(?<![\w.])(\d+(?:\.\d+)+)")


def find_tool(name: str) -> str:
    """The path of an installed tool, empty when it is not there."""
    return next((path for path in PLACES[name] if os.access(path, os.X_OK)), "")


def ask(run: Run, path: str, *arguments: str) -> Result:
    """Run a tool, as root only where nobody else could have replaced it.

    Homebrew's directories belong to an ordinary user, so that what lies there is run as its
    owner instead.
    """
    return run([*_become(path), path, *arguments])


def ask_as(run: Run, user: str, path: str, *arguments: str) -> Result:
    """Run a tool as a user with that user's home; as ourselves when we are not root."""
    if os.geteuid() != 0:
        return run([path, *arguments])
    return run([SUDO, "-n", "-u", user, "-H", "/usr/bin/env", f"PATH={TOOL_PATH}", path, *arguments])


def _become(path: str) -> t.List[str]:
    if os.geteuid() != 0 or only_root_writes(path):
        return []
    owner = os.stat(path).st_uid
    return [SUDO, "-n", "-u", f"#{owner}" if owner else "nobody", "-H"]


def only_root_writes(path: str) -> bool:
    """Whether the file and every directory above it belong to root and are closed to others."""
    path = os.path.realpath(path)
    while True:
        status = os.stat(path)
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def read_version(run: Run, name: str, unread: t.List[str]) -> t.Optional[t.Dict[str, str]]:
    """Path and version of a tool; None when it is absent, which is no error."""
    path = find_tool(name)
    if not path:
        return None
    result = ask(run, path, "--version")
    version = parse_version(result.stdout) if result.rc == 0 else ""
    if version:
        return {"path": path, "version": version}
    unread.append(f"the version of {name}: {path} --version ended with {result.rc}: {(result.stderr or result.stdout).strip()[:200]}")
    return {"path": path}


def parse_version(text: str) -> str:
    """The first dotted number: ``2.36.0``, ``container CLI version 1.4.1 (build: ...)``."""
    found = _VERSION.search(text)
    return found.group(1) if found else ""
