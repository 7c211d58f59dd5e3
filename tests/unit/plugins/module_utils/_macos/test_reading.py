# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole conversations with a Mac: macOS 14 without anything of ours, macOS 26 with everything."""

from __future__ import annotations

import json
import os
import pathlib
import plistlib
import subprocess
import sys
import time
import typing as t

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.ledger import build_ledger
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Situation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import parse_facts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, write_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import engines, reading, tart, tools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import PS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.sysctl import KEYS, SYSCTL

GIB = 1024**3
ME = os.getuid()
SYSCTL_CALL = (SYSCTL, *KEYS)
PS_CALL = (PS, "-axo", "pid,uid,ppid,pgid,rss,command")
DISKUTIL_CALL = ("/usr/sbin/diskutil", "info", "-plist", "/System/Volumes/Data")
VZ = (
    "/System/Library/Frameworks/Virtualization.framework/Versions/A/XPCServices/"
    "com.apple.Virtualization.VirtualMachine.xpc/Contents/MacOS/com.apple.Virtualization.VirtualMachine"
)
HOLD = "import fcntl, sys; s = open(sys.argv[1], 'r+'); fcntl.lockf(s, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
VM_STAT = """\
Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               60000.
Pages wired down:                         65536.
Pages purgeable:                              0.
"Translation faults":                  99999999.
Anonymous pages:                          65536.
Pages occupied by compressor:                 0.
"""


def kernel(**values: t.Any) -> str:
    given = {
        "hw.memsize": 32 * GIB,
        "hw.physicalcpu": 12,
        "hw.ncpu": 12,
        "hw.perflevel0.physicalcpu": 8,
        "hw.optional.arm64": 1,
        "hw.model": "Mac14,12",
        "machdep.cpu.brand_string": "Apple M2 Pro",
        "kern.osproductversion": "14.6.1",
        "kern.osversion": "23G93",
        "kern.boottime": "{ sec = 1780966300, usec = 950491 } Mon Jun  8 21:51:40 2026",
        "kern.hv_support": 1,
        "kern.hv_vmm_present": 0,
        "kern.memorystatus_vm_pressure_level": 1,
        "vm.swapusage": "total = 0.00M  used = 0.00M  free = 0.00M  (encrypted)",
        **{key.replace("__", "."): value for key, value in values.items()},
    }
    return "".join(f"{key}: {value}\n" for key, value in given.items() if value is not None)


def basics() -> t.Dict[t.Tuple[str, ...], t.Any]:
    return {
        SYSCTL_CALL: kernel(),
        ("/usr/bin/csrutil", "status"): "System Integrity Protection status: enabled.\n",
        ("/usr/bin/vm_stat",): VM_STAT,
        PS_CALL: "  PID   UID  PPID  PGID    RSS COMMAND\n    1     0     0     1  20000 /sbin/launchd\n",
        DISKUTIL_CALL: plistlib.dumps({"APFSContainerFree": 400 * GIB, "FilesystemType": "apfs"}).decode(),
        ("/usr/bin/xcode-select", "-p"): "/Library/Developer/CommandLineTools\n",
    }


class Mac:
    """A directory that stands for a Mac's file system, and what its tools say."""

    def __init__(self, root: pathlib.Path, script: t.Any) -> None:
        self.root = root
        self.answers = basics()
        self.users: t.List[User] = []
        self.warnings: t.List[str] = []
        self._script = script

    def user(self, name: str, uid: int = ME) -> pathlib.Path:
        home = self.root / name
        home.mkdir()
        self.users.append(User(name, uid, str(home)))
        return home

    def tool(self, name: str, path: str, answers: t.Mapping[t.Tuple[str, ...], t.Any]) -> None:
        tools.PLACES[name] = (path,)
        for arguments, answer in answers.items():
            self.answers[(path, *arguments)] = answer

    def processes(self, *lines: str) -> None:
        self.answers[PS_CALL] += "".join(f"{line}\n" for line in lines)

    def read(self, **options: t.Any) -> t.Dict[str, t.Any]:
        run = self._script(self.answers)
        facts = reading.read_facts(run, warn=self.warnings.append, **options)
        assert sorted(set(run.calls)) == sorted(run.calls), "a command was asked twice"
        assert parse_facts(facts)[1] == [], "the capacity core does not understand the facts"
        return facts


