# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Where and as whom a runner of a native slot runs, and how a process enters there: read from the slot's settings."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import FIRST_UID, LAST_UID, Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.directories import Directories, directories_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.environment import Owner, job_environment
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.job import JobLimits, read_limits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.ports import PortRange, slot_ports
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.directories import PLAIN, is_plain
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import ENTRY

SANDBOX_EXEC = "/usr/bin/sandbox-exec"
PACKAGE = "/opt/mac_runners/tools/actions-runner/current"
PROFILES = "/opt/mac_runners/sandbox"
JAILS = "/opt/mac_runners/jails"
LISTENER = "bin/Runner.Listener"
#: Says to ENTRY with which umask jobs run.
UMASK = "MAC_RUNNERS_UMASK"
_FIELDS = ("uid", "home", "template", "runner_package", "profile", "parameters", "jail", "limits")
#: Which isolation has which of these; nobody else.
_ONLY = {"profile": "sandbox", "parameters": "sandbox", "jail": "chroot"}
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")

Json = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class NativePlace:
    """``package``: GitHub's runner as it was unpacked, of which each job gets a copy. ``profile`` and ``parameters`` of sandbox-exec;
    ``jail``: the directory that is / for the job. Those that the isolation has not are empty."""

    slot: str
    account: Account
    package: str
    profile: str
    parameters: t.Mapping[str, str]
    jail: str
    limits: JobLimits
    ports: PortRange

    @property
    def inside(self) -> Directories:
        """The job's directories as it sees them."""
        return directories_of(self.account.home)

    @property
    def outside(self) -> Directories:
        """The same as the Mac sees them."""
        return directories_of(self.jail + self.account.home)

    @property
    def kept(self) -> Account:
        """The account with its home where the Mac sees it."""
        return self.account._replace(home=self.outside.home)

    @property
    def where(self) -> t.Dict[str, str]:
        """All that it takes to find a runner again, and to remove it, after the settings have changed."""
        return {"uid": str(self.account.uid), "home": self.account.home, "jail": self.jail}

    @property
    def argv(self) -> t.List[str]:
        """The command that becomes the listener."""
        listener = ["/bin/sh", "-c", ENTRY, f"{self.inside.runner}/{LISTENER}"]
        if not self.profile:
            return listener
        parameters = [word for name, value in self.parameters.items() for word in ("-D", f"{name}={value}")]
        return [SANDBOX_EXEC, "-f", self.profile, *parameters, "--", *listener]

    def job_entry(self) -> Json:
        """How the listener enters: with all limits, and with no environment but its own."""
        environment = job_environment(Owner(self.slot, self.account.name), self.inside, self.ports, self.limits.environment)
        return {
            **self.entry(self.argv, self.inside.runner),
            "at": "",
            "root": self.jail,
            "rlimits": [list(pair) for pair in self.limits.rlimits],
            "environment": {**environment, UMASK: f"{self.limits.umask:03o}"},
        }

    def entry(self, argv: t.Sequence[str], cwd: str) -> Json:
        """How a command of ours becomes the account: it reads and writes what a job could, and nothing else.

        ``cwd`` is below the home, to which root goes first: nobody but root gets to a jail by its path.
        """
        return {
            "argv": list(argv),
            "at": self.outside.home,
            "cwd": cwd,
            "uid": self.account.uid,
            "gid": self.account.uid,
            "root": "",
            "rlimits": [],
            "environment": {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"},
        }


def read_place(fields: Fields, slot: str, pool: Pool, pools: t.Sequence[Pool], capacity: Policy) -> NativePlace:
    """Read what the settings say of a native slot, for its account too; every mistake is noted."""
    fields.known(_FIELDS)
    fields.pool = pool.name
    name = OWNED_PREFIX + slot
    ports = slot_ports(pools, capacity, fields.mistakes)
    for field, isolation in _ONLY.items():
        if fields.has(field) and pool.isolation != isolation:
            fields.wrong(field, fields.raw[field], f"nothing: only the isolation {isolation} has one")
    account = Account(name, _uid(fields), pool.name, _home(fields, name), template=_path(fields, "template", ""))
    return NativePlace(
        slot=slot,
        account=account,
        package=_path(fields, "runner_package", PACKAGE),
        profile=_path(fields, "profile", f"{PROFILES}/{slot}/current.sb") if pool.isolation == "sandbox" else "",
        parameters=_parameters(fields.mapping("parameters")),
        jail=_path(fields, "jail", f"{JAILS}/{slot}/root") if pool.isolation == "chroot" else "",
        limits=read_limits(fields.raw.get("limits"), pool, fields.mistakes),
        ports=ports.get(slot, PortRange(0, 0)),
    )


def former_place(slot: str, pool: Pool, where: t.Mapping[str, str]) -> NativePlace:
    """A place of earlier settings, in which nothing begins any more."""
    account = Account(OWNED_PREFIX + slot, int(where["uid"]), pool.name, where["home"])
    return NativePlace(slot, account, "", "", {}, where["jail"], JobLimits(file_size=pool.disk), PortRange(0, 0))


def _uid(fields: Fields) -> int:
    if not fields.has("uid"):
        fields.wrong("uid", None, f"the number of the slot's account, from {FIRST_UID} to {LAST_UID}")
    return int(fields.whole("uid", FIRST_UID, FIRST_UID, LAST_UID))


def _home(fields: Fields, name: str) -> str:
    """It is removed as a whole, so that it can be nobody else's."""
    home = _path(fields, "home", f"/Users/{name}")
    if os.path.basename(home) != name:
        fields.wrong("home", home, f"a path that ends with /{name}, the name of the slot's account")
    return home


def _path(fields: Fields, name: str, default: str) -> str:
    path = str(fields.text(name, default))
    if path and not is_plain(path):
        fields.wrong(name, path, PLAIN)
    return path


def _parameters(fields: Fields) -> t.Dict[str, str]:
    for name, value in fields.raw.items():
        if not isinstance(name, str) or not _PARAMETER.match(name):
            fields.wrong("", name, "a name of letters, digits and _")
        elif not isinstance(value, str) or not value.isprintable():
            fields.wrong(name, value, "a text without control characters")
    return {str(name): str(value) for name, value in fields.raw.items()}
