# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every measured fact about the order of rules, one case a fact; and unknown where nobody has measured."""

from __future__ import annotations

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.decision import decide, shown
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import CompileError, QuestionError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load

DENY_DEFAULT = "(version 1)(deny default)"
ALLOW_DEFAULT = "(version 1)(allow default)"


def decided(rules, operation, argument=None, **options):
    return decide(load(rules if "version" in rules else DENY_DEFAULT + rules, **options), operation, argument)


# What was measured, rules below (deny default) unless they say otherwise, operation, argument, verdict, step
FACTS = [
    (
        "step 1: the last filtered rule wins",
        '(allow file-read* (subpath "/a"))(deny file-read* (subpath "/a/b"))',
        "file-read-data",
        "/a/b/c",
        "deny",
        "filtered",
    ),
    ("step 1: and not the first", '(deny file-read* (subpath "/a/b"))(allow file-read* (subpath "/a"))', "file-read-data", "/a/b/c", "allow", "filtered"),
    (
        "last_match: a longer path counts no more",
        '(deny file-read* (literal "/a/b"))(allow file-read* (subpath "/"))',
        "file-read-data",
        "/a/b",
        "allow",
        "filtered",
    ),
    (
        "last_match: nor does the kind of filter",
        '(deny file-read* (literal "/a/b"))(allow file-read* (regex #"^/a"))',
        "file-read-data",
        "/a/b",
        "allow",
        "filtered",
    ),
    (
        "step 2: without a filter, wherever it stands",
        '(allow file-write* (subpath "/w"))(deny file-write*)(allow default)',
        "file-write-data",
        "/w/x",
        "allow",
        "filtered",
    ),
    ("step 2: it decides the rest", ALLOW_DEFAULT + '(allow file-write* (subpath "/w"))(deny file-write*)', "file-write-data", "/x", "deny", "unfiltered"),
    (
        "unfiltered: a later one does not beat a path",
        '(deny network-outbound (literal "/s"))(allow network-outbound)',
        "network-outbound",
        "/s",
        "deny",
        "filtered",
    ),
    ("unfiltered: and allows the rest", '(deny network-outbound (literal "/s"))(allow network-outbound)', "network-outbound", "/t", "allow", "unfiltered"),
    ("step 3: implicit", "", "file-link", "/x", "allow", "implicit"),
    ("step 4: up to default", "", "file-read-data", "/x", "deny", "unfiltered"),
    ("step 4: no rule at all", "(version 1)", "file-read-data", "/x", "deny", "default"),
    ("op_specificity 1", '(allow file-read-data (subpath "/"))(deny file-read* (literal "/x"))', "file-read-data", "/x", "allow", "filtered"),
    ("op_specificity 2", '(deny file-read-data (literal "/x"))(allow file-read* (literal "/x"))', "file-read-data", "/x", "deny", "filtered"),
    ("op_specificity 3", '(deny file-read* (literal "/x"))(allow file-read-metadata)', "file-read-metadata", "/x", "allow", "unfiltered"),
    (
        "op_specificity 3: the deny must name it",
        '(allow file-read-metadata)(deny file-read* file-read-metadata (literal "/x"))',
        "file-read-metadata",
        "/x",
        "deny",
        "filtered",
    ),
    ("op_specificity 4", '(deny file-write-unlink)(allow file-write* (subpath "/w"))', "file-write-unlink", "/w/x", "deny", "unfiltered"),
    ("default_rule: last", '(version 1)(deny file-read* (subpath "/x"))(allow default)', "file-read-data", "/y", "allow", "unfiltered"),
    ("default_rule: first", '(version 1)(allow default)(deny file-read* (subpath "/x"))', "file-read-data", "/x", "deny", "filtered"),
    ("implicit_allow: process-info", "", "process-info-pidinfo", "others", "allow", "implicit"),
    ("implicit_allow: nvram", "", "nvram-get", "boot-args", "allow", "implicit"),
    ("implicit_allow: iokit-get-properties", "", "iokit-get-properties", None, "allow", "implicit"),
    ("implicit_allow_14_4", "", "file-lock", "/x", "allow", "derived"),
    ("multi_filter: OR", '(allow file-read* (literal "/a") (literal "/b"))', "file-read-data", "/a", "allow", "filtered"),
    ("multi_filter: AND needs require-all", '(allow file-read* (require-all (subpath "/a") (literal "/b")))', "file-read-data", "/b", "deny", "unfiltered"),
    ("multi_value: OR", '(allow file-read* (literal "/a" "/b"))', "file-read-data", "/b", "allow", "filtered"),
    ("setugid: not by file-write*", '(allow file-write* (subpath "/"))', "file-write-setugid", "/x", "deny", "implicit"),
    ("setugid: not by default", ALLOW_DEFAULT, "file-write-setugid", "/x", "deny", "implicit"),
    ("setugid: by name", "(allow file-write-setugid)", "file-write-setugid", "/x", "allow", "unfiltered"),
    ("job_creation: not by default", ALLOW_DEFAULT, "job-creation", None, "deny", "implicit"),
    ("job_creation: by name", "(allow job-creation)", "job-creation", None, "allow", "unfiltered"),
    ("network_bind_parent", '(allow network-inbound (local ip "*:80"))', "network-bind", "localhost:80", "allow", "filtered"),
    ("network_bind_parent: not the other way round", '(allow network-bind (local ip "*:80"))', "network-inbound", "localhost:80", "deny", "unfiltered"),
    ("canonical: a rule on a link is dead", '(allow file-read* (subpath "/tmp"))', "file-read-data", "/tmp/x", "deny", "unfiltered"),
    ("canonical: /var", '(deny file-read* (subpath "/var/db"))(allow file-read* (subpath "/private"))', "file-read-data", "/var/db/x", "allow", "filtered"),
    (
        "canonical: a denied link spelling fails open",
        '(allow file-read*)(deny file-read* (subpath "/etc"))',
        "file-read-data",
        "/etc/hosts",
        "allow",
        "unfiltered",
    ),
    ("canonical: /home", '(allow file-read* (subpath "/System/Volumes/Data/home"))', "file-read-data", "/home/x", "allow", "filtered"),
    ("canonical: but for the link itself", '(allow file-read-metadata (literal "/tmp"))', "file-read-metadata", "/tmp", "allow", "filtered"),
    ("firmlinks", '(allow file-read* (subpath "/Users"))', "file-read-data", "/System/Volumes/Data/Users/x", "allow", "filtered"),
    ("missing_path: no error", '(allow file-read* (subpath "/there/is/none"))', "file-read-data", "/x", "deny", "unfiltered"),
    ("readdir: listing is reading", '(allow file-read-data (literal "/d"))', "file-read-data", "/d", "allow", "filtered"),
    ("readdir: stat is metadata", '(allow file-read-data (literal "/d"))', "file-read-metadata", "/d", "deny", "unfiltered"),
    ("symlink_traversal", '(allow file-read-metadata (literal "/var"))', "file-read-metadata", "/var", "allow", "filtered"),
    ("exec: the program itself", '(allow process-exec (literal "/bin/ls"))', "process-exec", "/bin/ls", "allow", "filtered"),
    ("exec: an interpreter falls back to it", '(allow process-exec (literal "/bin/sh"))', "process-exec-interpreter", "/bin/sh", "allow", "filtered"),
    (
        "rename: a read deny does not cover it",
        '(allow file-write* (subpath "/"))(deny file-read* (subpath "/s"))',
        "file-write-unlink",
        "/s",
        "allow",
        "filtered",
    ),
    ("hardlink: denied files may be linked", '(deny file* (subpath "/s"))', "file-link", "/s/x", "allow", "implicit"),
    ("unix_sockets: path filters", '(allow network-outbound (literal "/private/s"))', "network-outbound", "/private/s", "allow", "filtered"),
    ("unix_sockets: file denies do not stop them", '(allow network-outbound)(deny file* (subpath "/s"))', "network-outbound", "/s/x", "allow", "unfiltered"),
    ("unix_sockets: addresses are none", '(allow network-outbound (remote ip "*:*"))', "network-outbound", "/s", "deny", "unfiltered"),
    ("unix_sockets: bind", '(allow network-bind (subpath "/w"))', "network-bind", "/w/s", "allow", "filtered"),
    ("dns", '(allow network-outbound (literal "/private/var/run/mDNSResponder"))', "network-outbound", "/var/run/mDNSResponder", "allow", "filtered"),
    ("local_vs_remote", '(allow network-outbound (local ip "localhost:*"))', "network-outbound", "github.com:443", "allow", "filtered"),
    ("localhost_scope: 0.0.0.0 may be bound", '(allow network-bind (local ip "localhost:80"))', "network-bind", "0.0.0.0:80", "allow", "filtered"),
    ("localhost_scope: out", '(allow network-outbound (remote ip "localhost:80"))', "network-outbound", "github.com:80", "deny", "unfiltered"),
    ("port_zero: as port 0", '(allow network-bind (local ip "localhost:80"))', "network-bind", "localhost:0", "deny", "unfiltered"),
    ("port_zero: any port", '(allow network-bind (local ip "localhost:*"))', "network-bind", "localhost:0", "allow", "filtered"),
    ("no_sandbox_exec", '(allow process-exec (literal "/bin/ps") (with no-sandbox))', "process-exec", "/bin/ps", "allow", "filtered"),
]