@pytest.fixture
def mac(monkeypatch, tmp_path, script) -> Mac:
    one = Mac(tmp_path, script)
    monkeypatch.setattr(reading, "is_mac", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(reading, "read_users", lambda: one.users)
    monkeypatch.setattr(tart, "LAUNCHD_DIRS", ())
    monkeypatch.setattr(engines, "DEFAULT_SOCKET", str(tmp_path / "docker.sock"))
    monkeypatch.setattr(tools, "PLACES", {"tart": (), "container": (), "colima": ()})
    monkeypatch.setattr(tools.os, "access", lambda path, mode: True)
    monkeypatch.setattr(tools, "only_root_writes", lambda path: True)
    monkeypatch.setattr("ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system.ROSETTA", (str(tmp_path / "rosetta"),))
    monkeypatch.setitem(sys.modules, "psutil", None)
    return one


def make_vm(home: pathlib.Path, name: str, system: str, memory: int, *files: str) -> pathlib.Path:
    directory = home / ".tart" / "vms" / name
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps({"version": 1, "os": system, "memorySize": memory}))
    for file in files:
        (directory / file).write_text('{"owner": "action_packer.mac_runners", "schema": 1, "slot": "ios-1"}')
    return directory


def briefly(facts: t.Mapping[str, t.Any]) -> t.List[t.Tuple[t.Any, ...]]:
    keys = ("kind", "name", "state", "guest", "memory", "owned")
    return sorted(tuple(workload[key] for key in keys) for workload in facts["workloads"])


def test_a_bare_mac_with_macos_14(mac):
    facts = mac.read()
    assert abs(facts.pop("measured_at") - time.time()) < 5
    assert facts == {
        "memory": 32 * GIB,
        "memory_available": 30 * GIB,
        "pressure": 1,
        "swap_used": 0,
        "chip": "Apple M2 Pro",
        "model": "Mac14,12",
        "arch": "arm64",
        "cores": 12,
        "performance_cores": 8,
        "macos": "14.6.1",
        "build": "23G93",
        "sip": "enabled",
        "rosetta": False,
        "virtual_machine": False,
        "virtualisation": True,
        "boot_time": 1780966300,
        "disk_free": 400 * GIB,
        "tools": {"xcode_select": {"path": "/Library/Developer/CommandLineTools"}},
        "workloads": [],
        "images": [],
        "unread": [],
    }
    assert mac.warnings == []


