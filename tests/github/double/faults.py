# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong on purpose: the next answers to requests that fit."""

from __future__ import annotations

import dataclasses
import re

KINDS = (
    "status", "status-after", "drop", "drop-after", "primary", "secondary", "foreign-link", "redirect", "page", "echo", "truncated",
)  # fmt: skip


@dataclasses.dataclass
class Fault:
    """``kind`` is what happens to the next ``times`` requests of ``method`` whose path fits ``path``.

    status: answered with ``status`` and nothing done; status-after: done, then so answered; drop, drop-after: the connection ends
    without an answer; primary: the hourly limit, reset in ``seconds``; secondary: the other limit, with Retry-After when ``seconds``
    is not 0; foreign-link: the next page is said to be at another host; redirect: sent to ``text``; page: a login page in HTML;
    echo: refused with a text that holds the credential; truncated: half of a download.
    """

    kind: str
    path: str = ""
    method: str = ""
    times: int = 1
    status: int = 502
    seconds: int = 0
    text: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}: got {self.kind!r}")

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


class Faults(list[Fault]):
    """The faults that are still to come."""

    def take(self, method: str, path: str) -> Fault | None:
        for fault in self:
            if fault.fits(method, path):
                fault.times -= 1
                return fault
        return None
