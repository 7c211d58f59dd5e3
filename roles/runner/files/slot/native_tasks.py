# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""What the short-lived children do for a slot whose runner is a process of the Mac: each a call of :class:`._slot.native_slot.NativeSlot`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.directories import RUNNER
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_account import SlotAccount
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import NativePlace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_slot import NativeSlot
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import Settings, SettingsError, read_settings
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.command import run

#: Seconds for the copy of a runner: to another volume it copies all of it.
_ENTER_SECONDS = 600.0
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}

Json = t.Dict[str, t.Any]
Task = t.Callable[[str, Json], Json]


class SlotProcesses:
    """Implements :class:`._slot.native_slot.Processes`. ``words`` begin what becomes an account."""

    def __init__(self, words: t.Sequence[str]) -> None:
        self._words = words

    def enter(self, entry: Json) -> None:
        """Run a command as the account, to its end."""
        done = run(self._words, stdin=json.dumps(entry) + "\n", seconds=_ENTER_SECONDS)
        if done.rc != 0:
            said = done.stderr.strip()[-300:] or "it said nothing"
            raise SlotError(f"{entry['argv'][0]} as user {entry['uid']} ended with {done.rc}: {said}")

    def keep(self, argv: t.Sequence[str], entry: Json, lines: str, log: str, lock: int) -> None:
        """Start a keeper that outlives us, has the lock, and has a runner enter, which reads the lines."""
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # It is not waited for: it runs until the runner has ended.
            process = subprocess.Popen(
                [*argv, *self._words],
                stdin=subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
                pass_fds=[lock],
            )
        finally:
            os.close(descriptor)
        # Who has ended already left an exit code.
        with contextlib.suppress(BrokenPipeError), contextlib.closing(t.cast("t.IO[bytes]", process.stdin)) as asked:
            asked.write(f"{json.dumps(entry)}\n{lines}\n".encode("ascii"))


def for_program(given: Settings) -> Json:
    """What the program itself needs of a native slot."""
    place, pool = _place(given), given.pool
    logs = place.entry(["/usr/bin/tar", "-cf", "-", "_diag"], RUNNER)
    return {
        "name": place.account.name,
        "uid": place.account.uid,
        "place": place.where,
        "pool": pool.name,
        "memory": pool.memory,
        "memory_watch": place.limits.memory_watch,
        "enter": _words(),
        "logs": logs,
    }


def _words() -> t.List[str]:
    """This very program, as something that becomes an account."""
    return [sys.executable, "-I", os.path.abspath(sys.argv[0]), "enter"]


def _place(given: Settings) -> NativePlace:
    if given.native is None:
        raise SettingsError(f"slot {given.slot}: its pool has none of the isolations sandbox, account and chroot")
    return given.native


def _slot(folder: str, request: Json) -> NativeSlot:
    place = _place(read_settings(folder).at(request["place"]))
    return NativeSlot(place, folder, SlotAccount(place.account, place.jail, run), SlotProcesses(_words()))


def _make(folder: str, request: Json) -> Json:
    _slot(folder, request).make(int(request["cycle"]), str(request["runner"]))
    return {}


def _start(folder: str, request: Json) -> Json:
    _slot(folder, request).start(str(request["lines"]))
    return {}


def _end(folder: str, request: Json) -> Json:
    _slot(folder, request).end()
    return {}


def _destroy(folder: str, request: Json) -> Json:
    _slot(folder, request).destroy()
    return {}


NATIVE_TASKS: t.Mapping[str, Task] = {"native-make": _make, "native-start": _start, "native-end": _end, "native-destroy": _destroy}
