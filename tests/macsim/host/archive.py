# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that look like upstream's releases and hold stand-ins."""

from __future__ import annotations

from pathlib import Path


def write_tart(version: str, output: Path) -> None:
    raise NotImplementedError
