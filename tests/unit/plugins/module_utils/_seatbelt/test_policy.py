# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies: what people write is read or refused, line by line; what is generated says which line made it."""

from __future__ import annotations

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.decision import decide
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import PolicyError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.lint import lint_text
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.parts import PRESETS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.policy_read import parse_sandbox
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import load
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.render import render

HOME = "/Users/mac-runners-lint-1"
OTHER = "/Users/mac-runners-lint-2"
BASE = {"name": "lint-1", "home": HOME, "work": [HOME + "/work"], "others": [OTHER]}


def text(**fields):
    return render(parse_sandbox({**BASE, **fields}))


# what is wrong, the field as the message names it, what was given, what is allowed
BAD = [
    ({"read": ["opt"]}, "read[0]", '"opt"', "an absolute path"),
    ({"read": ["/opt", "/a/../b"]}, "read[1]", '"/a/../b"', "without .."),
    ({"write": ['/a"b']}, "write[0]", '"/a\\"b"', "without quotes"),
    ({"write": ['/a")(allow default)(literal "/b']}, "write[0]", "", "without quotes"),
    ({"read": ["/a\n(allow default)"]}, "read[0]", "", "line ends"),
    ({"read": ["/Users/*/x"]}, "read[0]", '"/Users/*/x"', "no patterns"),
    ({"execute": ["/tmp/x"]}, "execute[0]", '"/tmp/x"', "/private/tmp/x, since /tmp is a link"),
    ({"deny": ["/var/x"]}, "deny[0]", '"/var/x"', "/private/var/x, since /var is a link"),
    ({"others": ["/etc/x"]}, "others[0]", '"/etc/x"', "/private/etc/x, since /etc is a link"),
    ({"home": "/var/x"}, "home", '"/var/x"', "/private/var/x"),
    ({"home": "/"}, "home", '"/"', "the home of the slot's account"),
    ({"home": None}, "home", "nothing", "an absolute path"),
    ({"name": "Lint 1"}, "name", '"Lint 1"', "lower-case letters"),
    ({"name": "x\n(allow default)"}, "name", "", "lower-case letters"),
    ({"write": ["/Users"]}, "write[0]", '"/Users"', f"no writable parent of {HOME}/.ssh, which is protected (always: secrets)"),
    ({"write": ["/"]}, "write[0]", '"/"', "no writable parent of"),
    ({"work": [HOME]}, "work[0]", f'"{HOME}"', f"no writable parent of {HOME}/.ssh"),
    ({"write": [HOME + "/.ssh/x"]}, "write[0]", "", f"no path inside {HOME}/.ssh"),
    ({"write": ["/opt/a"], "deny": ["/opt/a/b"]}, "write[0]", '"/opt/a"', "no writable parent of /opt/a/b, which is protected (deny[0])"),
    ({"write": [OTHER + "/x"]}, "write[0]", "", f"no path inside {OTHER}, which is protected (others[0])"),
    ({"write": ["/opt/homebrew/var"], "presets": ["build"]}, "write[0]", "", "writable and executable at once"),
    ({"write": ["/opt/x"], "execute": ["/opt/x/bin"]}, "write[0]", "", "writable and executable at once"),
    ({"read": [HOME + "/.ssh/config"]}, "read[0]", "", "which is denied (always: secrets)"),
    ({"read": [OTHER + "/pub"]}, "read[0]", "", "list it in shared"),
    ({"shared": [OTHER]}, "shared[0]", f'"{OTHER}"', f"a directory inside {OTHER} (others[0]), and not all of it"),
    ({"shared": ["/Users"]}, "shared[0]", '"/Users"', ""),
    ({"shared": [HOME + "/work/x"]}, "shared[0]", "", "a path that no slot writes"),
    ({"shared": [HOME + "/.aws"]}, "shared[0]", "", "which is denied"),
    ({"others": [HOME + "/work"]}, "others[0]", "", f"a directory of another slot; this one's home is {HOME}"),
    ({"others": ["/Users"]}, "others[0]", '"/Users"', "a directory of another slot"),
    ({"deny": [HOME + "/.npm"], "presets": ["node"]}, "deny[0]", "", "which is written (part node"),
    ({"sockets": ["/private/var/run/docker.sock"]}, "sockets[0]", "", "acts outside the sandbox"),
    ({"sockets": [OTHER + "/s"]}, "sockets[0]", "", "acts outside the sandbox"),
    ({"presets": ["buld"]}, "presets[0]", '"buld"', "one of build, xcode, node, strict; did you mean build?"),
    ({"presets": "build"}, "presets", '"build"', "a list"),
    ({"network": "some"}, "network", '"some"', "one of none, loopback, ports, all"),
    ({"network": "ports"}, "connect", "nothing", "the ports to connect to"),
    ({"network": "all", "connect": [80]}, "connect", "[80]", "nothing unless network is ports"),
    ({"network": "ports", "connect": ["10.0.0.1:80"]}, "connect[0]", '"10.0.0.1:80"', "macOS cannot tell other hosts apart"),
    ({"network": "ports", "connect": [0]}, "connect[0]", "0", "a port from 1 to 65535"),
    ({"network": "ports", "connect": [True]}, "connect[0]", "True", "a port from 1 to 65535"),
    ({"ports": "20000-20000x"}, "ports", "", "a range such as 20000-20099"),
    ({"ports": "80-90"}, "ports", '"80-90"', "from 1024 to 49151"),
    ({"ports": "49000-49200"}, "ports", "", "from 1024 to 49151"),
    ({"ports": "20000-30000"}, "ports", "", "at most 1000 ports"),
    ({"ports": "20010-20000"}, "ports", "", "a range"),
    ({"services": ["dnss"]}, "services[0]", '"dnss"', "did you mean dns?"),
    ({"services": ['com.a")(x']}, "services[0]", "", "the name of a Mach service"),
    ({"writable": ["/x"]}, "writable", "an unknown field", "write"),
]


