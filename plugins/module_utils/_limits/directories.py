# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Where a job of a slot works: all of it in the home of the slot's account, which is made anew for each job."""

from __future__ import annotations

import typing as t

#: Where GitHub's runner is in the home of an account.
RUNNER = "work/runner"


class Directories(t.NamedTuple):
    """Paths as the job sees them. The runner is in ``work``, and so are the checkouts; ``cache`` is for tools that a job unpacks."""

    home: str
    work: str
    temp: str
    cache: str
    runner: str

    @property
    def made(self) -> t.Tuple[str, ...]:
        """Those that have to be made, in this order; each belongs to the account alone."""
        return (self.work, self.temp, self.cache)


def directories_of(home: str) -> Directories:
    """The directories of a slot: those in which the sandbox profile of a slot lets its jobs work."""
    return Directories(home, f"{home}/work", f"{home}/tmp", f"{home}/work/cache", f"{home}/{RUNNER}")
