# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each finding of the linter: a profile that has it, and the same put right, which has not."""

from __future__ import annotations

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import KINDS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint import lint_text

HEAD = "(version 1)\n(deny default)\n"
MANY = " ".join(f'(remote ip "*:{port}")' for port in range(1, 4102))
LONG = " ".join(f'(literal "/{"x" * 600}{number}")' for number in range(110))

# id, wrong, right; both below (deny default) unless they have a version
CASES = [
    ("syntax", '(allow file-read* (literal "/a)', '(allow file-read* (literal "/a"))'),
    ("version", "(deny default)", "(version 1)(deny default)"),
    ("version", "(version 3)(deny default)", "(version 1)(deny default)"),
    ("unknown-operation", "(allow file-foo*)", "(allow file-read*)"),
    ("unknown-operation", "(allow load-unsigned-code)", "(allow file-read*)"),
    ("unknown-filter", "(allow syscall-unix (syscall-mask 1))", "(allow syscall-unix (syscall-number SYS_read))"),
    ("unbound-name", "(allow file-read* (home-path))", '(allow file-read* (subpath "/a"))'),
    ("unset-param", '(allow file-read* (subpath (param "X")))', '(if (param "X") (allow file-read* (subpath (param "X"))))'),
    ("unset-param", '(allow file-read* (subpath (string-append (param "X") "/a")))', '(allow file-read* (subpath "/a"))'),
    ("ip-address", '(allow network-outbound (remote ip "10.0.0.1:80"))', '(allow network-outbound (remote ip "localhost:80"))'),
    ("does-not-compile", "(allow 7)", "(allow file-read*)"),
    ("link-path", '(allow file-read* (subpath "/tmp/x"))', '(allow file-read* (subpath "/private/tmp/x"))'),
    ("link-path", '(deny file-read* (subpath "/etc"))', '(deny file-read* (subpath "/private/etc"))'),
    ("link-path", '(allow file-write* (literal "/var"))', '(allow file-read-metadata (literal "/var"))'),
    ("dotdot-path", '(allow file-read* (subpath "/a/../b"))', '(allow file-read* (subpath "/b"))'),
    ("relative-path", '(allow file-read* (subpath "a"))', '(allow file-read* (subpath "/a"))'),
    ("relative-path", '(allow file-read* (subpath ""))', '(allow file-read* (subpath "/"))'),
    ("untidy-path", '(allow file-read* (subpath "/a/"))', '(allow file-read* (prefix "/a/"))'),
    ("data-volume", '(allow file-read* (subpath "/System/Volumes/Data/opt"))', '(allow file-read* (subpath "/opt"))'),
    ("non-ascii", '(deny file-read* (subpath "/caf\u00e9"))', '(deny file-read* (subpath "/cafe"))'),
    ("outbound-local", '(allow network-outbound (local ip "localhost:*"))', '(allow network-outbound (remote ip "localhost:*"))'),
    ("port-count", f"(allow network-outbound {MANY})", '(allow network-outbound (remote ip "*:*"))'),
    ("pattern-size", f"(allow file-read* {LONG})", '(allow file-read* (subpath "/x"))'),
    (
        "read-deny-moved",
        '(allow file-write* (subpath "/a"))(deny file-read* (subpath "/a/s"))',
        '(allow file-write* (subpath "/b"))(deny file-read* (subpath "/a/s"))',
    ),
    (
        "read-deny-moved",
        '(allow file-write* (subpath "/a"))(deny file-read* file-write-unlink (subpath "/a/s"))',
        '(allow file-write* (subpath "/a"))(deny file-read* (subpath "/a/s"))(deny file-write-unlink (subpath "/a/s") (literal "/a"))',
    ),
    ("read-deny-linked", '(deny file-read* (subpath "/s"))', '(deny file-read* file-link (subpath "/s"))'),
    ("socket-open", '(allow network-outbound)(deny file-read* (subpath "/s"))', '(allow network-outbound (remote ip "*:*"))(deny file-read* (subpath "/s"))'),
    ("socket-open", "(allow network*)", '(allow network* (remote ip "*:*"))'),
    ("implicit-allow", "(allow file-read*)", "(deny nvram* process-info* process-info-codesignature file-link file-clone)"),
    (
        "shadowed-deny",
        '(allow file-read-data (subpath "/a"))(deny file-read* (subpath "/a/s"))',
        '(allow file-read-data (subpath "/a"))(deny file-read* file-read-data (subpath "/a/s"))',
    ),
    (
        "shadowed-deny",
        '(allow file-read-metadata)(deny file-read* (literal "/s"))',
        '(allow file-read-metadata)(deny file-read* file-read-metadata (literal "/s"))',
    ),
    (
        "never-wins",
        '(deny file-read* (literal "/a/s"))(allow file-read* (subpath "/a"))',
        '(allow file-read* (subpath "/a"))(deny file-read* (literal "/a/s"))',
    ),
    ("never-wins", "(allow sysctl-read)(allow sysctl-read)", "(allow sysctl-read)"),
    ("unmeasured-order", "(allow sysctl-read)(deny sysctl-read)", "(allow sysctl-read)"),
    ("unmeasured-order", '(allow file-read* (subpath "/a"))(deny file-read* (require-not (subpath "/a")))', '(allow file-read* (subpath "/a"))'),
    ("open-regex", '(allow file-read* (regex #"/a"))', '(allow file-read* (regex #"^/a"))'),
    ("loose-dot", '(allow file-read* (regex #"^/a.b"))', r'(allow file-read* (regex #"^/a\.b[.].*"))'),
    ("regex-deny", '(deny file-read* (regex #"^/a"))', '(deny file-read* (subpath "/a"))'),
    ("doubtful-regex", '(allow file-read* (regex #"^/a{2}"))', '(allow file-read* (regex #"^/aa"))'),
    ("does-not-compile", '(allow file-read* (regex #"^/a("))', '(allow file-read* (regex #"^/a"))'),
    ("open-mach-lookup", "(allow mach-lookup)", '(allow mach-lookup (global-name "com.apple.trustd"))'),
    (
        "writable-executable",
        '(allow process-exec (subpath "/a"))(allow file-write* (subpath "/a/b") (subpath "/a"))',
        '(allow process-exec (subpath "/a"))(allow file-write* (subpath "/b"))',
    ),
    ("writable-executable", '(allow process-exec)(allow file-write* (subpath "/a"))', '(allow process-exec)(allow file-read* (subpath "/a"))'),
    ("no-sandbox", '(allow process-exec (literal "/bin/ps") (with no-sandbox))', '(allow process-exec (literal "/bin/ps"))'),
    ("allow-default", "(version 1)(allow default)", "(version 1)(deny default)"),
    ("missing-base", '(allow file-read* (subpath "/a"))', '(allow file-read* (literal "/") (subpath "/usr"))'),
    ("not-understood", '(import "system.sb")', "(allow file-read*)"),
    ("not-understood", "(call/cc allow)", "(do ((n 1)) (#t 1))"),
]


