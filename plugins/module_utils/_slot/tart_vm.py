# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The one VM of a slot, from its clone to its end: what the slot program's short-lived children do."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import tart_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place, Seen, TartError, Vm, find_account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools, delete_vm, make_vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import is_remote, reference
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_power import cut_power, explain_start
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_read import read_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.launchd import DAEMONS_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import tart_guest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import ENDED, READY, RUNNING
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import Settings, TartPlace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_note import Note, drop_note, read_note, write_note

#: What the VM's ``tart run`` says, in the slot's folder.
LOG_NAME = "vm.log"
#: Seconds in which a VM that was switched off must be gone.
_GONE = 60.0
_POLL = 0.2


class Processes(t.Protocol):
    """Processes that outlive whoever starts them."""

    def spawn(self, argv: t.Sequence[str], log: str) -> int:
        """Start one in a session of its own, its output in a log that begins anew; its pid."""

    def runs(self, pid: int, vm: str) -> bool:
        """Whether that process still is the one that runs this VM."""

    def kill(self, pid: int) -> None:
        """End it and its whole session."""


def place_of(given: TartPlace, state_dir: str) -> Place:
    """Where the VMs live. Raises :class:`TartError` when there is no such account."""
    account = find_account(given.account)
    home = given.tart_home or os.path.join(account.home, ".tart")
    return Place(account, os.path.normpath(home), given.tart, state_dir, "", DAEMONS_DIR)


def vm_of(slot: str, pool: Pool) -> Vm:
    """The VM of a slot."""
    return Vm(slot, pool.image, pool.guest, pool.cpus, pool.memory, None, pool.disk, pool.network, "started")


class SlotVm:
    """``folder`` is the slot's."""

    def __init__(self, given: Settings, folder: str, tools: Tools, processes: Processes) -> None:
        self._vm, self._folder = vm_of(given.slot, given.pool), folder
        self._tools, self._processes = tools, processes
        self._runner_dir = given.tart.runner_dir if given.tart else ""

    @property
    def _log(self) -> str:
        return os.path.join(self._folder, LOG_NAME)

    def observe(self) -> t.Dict[str, t.Any]:
        """Its state, cycle and runner; the state is empty when there is nothing of ours."""
        seen, note = self._seen(), read_note(self._folder)
        if seen is None or seen.foreign:
            return {"state": ""}
        state = READY
        if note and note.handed and seen.ours:
            state = RUNNING if seen.state == "running" else ENDED
        return {"state": state, "cycle": note.cycle if note else 0, "runner": note.runner if note else ""}

    def _seen(self) -> t.Optional[Seen]:
        return read_store(self._tools.tart, self._tools.place).get(self._vm.name)

    def make(self, cycle: int, runner: str) -> None:
        """Clone it and start it; it outlives the slot program. ``boot`` tells when it can be used."""
        self._require_image()
        note = Note(cycle, runner)
        write_note(self._folder, note)
        with self._changing():
            # It refuses to clone over a VM that is there, ours or not.
            make_vm(self._vm, self._tools)
        network = ["--net-softnet"] if self._vm.network == "softnet" else []
        argv = self._tools.tart.argv("run", "--no-graphics", *network, self._vm.name)
        write_note(self._folder, note._replace(pid=self._processes.spawn(argv, self._log)))

    def _require_image(self) -> None:
        if not self._tools.tart.installed:
            raise TartError(f"Tart is not at {self._tools.place.tart}; the role action_packer.mac_runners.tart installs it")
        image = self._vm.image
        if is_remote(image) and reference(image) not in self._tools.tart.cached():
            raise TartError(f"VM {self._vm.name}: the image {image} is not on this Mac; the role action_packer.mac_runners.tart pulls it, a slot never does")

    @contextlib.contextmanager
    def _changing(self) -> t.Iterator[None]:
        """Alone among the Mac's slots: a clone reads the configuration of every VM, which another one may just write."""
        descriptor = os.open(os.path.dirname(os.path.abspath(self._folder)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def boot(self, seconds: float, all_seconds: float) -> bool:
        """Wait so long for the guest's agent to answer; whether it does. Raises when the VM has ended."""
        deadline = time.monotonic() + seconds
        while True:
            if self._tools.tart.call("exec", self._vm.name, "true").rc == 0:
                return True
            if not self._runs():
                raise TartError(explain_start(self._vm.name, self._log, all_seconds))
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)

    def _runs(self) -> bool:
        """Whether it is on, or about to be."""
        note = read_note(self._folder)
        return bool(note and note.pid and self._processes.runs(note.pid, self._vm.name)) or self.running()

    def running(self) -> bool:
        """Whether Tart says that it runs."""
        return self._tools.tart.states().get(self._vm.name) == "running"

    def start(self, lines: str) -> None:
        """Hand the lines of ENTRY, one of them a config, to the guest, once: that it is handed over is on the disk before."""
        note = read_note(self._folder)
        if note is None or note.handed:
            raise TartError(f"VM {self._vm.name} is no fresh one: it gets no JIT config")
        write_note(self._folder, note._replace(handed=True))
        words = tart_guest.start_words(self._runner_dir)
        result = self._tools.tart.call("exec", "-i", self._vm.name, *words, stdin=lines + "\n")
        if result.rc != 0:
            raise TartError(f"VM {self._vm.name}: the runner could not be started in the guest ({result.rc}): {_said(result.stderr, lines)}")

    def busy(self) -> bool:
        """Whether a Runner.Worker lives in it; not when it does not run."""
        answer = self._ask(tart_guest.BUSY)
        if answer not in ("busy", "idle") and self.running():
            raise TartError(f"VM {self._vm.name}: the guest does not tell whether a job runs in it")
        return answer == "busy"

    def renew(self, runner: str) -> bool:
        """Make it ready for another runner; whether it is: no job ran in it, and nothing of the last runner is left."""
        note = read_note(self._folder)
        if note is None or (note.handed and self._ask(tart_guest.RENEW) != "unused"):
            return False
        write_note(self._folder, note._replace(runner=runner, handed=False))
        return True

    def _ask(self, script: str) -> str:
        return self._tools.tart.call("exec", self._vm.name, *tart_guest.words(script, self._runner_dir)).stdout.strip()

    def destroy(self) -> None:
        """Switch it off and delete it with all that is noted of it. One that is not ours is not touched."""
        self._switch_off()
        seen = self._seen()
        if seen is not None and not seen.foreign:
            with self._changing():
                if seen.exists:
                    delete_vm(seen, self._tools)
                tart_store.drop_intent(self._tools.place.intents_dir, self._vm.name)
        drop_note(self._folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._log)

    def _switch_off(self) -> None:
        """Until Tart does not list it as on, and its process is gone."""
        deadline = time.monotonic() + _GONE
        while True:
            seen, note = self._seen(), read_note(self._folder)
            if seen is None or seen.foreign:
                return
            if seen.state in ("running", "suspended"):
                cut_power(self._vm.name, self._tools.tart)
            elif note is None or not note.pid or not self._processes.runs(note.pid, self._vm.name):
                return
            elif deadline - time.monotonic() < _GONE / 2:
                self._processes.kill(note.pid)
            if time.monotonic() > deadline:
                raise TartError(f"VM {self._vm.name} is still on {_GONE:.0f} s after it was switched off")
            time.sleep(_POLL)


def _said(text: str, secrets: str) -> str:
    """What a command said last, without what nobody may see."""
    for secret in filter(None, secrets.split("\n")):
        text = text.replace(secret, "...")
    return text.strip()[-300:] or "it said nothing"
