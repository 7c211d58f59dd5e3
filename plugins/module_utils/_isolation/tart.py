# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Tart VMs: what is wanted of them, what is seen of them, and where they live."""

from __future__ import annotations

import os
import pwd
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX, slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import MIB, SizeError, format_size, parse_size

STATES = ("present", "started", "stopped", "absent")

#: Tart counts disks in units of 10^9 bytes, memory in MiB.
TART_GB = 10**9

_SLOT = re.compile(r"[a-z][a-z0-9-]{0,30}-[1-9][0-9]{0,3}\Z")


class TartError(MacRunnersError):
    """VMs that cannot be read or made as wanted."""


class Vm(t.NamedTuple):
    """A wanted VM; sizes in bytes. ``disk``: its root disk is grown to that, None leaves it as the image has it.

    ``space``: what it may come to take on the Mac's disk, judged only; None is the default of its kind.
    """

    slot: str
    image: str
    guest: str
    cpus: int
    memory: int
    disk: t.Optional[int]
    space: t.Optional[int]
    network: str
    state: str

    @property
    def name(self) -> str:
        """Its name in Tart."""
        return OWNED_PREFIX + self.slot

    @property
    def runs(self) -> bool:
        """Whether it is wanted running."""
        return self.state == "started"


class Seen(t.NamedTuple):
    """What there is under a name with our prefix. Sizes in bytes, 0, None or empty when not known.

    ``state``: running, suspended, stopped, ``incomplete`` (a directory that Tart does not list) or
    ``absent`` (only an intent or a launchd job is left). ``image``: from our marker, None without one.
    ``intent``: somebody began to make it and did not finish. ``job``: its launchd job's content on disk.
    """

    name: str
    state: str
    image: t.Optional[str] = None
    intent: bool = False
    guest: str = ""
    cpus: int = 0
    memory: int = 0
    disk: t.Optional[int] = None
    job: t.Optional[t.Mapping[str, t.Any]] = None

    @property
    def slot(self) -> str:
        """The slot its name stands for."""
        return slot_of(self.name)

    @property
    def exists(self) -> bool:
        """Whether its directory is there."""
        return self.state != "absent"

    @property
    def ours(self) -> bool:
        """Whether we made it to the end."""
        return self.image is not None

    @property
    def half_made(self) -> bool:
        """Whether we began it and were interrupted."""
        return self.intent and self.exists and not self.ours

    @property
    def foreign(self) -> bool:
        """Whether it bears our prefix, and nothing says that we made it."""
        return self.exists and not self.ours and not self.intent


class Account(t.NamedTuple):
    """The user of the Mac to whom the VMs belong."""

    name: str
    uid: int
    gid: int
    home: str


class Place(t.NamedTuple):
    """Where the VMs of a task live and what runs them; all absolute paths."""

    account: Account
    tart_home: str
    tart: str
    state_dir: str
    log_dir: str
    daemons_dir: str

    @property
    def vms_dir(self) -> str:
        """The directory of Tart's local VMs."""
        return os.path.join(self.tart_home, "vms")

    @property
    def intents_dir(self) -> str:
        """Where the intents to make a VM are noted."""
        return os.path.join(self.state_dir, "intents", "tart")


