# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether a job runs in a container: the runner's process for it is alive there."""

from __future__ import annotations

import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineError, EngineSocket

_WORKER = "Runner.Worker"
#: An engine asks its machine's ps, which cuts lines at the width of the terminal that the engine was started from, unless told not to.
#: That of busybox knows no such option, and cuts lines on a terminal alone.
_WAYS = ("-eww -o pid,args", "-eo pid,args")


def runs_job(engine: EngineSocket, container: str) -> bool:
    """Raises :class:`EngineError` when nobody can tell."""
    found = _processes(engine, container)
    return any(_WORKER in word for row in found.get("Processes") or [] for word in row)


def _processes(engine: EngineSocket, container: str) -> t.Mapping[str, t.Any]:
    failed = EngineError("")
    for way in _WAYS:
        try:
            return t.cast("t.Mapping[str, t.Any]", engine.get(f"/containers/{container}/top?ps_args={urllib.parse.quote(way)}"))
        except EngineError as error:
            # It does not run any more, or is gone.
            if error.status in (404, 409):
                return {}
            failed = error
    raise failed