@pytest.mark.parametrize(("rules", "operation", "argument", "verdict", "step"), [case[1:] for case in FACTS], ids=[case[0] for case in FACTS])
def test_a_measured_fact(rules, operation, argument, verdict, step):
    got = decided(rules, operation, argument)
    assert (got.verdict, got.step) == (verdict, step), got.why


UNKNOWN = [
    ("unfiltered_same_op", "(allow sysctl-read)(deny sysctl-read)", "sysctl-read", None),
    (
        "require-not competes",
        '(allow file-read* (subpath "/a"))(deny file-read* (require-all (subpath "/a") (require-not (literal "/a/x"))))',
        "file-read-data",
        "/a/x",
    ),
    ("case", '(deny file-read* (subpath "/Users/A"))(allow file-read*)', "file-read-data", "/users/a"),
    ("trailing_slash_effect", '(allow file-read* (subpath "/a/"))', "file-read-data", "/a/x"),
    ("dotdot in a pattern", '(allow file-read* (subpath "/a/../b"))', "file-read-data", "/b/x"),
    ("regex dialect: intervals", '(allow file-read* (regex #"^/a{2}$"))', "file-read-data", "/aa"),
    ("regex dialect: classes", '(allow file-read* (regex #"^/\\d$"))', "file-read-data", "/1"),
    ("a filter on what was not asked", "(allow file-read* (vnode-type REGULAR-FILE))", "file-read-data", "/x"),
    ("a protocol that was not asked", '(allow network-outbound (remote tcp "*:443"))', "network-outbound", "github.com:443"),
    ("the local port of a connection", '(allow network-outbound (local ip "*:80"))', "network-outbound", "github.com:443"),
    ("a name of another kind", '(allow mach-lookup (local-name "com.acme"))', "mach-lookup", "com.acme"),
    ("others may be of the same sandbox", "(allow signal (target same-sandbox))", "signal", "others"),
    ("an argument left open", '(allow file-read* (subpath "/a"))', "file-read-data", None),
    ("operations that are decided differently", '(allow file-read-data (subpath "/a"))', "file-read*", "/a/x"),
    ("a parent that nobody knows", "(version 1)(allow default)", "xpc-message-send", None),
    ("a parent that is only likely", "(allow mach*)", "mach-task-read", None),
]


