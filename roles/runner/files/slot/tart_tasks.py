# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This program is PRIVATE to the collection: its interface may change at any time.

"""What the short-lived children do for a slot of isolation tart: each a call of :class:`._slot.tart_vm.SlotVm`."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import Settings, SettingsError, read_settings
from ansible_collections.action_packer.mac_runners.roles.runner.files.slot.command import run

#: Seconds for one command of Tart: a clone to another volume copies all of the disk.
_COMMAND_SECONDS = 1500.0

Json = t.Dict[str, t.Any]
Task = t.Callable[[str, Json], Json]

if t.TYPE_CHECKING:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_vm import SlotVm


class _Processes:
    """Implements :class:`._slot.tart_vm.Processes`."""

    def spawn(self, argv: t.Sequence[str], log: str) -> int:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # It is not waited for: it runs until the VM is off.
            process = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, cwd="/", start_new_session=True)
        finally:
            os.close(descriptor)
        return process.pid

    def runs(self, pid: int, vm: str) -> bool:
        """Its number may be another's by now, that of another VM too."""
        words = run(["/bin/ps", "-o", "command=", "-p", str(pid)]).stdout.split()
        return "--no-graphics" in words and words[-1] == vm

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def exec_words(given: Settings) -> t.List[str]:
    """The beginning of every ``tart exec``."""
    return Tart(run, _place(given)).argv("exec")


def _place(given: Settings) -> Place:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_vm import place_of

    if given.tart is None:
        raise SettingsError(f"slot {given.slot}: its pool has not the isolation tart")
    return place_of(given.tart, given.state_dir)


def _vm(folder: str, request: Json) -> SlotVm:
    """The slot's, where the program has it: settings may name another place by now."""
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_vm import SlotVm

    given = read_settings(folder).at(request["place"])
    place = _place(given)
    patient = functools.partial(run, seconds=_COMMAND_SECONDS)
    return SlotVm(given, folder, Tools(patient, Tart(patient, place), place), _Processes())


def _observe(folder: str, request: Json) -> Json:
    return _vm(folder, request).observe()


def _make(folder: str, request: Json) -> Json:
    _vm(folder, request).make(int(request["cycle"]), str(request["runner"]))
    return {}


def _boot(folder: str, request: Json) -> Json:
    return {"ready": _vm(folder, request).boot(float(request["slice"]), float(request["boot"]))}


def _start(folder: str, request: Json) -> Json:
    _vm(folder, request).start(str(request["lines"]))
    return {}


def _running(folder: str, request: Json) -> Json:
    return {"running": _vm(folder, request).running()}


def _busy(folder: str, request: Json) -> Json:
    return {"busy": _vm(folder, request).busy()}


def _renew(folder: str, request: Json) -> Json:
    return {"unused": _vm(folder, request).renew(str(request["runner"]))}


def _destroy(folder: str, request: Json) -> Json:
    _vm(folder, request).destroy()
    return {}


TART_TASKS: t.Mapping[str, Task] = {
    "tart-observe": _observe,
    "tart-make": _make,
    "tart-boot": _boot,
    "tart-start": _start,
    "tart-running": _running,
    "tart-busy": _busy,
    "tart-renew": _renew,
    "tart-destroy": _destroy,
}
