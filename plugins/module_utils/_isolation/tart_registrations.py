# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Persistent runners in macOS guests of Tart: what is configured in each, and registering one."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Place
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Seen as SeenVm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_keeper import LABEL, agent_text
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_read import read_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import RegistrationError, Seen, Wanted, failed, read_settings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_guest import BUSY, words

_POLL = 2.0
#: Says whether a job runs, then what the runner's own file says; a half written registration counts as none.
_LOOK = (
    BUSY
    + """
cd && cd "$2" 2>/dev/null && [ -s .credentials ] && [ -s .credentials_rsaparams ] && [ -f .runner ] && head -c 65536 .runner
exit 0"""
)
#: Takes the token and then the agent's property list from standard input; ``$3`` is the agent's label, what follows are the options of
#: config.sh. The agent is there before the registration is, so that what is registered also runs, after a restart of the guest too.
_REGISTER = """IFS= read -r token || exit 64
umask 022
cd && mkdir -p "$1" Library/LaunchAgents && cat > "$1/agent" || exit 71
if pgrep -f '[R]unner[.]Worker' > /dev/null; then echo 'a job runs in it'; exit 75; fi
folder=$1 runner=$2 label=$3 domain=gui/$(id -u)
shift 3
launchctl bootout "$domain/$label" 2>/dev/null
for second in $(seq 60); do launchctl print "$domain/$label" > /dev/null 2>&1 && sleep 1 || break; done
( cd "$runner" && rm -f .runner .runner_migrated .credentials .credentials_migrated .credentials_rsaparams ) || exit 65
mv "$folder/agent" "Library/LaunchAgents/$label.plist" || exit 71
launchctl enable "$domain/$label"
launchctl bootstrap "$domain" "$HOME/Library/LaunchAgents/$label.plist" || { echo 'launchd of the guest does not take it: is its user logged in?'; exit 78; }
cd "$runner" || exit 65
ACTIONS_RUNNER_INPUT_TOKEN=$token && export ACTIONS_RUNNER_INPUT_TOKEN
exec ./config.sh "$@" < /dev/null"""


class TartRunners:
    """Implements :class:`._registrations.Environments`; ``patience``: seconds that all guests together have to answer."""

    # macOS runs two such guests at most.
    at_once = 1

    def __init__(self, tart: Tart, place: Place, runner_dir: str, patience: float) -> None:
        self._tart, self._place, self._runner_dir, self._patience = tart, place, runner_dir, patience

    def look(self) -> t.Dict[str, Seen]:
        """The VMs of persistent runners of ours, by slot."""
        store = read_store(self._tart, self._place)
        deadline = time.monotonic() + self._patience
        return {vm.slot: self._see(vm, deadline) for vm in store.values() if vm.ours and vm.guest == "macos" and not self._of_slot(vm)}

    def _of_slot(self, vm: SeenVm) -> bool:
        return os.path.lexists(os.path.join(self._place.state_dir, "slots", vm.slot))

    def _see(self, vm: SeenVm, deadline: float) -> Seen:
        if vm.state != "running":
            return Seen(vm.slot, vm.name, running=False)
        state, _newline, content = self._answer(vm.name, deadline).partition("\n")
        if state not in ("busy", "idle"):
            return Seen(vm.slot, vm.name, running=True, busy=True, trouble="its guest does not answer, so it counts as busy")
        return Seen(vm.slot, vm.name, running=True, busy=state == "busy", **read_settings(content))

    def _answer(self, name: str, deadline: float) -> str:
        """What the guest says once it does; it may have been started just now."""
        while True:
            result = self._tart.call("exec", name, *words(_LOOK, self._runner_dir))
            if result.rc == 0 or time.monotonic() > deadline:
                return result.stdout
            time.sleep(_POLL)

    def register(self, seen: Seen, one: Wanted, token: str) -> None:
        """Register the runner of a VM; raises :class:`RegistrationError`, without the token."""
        if not seen.running:
            raise RegistrationError("its VM does not run")
        command = words(_REGISTER, self._runner_dir, LABEL, *one.options())
        result = self._tart.call("exec", "-i", seen.environment, *command, stdin=f"{token}\n{agent_text(self._runner_dir)}")
        if result.rc:
            raise failed(result.rc, result.stdout + result.stderr, token)