def find_account(name: t.Optional[str]) -> Account:
    """Look the account up; root cannot be it.

    macOS 15 and later start a macOS guest only for a user with a login keychain, and what Tart
    writes as root locks the user of the same TART_HOME out.
    """
    if not name:
        raise TartError("account: got nothing; allowed: the user to whom the VMs belong, such as the login user")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise TartError(f"account: got {name}, which is no user of this Mac; allowed: an existing user") from None
    if entry.pw_uid == 0:
        raise TartError(f"account: got {name}, which is root; allowed: a user with a login keychain of its own")
    if not os.path.isdir(entry.pw_dir):
        raise TartError(f"account: got {name}, whose home {entry.pw_dir} does not exist; allowed: a user with a home")
    return Account(name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def find_place(account: t.Optional[str], tart_home: t.Optional[str], tart: str, state_dir: str, log_dir: str, daemons_dir: str) -> Place:
    """Where the VMs of an account live, ``.tart`` in its home when nobody said so. Raises as :func:`find_account` does."""
    owner = find_account(account)
    home = tart_home or os.path.join(owner.home, ".tart")
    return Place(owner, os.path.normpath(home), tart, state_dir, log_dir, daemons_dir)


def parse_vms(entries: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[Vm, ...]:
    """Read the module's list; every mistake is reported at once."""
    mistakes: t.List[str] = []
    vms = tuple(_parse_vm(entry, mistakes) for entry in entries)
    names = [vm.slot for vm in vms]
    mistakes += [f'VM "{name}", field name: given more than once' for name in sorted(set(names)) if names.count(name) > 1]
    if mistakes:
        raise TartError("; ".join(mistakes))
    return vms


def _parse_vm(entry: t.Mapping[str, t.Any], mistakes: t.List[str]) -> Vm:
    slot = str(entry["name"])
    wrong = _Mistakes(slot, mistakes)
    if _SLOT.match(slot) is None:
        wrong.note("name", slot, "a slot name such as ios-1")
    image, state = entry.get("image") or "", entry["state"]
    if state != "absent" and (not image or image.startswith("-") or image != "".join(image.split())):
        wrong.note("image", image or "nothing", "an image reference without blanks that does not begin with -")
    cpus = entry.get("cpus")
    if state != "absent" and (cpus is None or not 1 <= cpus <= 1024):
        wrong.note("cpus", "nothing" if cpus is None else cpus, "a whole number from 1 to 1024")
    return Vm(
        slot=slot,
        image=image,
        guest=entry["guest"],
        cpus=cpus or 0,
        memory=_memory(entry.get("memory"), wrong, needed=state != "absent"),
        disk=_size("disk", entry.get("disk"), wrong),
        space=_size("space", entry.get("space"), wrong),
        network=entry["network"],
        state=state,
    )


class _Mistakes:
    def __init__(self, slot: str, found: t.List[str]) -> None:
        self.slot = slot
        self.found = found

    def note(self, field: str, given: t.Any, allowed: str) -> None:
        self.found.append(f'VM "{self.slot}", field {field}: got {given}; allowed: {allowed}')


def _size(field: str, given: t.Any, wrong: _Mistakes) -> t.Optional[int]:
    if given is None or given == "":
        return None
    try:
        # Ansible hands a bare number of bytes over as text.
        return parse_size(given)
    except SizeError as error:
        wrong.note(field, given, str(error))
        return None


def _memory(given: t.Any, wrong: _Mistakes, needed: bool) -> int:
    size = _size("memory", given, wrong)
    if size is None:
        if needed and not given:
            wrong.note("memory", "nothing", "a size such as 12GiB")
        return 0
    if size == 0 or size % MIB:
        below = size // MIB
        near = f"{below}MiB or {below + 1}MiB" if below else "1MiB or more"
        wrong.note("memory", given, f"whole MiB, which is how Tart counts: {near}")
    return size


def disk_to_grow(vm: Vm, there: t.Optional[int]) -> t.Optional[int]:
    """Decimal GB that the root disk has to be grown to; None when it is large enough. ``there``: bytes."""
    if vm.disk is None:
        return None
    if there is None:
        raise TartError(
            f'VM "{vm.slot}", field disk: got {format_size(vm.disk)}; allowed: nothing, since the size of a disk'
            " of the ASIF format cannot be read"
        )
    return tart_gb(vm.disk) if vm.disk > there else None


def describe_vm(vm: Vm, seen: t.Optional[Seen]) -> t.Dict[str, t.Any]:
    """A VM as it shall be, for the diff and for people."""
    running = vm.runs or (vm.state == "present" and seen is not None and seen.state == "running")
    facts: t.Dict[str, t.Any] = {
        "state": "running" if running else "stopped",
        "image": seen.image if seen is not None and seen.image else vm.image,
        "guest": vm.guest,
        "cpus": vm.cpus,
        "memory": format_size(vm.memory),
    }
    if vm.runs:
        facts["network"] = vm.network
    if vm.disk is not None:
        there = (seen.disk or 0) // TART_GB if seen is not None else 0
        facts["disk"] = f"{max(tart_gb(vm.disk), there)} GB"
    return facts


def describe_seen(seen: Seen, disk: bool = False) -> t.Dict[str, t.Any]:
    """A VM as it is, in the same words; ``disk`` when a wanted disk is to be compared with."""
    facts: t.Dict[str, t.Any] = {"state": seen.state}
    if seen.image:
        facts["image"] = seen.image
    if seen.guest:
        facts.update(guest=seen.guest, cpus=seen.cpus, memory=format_size(seen.memory))
    if seen.job:
        facts["network"] = network_of(seen.job)
    if disk and seen.disk:
        facts["disk"] = f"{seen.disk // TART_GB} GB"
    return facts


def network_of(job: t.Mapping[str, t.Any]) -> str:
    """The network that a launchd job of ours gives its VM."""
    return "softnet" if "--net-softnet" in (job.get("ProgramArguments") or ()) else "nat"


def tart_gb(size: int) -> int:
    """Bytes as ``tart set --disk-size`` takes them, rounded up: a disk is never smaller than asked for."""
    return -(-size // TART_GB)


def guest_of(os_name: t.Any) -> str:
    """Tart's word for a guest system in ours; Tart leaves it out for macOS."""
    return {"darwin": "macos", None: "macos", "linux": "linux"}.get(os_name, "")
