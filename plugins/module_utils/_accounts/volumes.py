# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Homes on APFS volumes of their own, whose quota is the only hard limit of what a job writes without a VM.

A volume has the name of its account and holds the home alone: it is made after the account and removed before it. Its device is looked
up each time, since macOS numbers devices anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import typing as t
import xml.parsers.expat

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.disk import DATA_VOLUME, DISKUTIL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_regular
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, OWNER, slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._replace import replace_file

VOLUMES = "/Volumes"


class Volume(t.NamedTuple):
    """A volume with the name of an account of ours; ``quota`` in bytes, 0 without one. ``ours``: it has our marker, or nothing at all yet; ``marked``: it is
    as we make it."""

    name: str
    device: str
    quota: int
    ours: bool
    marked: bool


def point_of(name: str) -> str:
    """Where the volume of an account is mounted."""
    return os.path.join(VOLUMES, name)


def home_on_volume(name: str) -> str:
    """The home of an account that has a volume."""
    return os.path.join(point_of(name), name)


def read_volumes(run: Run, names: t.Collection[str]) -> t.Dict[str, Volume]:
    """The volumes with these names. Raises :class:`AccountError` for two of one name, and for one that is not mounted in its place."""
    if not names:
        return {}
    entries = [entry for entry in _listed(run) if entry.get("Name") in names]
    found: t.Dict[str, Volume] = {}
    for entry in entries:
        name = str(entry["Name"])
        if len([other for other in entries if other["Name"] == name]) > 1:
            raise AccountError(f"two APFS volumes are called {name}; nothing of them was touched")
        if not os.path.ismount(point_of(name)):
            raise AccountError(f"the APFS volume {name} is not mounted at {point_of(name)}: mount it (diskutil mount {name}) and run this again")
        marked = _has_marker(name)
        quota = int(entry.get("CapacityQuota") or 0)
        found[name] = Volume(name, str(entry["DeviceIdentifier"]), quota, marked or _is_empty(name), marked and _is_closed(name))
    return found


def _listed(run: Run) -> t.List[t.Mapping[str, t.Any]]:
    text = must(run, [DISKUTIL, "apfs", "list", "-plist"])
    return [volume for container in _plist(text).get("Containers", []) for volume in container.get("Volumes", [])]


def _plist(text: str) -> t.Mapping[str, t.Any]:
    try:
        found = plistlib.loads(text.encode())
    except (plistlib.InvalidFileException, xml.parsers.expat.ExpatError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise AccountError(f"{DISKUTIL} tells nothing that can be read about the volumes of this Mac")
    return found


def _is_closed(name: str) -> bool:
    """Whether nobody but root can change what is beside the home."""
    status = os.stat(point_of(name))
    return status.st_uid == 0 and not status.st_mode & 0o022


def _has_marker(name: str) -> bool:
    try:
        marker = json.loads(read_regular(os.path.join(point_of(name), MARKER)))
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and (marker.get("owner"), marker.get("slot")) == (OWNER, slot_of(name))


def _is_empty(name: str) -> bool:
    """Whether there is nothing in it but what macOS puts into each volume."""
    return all(entry.startswith(".") for entry in os.listdir(point_of(name)))


def make_volume(run: Run, account: Account, volume: t.Optional[Volume]) -> None:
    """Make the volume of an account, or finish what an earlier run began. ``volume``: what is there."""
    point = point_of(account.name)
    if volume is not None and volume.quota != account.quota and _is_empty(account.name):
        remove_volume(run, volume)
        volume = None
    if volume is None:
        _require_free(account, point)
        must(run, [DISKUTIL, "apfs", "addVolume", _container(run), "APFS", account.name, "-quota", f"{account.quota}b", "-mountpoint", point])
    if not os.path.ismount(point):
        raise AccountError(f"account {account.name}: {DISKUTIL} made a volume, and nothing is mounted at {point}")
    os.chown(point, 0, 0)
    os.chmod(point, 0o755)
    replace_file(os.path.join(point, MARKER), (json.dumps({"owner": OWNER, "slot": account.slot}) + "\n").encode(), 0o644)


def _require_free(account: Account, point: str) -> None:
    try:
        taken = bool(os.listdir(point))
    except FileNotFoundError:
        return
    except NotADirectoryError:
        taken = True
    if taken or os.path.islink(point):
        raise AccountError(f"account {account.name}: something else is at {point}, where its volume has to be; nothing of it was touched")


def _container(run: Run) -> str:
    """The container of the volume that users write to."""
    found = _plist(must(run, [DISKUTIL, "info", "-plist", DATA_VOLUME])).get("APFSContainerReference")
    if not found:
        raise AccountError(f"{DISKUTIL} does not say in which APFS container {DATA_VOLUME} is")
    return str(found)


def remove_volume(run: Run, volume: Volume) -> None:
    """Remove a volume with all that is in it, and the directory on which it was mounted."""
    if not volume.ours:
        raise AccountError(f"the APFS volume {volume.name} has no marker of ours; nothing of it was touched")
    must(run, [DISKUTIL, "apfs", "deleteVolume", volume.device])
    with contextlib.suppress(OSError):
        os.rmdir(point_of(volume.name))
