# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a profile leaves open: found by asking it for decisions, not by looking at its text."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.decision import Decision, decide_one
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import Found
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import below, operations_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.parts import AGENT_SOCKETS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import ancestors
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.question import Question
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import ALLOW, DENY, Rule

#: Allowed by macOS itself, and a way out or a look at others.
_DANGEROUS = ("file-link", "file-clone", "nvram-set", "process-info-pidinfo", "process-info-codesignature")
_READS = frozenset(("file*", "file-read*", "file-read-data"))
#: Sockets of Docker and of agents.
_SOCKETS = ("/private/var/run/docker.sock", *(f"{path}0/Listeners" for path in AGENT_SOCKETS))
#: What every program opens before its first line.
_BASE = ("/", "/usr/lib/dyld")
#: A name that no rule spells out.
_BELOW = "/\x01"


class _Asker:
    """Asks a profile, the same thing once."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.known = operations_of(profile.model)
        self._answers: t.Dict[t.Tuple[str, str, str], Decision] = {}

    def decision(self, operation: str, kind: str = "none", path: str = "") -> Decision:
        key = (operation, kind, path)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._answers[key] = decide_one(self.profile, self.known[operation], Question(operation, kind, path))
        return answer

    def allows(self, operation: str, kind: str = "none", path: str = "") -> bool:
        """Whether it is allowed for sure; what the version does not have is not."""
        return operation in self.known and self.decision(operation, kind, path).verdict == ALLOW


def open_ends(profile: Profile) -> t.Iterator[Found]:
    """All that a profile leaves open."""
    ask = _Asker(profile)
    for check in (_denies, _sockets, _shadowed, _default, _executable, _services):
        yield from check(profile, ask)


def _places(rule: Rule) -> t.Iterator[t.Tuple[str, str]]:
    """The paths that a rule names, and for each one path that it rules on."""
    for one in rule.filters:
        if one.name == "path" and one.how in ("literal", "subpath"):
            for value in one.values:
                if isinstance(value, str) and value.startswith("/"):
                    yield value, value.rstrip("/") + _BELOW if one.how == "subpath" else value


def _rules(profile: Profile, action: str, operations: t.Collection[str]) -> t.Iterator[Rule]:
    for rule in profile.rules:
        if isinstance(rule, Rule) and rule.action == action and not set(operations).isdisjoint(rule.operations):
            yield rule


def _denies(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    """Denied files that can be reached all the same. A pattern may stand for very many; the first that leaks is enough."""
    for rule in _rules(profile, DENY, _READS):
        told: t.Set[str] = set()
        for path, inside in _places(rule):
            if ask.decision("file-read-data", "path", inside).verdict != DENY:
                continue
            for name, what in _ways_round(ask, path, inside):
                if name not in told:
                    told.add(name)
                    yield Found(name, rule.form, what)


def _ways_round(ask: _Asker, path: str, inside: str) -> t.Iterator[t.Tuple[str, str]]:
    for moved in (path, *ancestors(path)):
        if ask.allows("file-write-unlink", "path", moved):
            yield "read-deny-moved", f"{moved} may be renamed, and {path} with it"
            break
    if ask.allows("file-link", "path", inside):
        yield "read-deny-linked", f"a hard link to {path} may be made"
    if ask.allows("network-outbound", "unix", inside):
        yield "socket-open", f"a socket at {path} may be connected to"


def _sockets(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    for path in _SOCKETS:
        decided = ask.decision("network-outbound", "unix", path)
        if decided.verdict == ALLOW and decided.rules:
            yield Found("socket-open", decided.rules[0].form, f"{path} may be connected to")


def _shadowed(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    named = {*profile.filtered, *profile.unfiltered}
    for rule in profile.rules:
        if not isinstance(rule, Rule) or rule.action != DENY or not rule.filters:
            continue
        for operation in rule.operations:
            children = [child for child in below(profile.model, operation) if child in named and child not in rule.operations]
            beaten = [(child, path) for child in children for path, inside in _places(rule) if _beaten(ask, child, inside)]
            if beaten:
                yield Found("shadowed-deny", rule.form, f"{beaten[0][0]} is allowed on {beaten[0][1]} by a rule of its own")


def _beaten(ask: _Asker, child: str, path: str) -> bool:
    kind = "unix" if child.startswith("network") else "path"
    decided = ask.decision(child, kind, path)
    return decided.verdict == ALLOW and decided.step in ("filtered", "unfiltered") and decided.operation == child


def _default(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    default = ask.decision("default")
    if default.verdict == ALLOW:
        if default.rules:
            yield Found("allow-default", default.rules[0].form, "everything else is allowed")
        return
    form = default.rules[0].form if default.rules else (profile.forms[0] if profile.forms else None)
    if form is None or profile.holes:
        return
    for path in _BASE:
        if ask.decision("file-read-data", "path", path).verdict == DENY:
            yield Found("missing-base", form, f"{path} cannot be read")
    open_ones = [name for name in _allowed_by_itself(profile.model) if _by_itself(profile, ask, name)]
    grave = [name for name in _DANGEROUS if name in open_ones]
    if grave:
        yield Found("implicit-allow", form, ", ".join(grave))
    minor = [name for name in open_ones if name not in _DANGEROUS and not name.endswith("*")]
    if minor:
        yield Found("implicit-allow-minor", form, ", ".join(minor))


@functools.lru_cache(maxsize=None)
def _allowed_by_itself(model: str) -> t.Tuple[str, ...]:
    """The operations that a version allows without a rule, as far as no rule on their parents says otherwise."""
    return tuple(sorted(name for name, one in operations_of(model).items() if (one.implicit if one.parent == "" else one.derived) == ALLOW))


def _by_itself(profile: Profile, ask: _Asker, operation: str) -> bool:
    """Whether one of them is allowed because no rule speaks of it."""
    if operation in profile.filtered or operation in profile.unfiltered:
        return False
    if ask.known[operation].parent == "":
        return True
    decided = ask.decision(operation)
    return decided.verdict == ALLOW and decided.step in ("implicit", "derived")


def _executable(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    if ask.decision("default").verdict == ALLOW:
        return
    for rule in _rules(profile, ALLOW, ("process-exec*", "process*")):
        if not rule.filters:
            written = next((path for writer in _rules(profile, ALLOW, ("file*", "file-write*", "file-write-data")) for path, _one in _places(writer)), "")
            if written:
                yield Found("writable-executable", rule.form, f"everything is executable, and {written} is writable")
        for path, inside in _places(rule):
            if ask.allows("file-write-data", "path", inside):
                yield Found("writable-executable", rule.form, f"{path} is writable")
                break


def _services(profile: Profile, ask: _Asker) -> t.Iterator[Found]:
    for rule in profile.rules:
        if not isinstance(rule, Rule) or rule.action != ALLOW:
            continue
        if "mach-lookup" in rule.operations and not rule.filters:
            yield Found("open-mach-lookup", rule.form, "every Mach service may be looked up")
        if any(modifier.name in ("no-sandbox", "no-profile") for modifier in rule.modifiers):
            yield Found("no-sandbox", rule.form, "what it allows to run leaves the sandbox")


CHECKS = (open_ends,)
