# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test wants to find on a Mac: tools, images at the registry, machines of other people that really run."""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from standins.call import STATE
from standins.launchd import spawn
from standins.mac import read_mac, write_store
from standins.programs import program_text
from standins.tart_store import GB, lock_owner, make_home, new_config, size_of, write_machine
from standins.virtual_machines import machine_arguments, machine_processes

KNOWN = frozenset(("users", "tart", "container", "colima", "processes", "files"))
_PATIENCE_S = 10.0
_TOOLS = {"tart": "/opt/homebrew/bin/tart", "container": "/usr/local/bin/container", "colima": "/opt/homebrew/bin/colima"}


def install_tools(seed: dict[str, Any]) -> None:
    """Before the first boot ends: programs with their versions, the registry's images, containers."""
    unknown = set(seed) - KNOWN
    if unknown:
        raise ValueError(f"seed: unknown keys {sorted(unknown)}, known are {sorted(KNOWN)}")
    for tool, path in _TOOLS.items():
        version = seed.get(tool, {}).get("version")
        if tool == "colima" and read_mac()["docker"]:
            version = version or "0.9.1"
        if version:
            install(path, version)
    write_state("registry.json", seed.get("tart", {}).get("images", {}))
    container = seed.get("container", {})
    write_store("container.json", {"status": container.get("status", "running"), "containers": container.get("containers", [])})
    os.chmod(f"{STATE}/container.json", 0o644)
    for path, text in seed.get("files", {}).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text(text)


def install(path: str, version: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_text(program_text(version))
    os.chmod(path, 0o755)


def write_state(name: str, value: Any) -> None:
    """Into an existing file of the state directory, which everybody may write."""
    with open(f"{STATE}/{name}", "w", encoding="utf-8") as stream:
        json.dump(value, stream)


def plant(seed: dict[str, Any]) -> None:
    """After the boot: machines and processes, waiting until each is what it should be."""
    for machine in seed.get("tart", {}).get("vms", []):
        plant_machine(machine, seed.get("tart", {}).get("version") or "2.36.0")
    for process in seed.get("processes", []):
        plant_process(process)


def plant_machine(machine: dict[str, Any], version: str) -> None:
    """A machine of somebody: its files are its owner's, and a running one is held by a real tart run of its owner."""
    user = machine.get("user", "admin")
    owner = pwd.getpwnam(user)
    home = machine.get("home", f"{owner.pw_dir}/.tart")
    directory = Path(home) / "vms" / machine["name"]
    guest = machine.get("os", "darwin")
    make_home(Path(home))
    config = new_config(guest, int(machine.get("cpu", 4)), size_of(machine.get("memory", "8GiB")))
    write_machine(directory, config, int(machine.get("disk_gb", 50)) * GB, {"agent": machine.get("agent", True)})
    state = machine.get("state", "stopped")
    if state == "suspended":
        (directory / "state.vzvmsave").write_text("saved")
    own(Path(home), owner)
    if state == "running":
        program = f"{STATE}/foreign-tart/tart"
        if not os.path.exists(program):
            install(program, version)
        as_user(user, [program, "run", "--no-graphics", machine["name"]], {"TART_HOME": home, "MACSIM_QUIET": "1"})
        wait_for(lambda: lock_owner(directory) is not None, f"machine {machine['name']}")


def plant_process(process: dict[str, Any]) -> None:
    """A virtual machine that no tool lists, such as that of another application."""
    memory = size_of(process.get("rss", "4GiB"))
    before = len(machine_processes())
    arguments = machine_arguments(process.get("guest", "linux"), memory, process.get("owner", "?"))
    as_user(process.get("user", "admin"), arguments, {"MACSIM_FREE": "1"})
    wait_for(lambda: len(machine_processes()) > before, "process")


def own(path: Path, owner: pwd.struct_passwd) -> None:
    for parent, directories, files in os.walk(path):
        for name in (*directories, *files):
            os.lchown(os.path.join(parent, name), owner.pw_uid, owner.pw_gid)
    os.chown(path, owner.pw_uid, owner.pw_gid)


def as_user(user: str, arguments: list[str], environment: dict[str, str]) -> int:
    """Start a process that belongs to nobody's job, as a login session would have left it."""
    plist = {"Label": "macsim.seed", "ProgramArguments": arguments, "EnvironmentVariables": environment, "UserName": user}
    return spawn.start(plist)


def wait_for(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"seed: {what} did not come up")
        time.sleep(0.01)
