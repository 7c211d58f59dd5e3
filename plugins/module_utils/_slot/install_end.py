# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Ending what a slot runs, whatever job that is: only for an operator who said force."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import read_user
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools, delete_vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_cli import Tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_power import cut_power
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_read import read_store
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineDownError, EngineSocket, list_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import DAMAGED, InstallError, Slot
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_account import SlotAccount
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import SETTINGS_NAME
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import _TART, TartPlace, parse_content
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_vm import place_of

Place = t.Mapping[str, t.Any]


def end_environment(run: Run, slot: Slot, state_dir: str) -> None:
    """Destroy what a slot runs whose program does not run any more. Raises :class:`InstallError`."""
    docker, tart = _places(slot)
    native = _native(slot)
    try:
        if docker:
            _end_container(str(docker.get("socket") or ""), OWNED_PREFIX + slot.name)
        if tart:
            _end_vm(run, tart, OWNED_PREFIX + slot.name, state_dir)
        if native and read_user(run, OWNED_PREFIX + slot.name) is not None:
            account = Account(OWNED_PREFIX + slot.name, int(native["uid"]), "", native["home"])
            SlotAccount(account, native["jail"], run).reset()
    except (MacRunnersError, OSError) as error:
        raise InstallError(f"slot {slot.name}: what it runs could not be ended: {error}") from error


def _places(slot: Slot) -> t.Tuple[Place, Place]:
    """Where its container and its VM are: where its record says, else where its settings say."""
    recorded = slot.status.get("place") or {}
    try:
        given = json.loads(slot.settings or b"{}")
    except ValueError:
        given = {}
    return (recorded if "socket" in recorded else given.get("docker") or {}), (recorded if "account" in recorded else given.get("tart") or {})


def _native(slot: Slot) -> Place:
    """The account and the jail of its runner: where its record says; where nobody can read that any more, where its settings say."""
    recorded = slot.status.get("place") or {}
    if slot.state != DAMAGED or not slot.settings:
        return recorded if "uid" in recorded else {}
    try:
        native = parse_content(slot.settings, SETTINGS_NAME).native
    except MacRunnersError:
        return {}
    return native.where if native else {}


def _end_container(socket: str, name: str) -> None:
    try:
        with EngineSocket(socket) as engine:
            for container in list_containers(engine):
                if container.owned and container.name == name:
                    engine.delete(f"/containers/{urllib.parse.quote(container.id)}?force=1&v=1")
    except EngineDownError:
        # An engine that does not run, runs no container either.
        return


def _end_vm(run: Run, given: Place, name: str, state_dir: str) -> None:
    """As the account that owns it; only a VM with our marker."""
    account, home, program = (str(given.get(key) or "") for key in ("account", "tart_home", "tart"))
    place = place_of(TartPlace(account, home, program or _TART, "", 0), state_dir)
    tart = Tart(run, place)
    seen = read_store(tart, place).get(name)
    if seen is None or seen.foreign or not seen.exists:
        return
    if seen.state in ("running", "suspended"):
        cut_power(name, tart)
    delete_vm(seen, Tools(run, tart, place))
