# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What can go wrong with sandbox profiles, one class a cause."""

from __future__ import annotations

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError


class SeatbeltError(MacRunnersError):
    """A sandbox policy or profile that cannot be used."""


class ReadError(SeatbeltError):
    """A text that is no profile; ``line`` and ``column`` count from 1."""

    def __init__(self, place: str, line: int, column: int, what: str) -> None:
        super().__init__(f"{place}, line {line}, column {column}: {what}")
        self.line = line
        self.column = column
        self.what = what


class CompileError(SeatbeltError):
    """A profile that macOS would refuse, so that nothing can be said about its decisions."""


class PolicyError(SeatbeltError):
    """A policy with mistakes; the text names field, given and allowed of each."""


class QuestionError(SeatbeltError):
    """A question to a profile that names no operation, or no argument that the operation has."""