def test_a_full_mac_with_macos_26(mac, engine):
    mac.answers[SYSCTL_CALL] = kernel(hw__memsize=64 * GIB, kern__osproductversion="26.1", kern__osversion="25B78")
    admin, someone = mac.user("admin"), mac.user("someone")
    make_vm(admin, "mac-runners-ios-1", "darwin", 12 * GIB, ".mac-runners.json")
    make_vm(admin, "mac-runners-ios-2", "darwin", 12 * GIB)
    make_vm(someone, "golden", "darwin", 8 * GIB, "state.vzvmsave")
    running = make_vm(someone, "agent", "linux", 4 * GIB)
    mac.tool("tart", "/opt/homebrew/bin/tart", {("--version",): "2.36.0\n"})
    apples = [{"id": "web", "configuration": {"id": "web", "labels": {}, "resources": {"memoryInBytes": GIB}}, "status": {"state": "running"}}]
    mac.tool("container", "/usr/local/bin/container", {
        ("--version",): "container CLI version 1.4.1 (build: release, commit: abc1234)\n",
        ("system", "status", "--format", "json"): '{"status": "running", "server": {}, "paths": {}}',
        ("list", "--all", "--format", "json"): json.dumps(apples),
    })
    mac.tool("colima", "/opt/homebrew/bin/colima", {("--version",): "colima version 0.9.1\ngit commit: abcdef0\n"})
    mac.answers[("/usr/bin/sudo", "-n", "-u", "admin", "-H", "/usr/bin/env", f"PATH={tools.TOOL_PATH}", "/opt/homebrew/bin/colima", "list", "--json")] = (
        '{"name":"default","status":"Running","cpus":6,"memory":17179869184}\n'
    )
    docker = engine({
        "/info": {"ID": "one", "Name": "colima", "MemTotal": 16 * GIB - 9, "NCPU": 6, "ServerVersion": "28.1.1"},
        "/containers/json?all=1": [
            {"Id": "aaa", "Names": ["/mac-runners-linux-1"], "State": "running", "Labels": {"dev.action-packer.mac-runners.pool": "linux"}},
            {"Id": "bbb", "Names": ["/db"], "State": "paused", "Labels": {}},
        ],
        "/containers/aaa/json": {"HostConfig": {"Memory": 3 * GIB}},
        "/containers/bbb/json": {"HostConfig": {"Memory": 0}},
        "/images/json": [{"Id": "sha256:1", "RepoTags": ["a:1"], "RepoDigests": []}],
    })
    (admin / ".colima" / "default").mkdir(parents=True)
    (admin / ".colima" / "default" / "docker.sock").symlink_to(docker.path)
    mac.processes(
        f"  410  {ME}     1   410 4194304 {VZ}",
        f"  411  {ME}     1   411 9437184 {VZ}",
        f"  412     0     1   412  524288 {VZ}",
        f"  413   503     1   413 6291456 {VZ}",
    )
    arguments = [sys.executable, "-c", HOLD, str(running / "config.json")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        facts = mac.read()
        holder.stdin.close()
    assert facts["unread"] == []
    assert facts["tart"] == {
        "path": "/opt/homebrew/bin/tart",
        "version": "2.36.0",
        "homes": [str(admin / ".tart"), str(someone / ".tart")],
    }
    assert facts["container"] == {"path": "/usr/local/bin/container", "version": "1.4.1"}
    assert facts["docker"] == {
        "engine": "colima",
        "running": True,
        "memory": 16 * GIB,
        "cpus": 6,
        "version": "28.1.1",
        "id": "one",
        "socket": docker.path,
    }
    assert facts["tools"]["colima"] == {"path": "/opt/homebrew/bin/colima", "version": "0.9.1"}
    assert facts["images"] == ["a:1", "sha256:1"]
    assert briefly(facts) == [
        ("container", "web", "running", "linux", GIB, False),
        ("docker", "db", "paused", "linux", None, False),
        ("docker", "mac-runners-linux-1", "running", "linux", 3 * GIB, True),
        ("tart", "agent", "running", "linux", 4 * GIB, False),
        ("tart", "golden", "suspended", "macos", 8 * GIB, False),
        ("tart", "mac-runners-ios-1", "stopped", "macos", 12 * GIB, True),
        ("tart", "mac-runners-ios-2", "stopped", "macos", 12 * GIB, False),
        ("vm-process", "com.apple.Virtualization.VirtualMachine[413]", "running", None, 6 * GIB, False),
    ]


def test_the_vm_of_a_second_engine_counts_whole(mac, engine):
    info = {"Name": "colima", "MemTotal": 4 * GIB, "NCPU": 2}
    silent = {"/containers/json?all=1": [], "/images/json": []}
    first = engine({"/info": {**info, "ID": "one"}, **silent})
    busy = {"/containers/json?all=1": [{"Id": "a", "Names": ["/x"], "State": "running"}], "/containers/a/json": {"HostConfig": {"Memory": GIB}}}
    second = engine({"/info": {**info, "ID": "two", "Name": "orbstack"}, **silent, **busy})
    facts = mac.read(docker_sockets=[first.path, second.path])
    assert facts["docker"]["socket"] == first.path
    assert briefly(facts) == [
        ("docker", "x", "running", "linux", 0, False),
        ("vm-process", "Docker VM of orbstack", "running", "linux", 4 * GIB, False),
    ]


def test_what_cannot_be_read_is_said(mac):
    for call in (SYSCTL_CALL, ("/usr/bin/vm_stat",), PS_CALL):
        mac.answers[call] = Result(1, "", "no")
    mac.answers[("/usr/bin/sw_vers",)] = Result(1, "", "no")
    facts = mac.read()
    assert facts["unread"] == [
        "its memory: neither sysctl nor sw_vers says it",
        "its cores: neither sysctl nor sw_vers says it",
        "the version of macOS: neither sysctl nor sw_vers says it",
        "memory in use: vm_stat gives no numbers",
        "processes: ps ended with 1: no",
    ]


def test_an_ordinary_user_cannot_read_a_whole_mac(monkeypatch, mac):
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    assert mac.read()["unread"] == ["VMs and containers of other users: only root can read them (become: true)"]


def test_developer_tools_may_be_absent(mac):
    mac.answers[("/usr/bin/xcode-select", "-p")] = Result(2, "", "xcode-select: error: Unable to get active developer directory.")
    assert "tools" not in mac.read()


def test_a_machine_that_is_no_mac(monkeypatch, mac):
    monkeypatch.setattr(reading, "is_mac", lambda: False)
    mac.answers.clear()
    facts = mac.read()
    assert "macos" not in facts
    assert facts["memory"] > 0
    assert facts["disk_free"] > 0
    assert mac.warnings == ["this is not a Mac: only its size and its Docker Engine are read"]


def test_the_engine_of_a_machine_that_is_no_mac_has_no_vm_to_pay(monkeypatch, mac, engine):
    monkeypatch.setattr(reading, "is_mac", lambda: False)
    one = engine({"/info": {"ID": "one", "MemTotal": 24 * GIB, "NCPU": 2}, "/containers/json?all=1": [], "/images/json": []})
    docker = mac.read(docker_sockets=[one.path])["docker"]
    assert "memory" not in docker
    assert docker["running"] is True


@pytest.mark.parametrize("resident, counted", [(4, 12), (20, 20)])
def test_a_vm_that_only_the_process_table_tells_of_counts_as_a_whole_macos_guest(mac, resident, counted):
    mac.processes(f"  413   503     1   413 {resident * 1024 * 1024} {VZ}")
    facts, mistakes = parse_facts(mac.read())
    ledger = build_ledger(Situation("mac", facts, ()))
    assert mistakes == []
    assert ledger[-1] == ("foreign vm-process com.apple.Virtualization.VirtualMachine[413] (running)", -counted * GIB)


def test_whose_mac_it_is(monkeypatch, mac, tmp_path):
    monkeypatch.setattr(reading, "STATE_DIR", str(tmp_path))
    assert "holder" not in mac.read()
    write_lease(str(tmp_path), Lease("acme", "digest", generation=3, boot="", state="admitted", since=0))
    assert mac.read()["holder"] == "fleet acme (generation 3, admitted)"
    assert parse_facts(mac.read())[0].holder == "fleet acme (generation 3, admitted)"


def test_a_damaged_lease_is_told_of_and_does_not_make_the_mac_full(monkeypatch, mac, tmp_path):
    monkeypatch.setattr(reading, "STATE_DIR", str(tmp_path))
    (tmp_path / "lease.json").write_text("{")
    facts = mac.read()
    assert "holder" not in facts and facts["unread"] == []
    assert any("lease.json is damaged" in warning for warning in mac.warnings)