@pytest.mark.parametrize(("rules", "operation", "argument"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN])
def test_what_nobody_has_measured_is_unknown(rules, operation, argument):
    got = decided(rules, operation, argument)
    assert (got.verdict, got.confidence) == ("unknown", "none")
    assert got.why and got.rules


def test_doubt_that_makes_no_difference_is_none():
    assert decided('(deny file-read* (subpath "/a/"))', "file-read-data", "/a/x").verdict == "deny"
    assert decided('(allow file-read* (subpath "/a"))(allow file-read* (vnode-type TTY))', "file-read-data", "/a/x").verdict == "allow"
    assert decided("(deny file-read*)", "file-read*", "/x").verdict == "deny"
    assert decided('(allow file-write* (require-all (subpath "/w") (require-not (subpath "/w/.git"))))', "file-write-data", "/w/x").verdict == "allow"
    assert decided('(allow file-write* (require-all (subpath "/w") (require-not (subpath "/w/.git"))))', "file-write-data", "/w/.git/x").verdict == "deny"


def test_a_protocol_that_was_asked():
    rules = '(allow network-outbound (remote tcp4 "*:443"))'
    assert decided(rules, "network-outbound", "tcp4:github.com:443").verdict == "allow"
    assert decided(rules, "network-outbound", "tcp6:github.com:443").verdict == "deny"
    assert decided(rules, "network-outbound", "udp:github.com:443").verdict == "deny"
    assert decided(rules, "network-outbound", "tcp:github.com:443").verdict == "unknown"


