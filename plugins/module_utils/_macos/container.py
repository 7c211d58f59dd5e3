# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Apple's container: what runs in each user's service, and what is there for root."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User, read_regular, user_name
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import Process, container_processes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import ask
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import owns_container

#: Below the home of the user whose service it is.
DATA_ROOT = "Library/Application Support/com.apple.container"

_RUNNING = ("running", "bootstrapped", "stopping")
_STATES = {"stopped": "stopped", **{state: "running" for state in _RUNNING}}


class Container(t.NamedTuple):
    """A container: ``memory`` in bytes (None: unknown), ``uid`` whose service it belongs to."""

    name: str
    state: str
    memory: t.Optional[int]
    owned: bool
    uid: int


def read_containers(
    run: Run, tool: str, processes: t.Sequence[Process], users: t.Sequence[User], unread: t.List[str]
) -> t.List[Container]:
    """Containers of our own service, and those running in anybody's.

    Each user has a service of his own that others cannot ask; what runs there is seen in the
    process table, with the size from the container's configuration.
    """
    mine = os.geteuid()
    found = {(mine, container.name): container for container in _listed(run, tool, mine, unread)} if tool else {}
    for name, process in container_processes(processes):
        listed = found.get((process.uid, name))
        # After a crash of the service a live container is listed as stopped: the process is the truth.
        found[(process.uid, name)] = (
            listed._replace(state="running") if listed else _from_disk(name, process.uid, users)
        )
    return list(found.values())


def _listed(run: Run, tool: str, uid: int, unread: t.List[str]) -> t.List[Container]:
    status = ask(run, tool, "system", "status", "--format", "json")
    state = parse_status(status.stdout)
    if state != "running":
        if not state:
            unread.append(f"Apple's container: system status ended with {status.rc}: {status.stderr.strip()[:200]}")
        return []
    listing = ask(run, tool, "list", "--all", "--format", "json")
    try:
        if listing.rc != 0:
            raise ValueError(listing.stderr.strip()[:200] or f"list ended with {listing.rc}")
        return parse_list(listing.stdout, uid)
    except ValueError as error:
        unread.append(f"containers of Apple's container: {error}")
        return []


def parse_status(text: str) -> str:
    """``running``, ``unregistered`` or ``not running``; empty when it is none of them.

    All versions have the key, whatever they put beside it.
    """
    try:
        status = json.loads(text).get("status", "")
    except (ValueError, AttributeError):
        return ""
    return status if status in ("running", "unregistered", "not running") else ""


def parse_list(text: str, uid: int) -> t.List[Container]:
    """Read both shapes of ``container list --all --format json``; raises ValueError."""
    entries = json.loads(text)
    if not isinstance(entries, list):
        raise ValueError("list printed no JSON array")
    return [_parse_entry(entry, uid) for entry in entries]


def _parse_entry(entry: t.Any, uid: int) -> Container:
    try:
        configuration = entry["configuration"]
        name = entry.get("id") or configuration["id"]
        status = entry["status"]
        state = status if isinstance(status, str) else status["state"]
        labels = configuration.get("labels") or {}
        memory = configuration["resources"]["memoryInBytes"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"list printed an entry of an unknown shape ({error})") from error
    # A state that we do not know takes room until we do.
    return Container(str(name), _STATES.get(state, "running"), _size(memory), owns_container(str(name), labels), uid)


def _size(value: t.Any) -> t.Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 2**50 else None


def _from_disk(name: str, uid: int, users: t.Sequence[User]) -> Container:
    home = next((user.home for user in users if user.uid == uid), "")
    try:
        if not home or "/" in name:
            raise ValueError("no such home or name")
        configuration = json.loads(read_regular(os.path.join(home, DATA_ROOT, "containers", name, "config.json")))
        memory = _size(configuration["resources"]["memoryInBytes"])
    except (OSError, ValueError, KeyError, TypeError):
        memory = None
    return Container(f"{name} of {user_name(uid)}" if uid != os.geteuid() else name, "running", memory, False, uid)
