# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a secret was found."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Find:
    """``place`` never holds the secret. ``private``: nobody but root and the owner of the file can read it. ``owner``: the number of its user."""

    place: str
    kind: str
    private: bool = False
    owner: int = -1

    def __str__(self) -> str:
        more = "" if self.owner < 0 else f" ({'private' if self.private else 'OTHERS CAN READ IT'}, uid {self.owner})"
        return f"{self.kind}: {self.place}{more}"
