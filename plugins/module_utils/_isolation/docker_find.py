# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Which Docker Engine of a Mac the runners live in."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import (
    EngineDownError,
    EngineError,
    EngineSocket,
)

HOW_TO_START = (
    "start one (colima start --vm-type vz, as the account that owns it, never as root; without a login: a LaunchDaemon "
    "with UserName and HOME that runs colima start --foreground), or name its socket in docker_socket; "
    "Docker Desktop, OrbStack and Rancher Desktop need a login session"
)


class NoEngineError(EngineDownError):
    """No engine was found, or more than one."""


def find_socket(given: str = "", environment: t.Optional[t.Mapping[str, str]] = None) -> str:
    """Return the path of the engine's socket.

    In this order: ``given``, C(DOCKER_HOST), the only engine that answers. Raises
    :class:`NoEngineError` when none or several do.
    """
    host = (os.environ if environment is None else environment).get("DOCKER_HOST", "")
    if given:
        return given
    if host:
        return _of_host(host)
    # Imported here: who names the socket does without it.
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.engines import find_sockets
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_users

    return only_engine(place.path for place in find_sockets(read_users()))


def only_engine(paths: t.Iterable[str]) -> str:
    """The socket of the only engine that answers on ``paths``; an engine may have several sockets."""
    answering: t.Dict[str, str] = {}
    for path in paths:
        try:
            with EngineSocket(path, timeout=10.0) as engine:
                answering.setdefault(str(engine.get("/info").get("ID")), path)
        except EngineError:
            continue
    if len(answering) == 1:
        return next(iter(answering.values()))
    if answering:
        raise NoEngineError(f"several Docker Engines answer: {', '.join(sorted(answering.values()))}; name one in docker_socket")
    raise NoEngineError(f"no Docker Engine answers on this Mac: {HOW_TO_START}")


def _of_host(host: str) -> str:
    if host.startswith("unix://"):
        return host[len("unix://") :]
    raise NoEngineError(f"DOCKER_HOST is {host}; allowed: unix:// and the path of a socket")
