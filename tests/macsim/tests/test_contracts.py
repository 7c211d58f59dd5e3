# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replays every concrete form of the contracts against the stand-ins, so that a changed contract breaks the stand-in and not a user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

_CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
_TOOLS = json.loads((_CONTRACTS / "macos-tools.json").read_text())["tools"]
_JOB = """<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Label</key><string>L</string>
<key>ProgramArguments</key><array><string>/bin/sleep</string><string>1000</string></array><key>RunAtLoad</key><true/></dict></plist>"""
# Words of the contracts that stand for something of this Mac.
_WORDS = {"CMD": "/usr/bin/true", "PID": "1", "/p": "/usr/bin/true"}
_SAMPLE = {
    "product_version": "15.6.1", "build": "24G90", "darwin": "24.6.0", "gui_users": [501],
    "kernel_version": "Darwin Kernel Version 24.6.0: Mon Jul 14 11:30:40 PDT 2025; root:xnu-11417.140.69~1/RELEASE_ARM64_T8103",
    "boot_time": 1780966300,
}
# What has to be there before a form means anything, as root's shell commands; key: tool and the words of the form.
_BEFORE = {
    "dscl": "dscl . -create /Users/ghr1 UniqueID 701; dscl . -create /Users/ghr1 PrimaryGroupID 20; "
    "dscl . -create /Users/ghr1 RealName 'GitHub runner 1'; dscl . -create /Users/ghr1 NFSHomeDirectory /Users/ghr1; "
    "dscl . -create /Users/ghr1 UserShell /bin/zsh; dscl . -create /Users/ghr1 IsHidden 1; dscl . -create /Users/ghr1 Password '*'; "
    "dscl . -create /Groups/g PrimaryGroupID 799; dscl . -passwd /Users/ghr1 x",
    "dscl . -read /Groups/admin GroupMembership": "true",
    "dscl . -search /Groups GroupMembership ghr1": "dseditgroup -o edit -d admin -t user admin; dseditgroup -o edit -a ghr1 -t user admin",
    "dseditgroup": "dscl . -create /Users/_ghr1 UniqueID 702; dscl . -create /Users/_ghr1 PrimaryGroupID 99",
    "dseditgroup -o edit -a _ghr1 -t user _ghr-runners": "dseditgroup -o create _ghr-runners",
    "dseditgroup -o checkmember -m _ghr1 staff": "dseditgroup -o edit -a _ghr1 -t user staff",
    "launchctl": "launchctl bootout system/L; launchctl enable system/L; printf '%s' '" + _JOB.replace("\n", "") + "' > /Library/LaunchDaemons/L.plist",
    "launchctl bootout": "launchctl bootstrap system /Library/LaunchDaemons/L.plist",
    "launchctl kickstart -k system/L": "launchctl bootstrap system /Library/LaunchDaemons/L.plist",
    "launchctl kill SIGTERM system/L": "launchctl bootstrap system /Library/LaunchDaemons/L.plist",
    "launchctl print system/L": "launchctl bootstrap system /Library/LaunchDaemons/L.plist",
    "launchctl list": "launchctl bootstrap system /Library/LaunchDaemons/L.plist",
    "plutil": "printf '%s' '" + _JOB.replace("\n", "") + "' > /p.plist; echo '<plist' > /bad.plist",
    "defaults": "defaults write /Library/Preferences/com.apple.loginwindow autoLoginUser admin; defaults write /Library/Preferences/D K -bool true; "
    "defaults write D K -bool true",
    "sandbox-exec": "echo '(version 1)(allow default)(allow file-read* (subpath (param \"WORK\")))' > /p.sb",
    "chroot": "true",
    "diskutil apfs deleteVolume disk3s9": "true",
    "chflags": "mkdir -p /dir",
    "chmod": "mkdir -p /dir; touch /f",
    "ls": "mkdir -p /Users/ghr1; chmod 750 /Users/ghr1; chmod +a 'group:everyone deny delete' /Users/ghr1",
    "cp": "mkdir -p /src /dst; echo x > /src/a",
    "mount_devfs": "mkdir -p /jail/dev", "mount_tmpfs": "mkdir -p /p", "umount": "true",
    "pfctl": "echo 'block drop out quick proto tcp from any to 192.168.0.0/16' > /etc/pf.anchors/dev.ghr; echo 'pass' > /x",
    "security": "security create-keychain -p PW /p.keychain-db",
    "xcode-select -s /Applications/Xcode.app": "mkdir -p /Applications/Xcode.app",
    "id": "dscl . -create /Users/ghr1; dseditgroup -o edit -d ghr1 -t user admin; dscl . -create /Users/ghr1 RealName 'GitHub runner 1'; "
    "dscl . -create /Users/ghr1 UniqueID 701; dscl . -create /Users/ghr1 PrimaryGroupID 20; "
    "dscl . -create /Users/ghr1 NFSHomeDirectory /Users/ghr1; dscl . -create /Users/ghr1 UserShell /bin/zsh; dscl . -passwd /Users/ghr1 x",
    "ps": "sudo -n -u '#701' sleep 100 >/dev/null 2>&1 & sleep 0.2",
    "createhomedir": "true",
    "softwareupdate --schedule": "softwareupdate --schedule off",
}
# Forms that are no single call, or whose result depends on what only a real Mac has.
_LEFT_OUT = {
    "dscl . -authonly ghr1": "asks on a terminal",
    "launchctl bootout user/701": "ends a session that does not exist here",
    "diskutil apfs deleteVolume disk3s9": "the number is made up; test_disks covers it",
    "chroot -u ghr1 -g staff -G staff /jail /bin/sh -c true": "needs a jail; test_host covers the refusal with SIP on",
    "umount /jail/dev": "after mount_devfs; test_host covers it",
    "security create-keychain -p PW /p.keychain-db": "made by the preparation of all forms",
    "killall -KILL -u ghr1": "kills what the test runs",
    "dscl . -delete /Users/ghr1": "its failures come first in the contract; test_accounts covers it",
    "launchctl limit maxfiles": "compared below with its columns only",
    "sysctl kern.boottime": "the time zone and fraction of the sample are not this Mac's",
}
_FORMS = [
    pytest.param(tool, form, id=" ".join(form["argv"])[:70])
    for tool, contract in _TOOLS.items()
    for form in contract.get("forms", [])
    if " ".join(form["argv"]) not in _LEFT_OUT
]


