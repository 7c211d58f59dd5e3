# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Ending what a slot runs, whatever job that is: only for an operator who said force."""

from __future__ import annotations

import json
import os
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineDownError, EngineSocket, list_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import SUDO, TOOL_PATH
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, OWNED_PREFIX, owns_vm


def end_environment(run: Run, slot: str, settings: t.Optional[bytes]) -> None:
    """Destroy the container or the VM of a slot whose program does not run any more. Raises MacRunnersError."""
    try:
        given = json.loads(settings or b"{}")
    except ValueError:
        given = {}
    if given.get("docker"):
        _end_container(str(given["docker"].get("socket") or ""), OWNED_PREFIX + slot)
    if given.get("tart"):
        _end_vm(run, given["tart"], OWNED_PREFIX + slot)


def _end_container(socket: str, name: str) -> None:
    try:
        with EngineSocket(socket) as engine:
            for container in list_containers(engine):
                if container.owned and container.name == name:
                    engine.delete(f"/containers/{urllib.parse.quote(container.id)}?force=1&v=1")
    except EngineDownError:
        # An engine that does not run, runs no container either.
        return


def _end_vm(run: Run, place: t.Mapping[str, t.Any], name: str) -> None:
    """As the account that owns it; only a VM with our marker, which the account itself cannot be made to follow for us."""
    home, program, account = (str(place.get(key) or "") for key in ("tart_home", "tart", "account"))
    marker = os.path.join(home, "vms", name, MARKER)
    try:
        with open(marker, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            ours = owns_vm(name, json.loads(file.read(65536)))
    except (OSError, ValueError):
        ours = False
    if ours:
        for verb in (["stop", "--timeout", "0"], ["delete"]):
            run([SUDO, "-n", "-u", account, "-H", "/usr/bin/env", f"PATH={TOOL_PATH}", f"TART_HOME={home}", program, *verb, name])
