# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Whether a job runs in a container: the runner's process for it is alive there.

Also for the slot program, which waits all day and must not hold HTTP and urllib.
"""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError

_WORKER = "Runner.Worker"
#: An engine asks its machine's ps, which cuts lines at the width of the terminal that the engine was started from, unless told not to.
#: That of busybox knows no such option, and cuts lines on a terminal alone. Quoted, as in a request.
_WAYS = ("-eww%20-o%20pid,args", "-eo%20pid,args")


def runs_job(get: t.Callable[[str], t.Any], container: str) -> bool:
    """``get`` asks the engine; its error, which has HTTP's status, is raised when nobody can tell."""
    found = _processes(get, container)
    return any(_WORKER in word for row in found.get("Processes") or [] for word in row)


def _processes(get: t.Callable[[str], t.Any], container: str) -> t.Mapping[str, t.Any]:
    failed = MacRunnersError("")
    for way in _WAYS:
        try:
            return t.cast("t.Mapping[str, t.Any]", get(f"/containers/{container}/top?ps_args={way}"))
        except MacRunnersError as error:
            # It does not run any more, or is gone.
            if getattr(error, "status", 0) in (404, 409):
                return {}
            failed = error
    raise failed
