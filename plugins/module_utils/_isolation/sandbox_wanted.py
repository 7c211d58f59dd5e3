# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Sandbox profiles as they shall be: from a policy or a text to one that was read and linted, every mistake told at once."""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import on_one_line, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_links import linked_policy, linked_rules
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.directories import PLAIN, is_plain
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import ReadError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import ERROR, WARNING, Finding
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint import lint, unreadable
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import read_sandbox
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.render import render

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_NAME_ALLOWED = "a lower-case letter, then at most 40 of a-z, 0-9 and -"
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: Longer than any profile that macOS compiles.
LONGEST = 1 << 20
#: Of more findings in one profile the first are told.
_MOST_TOLD = 10


class SandboxError(MacRunnersError):
    """Profiles that cannot become what they shall be."""


class Wanted(t.NamedTuple):
    """A wanted profile. ``params`` are those that it is tried with; ``generated``: from a policy, so that programs must start in it."""

    name: str
    present: bool = True
    text: str = ""
    params: t.Tuple[t.Tuple[str, str], ...] = ()
    generated: bool = False
    findings: t.Tuple[Finding, ...] = ()

    @property
    def version(self) -> str:
        """The SHA-256 of its text, which is the name of its file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def parse_profiles(entries: t.Sequence[t.Mapping[str, t.Any]], root: str, macos: str) -> t.List[Wanted]:
    """Read the module's list, by the tables of a version of macOS; raises :class:`SandboxError` with every mistake."""
    mistakes = [] if is_plain(root) else [f"field root: got {show(root)}; allowed: {PLAIN}"]
    wanted = [_parse(entry, macos, mistakes) for entry in entries]
    names = [one.name for one in wanted]
    mistakes += [f"profile {name}, field name: got it twice; allowed: one entry a profile" for name in dict.fromkeys(names) if names.count(name) > 1]
    if mistakes:
        raise SandboxError("; ".join(mistakes))
    return wanted


def _parse(entry: t.Mapping[str, t.Any], macos: str, mistakes: t.List[str]) -> Wanted:
    name = str(entry.get("name"))
    where = f"profile {on_one_line(name)}"
    if not _NAME.match(name):
        mistakes.append(f"{where}, field name: got {show(name)}; allowed: {_NAME_ALLOWED}")
    if entry.get("state") == "absent":
        return Wanted(name, False)
    policy, content = entry.get("policy"), entry.get("content")
    if (policy is None) is (content is None):
        given = "none" if policy is None else "both"
        mistakes.append(f"{where}, fields policy and content: got {given}; allowed: one of them")
        return Wanted(name)
    found = [*_wrong_texts("params", entry.get("params"), _PARAM), *_wrong_texts("imports", entry.get("imports"), None)]
    text = _generated(name, policy, found) if content is None else _handwritten(content, found)
    mistakes += [f"{where}, field {one}" for one in found]
    if found:
        return Wanted(name)
    params, imports = dict(entry.get("params") or {}), dict(entry.get("imports") or {})
    findings = _findings(text, params, imports, macos)
    field = "content" if policy is None else "policy"
    mistakes += [f"{where}, field {field}, {one}" for one in _refused(findings)]
    return Wanted(name, True, text, tuple(sorted(params.items())), content is None, tuple(one for one in findings if not one.accepted))


def _generated(name: str, raw: t.Any, found: t.List[str]) -> str:
    """The text of a policy; the profile's name is the policy's if that has none."""
    policy, mistakes = read_sandbox({"name": name, **raw} if isinstance(raw, t.Mapping) else raw)
    mistakes = mistakes or linked_policy(policy)
    found += [f"policy.{one.field}: got {one.given}; allowed: {one.allowed}" for one in mistakes]
    return "" if mistakes else render(policy)


def _handwritten(content: t.Any, found: t.List[str]) -> str:
    """A text as it is installed: it ends with a line end."""
    if not isinstance(content, str) or not content.strip():
        found.append(f"content: got {show(content)}; allowed: the text of a profile")
    elif len(content) > LONGEST:
        found.append(f"content: got {len(content)} characters; allowed: {LONGEST}")
    elif "\0" in content or not _can_be_written(content):
        found.append("content: got characters that no text has; allowed: a text in UTF-8, without NUL")
    else:
        return content if content.endswith("\n") else content + "\n"
    return ""


def _can_be_written(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong_texts(field: str, given: t.Any, names: t.Optional[t.Pattern[str]]) -> t.Iterator[str]:
    if not isinstance(given, (t.Mapping, type(None))):
        yield f"{field}: got {show(given)}; allowed: a mapping of names to texts"
        return
    for name, text in (given or {}).items():
        if not isinstance(name, str) or (names is not None and not names.match(name)):
            yield f"{field}: got the name {show(name)}; allowed: a name of letters, digits and _"
        elif not isinstance(text, str) or "\0" in text or not _can_be_written(text):
            yield f"{field}.{on_one_line(name)}: got {show(text)}; allowed: a text"


def _findings(text: str, params: t.Mapping[str, str], imports: t.Mapping[str, str], macos: str) -> t.List[Finding]:
    try:
        profile = load(text, params, imports, macos)
    except ReadError as error:
        return [unreadable(error)]
    return lint(profile) + linked_rules(profile)


def _refused(findings: t.Sequence[Finding]) -> t.Iterator[str]:
    errors = [one for one in findings if one.severity == ERROR and not one.accepted]
    for one in errors[:_MOST_TOLD]:
        place = "" if one.file == "profile" else f"import {one.file}, "
        yield f"{place}line {one.line}, column {one.column}: got {on_one_line(one.rule or 'what cannot be read')} ({one.id}: {one.what}); allowed: {one.fix}"
    if len(errors) > _MOST_TOLD:
        yield f"and {len(errors) - _MOST_TOLD} errors more"


def told(profiles: t.Sequence[Wanted]) -> t.List[t.Dict[str, t.Any]]:
    """The findings that refuse nothing, each with its profile."""
    return [{"profile": profile.name, **one._asdict()} for profile in profiles for one in profile.findings]


def warnings(profiles: t.Sequence[Wanted]) -> t.List[str]:
    """One sentence for each profile with warnings."""
    found = []
    for profile in profiles:
        grave = [one for one in profile.findings if one.severity == WARNING]
        if grave:
            places = ", ".join(f"{one.id} (line {one.line})" for one in grave[:_MOST_TOLD])
            found.append(f"profile {profile.name}: {places}{', ...' if len(grave) > _MOST_TOLD else ''}")
    return found