@pytest.mark.parametrize(("fields", "field", "given", "allowed"), BAD)
def test_bad_input(fields, field, given, allowed):
    with pytest.raises(PolicyError) as error:
        text(**fields)
    message = str(error.value)
    assert f"field {field}: got {given}" in message and allowed in message
    assert message.count(f"field {field}:") == 1 and "\n" not in message


@pytest.mark.parametrize("raw", [None, [], "x", 7])
def test_what_is_no_policy(raw):
    with pytest.raises(PolicyError, match="field itself: got|field name"):
        parse_sandbox(raw)


def test_all_mistakes_come_out_together():
    with pytest.raises(PolicyError) as error:
        text(read=["a"], write=["/tmp"], network="x", ports="y")
    assert [f"field {field}:" in str(error.value) for field in ("read[0]", "write[0]", "network", "ports")] == [True] * 4


def test_spelling_that_changes_nothing_is_taken():
    assert text(read=["/opt/cache/", "/opt/cache"]) == text(read=["/opt/cache"])


@pytest.mark.parametrize("network", ["none", "loopback", "ports", "all"])
@pytest.mark.parametrize("presets", [[], *([one] for one in PRESETS), list(PRESETS), list(PRESETS)[::-1]], ids=str)
def test_what_is_generated_compiles_and_is_clean(presets, network):
    connect = [443, "localhost:8080"] if network == "ports" else []
    made = text(presets=presets, network=network, connect=connect, ports="20000-20009", read=["/opt/x"], write=[HOME + "/out"], execute=["/opt/tools"])
    profile = load(made)
    assert not profile.refused() and not profile.holes and made.isascii()
    findings = lint_text(made)
    assert [one for one in findings if not one.accepted] == []
    assert {one.id for one in findings} <= {"writable-executable", "implicit-allow-minor"}


def test_comments_say_which_line_made_a_rule():
    made = text(presets=["node"], read=["/opt/cache"], deny=["/opt/cache/s"], network="loopback", ports="20000-20001", services=["com.acme.helper"])
    rules = {block.splitlines()[0]: block for block in made.split("\n\n")[1:] if block}
    assert '(subpath "/opt/cache")' in next(block for block in made.split("\n\n") if block.startswith("; read\n"))
    assert '(local ip "localhost:20001")' in rules["; ports"]
    assert '(remote ip "localhost:*")' in rules["; network loopback"]
    assert '(global-name "com.acme.helper")' in rules["; services"]
    assert '(deny file-read* file-read-data' in rules["; others"] and f'(subpath "{OTHER}")' in rules["; others"]
    assert '(subpath "/opt/cache/s")' in rules["; deny"]
    assert "(allow mach-host*)" in made and "; part node: Node.js and npm" in rules
    assert all(block.startswith("; ") for block in made.split("\n\n"))


