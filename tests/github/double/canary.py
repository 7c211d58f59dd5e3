# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets of this GitHub carry a mark, by which they are found wherever they get to; what cannot carry it is remembered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

#: In every secret that is minted here in the life of this process.
MARK = secrets.token_hex(12)
#: How a secret of each kind begins; its mark comes next.
KINDS = {
    "ghp_": "API token",
    "github_pat_": "API token",
    "ghu_": "API token",
    "ghs_1234_": "installation token",
    "AREGISTRATION": "registration token",
    "AREMOVAL": "removal token",
    "tenant": "tenant token",
    "jit-key": "runner key",
    "proxy-password-": "proxy password",
}
#: What cannot carry the mark -> its kind; and who wants to be told of more.
others: dict[str, str] = {}
hearers: list[Callable[[str, str], None]] = []


def mint(start: str) -> str:
    """A new secret."""
    return f"{start}{MARK}{secrets.token_hex(8)}"


def remember(kind: str, text: str) -> str:
    """A secret that somebody else made. Each line of a key counts, since one alone is too much."""
    for piece in _pieces(text):
        if piece not in others:
            others[piece] = kind
            for hear in hearers:
                hear(kind, piece)
    return text


def _pieces(text: str) -> Iterator[str]:
    """The beginning of what is short; whole lines of a key."""
    lines = [line for line in text.splitlines() if len(line) >= 32 and "-----" not in line]
    yield from lines if len(lines) > 1 else [text.strip()[:60]]
