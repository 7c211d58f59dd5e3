# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""Commands of the Mac, for the short-lived children."""

from __future__ import annotations

import os
import subprocess
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result

SECONDS = 60.0


def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "", seconds: float = SECONDS) -> Result:
    """Implements :class:`._command.Run`; rc 124 when it did not end in time."""
    environment = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(
            list(argv),
            env=environment,
            input=stdin.encode("utf-8"),
            capture_output=True,
            timeout=seconds,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(124, "", f"did not end within {seconds:g} s")
    except (OSError, ValueError) as error:
        return Result(127, "", str(error))
    return Result(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
