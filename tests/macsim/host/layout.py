# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the simulated Macs keep their things on the host, and the record of one Mac."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
NAME_PATTERN = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")

_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"


class MacsimError(Exception):
    """Something the caller of the command line can understand and mend."""


@dataclass(frozen=True)
class Instance:
    """One booted Mac as the host sees it; written to ``info.json``."""

    name: str
    host: str
    port: int
    user: str
    key: str
    pid: int
    supervisor: int
    dir: str

    @property
    def directory(self) -> Path:
        return Path(self.dir)

    @property
    def root(self) -> Path:
        """The Mac's file system, seen from the host through its first process."""
        return Path(f"/proc/{self.pid}/root")

    @property
    def enter(self) -> list[str]:
        """The beginning of a command line that runs the rest inside, as root."""
        variables = {"PATH": _PATH, "HOME": "/var/root", "USER": "root", "LOGNAME": "root", "TERM": os.environ.get("TERM", "dumb")}
        settings = [f"{name}={value}" for name, value in variables.items()]
        return ["/usr/bin/nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-p", "-r", "-w", "--", "/usr/bin/env", "-i", *settings]

    def public(self) -> dict[str, object]:
        record = {**asdict(self), "enter": self.enter}
        del record["supervisor"]
        return record


def state_dir() -> Path:
    """Directory of all running Macs (MACSIM_DIR)."""
    return Path(os.environ.get("MACSIM_DIR", "/run/macsim"))


def cache_dir() -> Path:
    """Directory of what every boot can use again (MACSIM_CACHE)."""
    return Path(os.environ.get("MACSIM_CACHE", "/var/cache/macsim"))


def check_name(name: str) -> str:
    if not NAME_PATTERN.match(name):
        raise MacsimError(f"name {name!r} is not a host name: letters, digits and inner hyphens, at most 63")
    return name


def mac_dir(name: str) -> Path:
    return state_dir() / check_name(name)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def read_instance(name: str) -> Instance:
    """Read one Mac's record; raises MacsimError when it is not running."""
    path = mac_dir(name) / "info.json"
    try:
        instance = Instance(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise MacsimError(f"no Mac {name!r} is running (looked in {state_dir()})") from None
    if not alive(instance.pid):
        raise MacsimError(f"Mac {name!r} is dead; 'macsim stop {name}' clears what is left of its record")
    return instance


def all_names() -> list[str]:
    """Names of the Macs that have a record, running or dead."""
    base = state_dir()
    return sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []


def write_instance(instance: Instance) -> None:
    path = instance.directory / "info.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(instance)))
    temporary.rename(path)