def verdict(made, operation, argument=None):
    return decide(load(made), operation, argument).verdict


def test_what_a_job_can_do():
    made = text(presets=["build"], network="ports", connect=[443], ports="20000-20009")
    for operation, argument in [
        ("process-exec", "/bin/sh"),
        ("process-exec", HOME + "/work/a.out"),
        ("process-fork", None),
        ("file-read-data", "/"),
        ("file-read-data", "/usr/lib/dyld"),
        ("file-read-metadata", HOME),
        ("file-write-create", HOME + "/work/x"),
        ("file-link", HOME + "/work/x"),
        ("network-outbound", "github.com:443"),
        ("network-outbound", "/var/run/mDNSResponder"),
        ("network-outbound", "localhost:20003"),
        ("network-bind", "0.0.0.0:20009"),
        ("network-bind", HOME + "/work/pipe"),
        ("mach-lookup", "com.apple.trustd"),
        ("sysctl-read", "hw.ncpu"),
        ("signal", "self"),
    ]:
        assert verdict(made, operation, argument) == "allow", (operation, argument)


def test_what_a_job_cannot_do():
    made = text(presets=["build"], network="ports", connect=[443], ports="20000-20009", read=["/Users"])
    for operation, argument in [
        ("file-read-data", HOME + "/.ssh/id_ed25519"),
        ("file-read-metadata", HOME + "/Library/Keychains/login.keychain-db"),
        ("file-write-unlink", HOME),
        ("file-link", HOME + "/.ssh/id_ed25519"),
        ("file-clone", HOME + "/.aws/credentials"),
        ("file-read-data", OTHER + "/work/x"),
        ("file-write-create", OTHER + "/work/x"),
        ("process-exec", OTHER + "/work/x"),
        ("file-write-create", "/usr/local/bin/x"),
        ("file-write-create", HOME + "/.zshrc"),
        ("network-outbound", "github.com:22"),
        ("network-outbound", "/var/run/docker.sock"),
        ("network-outbound", "/private/tmp/com.apple.launchd.abc/Listeners"),
        ("network-bind", "localhost:20010"),
        ("network-bind", "localhost:0"),
        ("mach-lookup", "com.apple.SecurityServer"),
        ("file-write-setugid", HOME + "/work/x"),
        ("job-creation", None),
        ("nvram-set", "x"),
    ]:
        assert verdict(made, operation, argument) == "deny", (operation, argument)


def test_the_keychain_is_opened_by_name():
    made = text(services=["keychain"])
    assert verdict(made, "file-write-data", HOME + "/Library/Keychains/x") == verdict(made, "mach-lookup", "com.apple.secd") == "allow"
    assert verdict(made, "file-read-data", "/Library/Keychains/System.keychain") == "deny"


def test_strict_denies_what_macos_allows_by_itself():
    for operation in ("system-privilege", "iokit-get-properties", "mach-cross-domain-lookup"):
        assert (verdict(text(), operation), verdict(text(presets=["strict"]), operation)) == ("allow", "deny")
    assert verdict(text(presets=["strict"]), "dynamic-code-generation") == "deny"
    assert verdict(text(presets=["strict", "node"]), "dynamic-code-generation") == "allow"
    assert verdict(text(presets=["strict"]), "file-map-executable", "/opt/evil.dylib") == "deny"
    assert verdict(text(presets=["strict"]), "file-map-executable", "/usr/lib/libSystem.dylib") == "allow"


def test_shared_is_read_and_nothing_else():
    made = text(shared=[OTHER + "/pub"])
    assert verdict(made, "file-read-data", OTHER + "/pub/x") == "allow"
    for operation in ("file-write-data", "process-exec", "file-link", "network-outbound"):
        assert verdict(made, operation, OTHER + "/pub/x") == "deny"
    assert verdict(made, "file-read-data", OTHER + "/private") == "deny"


def test_the_same_policy_gives_the_same_text():
    assert text(presets=["build", "node"]) == text(presets=["build", "node", "build"])