@pytest.fixture(name="mac", scope="module")
def mac_fixture(boot_session_mac):
    mac = boot_session_mac("golden", memory="16GiB", cores=8, chip="Apple M2")
    mac.set(**_SAMPLE)
    mac.exec("/bin/sh", "-c", _BEFORE["dscl"], check=True)
    return mac


def _prepare(mac, argv):
    words = [argv[0].rsplit("/", 1)[-1], *argv[1:]]
    for length in (1, 2, len(words)):
        script = _BEFORE.get(" ".join(words[:length]))
        if script and (length == 1 or length <= len(words)):
            mac.exec("/bin/sh", "-c", script)


@pytest.mark.parametrize(("tool", "form"), _FORMS)
def test_form(mac, tool, form):
    argv = [_WORDS.get(word, word) for word in form["argv"]]
    _prepare(mac, argv)
    unexpected = len(mac.unexpected())
    result = mac.exec("/usr/bin/env", "PATH=/bin:/sbin:/usr/bin:/usr/sbin", *argv)
    assert len(mac.unexpected()) == unexpected, f"the stand-in does not know {argv}: {result.stderr}"
    if isinstance(form.get("rc"), int):
        assert result.returncode == form["rc"], result.stdout + result.stderr
    if "rc_any" in form:
        assert result.returncode in form["rc_any"]
    if "stderr_any" in form:
        assert result.stderr in form["stderr_any"]
    if isinstance(form.get("stderr"), str) and "…" not in form["stderr"] and ":" not in form["stderr"].split(" ")[0]:
        assert form["stderr"] in result.stderr
    _check_output(tool, form, result.stdout)


def _check_output(tool, form, stdout):
    expected = form.get("stdout")
    if isinstance(expected, str) and (expected == "" or expected.endswith("\n")) and "\n or" not in expected and tool not in ("mdutil",):
        assert stdout == expected
    if isinstance(form.get("stdout_shape"), list) and tool in ("vm_stat", "launchctl", "dscacheutil", "memory_pressure"):
        assert _skeleton(stdout.splitlines()) >= _skeleton(form["stdout_shape"]) - _VARIABLE


def _skeleton(lines):
    """The words left of the values: what a parser looks for."""
    return {line.split(":")[0].split(" = ")[0].rstrip() for line in lines if ("\t" in line or ":" in line or "=" in line) and "=>" not in line}


_VARIABLE = {
    "\tworking directory", "\tstdout path", "\tstderr path", "\tusername", "\tgroup", "183\t0\tL", "-\t-15\tM", "-\t78\tN",
    "\t\t/usr/local/libexec/ghr/run", "\t\"Program\"",
}


def test_usage_errors_of_tart_are_those_of_its_parser(boot_mac):
    mac = boot_mac("usage", seed={"tart": {"version": "2.35.0"}})
    mac.tolerate_unexpected()
    commands = json.loads((_CONTRACTS / "tart.json").read_text())["commands"]
    for name, command in commands.items():
        if name == "exec":
            continue
        result = mac.exec("/opt/homebrew/bin/tart", name, "--bogus")
        assert result.returncode == 64, name
        assert result.stderr.startswith("Error: Unknown option '--bogus'\nUsage: "), name
        for option in command["options"]:
            if option["long"] and option["kind"] == "option" and option.get("value_type", "").startswith("uint"):
                result = mac.exec("/opt/homebrew/bin/tart", name, option["long"], "x")
                assert result.returncode == 64, option


def test_every_option_of_tart_is_known(boot_mac):
    mac = boot_mac("options", seed={"tart": {"version": "2.35.0"}})
    commands = json.loads((_CONTRACTS / "tart.json").read_text())["commands"]
    tree = json.loads(mac.ssh("/opt/homebrew/bin/tart --experimental-dump-help").stdout)["command"]["subcommands"]
    known = {row["commandName"]: {f"--{option['names'][0]['name']}" for option in row["arguments"]} for row in tree}
    for name, command in commands.items():
        wanted = {option["long"] for option in command["options"] if option["long"]} - {"--provisioning-opts"}
        assert wanted <= known[name], name
