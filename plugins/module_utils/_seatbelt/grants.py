# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From a policy to rules: operations, paths, addresses and services, each with the line of the policy that it comes from."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.claims import Claim, claims, field_of, label, protected
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.parts import (
    AGENT_SOCKETS,
    DNS_SOCKET,
    INTERNET_FILES,
    INTERNET_PURPOSES,
    LIBRARIES,
    LINK_NODES,
    MAKES_CODE,
    PARTS,
    SERVICES,
    parts_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import ancestors
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import Policy

# An allow and a deny must name the same operations, since a rule on one operation beats every rule on its parent.
READ = ("file-read*", "file-read-data", "file-read-metadata")
WRITE = ("file-write*", "file-write-create", "file-write-data", "file-write-unlink")
EXECUTE = ("process-exec*",)
LINK = ("file-link",)
CLONE = ("file-clone",)
MAP = ("file-map-executable",)
SOCKET = ("network-bind", "network-inbound", "network-outbound")
DEVICE = ("file-write-data", "file-ioctl")
EVERYTHING = READ + WRITE + EXECUTE + LINK + CLONE + MAP + SOCKET + ("file-ioctl",)
LISTEN = ("network-bind", "network-inbound")
CONNECT = ("network-outbound",)
#: Terminals are numbered.
TERMINALS = "^/dev/ttys[0-9]+$"


class Grant(t.NamedTuple):
    """One rule. ``filters`` are pairs of a filter and its text; ``accepted`` are findings of the linter with the reason to live with them."""

    line: str
    action: str
    operations: t.Tuple[str, ...]
    filters: t.Tuple[t.Tuple[str, str], ...] = ()
    accepted: t.Tuple[t.Tuple[str, str], ...] = ()


def grants(policy: Policy) -> t.List[Grant]:
    """All rules of a policy in their order: without filters, allowed, denied, allowed in what is denied, denied for good."""
    found = [*_unfiltered(policy), *_files(policy), *_small(policy), *_network(policy), *_services(policy)]
    found += [grant._replace(action="deny") for grant in _subpaths(EVERYTHING, _Paths().add(_claims_of(policy, "others")).kept())]
    found += _subpaths(READ, _Paths().add(_claims_of(policy, "shared")).kept())
    return found + _kept(policy)


def _claims_of(policy: Policy, field: str) -> t.List[Claim]:
    return [Claim(f"{field}[{index}]", path) for index, path in enumerate(policy.paths(field))]


def _unfiltered(policy: Policy) -> t.Iterator[Grant]:
    left = "macOS allows some operations by itself; preset strict denies more of them"
    if "strict" in policy.presets:
        left = "what is left of what macOS allows by itself is needed to run at all"
    yield Grant("always: what no line allows is denied", "deny", ("default",), accepted=(("implicit-allow-minor", left),))
    line = "always: macOS allows these by itself"
    yield Grant(line, "deny", ("nvram*", "process-info*", "process-info-codesignature", "file-link", "file-clone"))
    if "strict" in policy.presets:
        yield Grant(label("strict"), "deny", _strict(policy))
    for name in parts_of(policy.presets):
        if PARTS[name].operations:
            yield Grant(label(name), "allow", PARTS[name].operations)


def _strict(policy: Policy) -> t.Tuple[str, ...]:
    denied = ["system-privilege", "iokit-get-properties", "darwin-notification-post", "mach-cross-domain-lookup", "file-map-executable"]
    if not MAKES_CODE & set(parts_of(policy.presets)):
        denied.append("dynamic-code-generation")
    if policy.network == "none":
        denied.append("socket-ioctl")
    return tuple(denied)


class _Paths:
    """Paths by operations and filter, each with the first line that claims it; one that is inside another is left out."""

    def __init__(self) -> None:
        self.first: t.Dict[str, Claim] = {}

    def add(self, found: t.Iterable[Claim]) -> _Paths:
        for claim in found:
            self.first.setdefault(claim.path, claim)
        return self

    def covers(self, path: str) -> bool:
        return path in self.first or self._has_above(path)

    def kept(self) -> t.List[Claim]:
        """Each path once, without those inside others."""
        return [claim for path, claim in self.first.items() if not self._has_above(path)]

    def _has_above(self, path: str) -> bool:
        return not self.first.keys().isdisjoint(ancestors(path))


def _files(policy: Policy) -> t.Iterator[Grant]:
    by_field = {field: claims(policy, field) for field in ("work", "read", "write", "execute")}
    readable = _Paths().add(claim for field in ("execute", "read", "write", "work") for claim in by_field[field])
    writable = _Paths().add([*by_field["write"], *by_field["work"]])
    executable = _Paths().add([*by_field["execute"], *by_field["work"]])
    yield from _subpaths(READ + CLONE, readable.kept())
    yield from _subpaths(WRITE + LINK + SOCKET, writable.kept())
    built = {claim.path for claim in by_field["work"]}
    yield from _subpaths(EXECUTE, [claim for claim in executable.kept() if claim.path not in built])
    for grant in _subpaths(EXECUTE, [claim for claim in executable.kept() if claim.path in built]):
        yield grant._replace(accepted=(("writable-executable", "what is built in a work directory is run there"),))
    if "strict" in policy.presets:
        mapped = _Paths().add(Claim(label("strict"), path) for path in LIBRARIES).add(executable.first.values())
        yield from _subpaths(MAP, mapped.kept())
    yield from _single_files(policy, readable)


def _subpaths(operations: t.Tuple[str, ...], found: t.Sequence[Claim]) -> t.Iterator[Grant]:
    """One rule for each line of the policy."""
    for line, paths in _by_line(found).items():
        yield Grant(line, "allow", operations, tuple(("subpath", path) for path in paths))


def _single_files(policy: Policy, readable: _Paths) -> t.Iterator[Grant]:
    extra = [Claim("network: names and addresses", path) for path in INTERNET_FILES] if policy.internet else []
    files = [claim for claim in [*claims(policy, "files"), *claims(policy, "devices"), *extra] if not readable.covers(claim.path)]
    for line, paths in _by_line(files).items():
        yield Grant(line, "allow", READ, tuple(("literal", path) for path in paths))
    for line, devices in _by_line(claims(policy, "devices")).items():
        yield Grant(line, "allow", DEVICE, tuple(("literal", path) for path in devices))
    if "terminal" in parts_of(policy.presets):
        yield Grant(label("terminal"), "allow", READ + DEVICE, (("regex", TERMINALS),))
    opened = [*readable.first] + [claim.path for claim in files] + list(policy.shared) + [policy.home + "/x"]
    above = dict.fromkeys(one for path in opened for one in ancestors(path))
    known = {claim.path for claim in files}
    closed = _Paths().add(_claims_of(policy, "others"))
    nodes = [one for one in [*above, *LINK_NODES] if one not in known and not readable.covers(one) and not closed.covers(one)]
    yield Grant("always: the way to what is opened", "allow", ("file-read-metadata",), tuple(("literal", path) for path in nodes))


def _by_line(found: t.Sequence[Claim]) -> t.Dict[str, t.List[str]]:
    lines: t.Dict[str, t.List[str]] = {}
    for claim in found:
        lines.setdefault(field_of(claim.line), []).append(claim.path)
    return lines


def _small(policy: Policy) -> t.Iterator[Grant]:
    targets = (("target", "self"), ("target", "same-sandbox"))
    yield Grant("always: processes of this sandbox", "allow", ("signal", "process-info*", "process-info-codesignature"), targets)
    for name in parts_of(policy.presets):
        if PARTS[name].preferences:
            domains = tuple(("preference-domain", domain) for domain in PARTS[name].preferences)
            yield Grant(label(name), "allow", ("user-preference-read", "user-preference-write"), domains)


def _network(policy: Policy) -> t.Iterator[Grant]:
    if policy.sockets:
        yield Grant("sockets", "allow", CONNECT, tuple(("literal", path) for path in policy.sockets))
    if policy.network == "none":
        return
    line = f"network {policy.network}"
    host = "localhost" if policy.network == "loopback" else "*"
    if policy.ports is not None:
        yield Grant("ports", "allow", LISTEN, tuple(("local ip", f"{host}:{port}") for port in policy.ports))
    if policy.network == "loopback":
        yield Grant(line, "allow", CONNECT, (("remote ip", "localhost:*"),))
    elif policy.network == "all":
        yield Grant(line, "allow", CONNECT, (("remote ip", "*:*"),))
    else:
        yield from _listed(policy)
    if policy.internet:
        yield Grant(f"{line}: names", "allow", CONNECT, (("literal", DNS_SOCKET),))
        yield Grant(f"{line}: routes", "allow", ("system-socket",), (("socket-domain", "AF_ROUTE"), ("socket-domain", "AF_SYSTEM")))


def _listed(policy: Policy) -> t.Iterator[Grant]:
    yield Grant("connect", "allow", CONNECT, tuple(("remote ip", address) for address in policy.connect))
    # A job talks to the servers that it starts.
    known = {address.partition(":")[2] for address in policy.connect}
    own = tuple(("remote ip", f"localhost:{port}") for port in policy.ports or () if str(port) not in known)
    if own:
        yield Grant("ports", "allow", CONNECT, own)


def _services(policy: Policy) -> t.Iterator[Grant]:
    lines: t.Dict[str, str] = {}
    for line, purpose in _purposes(policy):
        for name in SERVICES.get(purpose, (purpose,)):
            lines.setdefault(name, line)
    for line in dict.fromkeys(lines.values()):
        yield Grant(line, "allow", ("mach-lookup",), tuple(("global-name", name) for name, its in lines.items() if its == line))


def _purposes(policy: Policy) -> t.Iterator[t.Tuple[str, str]]:
    for name in parts_of(policy.presets):
        yield from ((label(name), purpose) for purpose in PARTS[name].services)
    if policy.internet:
        yield from ((f"network {policy.network}", purpose) for purpose in INTERNET_PURPOSES)
    yield from (("services", purpose) for purpose in policy.services)


def _kept(policy: Policy) -> t.List[Grant]:
    """Last, so that nothing comes after them: secrets, the user's own list, and the renaming of what they lie in."""
    kept = protected(policy)
    found = [grant._replace(action="deny") for grant in _subpaths(EVERYTHING, _Paths().add(kept).kept())]
    found.append(Grant("always: sockets of agents", "deny", CONNECT, tuple(("prefix", path) for path in AGENT_SOCKETS)))
    guarded = [*kept, *_claims_of(policy, "others")]
    inside = _Paths().add(guarded)
    above = [one for one in dict.fromkeys(one for claim in guarded for one in ancestors(claim.path)) if not inside.covers(one)]
    # Who renames a directory takes what is below it out of reach of every rule.
    return found + [Grant("always: what is protected stays where it is", "deny", ("file-write-unlink",), tuple(("literal", path) for path in above))]
