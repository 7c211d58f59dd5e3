# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The linter: what is wrong with a profile, what leaks through it, and what was not understood in it."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import lint_compile, lint_open, lint_order, lint_paths
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import ReadError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import ERROR, KINDS, NOTE, WARNING, Finding, Found, finding_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import NEWEST, Profile, load

Check = t.Callable[[Profile], t.Iterator[Found]]

CHECKS: t.Tuple[Check, ...] = (*lint_compile.CHECKS, *lint_paths.CHECKS, *lint_order.CHECKS)
#: These ask the profile for decisions, which one that does not compile has none of.
DECIDED: t.Tuple[Check, ...] = lint_open.CHECKS
_ORDER = (ERROR, WARNING, NOTE)


def lint_text(
    text: str,
    params: t.Optional[t.Mapping[str, str]] = None,
    imports: t.Optional[t.Mapping[str, str]] = None,
    macos: str = NEWEST,
    name: str = "profile",
) -> t.List[Finding]:
    """All findings in a text, those that were accepted too; one alone if it cannot be read. Raises ValueError for what is no version."""
    try:
        return lint(load(text, params, imports, macos, name))
    except ReadError as error:
        return [unreadable(error)]


def unreadable(error: ReadError) -> Finding:
    """The one finding in a text that cannot be read."""
    kind = KINDS["syntax"]
    file = str(error).partition(", line ")[0]
    return Finding("syntax", kind.severity, file, error.line, error.column, "", error.what, kind.why, kind.fix, "")


def lint(profile: Profile) -> t.List[Finding]:
    """All findings in a profile, the worst first, each place once."""
    checks = CHECKS if profile.refused() else CHECKS + DECIDED
    found = {finding_of(one): None for check in checks for one in check(profile)}
    return sorted(found, key=lambda one: (_ORDER.index(one.severity), one.file, one.line, one.column, one.id))
