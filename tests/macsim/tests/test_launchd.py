# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small launchd against the rules of the real one."""

from __future__ import annotations

import plistlib
import time

import pytest

_LABEL = "dev.test.job"
_PATH = f"/Library/LaunchDaemons/{_LABEL}.plist"


@pytest.fixture(name="mac", params=["macos14", "macos26"])
def mac_fixture(boot_mac, request):
    return boot_mac("launchd", profile=request.param, time_scale=0.05, seed={"users": [{"name": "someone", "uid": 502}]})


def _install(mac, mode="644", owner="root:wheel", **keys):
    plist = {"Label": _LABEL, "ProgramArguments": ["/bin/sleep", "1000"], "RunAtLoad": True, **keys}
    path = mac.root / _PATH.lstrip("/")
    path.write_bytes(plistlib.dumps(plist))
    mac.exec("/bin/sh", "-c", f"chown {owner} {_PATH}; chmod {mode} {_PATH}", check=True)


def _launchctl(mac, *words):
    return mac.exec("/bin/launchctl", *words)


def _bootstrap(mac, **keys):
    _install(mac, **keys)
    return _launchctl(mac, "bootstrap", "system", _PATH)


def _fields(mac):
    text = _launchctl(mac, "print", f"system/{_LABEL}").stdout
    return dict(line[1:].split(" = ", 1) for line in text.splitlines() if line.startswith("\t") and line[1:2] not in ("\t", "") and " = " in line)


def _until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _newer(mac, newer, older):
    return newer if "launchd" in mac.name and mac.ssh("sw_vers -productVersion").stdout.startswith("26") else older


def test_life_of_a_job(mac):
    assert _bootstrap(mac, UserName="someone", StandardOutPath="/var/log/t/out.log").returncode == 0
    fields = _fields(mac)
    assert (fields["state"], fields["username"], fields["runs"], fields["last exit code"]) == ("running", "someone", "1", "(never exited)")
    assert mac.ssh(f"ps -p {fields['pid']} -o uid=").stdout.strip() == "502"
    assert _launchctl(mac, "bootstrap", "system", _PATH).returncode == _newer(mac, 37, 5)
    assert _launchctl(mac, "bootout", f"system/{_LABEL}").returncode == 0
    assert _until(lambda: _launchctl(mac, "print", f"system/{_LABEL}").returncode == 113)
    missing = _launchctl(mac, "bootout", f"system/{_LABEL}")
    assert (missing.returncode, "Boot-out failed: 3: No such process" in missing.stderr) == (3, True)


def test_refusals(mac):
    assert _bootstrap(mac, mode="666").returncode == _newer(mac, 122, 5)
    assert _bootstrap(mac, owner="someone:staff").returncode == _newer(mac, 122, 5)
    _install(mac)
    assert _launchctl(mac, "disable", f"system/{_LABEL}").returncode == 0
    assert f'"{_LABEL}" => disabled' in _launchctl(mac, "print-disabled", "system").stdout
    assert _launchctl(mac, "bootstrap", "system", _PATH).returncode == _newer(mac, 119, 5)
    assert _launchctl(mac, "enable", f"system/{_LABEL}").returncode == 0
    assert _launchctl(mac, "bootstrap", "gui/501", _PATH).returncode == 125
    assert mac.ssh(f"launchctl bootstrap system {_PATH}").returncode == 5
    assert _launchctl(mac, "bootstrap", "system", "/Library/LaunchDaemons/none.plist").returncode in (2, 5)


@pytest.mark.parametrize("keys", [
    {"WorkingDirectory": "/nope"}, {"UserName": "nobody-here"}, {"ProgramArguments": ["/no/such/program"]}, {"StandardOutPath": "/dev/null/x"},
])
def test_what_cannot_be_set_up_exits_78(mac, keys):
    assert _bootstrap(mac, **keys).returncode == 0
    assert _until(lambda: _fields(mac).get("last exit code") == "78: EX_CONFIG")
    assert f"-\t78\t{_LABEL}" in _launchctl(mac, "list").stdout


