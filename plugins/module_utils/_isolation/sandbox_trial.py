# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Profiles tried on the Mac: macOS itself compiles each, and a program starts in it, before anything is installed."""

from __future__ import annotations

import os
import tempfile
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import SandboxError, Wanted

SANDBOX_EXEC = "/usr/bin/sandbox-exec"
PROGRAM = "/usr/bin/true"
_PREFIX = "sandbox-exec: "
#: The profile was compiled and applied, and does not let this program start.
_KEPT_OUT = _PREFIX + "execvp() of "


def tried(run: Run, profiles: t.Sequence[Wanted]) -> t.List[str]:
    """Try profiles, each text once; what there is to warn of. Raises :class:`SandboxError` for those that macOS refuses."""
    mistakes: t.List[str] = []
    warnings: t.List[str] = []
    with tempfile.TemporaryDirectory(prefix="mac-runners-") as directory:
        for profile in {(one.text, one.params): one for one in profiles if one.present}.values():
            path = os.path.join(directory, profile.name + ".sb")
            with open(path, "x", encoding="utf-8") as file:
                file.write(profile.text)
            result = run([*command(path, profile.params), PROGRAM])
            said = _said(result).replace(path, profile.name + ".sb")
            if not _compiled(result):
                mistakes.append(f"profile {profile.name}: {_why(result)} ({said})")
            elif result.rc and profile.generated:
                mistakes.append(f"profile {profile.name}: {PROGRAM} does not start in it ({said})")
            elif result.rc:
                warnings.append(f"profile {profile.name}: {PROGRAM} does not start in it ({said})")
    if mistakes:
        raise SandboxError("nothing was changed: " + "; ".join(mistakes))
    return warnings


def command(path: str, params: t.Sequence[t.Tuple[str, str]]) -> t.List[str]:
    """How a program is run in the profile of a file; the program follows."""
    return [SANDBOX_EXEC, "-f", path, *(word for name, value in params for word in ("-D", f"{name}={value}"))]


def _compiled(result: Result) -> bool:
    """Whether macOS took the profile: the program ran, was not allowed to start, or was killed for what it may not read."""
    return result.rc == 0 or result.stderr.startswith(_KEPT_OUT) or result.rc < 0


def _why(result: Result) -> str:
    if result.rc == 127:
        return f"it cannot be tried, since there is no {SANDBOX_EXEC}"
    if "sandbox_apply: Operation not permitted" in result.stderr:
        return "it cannot be tried, since this already runs in a sandbox"
    return "macOS does not compile it" if result.stderr.startswith(_PREFIX) else "it cannot be tried"


def _said(result: Result) -> str:
    lines = [line.strip() for line in result.stderr.strip().splitlines()]
    return " ".join(lines)[:300] or (f"signal {-result.rc}" if result.rc < 0 else f"exit code {result.rc}")
