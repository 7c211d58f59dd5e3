# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the demo takes once everything is set up."""

from __future__ import annotations

import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

Figure = tuple[str, float, float]


def run() -> list[Figure]:
    """(name, figure, limit): one run, in minutes."""
    started = time.monotonic()
    done = subprocess.run([str(ROOT / "tests" / "demo" / "demo")], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the demo failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return [("demo after set-up, minutes", (time.monotonic() - started) / 60, 3.0)]