def test_keep_alive_and_throttle(mac):
    script = ["/bin/sh", "-c", "echo x >> /opt/runs; exit 1"]
    assert _bootstrap(mac, ProgramArguments=script, KeepAlive={"SuccessfulExit": False}).returncode == 0
    assert _until(lambda: _fields(mac)["state"] == "spawn scheduled")
    assert _until(lambda: int(_fields(mac)["runs"]) >= 3)
    mac.exec("/bin/rm", "-f", "/opt/runs")
    mac.exec("/bin/launchctl", "bootout", f"system/{_LABEL}")


def test_success_ends_a_job_kept_alive_after_failures(mac):
    assert _bootstrap(mac, ProgramArguments=["/usr/bin/true"], KeepAlive={"SuccessfulExit": False}).returncode == 0
    time.sleep(1)
    assert _fields(mac)["runs"] == "1"
    assert _fields(mac)["state"] == "not running"


def test_stubborn_job_is_killed_after_its_time(mac):
    script = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
    assert _bootstrap(mac, ProgramArguments=script, ExitTimeOut=5).returncode == 0
    assert _until(lambda: mac.ssh("pgrep -x sleep").returncode == 0)
    answer = _launchctl(mac, "bootout", f"system/{_LABEL}")
    assert answer.returncode == _newer(mac, 36, 0)
    assert _fields(mac)["state"] == "SIGTERMed"
    assert _launchctl(mac, "bootstrap", "system", _PATH).returncode == _newer(mac, 37, 5)
    assert _until(lambda: _launchctl(mac, "print", f"system/{_LABEL}").returncode == 113, 15)


def test_process_group_is_swept_but_not_a_new_session(mac):
    script = ["/bin/sh", "-c", "sleep 901 & perl -e 'use POSIX; exit if fork; POSIX::setsid(); exec qw(sleep 902)'; sleep 0.3"]
    assert _bootstrap(mac, ProgramArguments=script).returncode == 0
    assert _until(lambda: _fields(mac)["state"] == "not running")
    assert mac.ssh("pgrep -f 'sleep 901'").stdout == ""
    assert mac.ssh("pgrep -f 'sleep 902'").stdout != ""


def test_limits_environment_and_umask(mac):
    script = ["/bin/sh", "-c", "ulimit -n; umask; printenv A HOME; pwd"]
    keys = {"SoftResourceLimits": {"NumberOfFiles": 1000}, "EnvironmentVariables": {"A": "b"}, "Umask": 63, "WorkingDirectory": "/Users",
            "StandardOutPath": "/opt/out", "UserName": "someone"}
    assert _bootstrap(mac, ProgramArguments=script, **keys).returncode == 0
    assert _until(lambda: mac.exec("/bin/cat", "/opt/out").stdout == "1000\n0077\nb\n/Users/someone\n/Users\n")


def test_boot_loads_enabled_plists_of_root_alone(mac):
    _install(mac)
    mac.exec("/bin/sh", "-c", f"ln -s {_PATH} /Library/LaunchDaemons/link.plist")
    mac.reboot()
    assert _fields(mac)["state"] == "running"
    _launchctl(mac, "disable", f"system/{_LABEL}")
    mac.reboot()
    assert _launchctl(mac, "print", f"system/{_LABEL}").returncode == 113


def test_kickstart_restarts_without_reading_the_plist(mac):
    _bootstrap(mac)
    pid = _fields(mac)["pid"]
    _install(mac, ProgramArguments=["/bin/sleep", "2000"])
    assert _launchctl(mac, "kickstart", "-k", f"system/{_LABEL}").returncode == 0
    fields = _fields(mac)
    assert fields["pid"] != pid
    assert mac.ssh(f"ps -p {fields['pid']} -o command=").stdout == "sleep 1000\n" or "1000" in mac.ssh(f"ps -p {fields['pid']} -o command=").stdout


def test_the_whole_system_domain_is_never_booted_out(mac):
    mac.tolerate_unexpected()
    assert _launchctl(mac, "bootout", "system").returncode == 64
    assert mac.ssh("true").returncode == 0
