# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens once per boot: accounts, the tools of a seed, the number of the boot."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

from standins import records, seeds
from standins.call import PROC, STATE
from standins.mac import read_mac, write_store

_HOME_MODE = 0o750


def first_boot() -> None:
    """Make the directory of accounts and the administrator whom ssh lets in."""
    seed = read_seed()
    directory = records.initial_directory()
    admin = {"name": "admin", "uid": 501, "real_name": "Administrator", "admin": True}
    for user in [admin, *seed.get("users", [])]:
        add_user(directory, user)
    write_store(records.STORE, directory)
    records.export(directory)
    os.mkdir("/Users/admin/.ssh", 0o700)
    shutil.copy(f"{STATE}/authorized_key", "/Users/admin/.ssh/authorized_keys")
    for path in ("/Users/admin/.ssh", "/Users/admin/.ssh/authorized_keys"):
        os.chown(path, 501, 20)
    seeds.install_tools(seed)
    note_boot(first=True)


def add_user(directory: records.Directory, user: dict[str, Any]) -> None:
    record = records.seeded_user(user)
    name = user["name"]
    directory["Users"][name] = record
    if user.get("admin"):
        directory["Groups"]["admin"]["GroupMembership"].append(name)
        directory["Groups"]["admin"].setdefault("GroupMembers", []).append(record["GeneratedUID"][0])
    home = records.first(record, "NFSHomeDirectory")
    for path in (home, f"{home}/Library", f"{home}/Library/Preferences"):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, _HOME_MODE if path == home else 0o700)
        os.chown(path, int(user["uid"]), int(user.get("gid", 20)))


def read_seed() -> dict[str, Any]:
    with open(f"{STATE}/seed.json", encoding="utf-8") as stream:
        return json.load(stream)


def note_boot(first: bool = False) -> None:
    mac = read_mac()
    mac["boot_time"] = int(time.time())
    mac["boot_count"] = 1 if first else mac.get("boot_count", 0) + 1
    with open(f"{PROC}/sys/kernel/random/uuid", encoding="ascii") as stream:
        mac["boot_session"] = stream.read().strip().upper()
    write_store("mac.json", mac)
    os.chmod(f"{STATE}/mac.json", 0o644)


def clear_volatile() -> None:
    """A Mac empties /tmp and /var/run at boot."""
    for directory in ("/private/tmp", "/private/var/run"):
        for entry in os.scandir(directory):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
