# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Free space of the volume that VMs and images are kept on."""

from __future__ import annotations

import os
import plistlib
import typing as t
import xml.parsers.expat

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run

DISKUTIL = "/usr/sbin/diskutil"
DF = "/bin/df"
#: The volume that users write to; ``/`` itself is sealed since macOS 11.
DATA_VOLUME = "/System/Volumes/Data"

Warn = t.Callable[[str], None]


def read_disk_free(run: Run, path: str, warn: Warn) -> t.Optional[int]:
    """Free bytes of the APFS container that ``path`` is in, which all its volumes share.

    Where diskutil does not say it, the free bytes of the file system, with a warning. None
    when neither can be read.
    """
    path = _existing(path or "/")
    mount = DATA_VOLUME if path == "/" else parse_df(run([DF, "-k", "-P", path]).stdout)
    free = _container_free(run, mount) if mount else None
    if free is not None:
        return free
    free = read_statvfs_free(path)
    if free is not None:
        warn(f"diskutil does not say how much is free around {path}; taken from the file system instead")
    return free


def read_statvfs_free(path: str) -> t.Optional[int]:
    """Free bytes of the file system that ``path`` is, or is going to be, in."""
    try:
        status = os.statvfs(_existing(path))
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def _existing(path: str) -> str:
    """The path, or what of it is there already."""
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def parse_df(text: str) -> str:
    """The mount point that ``df -k -P`` names; empty when there is none."""
    lines = text.splitlines()
    columns = lines[1].split(None, 5) if len(lines) > 1 else []
    return columns[5].strip() if len(columns) == 6 else ""


def parse_diskutil_free(text: str) -> t.Optional[int]:
    """Free bytes from ``diskutil info -plist``: of the APFS container, else of the volume."""
    try:
        info = plistlib.loads(text.encode())
    except (plistlib.InvalidFileException, xml.parsers.expat.ExpatError, ValueError):
        return None
    if not isinstance(info, dict):
        return None
    for key in ("APFSContainerFree", "FreeSpace"):
        # A volume that is no APFS has the first key with 0.
        if isinstance(info.get(key), int) and (info[key] or info.get("FilesystemType") == "apfs"):
            return t.cast(int, info[key])
    return None


def _container_free(run: Run, mount: str) -> t.Optional[int]:
    result = run([DISKUTIL, "info", "-plist", mount])
    return parse_diskutil_free(result.stdout) if result.rc == 0 else None
