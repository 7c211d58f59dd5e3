# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether a job is over at GitHub, whatever its environment says of itself: GitHub removes a runner of ours with its one job."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import Source, World
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import Pending

#: Seconds between two questions about a job that runs: each costs of GitHub's limit.
ASK_EVERY = 600.0


class Absence:
    """Of the runner of a job. Two answers tell, more than ``grace`` seconds apart; a question that failed tells nothing."""

    def __init__(self, source: Source, world: World, grace: float) -> None:
        self._source, self._world, self._grace = source, world, grace
        self._name = ""
        self._ask_at = 0.0
        self._since: t.Optional[float] = None

    def lasts(self, registration: Pending) -> bool:
        """Whether GitHub knows this runner no more; to be asked again and again while its job is said to run."""
        now = self._world.ticks()
        if registration.name != self._name:
            self._name, self._ask_at, self._since = registration.name, now + ASK_EVERY, None
        if now < self._ask_at:
            return False
        self._ask_at = now + ASK_EVERY
        try:
            known = self._source.knows(registration)
        except MacRunnersError as error:
            self._world.note("ask-failed", runner=registration.name, message=str(error))
            return False
        self._world.note("ask", runner=registration.name, known=known)
        if known:
            self._since = None
        elif self._since is None:
            self._since, self._ask_at = now, now + self._grace
        return self._since is not None and now - self._since >= self._grace > 0
