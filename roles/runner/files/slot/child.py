# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""Short-lived children: what needs TLS, HTTP or the capacity core is done by one and leaves no memory behind."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.spawn import Result, converse

SECONDS = 300.0
#: A child finds tools here and has nothing else of our environment.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "LANG": "C"}

Json = t.Dict[str, t.Any]


class Children:
    """Starts ``program`` anew for each task. ``lock`` is the slot's: while a child lives, no other program has the slot."""

    def __init__(self, program: str, folder: str, lock: int) -> None:
        self._argv = [sys.executable, "-I", program]
        self._folder, self._lock = folder, lock

    def ask(self, task: str, seconds: float = SECONDS, **request: t.Any) -> Json:
        """What the child answers within so many seconds; it is asked and answers through pipes. Raises :class:`SlotError` with what it says."""
        argv = [*self._argv, "child", task, self._folder]
        try:
            done = converse(argv, _ENVIRONMENT, json.dumps(request).encode(), seconds, self._lock)
        except TimeoutError as error:
            raise SlotError(f"the task {task} did not end within {seconds:.0f} s") from error
        except OSError as error:
            raise SlotError(f"the task {task} cannot be started: {error}") from error
        return _answer(task, done)


def _answer(task: str, done: Result) -> Json:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        answer = json.loads(done.out)
        if "error" in answer:
            raise SlotError(str(answer["error"]), float(answer["wait"]))
        return dict(answer["answer"])
    # Only the last line: it names what happened, the lines above could hold values.
    said = done.err.decode("utf-8", "replace").strip().rpartition("\n")[2][:300]
    raise SlotError(f"the task {task} ended with {done.rc}: {said or 'it said nothing'}")


def serve(task: t.Callable[[Json], Json]) -> int:
    """The child's side: read the request, do it, answer."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError

    # Nothing that is printed by chance is taken for the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        try:
            json.dump({"answer": task(json.load(sys.stdin))}, answer)
        except MacRunnersError as error:
            json.dump({"error": str(error), "wait": getattr(error, "wait", 0.0)}, answer)
    return 0
