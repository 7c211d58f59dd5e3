# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""chroot_jails and the role chroot on one simulated Mac without System Integrity Protection, where a jail is a real chroot."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import typing as t

import pytest

from tests.macsim_integration.adhoc import changed, play, run_module

pytest_plugins = ["tests.macsim.pytest_plugin"]

POOLS = [{"name": "build", "isolation": "chroot", "count": 2, "trust": "trusted"}]
TERMS = {"fleet": "acme", "pools": POOLS}
_PROGRAMS = "/System/Library/macsim/host/bin"
_LIBRARIES = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", "/bin/bash"], capture_output=True, text=True, check=True).stdout)
#: What starts a shell here; on a Mac that is the usual contents.
CONTENTS = [
    {"path": f"{_PROGRAMS}/bash", "target": "/bin/sh"},
    {"path": f"{_PROGRAMS}/true", "target": "/usr/bin/true"},
    *({"path": os.path.realpath(path), "target": path} for path in _LIBRARIES),
]
WANTED = {**TERMS, "experimental": True, "contents": CONTENTS, "jails": [{"name": "build-1", "user": "jailed"}, {"name": "build-2"}]}
BASE = "opt/mac_runners/jails"


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any]) -> t.Any:
    seed = {"users": [{"name": "jailed", "uid": 1701, "gid": 20}]}
    mac = boot_session_mac("jails", memory="16GiB", disk_free="60GiB", sip="disabled", seed=seed)
    run_module(mac, "mac_admission", **TERMS)
    return mac


def actions(result: dict[str, t.Any]) -> list[tuple[str, str]]:
    return [(step["resource"], step["action"]) for step in result["steps"]]


def in_jail(mac: t.Any, command: str) -> str:
    done = mac.exec("/usr/sbin/chroot", "-u", "jailed", "-g", "staff", f"/{BASE}/build-1/root", "/bin/sh", "-c", command)
    return str(done.stdout + done.stderr)


def test_made_used_and_removed(mac: t.Any) -> None:
    (predicted,) = run_module(mac, "chroot_jails", "--check", **WANTED)
    assert not (mac.root / BASE).exists()
    results = run_module(mac, "chroot_jails", times=2, **WANTED)
    made = next(result for result in results if result["steps"])
    assert sorted(result["changed"] for result in results) in ([False, True], [True, True])
    assert actions(predicted) == actions(made) and [action for dummy, action in actions(made)] == ["make", "build", "create", "create"]
    assert made["jails"]["build-1"]["path"] == f"/{BASE}/build-1/root"
    assert in_jail(mac, "echo /*; echo /etc/*") == "/AppleInternal /Users /bin /dev /etc /lib /lib64 /private /tmp /usr /var\n/etc/hosts /etc/resolv.conf\n"
    assert in_jail(mac, "cd /Users/jailed && echo x > mine && echo y > /dev/null && echo *") == "mine\n"
    assert "Permission denied" in in_jail(mac, "echo x > /bin/x")
    (again,) = run_module(mac, "chroot_jails", **WANTED)
    assert (again["changed"], again["steps"]) == (False, [])
    (purged,) = run_module(mac, "chroot_jails", fleet="acme", purge=True)
    assert purged["changed"] and not (mac.root / BASE).exists()


def test_refused_with_sip_on(mac: t.Any) -> None:
    mac.set(sip="enabled")
    (result,) = run_module(mac, "chroot_jails", **WANTED)
    mac.set(sip="disabled")
    assert result["msg"] == (
        'nothing was changed: pool "build", field isolation: got "chroot"; allowed: another one: '
        "chroot needs System Integrity Protection off, this Mac has it enabled"
    )
    assert not (mac.root / BASE).exists()


def test_killed_while_it_copies(mac: t.Any) -> None:
    for skip in (0, len(CONTENTS) - 1):
        mac.fault([{"tool": "cp", "skip": skip, "kill_caller": True}])
        (killed,) = run_module(mac, "chroot_jails", **WANTED)
        assert "steps" not in killed and not (mac.root / BASE / "build-1").exists()
    mac.fault([])
    (mended,) = run_module(mac, "chroot_jails", **WANTED)
    assert mended["changed"] and sorted(path.name[:6] for path in (mac.root / BASE).iterdir()) == [".templ", "build-", "build-"]


def test_a_mount_inside_refuses_the_removal(mac: t.Any) -> None:
    run_module(mac, "chroot_jails", **WANTED)
    place = f"/{BASE}/build-2/root/private/tmp"
    mac.exec("/sbin/mount_tmpfs", "-s", "1m", place)
    mac.exec("/usr/bin/touch", f"{place}/theirs")
    (refused,) = run_module(mac, "chroot_jails", fleet="acme", purge=True)
    assert f'field jails.build-2: got "/{BASE}/build-2", in which something is mounted: {place}; allowed: ' in refused["msg"]
    assert mac.exec("/bin/ls", place).stdout == "theirs\n" and (mac.root / BASE / "build-1").exists()
    mac.exec("/sbin/umount", place)
    (removed,) = run_module(mac, "chroot_jails", fleet="acme", purge=True)
    assert removed["changed"] and not (mac.root / BASE).exists()


def test_the_role(mac: t.Any, tmp_path: pathlib.Path) -> None:
    shared = ("-e", json.dumps({"mac_runners_pools": POOLS, "mac_runners_fleet": "acme"}))
    variables = {"chroot_contents": CONTENTS, "chroot_accounts": False}
    role = {"ansible.builtin.include_role": {"name": "action_packer.mac_runners.chroot"}}
    refusing = [{**role, "vars": variables}]
    ((rc, output),) = play(mac, tmp_path, refusing, *shared)
    assert rc != 0 and 'pool \\"build\\", field experimental: got false; allowed: true' in output, output
    accepting = [{**role, "vars": {**variables, "chroot_experimental": True}}]
    ((rc, output),) = play(mac, tmp_path, accepting, *shared)
    assert rc == 0 and (mac.root / BASE / "build-2" / "root").exists(), output
    ((rc, output),) = play(mac, tmp_path, accepting, *shared)
    assert (rc, changed(output)) == (0, 0), output
    absent = [{"ansible.builtin.include_role": {"name": "action_packer.mac_runners.chroot", "tasks_from": "absent.yml"}}]
    for count in (1, 0):
        ((rc, output),) = play(mac, tmp_path, absent, *shared)
        assert (rc, changed(output)) == (0, count), output
    assert not (mac.root / BASE).exists()
