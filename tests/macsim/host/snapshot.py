# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stable picture of a Mac, to compare before and after: two pictures of an unchanged Mac are equal."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path

from host.layout import Instance

_TREES = ("Users", "Library", "opt", "private/var/db", "private/etc", "private/var/log", "usr/local")
# What the Mac itself writes, whoever drives it, and where Ansible works.
_IGNORED = (
    "Library/Developer/CommandLineTools/Library", "private/var/log/sshd.log", "private/var/log/launchd.log",
    "Users/admin/.ansible",
)
_HASH_LIMIT = 64 << 20


def take(instance: Instance) -> dict[str, object]:
    """Users, groups, files, services, machines and the processes of jobs."""
    root = instance.root
    directory = json.loads((root / "private/var/macsim/ds.json").read_text())
    return {
        "users": directory["Users"],
        "groups": directory["Groups"],
        "files": _files(root),
        "services": _services(instance),
        "machines": _machines(root),
        "processes": _processes(instance),
    }


def _files(root: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for tree in _TREES:
        for parent, directories, files in os.walk(root / tree):
            directories[:] = sorted(name for name in directories if not _is_ignored(root, parent, name))
            for name in (*directories, *sorted(files)):
                if not _is_ignored(root, parent, name):
                    path = Path(parent, name)
                    found["/" + str(path.relative_to(root))] = _describe(path)
    return found


def _is_ignored(root: Path, parent: str, name: str) -> bool:
    return str(Path(parent, name).relative_to(root)) in _IGNORED


def _describe(path: Path) -> dict[str, object]:
    try:
        info = path.lstat()
        row: dict[str, object] = {"mode": stat.filemode(info.st_mode), "owner": f"{info.st_uid}:{info.st_gid}"}
        if stat.S_ISLNK(info.st_mode):
            row["target"] = os.readlink(path)
        elif stat.S_ISREG(info.st_mode):
            row["size"] = info.st_size
            if info.st_blocks * 512 <= _HASH_LIMIT and info.st_size <= _HASH_LIMIT:
                row["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        return row
    except FileNotFoundError:
        return {"mode": "gone"}


def _services(instance: Instance) -> list[list[str]]:
    text = _inside(instance, "/bin/launchctl", "list")
    return sorted([line.split("\t")[2], "running" if line.split("\t")[0] != "-" else "not running"] for line in text.splitlines()[1:])


def _machines(root: Path) -> list[str]:
    base = [root / "Users", root / "private/var/root", root / "opt", root / "private/var/db"]
    return sorted("/" + str(path.parent.relative_to(root)) for top in base for path in top.rglob("vms/*/config.json"))


def _processes(instance: Instance) -> list[str]:
    """Programs and owners of all processes but those of ssh sessions and of this look."""
    rows = []
    for line in _inside(instance, "/bin/ps", "-axo", "uid=,command=").splitlines():
        uid, dummy, command = line.strip().partition(" ")
        # One that is ending has no command any more.
        if command.strip() and not command.strip().startswith(("sshd:", "/sbin/launchd", "/usr/sbin/sshd", "(")):
            rows.append(f"{uid} {command.strip()}")
    return sorted(rows)


def _inside(instance: Instance, *words: str) -> str:
    arguments = [*instance.enter, "MACSIM_QUIET=1", *words]
    return subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL).stdout
