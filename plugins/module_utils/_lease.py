# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The lease of a Mac: the record that all its pools were admitted together.

Nothing is built without it, and nothing is changed under the lease of another fleet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show

SCHEMA = 1
LEASE_NAME = "lease.json"
STATES = ("admitted", "being built", "released")
#: How to get one, for messages.
HOW = "run the playbook action_packer.mac_runners.site, or the role capacity with tasks_from: admit"

_LARGEST = 4 * 1024 * 1024


class LeaseError(MacRunnersError):
    """There is no lease for what is asked, or somebody else holds the Mac."""


class DamagedLeaseError(LeaseError):
    """What is in the place of the lease says nothing."""


@dataclasses.dataclass(frozen=True)
class Terms:
    """What is admitted: whose fleet, and the user's variables as they were written."""

    fleet: str
    pools: t.Any = None
    capacity: t.Any = None
    licences: t.Any = None

    def __post_init__(self) -> None:
        if not self.fleet:
            raise LeaseError("field fleet: got nothing; allowed: a name for whose Macs these are, the same in every run")
        if not self.fleet.strip() or not self.fleet.isprintable():
            raise LeaseError(f"field fleet: got {show(self.fleet)}; allowed: a text that is not empty and has no control characters")

    @property
    def digest(self) -> str:
        """The same for the same terms, whatever writes them: empty and missing are one."""
        content = [self.fleet, self.pools or [], self.capacity or {}, self.licences or {}]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Lease:
    """A lease as it is on disk. ``boot``: the name of the time since the Mac was started, empty if unknown;
    ``state``: one of STATES, when released only removal goes on; ``ledger``: the plan's, in bytes."""

    fleet: str
    digest: str
    generation: int
    boot: str
    state: str
    since: int
    pools: t.Tuple[t.Any, ...] = ()
    ledger: t.Tuple[t.Any, ...] = ()

    def held(self) -> str:
        """Who holds the Mac, for messages."""
        return f"fleet {self.fleet} (generation {self.generation}, {self.state})"


def path_of(state_dir: str) -> str:
    """Where the lease of a Mac is."""
    return os.path.join(state_dir, LEASE_NAME)


def boot_of(facts: t.Mapping[str, t.Any]) -> str:
    """The name of the time since the Mac was started, from its measured facts; empty if unknown."""
    return str(facts.get("boot_id") or "")


def read_lease(state_dir: str) -> t.Optional[Lease]:
    """The lease of this Mac, None when there is none. Raises :class:`LeaseError` when it cannot be understood."""
    path = path_of(state_dir)
    try:
        with open(path, "rb", opener=_open_file) as file:
            content = file.read(_LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LeaseError(f"the lease {path} cannot be read: {error.strerror}") from error
    return _parse(path, content)


def _open_file(path: str, flags: int) -> int:
    # Neither a link nor a pipe in its place leads or holds us anywhere.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _parse(path: str, content: bytes) -> Lease:
    try:
        data = json.loads(content)
        schema = data.pop("schema")
        if schema != SCHEMA:
            raise LeaseError(f"the lease {path} has schema {schema}, this release knows {SCHEMA}: use the release that wrote it")
        data["pools"], data["ledger"] = tuple(data["pools"]), tuple(data["ledger"])
        return _sound(Lease(**data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedLeaseError(f"the lease {path} is damaged ({error}): mac_runners_takeover: true makes a new one") from error


def _sound(lease: Lease) -> Lease:
    texts, numbers = (lease.fleet, lease.digest, lease.boot), (lease.generation, lease.since)
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
        raise ValueError("a field has the wrong type")
    if lease.state not in STATES:
        raise ValueError(f"state {lease.state}")
    return lease


def write_lease(state_dir: str, lease: Lease) -> None:
    """Replace the lease as a whole; it is for root alone and on disk when this returns. Needs the Mac's lock."""
    os.makedirs(state_dir, mode=0o700, exist_ok=True)
    draft = _draft_of(state_dir)
    _remove(draft)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, **dataclasses.asdict(lease)}, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path_of(state_dir))


@contextlib.contextmanager
def building(state_dir: str, lease: Lease) -> t.Iterator[None]:
    """Say on the lease that something is being built; it stays said when that is killed or breaks, not when it is refused."""
    write_lease(state_dir, dataclasses.replace(lease, state="being built"))
    refusal = None
    try:
        yield
    except MacRunnersError as error:
        refusal = error
    write_lease(state_dir, dataclasses.replace(lease, state="admitted"))
    if refusal:
        raise refusal


def remove_lease(state_dir: str) -> None:
    """Take the lease away, and what a killed run left of a new one; both may be gone already."""
    _remove(_draft_of(state_dir))
    _remove(path_of(state_dir))


def _draft_of(state_dir: str) -> str:
    return os.path.join(state_dir, f".{LEASE_NAME}.new")


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def require_holder(lease: t.Optional[Lease], fleet: str) -> None:
    """Raise unless this Mac is nobody's or this fleet's."""
    if lease is not None and lease.fleet != fleet:
        raise LeaseError(
            f"this Mac is held by {lease.held()}, and this run is fleet {fleet}: nothing was changed; "
            "if both are yours give them one mac_runners_fleet; to take the Mac over run site with mac_runners_takeover: true; "
            f"to tear down what is there say mac_runners_fleet: {lease.fleet}"
        )


def require_admitted(lease: t.Optional[Lease], fleet: str) -> Lease:
    """Return the lease if it is one of this fleet and was not released, whichever pools it is for; raise otherwise."""
    require_holder(lease, fleet)
    if lease is None:
        raise LeaseError(f"this Mac has no lease: its pools were not admitted; {HOW}")
    if lease.state == "released":
        raise LeaseError(f"the lease of this Mac was released: its pools were not admitted again; {HOW}")
    return lease


def require_lease(lease: t.Optional[Lease], terms: Terms, boot: str) -> Lease:
    """Return the lease if it is one for these terms, since the last boot; raise otherwise."""
    lease = require_admitted(lease, terms.fleet)
    if lease.digest != terms.digest:
        raise LeaseError(
            f"the lease of this Mac ({lease.held()}) is for other pools, capacity or licences than this task has; {HOW}"
        )
    if lease.boot and boot and lease.boot != boot:
        raise LeaseError(f"the Mac was started anew since its pools were admitted; {HOW}")
    return lease


@contextlib.contextmanager
def permitted(state_dir: str, terms: Terms, builds: bool, boot: t.Callable[[], str]) -> t.Iterator[None]:
    """A change of this Mac, under its lock. To build needs a lease for these terms; to take away
    only needs that no other fleet holds the Mac. ``boot`` is asked for when it matters."""
    lease = read_lease(state_dir)
    if not builds:
        require_holder(lease, terms.fleet)
        yield
        return
    with building(state_dir, require_lease(lease, terms, boot())):
        yield
