# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a sandboxed process may do, as people say it; :mod:`grants` says it in operations, :mod:`render` in the language of profiles."""

from __future__ import annotations

import dataclasses
import typing as t

NETWORKS = ("none", "loopback", "ports", "all")


class Ports(t.NamedTuple):
    """A range of ports, both ends included."""

    first: int
    last: int

    def __iter__(self) -> t.Iterator[int]:
        return iter(range(self.first, self.last + 1))


@dataclasses.dataclass(frozen=True)
class Policy:
    """One sandbox. All paths are absolute and as the kernel sees them; each stands for itself and all below it.

    ``work``: read, written and executed. ``shared``: read, even inside ``others``. ``deny``: never, whatever else is said.
    ``others``: what belongs to other slots. ``sockets``: AF_UNIX sockets to connect to. ``connect``: ``*:443``, ``localhost:8080``.
    ``ports``: what may be listened on. ``services``: purposes, and names of Mach services.
    """

    name: str
    home: str
    presets: t.Tuple[str, ...] = ()
    work: t.Tuple[str, ...] = ()
    read: t.Tuple[str, ...] = ()
    write: t.Tuple[str, ...] = ()
    execute: t.Tuple[str, ...] = ()
    shared: t.Tuple[str, ...] = ()
    deny: t.Tuple[str, ...] = ()
    others: t.Tuple[str, ...] = ()
    sockets: t.Tuple[str, ...] = ()
    network: str = "none"
    connect: t.Tuple[str, ...] = ()
    ports: t.Optional[Ports] = None
    services: t.Tuple[str, ...] = ()

    def paths(self, field: str) -> t.Tuple[str, ...]:
        """The paths of a field by its name."""
        return t.cast(t.Tuple[str, ...], getattr(self, field))

    @property
    def internet(self) -> bool:
        """Whether it reaches beyond this Mac, and so needs names and certificates."""
        return self.network == "all" or any(not one.startswith("localhost:") for one in self.connect)
