# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Reading a policy that people wrote: a typed one out, every mistake collected."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, nearest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import FIRST_EPHEMERAL_PORT
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.conflicts import conflicts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import PolicyError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.parts import PRESETS, SERVICES
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import mistake_in
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import NETWORKS, Policy, Ports

#: Fields that are lists of paths.
PATHS = ("work", "read", "write", "execute", "shared", "deny", "others", "sockets")
_FIELDS = ("name", "home", "presets", *PATHS, "network", "connect", "ports", "services")
#: More rules on ports take macOS too long to compile.
MOST_PORTS = 1000
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_SERVICE = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\Z")
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})\Z")
_CONNECT = re.compile(r"(?:(\*|localhost):)?([0-9]{1,5})\Z")


def parse_sandbox(raw: t.Any) -> Policy:
    """Read a policy. Raises :class:`PolicyError` that names field, given and allowed of every mistake."""
    policy, mistakes = read_sandbox(raw)
    if mistakes:
        what = f"sandbox policy {policy.name}" if policy.name else "sandbox policy"
        raise PolicyError(f"{what}: " + "; ".join(mistake.message for mistake in mistakes))
    return policy


def read_sandbox(raw: t.Any) -> t.Tuple[Policy, t.List[Mistake]]:
    """A policy, and every mistake in it; with one the policy is good for its name alone."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes)
    if raw is None:
        fields.wrong("", raw, "a mapping of fields")
    fields.known(_FIELDS)
    policy = Policy(
        name=_name(fields),
        home=_home(fields),
        presets=_presets(fields),
        network=fields.choice("network", NETWORKS, "none"),
        connect=_connect(fields),
        ports=_ports(fields),
        services=_services(fields),
        **{field: _list_of_paths(fields, field) for field in PATHS},
    )
    return policy, mistakes or conflicts(policy)


def _name(fields: Fields) -> str:
    name = fields.raw.get("name")
    if isinstance(name, str) and _NAME.match(name):
        return str(name)
    fields.wrong("name", name, "a name of lower-case letters, digits and -, at most 41 long, such as lint-1")
    return ""


def _home(fields: Fields) -> str:
    home = fields.raw.get("home")
    allowed = mistake_in(home)
    if not allowed and str(home).rstrip("/").count("/") < 2:
        allowed = "the home of the slot's account, such as /Users/mac-runners-lint-1"
    if allowed:
        fields.wrong("home", home, allowed)
        return "/Users/nobody"
    return str(home).rstrip("/")


def _list_of_paths(fields: Fields, field: str) -> t.Tuple[str, ...]:
    found = []
    for index, path in enumerate(fields.items(field)):
        allowed = mistake_in(path)
        if allowed:
            fields.wrong(f"{field}[{index}]", path, allowed)
        else:
            found.append(str(path).rstrip("/") or "/")
    return tuple(dict.fromkeys(found))


def _presets(fields: Fields) -> t.Tuple[str, ...]:
    return tuple(dict.fromkeys(_known(fields, "presets", PRESETS)))


def _known(fields: Fields, field: str, known: t.Iterable[str]) -> t.Iterator[str]:
    for index, value in enumerate(fields.items(field)):
        if isinstance(value, str) and value in known:
            yield str(value)
        else:
            hint = nearest(value, known) if isinstance(value, str) else ""
            fields.wrong(f"{field}[{index}]", value, "one of " + ", ".join(known) + hint)


def _services(fields: Fields) -> t.Tuple[str, ...]:
    found = []
    for index, value in enumerate(fields.items("services")):
        if isinstance(value, str) and (value in SERVICES or _SERVICE.match(value)):
            found.append(str(value))
        else:
            hint = nearest(value, SERVICES) if isinstance(value, str) else ""
            fields.wrong(f"services[{index}]", value, f"one of {', '.join(SERVICES)}, or the name of a Mach service such as com.apple.trustd{hint}")
    return tuple(dict.fromkeys(found))


def _connect(fields: Fields) -> t.Tuple[str, ...]:
    found = []
    for index, value in enumerate(fields.items("connect")):
        match = _CONNECT.match(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
        if match is None or not 1 <= int(match[2]) <= 65535:
            allowed = "a port from 1 to 65535, or localhost: and a port; macOS cannot tell other hosts apart"
            fields.wrong(f"connect[{index}]", value, allowed)
        else:
            found.append(f"{match[1] or '*'}:{int(match[2])}")
    wanted = fields.raw.get("network") == "ports"
    if wanted is not bool(fields.raw.get("connect")):
        allowed = "the ports to connect to" if wanted else "nothing unless network is ports"
        fields.wrong("connect", fields.raw.get("connect"), allowed)
    return tuple(dict.fromkeys(found))


def _ports(fields: Fields) -> t.Optional[Ports]:
    value = fields.raw.get("ports")
    if value is None:
        return None
    match = _RANGE.match(value) if isinstance(value, str) else None
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if 1024 <= first <= last < FIRST_EPHEMERAL_PORT and last - first < MOST_PORTS:
        return Ports(first, last)
    fields.wrong("ports", value, f"a range such as 20000-20099, of at most {MOST_PORTS} ports from 1024 to {FIRST_EPHEMERAL_PORT - 1}")
    return None