def test_what_was_not_understood_is_named():
    got = decided('(allow file-read* (subpath "/a"))(import "system.sb")', "file-read-data", "/a")
    assert got.verdict == "unknown" and "system.sb was not supplied" in got.why
    assert [shown(rule)["text"] for rule in got.rules] == ['(import "system.sb")', '(allow file-read* (subpath "/a"))']


def test_a_later_rule_stands_above_what_was_not_understood():
    got = decided('(import "system.sb")(deny file-read* file-read-data (subpath "/a"))', "file-read-data", "/a")
    assert got.verdict == "deny" and len(got.rules) == 1


def test_a_rule_that_may_not_be_reached():
    rules = '(import "x.sb")(if (defined? (quote later)) (allow file-read* (subpath "/a")))(deny file-read-data (subpath "/b"))'
    assert decided(rules, "file-read-data", "/a").verdict == "unknown"
    assert decided(rules, "file-read-data", "/b").verdict == "deny"


def test_a_rule_that_a_function_made_names_the_call():
    got = decided('(define (readable path)\n  (allow file-read* (subpath path)))\n(readable "/a")', "file-read-data", "/a/b")
    (rule,) = (shown(rule) for rule in got.rules)
    assert (rule["line"], rule["called_from"]["line"], rule["called_from"]["text"]) == (2, 3, '(readable "/a")')


@pytest.mark.parametrize(("rules", "what"), [("(allow file-foo*)", "unbound variable: file-foo*"), ('(allow file-read* (subpath (param "X")))', "got boolean")])
def test_what_does_not_compile_decides_nothing(rules, what):
    with pytest.raises(CompileError, match="macOS would not compile") as error:
        decided(rules, "file-read-data", "/a")
    assert what in str(error.value) and "line 1, column" in str(error.value)


def test_a_profile_without_version_decides_nothing():
    with pytest.raises(CompileError, match="no version specified"):
        decide(load("(deny default)"), "file-read-data", "/a")


BAD = [
    ("file-raed-data", "/a", 'operation: got "file-raed-data"; allowed: .* did you mean file-read-data'),
    ("qtn-download", None, "operation: got"),
    (7, None, "operation: got 7"),
    ("file-read-data", "a", 'argument: got "a" for file-read-data; allowed: an absolute path'),
    ("file-read-data", "/a/../b", "an absolute path without"),
    ("network-outbound", "github.com", "allowed: HOST:PORT"),
    ("network-outbound", "localhost:70000", "allowed: HOST:PORT"),
    ("signal", "me", "allowed: self, pgrp"),
    ("process-fork", "/bin/ls", "allowed: none"),
]


@pytest.mark.parametrize(("operation", "argument", "message"), BAD)
def test_a_question_that_is_none(operation, argument, message):
    with pytest.raises(QuestionError, match=message):
        decided("", operation, argument)


def test_the_version_counts():
    assert decided("", "dynamic-code-generation", macos="10.15").confidence == "tables"
    with pytest.raises(QuestionError, match="macOS 10.12"):
        decided("", "dynamic-code-generation", macos="10.12.6")
