# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a program file that is a stand-in: the few lines that a link or an archive of a release holds."""

from __future__ import annotations

HIDDEN = "/System/Library/macsim"


def program_text(version: str) -> str:
    """A script for the hidden interpreter; ``version`` is what a versioned tool says of itself."""
    return (
        f"#!{HIDDEN}/python -ISB\n"
        "import sys\n"
        f'sys.path.insert(0, "{HIDDEN}")\n'
        "from standins.dispatch import main\n"
        f'main(sys.argv, "{version}")\n'
    )
