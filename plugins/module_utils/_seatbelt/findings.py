# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What the linter can find: for each finding its id, how bad it is, why, and what to do."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.printer import write

ERROR = "error"
WARNING = "warning"
NOTE = "note"


class Kind(t.NamedTuple):
    """One kind of finding."""

    severity: str
    why: str
    fix: str


class Found(t.NamedTuple):
    """A finding as a check makes it; ``at`` is the offset, the beginning of the form when None."""

    id: str
    form: Form
    what: str
    at: t.Optional[int] = None


class Finding(t.NamedTuple):
    """A finding for people. ``accepted`` is the reason given in a comment above the rule to live with it, or empty."""

    id: str
    severity: str
    file: str
    line: int
    column: int
    rule: str
    what: str
    why: str
    fix: str
    accepted: str


KINDS: t.Mapping[str, Kind] = {
    "syntax": Kind(ERROR, "macOS cannot read the profile, so nothing runs in it", "correct the text at this place"),
    "does-not-compile": Kind(ERROR, "macOS refuses the whole profile, so nothing runs in it", "correct the form at this place"),
    "version": Kind(
        ERROR, "without (version 1) nothing compiles; other versions are Apple's own and decide differently", "begin the profile with (version 1)"
    ),
    "unknown-operation": Kind(
        ERROR, "this version of macOS has no such operation and refuses the profile", "use an operation of the version, or guard the rule"
    ),
    "unknown-filter": Kind(ERROR, "this version of macOS has no such filter and refuses the profile", "use a filter of the version, or guard the rule"),
    "unbound-name": Kind(ERROR, "nothing defines this name, so macOS refuses the profile", "define it, supply the file that does, or correct the spelling"),
    "unset-param": Kind(
        ERROR, "a parameter that is not given is #f, and a pattern must be a text", "give the parameter, or guard the rule with (if (param ...) ...)"
    ),
    "ip-address": Kind(
        ERROR, "macOS knows the hosts * and localhost only, and single ports or *", "write *:PORT or localhost:PORT; hosts need a proxy outside"
    ),
    "link-path": Kind(ERROR, "the kernel compares what a link leads to, so the rule never holds", "write the path behind the link, below /private"),
    "dotdot-path": Kind(ERROR, "no path that the kernel compares has .. in it", "write the path without .."),
    "relative-path": Kind(ERROR, "only absolute paths are compared, so the rule never holds", "write an absolute path"),
    "untidy-path": Kind(
        WARNING, "whether a slash at the end, // or /. is put right by macOS has not been measured", "write the path without what is too much in it"
    ),
    "data-volume": Kind(
        WARNING, "the kernel shows most of the data volume without this prefix, and versions differ", "write the path without /System/Volumes/Data"
    ),
    "non-ascii": Kind(WARNING, "how names beyond ASCII are compared depends on the file system", "use ASCII names for what is protected"),
    "outbound-local": Kind(
        ERROR, "the local end of a connection says nothing about where it goes: this opens the whole internet", "filter network-outbound with remote"
    ),
    "port-count": Kind(ERROR, "macOS takes seconds to compile thousands of rules on ports, and refuses about 8000", "list fewer ports, or allow *"),
    "pattern-size": Kind(ERROR, "macOS refuses more than 65535 bytes of patterns", "name directories in place of the files in them"),
    "read-deny-moved": Kind(
        WARNING,
        "who may rename a file or a directory above it can read it under its new name",
        "deny file-write-unlink on the path and on each directory above",
    ),
    "read-deny-linked": Kind(WARNING, "macOS allows hard links by itself, and the other name can be read", "deny file-link, at least on the path"),
    "socket-open": Kind(
        WARNING, "denying files does not stop a connection to a socket; who answers there acts outside the sandbox", "deny network-outbound on the path"
    ),
    "implicit-allow": Kind(
        WARNING, "(deny default) leaves these open, since macOS allows them by itself", "deny them by name, and allow what is needed of them"
    ),
    "implicit-allow-minor": Kind(NOTE, "(deny default) leaves these open too", "deny by name what is not needed"),
    "shadowed-deny": Kind(
        WARNING, "a rule on one operation beats every rule on the operation that stands for several", "name the operation in the deny too"
    ),
    "never-wins": Kind(WARNING, "later rules hold wherever this one does, so it decides nothing", "remove it, or move it behind them"),
    "unmeasured-order": Kind(WARNING, "nobody has measured which of these rules decides", "say it without the contradiction"),
    "open-regex": Kind(WARNING, "an expression without ^ holds anywhere in a path", "begin it with ^/"),
    "loose-dot": Kind(NOTE, "a dot stands for any character", "write \\. for a dot"),
    "regex-deny": Kind(WARNING, "an expression may be evaded by another spelling, such as another case", "deny with subpath or literal"),
    "doubtful-regex": Kind(WARNING, "whether macOS knows this in an expression has not been measured", "write it with ^ $ . [ ] ( ) | * + ? alone"),
    "open-mach-lookup": Kind(
        WARNING, "every service can be asked, and many act outside the sandbox for whoever asks", "list the services with global-name"
    ),
    "writable-executable": Kind(
        WARNING, "what a job writes it can run, so a list of programs stops nothing", "keep what is written and what is executed apart"
    ),
    "no-sandbox": Kind(WARNING, "the program runs without any sandbox", "run it outside before, or give it the rules that it needs"),
    "allow-default": Kind(WARNING, "what no rule names is allowed, and each macOS brings new operations", "begin with (deny default) and allow what is needed"),
    "missing-base": Kind(WARNING, "no program starts without these, and dies with SIGABRT and no message", "allow file-read* on them"),
    "not-understood": Kind(WARNING, "what stands here was not evaluated, and may hold rules", "supply the file, or write it in plain rules"),
}

_ACCEPTED = re.compile(r"lint-ok:\s*([a-z-]+(?:,\s*[a-z-]+)*)\s*(?:\((.*)\))?\Z")


def finding_of(found: Found) -> Finding:
    """A finding with its place, the rule's text and what a comment says about it."""
    source = found.form.source
    line, column = source.position(found.form.at if found.at is None else found.at)
    kind = KINDS[found.id]
    rule = write([found.form]).strip()
    short = rule if len(rule) <= 300 else rule[:297] + "..."
    return Finding(found.id, kind.severity, source.name, line, column, short, found.what, kind.why, kind.fix, _reason(found))


def _reason(found: Found) -> str:
    """The reason in the comments right above the form, for this kind of finding."""
    comments = found.form.source.comments
    line = found.form.position()[0] - 1
    while line in comments:
        match = _ACCEPTED.match(comments[line])
        if match is not None and found.id in re.split(r",\s*", match[1]):
            return match[2] or "accepted"
        line -= 1
    return ""
