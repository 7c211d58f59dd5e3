# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Ending a runner that has no job: GitHub decides, and what is seen here has a veto."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import Environment, Isolation, Source, World
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.progress import Progress
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending

#: Seconds after which GitHub is asked again when it said busy or nothing: each time costs of its limit.
ASK_AGAIN = 30.0
BUSY = "busy"


class Withdrawal:
    """One runner that shall end before it has a job. Nothing is killed while GitHub or this Mac knows of a job."""

    def __init__(self, source: Source, isolation: Isolation, world: World, grace: float) -> None:
        self._source, self._isolation, self._world = source, isolation, world
        self._grace = grace
        self._ask_at = 0.0
        self._removed_at: t.Optional[float] = None

    @property
    def done(self) -> bool:
        """Whether GitHub has removed it: there is no way back then."""
        return self._removed_at is not None

    def may_end(self, environment: Environment, registration: Pending, progress: Progress) -> bool:
        """Whether it can be destroyed now; to be asked again and again until it can, or until it has ended by itself."""
        if progress.job or self._isolation.busy(environment):
            return False
        now = self._world.ticks()
        if self._removed_at is None:
            if now >= self._ask_at and self._removes(registration, now):
                self._removed_at = now
            return False
        # GitHub sends it no job any more, and it ends by itself; one that hangs does not.
        return now - self._removed_at >= self._grace

    def _removes(self, registration: Pending, now: float) -> bool:
        self._ask_at = now + ASK_AGAIN
        try:
            answer = self._source.remove(registration)
        except MacRunnersError as error:
            self._world.note("withdraw-failed", runner=registration.name, message=str(error))
            return False
        self._world.note("withdraw", runner=registration.name, answer=answer)
        return answer != BUSY
