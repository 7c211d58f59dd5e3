# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What is asked of a profile: may a process do this operation with that argument?"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import nearest, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import QuestionError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import ALIASES, Operation, names_of, operations_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import LINKS, is_in, resolve, tidy

#: Operations that act on a link itself and not on what it leads to.
_ON_LINKS = frozenset(("file-read-metadata", "file-write-unlink"))
#: Kind of argument of an operation -> the filter that compares it.
_NAMES = {
    "mach": "global-name",
    "sysctl": "sysctl-name",
    "posix-ipc": "ipc-posix-name",
    "preference-domain": "preference-domain",
    "nvram": "nvram-variable",
    "notification": "notification-name",
    "auth-right-name": "right-name",
    "ae-destination": "appleevent-destination",
    "iokit-user-client": "iokit-registry-entry-class",
    "boot-arg": "boot-arg",
    "kext-bundle-id": "kext-bundle-id",
    "info": "info-type",
}
TARGETS = ("self", "pgrp", "others", "children", "same-sandbox", "initproc")
_ENDPOINT = re.compile(r"(?:(tcp|udp|ip)([46]?):)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.*-]+):([0-9]{1,5})\Z")
_OWN = frozenset(("localhost", "127.0.0.1", "[::1]", "*", "0.0.0.0", "[::]"))


class Endpoint(t.NamedTuple):
    """One side of a connection; ``own`` is whether it is an address of this Mac. Unknown parts are empty."""

    protocol: str
    family: str
    own: bool
    port: int


class Question(t.NamedTuple):
    """``kind`` is path, unix (a socket with a path), network, name, target, or none when the argument is left open."""

    operation: str
    kind: str
    path: str = ""
    endpoint: t.Optional[Endpoint] = None
    #: The filter that compares ``name``.
    names: str = ""
    name: str = ""


def operation_named(name: t.Any, model: str) -> Operation:
    """The operation that a name means in a model. Raises :class:`QuestionError`."""
    names, known = names_of(model), operations_of(model)
    meant = names.get(name, "") if isinstance(name, str) else ""
    if not meant:
        hint = nearest(name, sorted(set(known) | set(ALIASES)))
        raise QuestionError(f"operation: got {show(name)}; allowed: an operation of macOS {model}, such as file-read-data or network-outbound{hint}")
    return known[meant]


def ask(operation: Operation, argument: t.Optional[str]) -> Question:
    """Read an argument as one of this operation. Raises :class:`QuestionError`."""
    if argument is None or argument == "":
        return Question(operation.name, "none")
    if not isinstance(argument, str):
        raise QuestionError(f"argument: got {show(argument)}; allowed: a text")
    if "network" in operation.takes:
        return _network(operation.name, argument)
    if "path" in operation.takes:
        return Question(operation.name, "path", path=_path(operation.name, argument))
    for kind, names in _NAMES.items():
        if kind in operation.takes:
            return Question(operation.name, "name", names=names, name=argument)
    if "target" in operation.takes:
        return _target(operation.name, argument)
    if operation.parent is None or not operation.sure:
        # What filters it takes is not known.
        return _of_unknown(operation.name, argument)
    raise QuestionError(f"argument: got {show(argument)} for {operation.name}; allowed: none, since it is decided without one")


def _of_unknown(operation: str, argument: str) -> Question:
    if operation.startswith("file-"):
        return Question(operation, "path", path=_path(operation, argument))
    return Question(operation, "none")


def _path(operation: str, argument: str) -> str:
    if not argument.startswith("/") or ".." in argument.split("/") or "\0" in argument:
        raise QuestionError(f"argument: got {show(argument)} for {operation}; allowed: an absolute path without ..")
    path = tidy(argument)
    if path in LINKS and operation in _ON_LINKS:
        return path
    resolved = resolve(path)
    return resolved if is_in(resolved, LINKS["/home"]) else tidy(resolved)


def _network(operation: str, argument: str) -> Question:
    if argument.startswith("/"):
        return Question(operation, "unix", path=_path(operation, argument))
    match = _ENDPOINT.match(argument)
    if match is None or int(match[4]) > 65535:
        allowed = "HOST:PORT, tcp4:HOST:PORT and the like, with localhost for this Mac, or the path of a socket"
        raise QuestionError(f"argument: got {show(argument)} for {operation}; allowed: {allowed}")
    # What is bound or accepted on is always an address of this Mac.
    own = operation != "network-outbound" or match[3].lower() in _OWN
    protocol = match[1] if match[1] != "ip" else ""
    return Question(operation, "network", endpoint=Endpoint(protocol or "", match[2] or "", own, int(match[4])))


def _target(operation: str, argument: str) -> Question:
    if argument not in TARGETS:
        raise QuestionError(f"argument: got {show(argument)} for {operation}; allowed: {', '.join(TARGETS)}{nearest(argument, TARGETS)}")
    return Question(operation, "target", name=argument)
