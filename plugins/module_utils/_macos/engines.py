# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Docker Engines of the Mac: their sockets, what kind they are, and how large their VM is.

Docker Desktop, Colima, OrbStack, Lima and Rancher Desktop each put a socket into the home of
the user who runs them; ``/var/run/docker.sock`` is a link that the last one took.
"""

from __future__ import annotations

import glob
import json
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import (
    EngineContainer,
    EngineDownError,
    EngineError,
    EngineSocket,
    list_containers,
    parse_images,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import ask_as, find_tool

DEFAULT_SOCKET = "/var/run/docker.sock"
#: Kind of engine -> where its sockets are below a home, as patterns.
PLACES: t.Tuple[t.Tuple[str, str], ...] = (
    ("colima", ".colima/*/docker.sock"),
    ("colima", ".colima/docker.sock"),
    ("colima", ".config/colima/*/docker.sock"),
    ("docker-desktop", ".docker/run/docker.sock"),
    ("orbstack", ".orbstack/run/docker.sock"),
    ("lima", ".lima/*/sock/docker.sock"),
    ("rancher-desktop", ".rd/docker.sock"),
)
_LARGEST_MEMORY = 2**50


class SocketPlace(t.NamedTuple):
    """A socket that may have an engine behind it; ``user`` runs it (empty: not known), and calls
    its VM ``profile`` where there can be several."""

    path: str
    kind: str = ""
    user: str = ""
    uid: int = 0
    profile: str = ""


class Engine(t.NamedTuple):
    """An engine that answers, or whose socket nobody listens at: ``memory`` in bytes and ``cpus`` of its VM."""

    place: SocketPlace
    kind: str
    running: bool
    id: str = ""
    version: str = ""
    memory: t.Optional[int] = None
    cpus: t.Optional[int] = None
    containers: t.Tuple[EngineContainer, ...] = ()
    images: t.Tuple[str, ...] = ()


def find_sockets(users: t.Sequence[User], named: t.Sequence[str] = (), unread: t.Optional[t.List[str]] = None) -> t.List[SocketPlace]:
    """Sockets in the order in which an engine is looked for: ``named`` ones, the system's, users'."""
    homes = {place.path: place for user in users for place in _in_home(user, [] if unread is None else unread)}
    found: t.Dict[str, SocketPlace] = {}
    for path in (*named, DEFAULT_SOCKET):
        real = os.path.realpath(path)
        if path in named or _is_socket(real):
            found.setdefault(real, homes.get(real, SocketPlace(real, uid=_owner(real))))
    for real, place in homes.items():
        found.setdefault(real, place)
    return list(found.values())


def _in_home(user: User, unread: t.List[str]) -> t.Iterator[SocketPlace]:
    for kind, pattern in PLACES:
        for path in sorted(glob.glob(os.path.join(glob.escape(user.home), pattern))):
            real = os.path.realpath(path)
            if not _is_socket(real):
                continue
            # Nobody may send root to a socket that is not his own.
            if _owner(real) in (0, user.uid):
                yield SocketPlace(real, kind, user.name, user.uid, os.path.basename(os.path.dirname(path)))
            else:
                unread.append(f"the Docker Engine at {path}: its socket belongs to somebody else")


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _owner(path: str) -> int:
    try:
        return os.stat(path).st_uid
    except OSError:
        return 0


def read_engines(run: Run, places: t.Sequence[SocketPlace], in_vm: bool, unread: t.List[str]) -> t.List[Engine]:
    """Every engine once, running ones first; an engine that answers at two sockets has one id.

    ``in_vm`` when engines have a VM, as on a Mac: then its size is read.
    """
    engines: t.Dict[str, Engine] = {}
    for place in places:
        engine = read_engine(place, in_vm, unread)
        if engine is not None:
            engines.setdefault(engine.id or place.path, _with_configured_size(run, engine) if in_vm else engine)
    return sorted(engines.values(), key=lambda engine: not engine.running)


def read_engine(place: SocketPlace, in_vm: bool, unread: t.List[str]) -> t.Optional[Engine]:
    """Ask one engine; None when it cannot be read, which is added to ``unread``."""
    try:
        with EngineSocket(place.path) as engine:
            return _ask_engine(engine, place, in_vm)
    except EngineDownError:
        return Engine(place, place.kind or "other", running=False)
    except EngineError as error:
        unread.append(f"the Docker Engine at {error}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        unread.append(f"the Docker Engine at {place.path}: an answer of an unknown shape ({error!r})")
    return None


def _ask_engine(engine: EngineSocket, place: SocketPlace, in_vm: bool) -> Engine:
    info = engine.get("/info")
    return Engine(
        place=place,
        kind=engine_kind(info, place.kind),
        running=True,
        id=str(info.get("ID") or ""),
        version=str(info.get("ServerVersion") or ""),
        memory=_whole(info.get("MemTotal")) if in_vm else None,
        cpus=_whole(info.get("NCPU")),
        containers=tuple(list_containers(engine)),
        images=tuple(parse_images(engine.get("/images/json"))),
    )


def _whole(value: t.Any) -> t.Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST_MEMORY else None


def engine_kind(info: t.Mapping[str, t.Any], by_place: str) -> str:
    """What an engine is, by what it says of itself and by where its socket is.

    Docker Desktop is believed whatever the place: its licence is at stake.
    """
    name, system = str(info.get("Name") or "").lower(), str(info.get("OperatingSystem") or "").lower()
    if "docker desktop" in system or name == "docker-desktop":
        return "docker-desktop"
    if by_place:
        return by_place
    if "orbstack" in name or "orbstack" in system:
        return "orbstack"
    for start, kind in (("colima", "colima"), ("lima-rancher-desktop", "rancher-desktop"), ("lima-", "lima")):
        if name.startswith(start):
            return kind
    return "other"


def _with_configured_size(run: Run, engine: Engine) -> Engine:
    """The size that Colima's VM was given: more than its kernel tells, and what the Mac pays."""
    tool = find_tool("colima")
    if engine.kind != "colima" or not tool or not engine.place.user:
        return engine
    result = ask_as(run, engine.place.user, tool, "list", "--json")
    if result.rc != 0:
        return engine
    size = parse_colima_list(result.stdout).get(_colima_name(engine.place.profile))
    if size is None:
        return engine
    return engine._replace(memory=size[0] or engine.memory, cpus=size[1] or engine.cpus)


def _colima_name(directory: str) -> str:
    """Before 0.4.0 the socket of the default profile was in Colima's directory itself."""
    return "default" if directory == ".colima" else directory


def parse_colima_list(text: str) -> t.Dict[str, t.Tuple[t.Optional[int], t.Optional[int]]]:
    """Memory in bytes and cpus by profile, from one JSON object a line."""
    sizes = {}
    for line in text.splitlines():
        try:
            profile = json.loads(line)
            sizes[str(profile["name"])] = (_whole(profile.get("memory")), _whole(profile.get("cpus")))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return sizes
