# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Lines of a policy that cannot stand together."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.claims import Claim, claims, protected
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.paths import is_in
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy import Policy


def conflicts(policy: Policy) -> t.List[Mistake]:
    """Every pair of lines of which one would undo the other, or make the sandbox leak."""
    found = [*_others(policy), *_written(policy), *_executed(policy), *_unreadable(policy), *_shared(policy), *_sockets(policy)]
    # One for each line: a directory that is above all secrets is one mistake.
    return list({mistake.field: mistake for mistake in reversed(found)}.values())[::-1]


def _mistake(claim: Claim, allowed: str) -> Mistake:
    return Mistake("", claim.line, show(claim.path), allowed)


def _own(policy: Policy, field: str) -> t.List[Claim]:
    return [Claim(f"{field}[{index}]", path) for index, path in enumerate(policy.paths(field))]


def _others(policy: Policy) -> t.Iterator[Mistake]:
    """What belongs to another slot holds nothing of this one's, and the other way round."""
    for claim in _own(policy, "others"):
        if is_in(policy.home, claim.path) or is_in(claim.path, policy.home):
            yield _mistake(claim, f"a directory of another slot; this one's home is {policy.home}")


def _written(policy: Policy) -> t.Iterator[Mistake]:
    """Who can write a directory can rename it, and so take what is below it out of reach of every rule."""
    kept = [*protected(policy), *_own(policy, "others")]
    for claim in [*claims(policy, "write"), *claims(policy, "work")]:
        for secret in kept:
            if is_in(claim.path, secret.path):
                yield _blamed(claim, secret, f"no path inside {secret.path}, which is protected ({secret.line})")
            elif is_in(secret.path, claim.path):
                yield _blamed(claim, secret, f"no writable parent of {secret.path}, which is protected ({secret.line}); name the directories beside it")


def _blamed(claim: Claim, secret: Claim, allowed: str) -> Mistake:
    """The mistake is in the line that the user wrote, if that is one of the two."""
    if claim.line.startswith("part ") and "[" in secret.line:
        return _mistake(secret, f"no path at, inside or above {claim.path}, which is written ({claim.line})")
    return _mistake(claim, allowed)


def _executed(policy: Policy) -> t.Iterator[Mistake]:
    written = claims(policy, "write")
    for claim in claims(policy, "execute"):
        for other in written:
            if is_in(claim.path, other.path) or is_in(other.path, claim.path):
                user = other if "[" in other.line else claim
                yield _mistake(user, f"no path that is writable and executable at once ({claim.path}, {other.path}); what is built and run belongs in work")


def _unreadable(policy: Policy) -> t.Iterator[Mistake]:
    """What is opened inside of what is denied would never be."""
    kept = [*protected(policy), *_own(policy, "others")]
    for field in ("read", "execute"):
        for claim in _own(policy, field):
            for secret in kept:
                if is_in(claim.path, secret.path):
                    hint = "; list it in shared to read it all the same" if secret.line.startswith("others") else ""
                    yield _mistake(claim, f"no path inside {secret.path}, which is denied ({secret.line}){hint}")


def _shared(policy: Policy) -> t.Iterator[Mistake]:
    written = [*claims(policy, "write"), *claims(policy, "work")]
    for claim in _own(policy, "shared"):
        for secret in protected(policy):
            if is_in(claim.path, secret.path):
                yield _mistake(claim, f"no path inside {secret.path}, which is denied ({secret.line})")
        for other in _own(policy, "others"):
            if is_in(other.path, claim.path):
                yield _mistake(claim, f"a directory inside {other.path} ({other.line}), and not all of it")
        for other in written:
            if is_in(claim.path, other.path) or is_in(other.path, claim.path):
                yield _mistake(claim, f"a path that no slot writes; {other.path} is writable ({other.line})")


def _sockets(policy: Policy) -> t.Iterator[Mistake]:
    for claim in _own(policy, "sockets"):
        for secret in [*protected(policy), *_own(policy, "others")]:
            if is_in(claim.path, secret.path):
                yield _mistake(claim, f"no socket in {secret.path}, which is denied ({secret.line}); who answers there acts outside the sandbox")