def found(text, **options):
    text = text if text.startswith("(version") or text == "(deny default)" else HEAD + text
    return lint_text(text, **options)


@pytest.mark.parametrize(("name", "wrong", "right"), CASES, ids=[f"{case[0]}-{number}" for number, case in enumerate(CASES)])
def test_a_finding(name, wrong, right):
    got = [one for one in found(wrong) if one.id == name]
    assert got, [one.id for one in found(wrong)]
    assert all(one.line >= 1 and one.column >= 1 and one.what and one.why and one.fix and one.severity in ("error", "warning", "note") for one in got)
    assert not [one for one in found(right) if one.id == name]


def test_every_kind_has_a_case():
    assert set(KINDS) - {case[0] for case in CASES} == {"implicit-allow-minor"}


def test_what_is_left_open_is_listed():
    (minor,) = [one for one in found("(deny nvram*)") if one.id == "implicit-allow-minor"]
    assert (minor.severity, minor.line) == ("note", 2)
    assert {"dynamic-code-generation", "file-map-executable", "system-privilege", "file-lock", "syscall-unix"} <= set(minor.what.split(", "))
    (grave,) = [one for one in found("(deny nvram*)") if one.id == "implicit-allow"]
    assert grave.what == "file-link, file-clone, process-info-pidinfo, process-info-codesignature"


def test_places_and_texts():
    (error,) = [one for one in found('(allow file-read*\n  (subpath "/tmp/x"))') if one.severity == "error"]
    assert (error.id, error.file, error.line, error.column) == ("link-path", "profile", 3, 1)
    assert error.rule == '(allow file-read* (subpath "/tmp/x"))' and error.what == "subpath /tmp/x"


def test_a_syntax_error_in_an_import_has_its_place():
    (error,) = found('(import "x.sb")', imports={"x.sb": "(deny\n  default"})
    assert (error.id, error.file, error.line, error.column) == ("syntax", "x.sb", 1, 1)


def test_findings_in_an_import_name_the_file():
    (error,) = [one for one in found('(import "x.sb")', imports={"x.sb": '\n(deny file-read* (subpath "/tmp"))'}) if one.id == "link-path"]
    assert (error.file, error.line) == ("x.sb", 2)


def test_what_a_comment_accepts():
    text = '; why\n; lint-ok: link-path, never-wins (the link itself is meant)\n(allow file-read* (subpath "/tmp"))\n'
    (accepted,) = [one for one in found(text) if one.id == "link-path"]
    assert accepted.accepted == "the link itself is meant"
    (other,) = [one for one in found(text + '(allow file-read* (subpath "/var"))') if one.id == "link-path" and not one.accepted]
    assert other.line == 6
    (wrong,) = [one for one in found("; lint-ok: open-regex\n" + '(allow file-read* (subpath "/tmp"))') if one.id == "link-path"]
    assert not wrong.accepted


def test_the_worst_comes_first():
    severities = [one.severity for one in found('(allow mach-lookup)(allow file-read* (subpath "/tmp"))')]
    assert severities == sorted(severities, key=["error", "warning", "note"].index) and severities[0] == "error"


def test_a_profile_that_does_not_compile_is_asked_for_no_decisions():
    assert {one.id for one in found("(allow mach-lookup)(allow file-foo*)")} == {"unknown-operation"}


def test_rules_of_a_wrapped_filter_are_looked_at():
    assert [one.id for one in found('(allow file-read* (require-all (vnode-type DIRECTORY) (subpath "/tmp")))') if one.severity == "error"] == ["link-path"]
