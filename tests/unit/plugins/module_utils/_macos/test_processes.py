# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import (
    PS,
    Known,
    Machine,
    Process,
    container_processes,
    machines,
    parse_ps,
    read_processes,
    unexplained,
)

GIB = 1024**3
VZ = (
    "/System/Library/Frameworks/Virtualization.framework/Versions/A/XPCServices/"
    "com.apple.Virtualization.VirtualMachine.xpc/Contents/MacOS/com.apple.Virtualization.VirtualMachine"
)
LISTING = f"""\
  PID   UID  PPID  PGID    RSS COMMAND
    1     0     0     1  20000 /sbin/launchd
  410   501     1   410 8388608 {VZ}
  411    -2     1   411    100 /usr/sbin/mDNSResponder
"""
ASK = (PS, "-axo", "pid,uid,ppid,pgid,rss,command")


def process(command: str, pid: int = 1, uid: int = 501, rss: int = GIB) -> Process:
    return Process(pid, uid, rss, command)


def vz(pid: int, uid: int = 501, rss: int = GIB, program: str = "com.apple.Virtualization.VirtualMachine") -> Machine:
    return Machine(program, process("", pid, uid, rss))


def pids(found: list) -> list:
    return sorted(machine.process.pid for machine in found)


def test_ps_lines_with_resident_size_in_bytes_and_negative_users():
    assert parse_ps(LISTING) == [
        Process(1, 0, 20000 * 1024, "/sbin/launchd"),
        Process(410, 501, 8 * GIB, VZ),
        Process(411, -2, 100 * 1024, "/usr/sbin/mDNSResponder"),
    ]


@pytest.fixture
def without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)


@pytest.mark.usefixtures("without_psutil")
def test_ps_is_asked_where_psutil_is_not_there(script):
    unread: list = []
    assert len(read_processes(script({ASK: LISTING}), unread)) == 3
    assert unread == []


@pytest.mark.usefixtures("without_psutil")
@pytest.mark.parametrize("result", [Result(1, "", "ps: no"), Result(0, "", "ps: no")])
def test_a_process_table_that_cannot_be_read_is_said(script, result):
    unread: list = []
    assert read_processes(script({ASK: result}), unread) == []
    assert unread == [f"processes: ps ended with {result.rc}: ps: no"]


def test_psutil_is_used_where_it_is_there(monkeypatch, script):
    class Info:
        def __init__(self, **info):
            self.info = info

    class Psutil:
        @staticmethod
        def process_iter(wanted):
            assert wanted == ["pid", "uids", "memory_info", "cmdline", "name"]
            size, user = type("M", (), {"rss": 5}), type("U", (), {"effective": 501})
            yield Info(pid=3, uids=user, memory_info=size, cmdline=["/a/qemu-system-aarch64", "-m", "4096"], name="qemu")
            yield Info(pid=4, uids=None, memory_info=None, cmdline=None, name="kernel_task")

    monkeypatch.setitem(sys.modules, "psutil", Psutil)
    assert read_processes(script({}), []) == [
        Process(3, 501, 5, "/a/qemu-system-aarch64 -m 4096"),
        Process(4, -1, 0, "kernel_task"),
    ]


@pytest.mark.usefixtures("without_psutil")
def test_a_psutil_that_fails_is_replaced_by_ps(monkeypatch, script):
    def fail(wanted):
        raise RuntimeError("no")

    monkeypatch.setitem(sys.modules, "psutil", type("P", (), {"process_iter": staticmethod(fail)}))
    assert len(read_processes(script({ASK: LISTING}), [])) == 3


@pytest.mark.parametrize(
    "command, program",
    [
        (VZ, "com.apple.Virtualization.VirtualMachine"),
        ("com.apple.Virtualization.VirtualMachine", "com.apple.Virtualization.VirtualMachine"),
        ("/opt/homebrew/bin/qemu-system-aarch64 -machine virt -m 4096", "qemu-system-aarch64"),
        ("/Applications/Parallels Desktop.app/Contents/MacOS//Parallels VM.app/Contents/MacOS/prl_vm_app --openvm x", "prl_vm_app"),
        ("/Applications/VirtualBox.app/Contents/Resources/VirtualBoxVM.app/Contents/MacOS/VirtualBoxVM --startvm x", "VirtualBoxVM"),
        ("/Applications/VirtualBox.app/Contents/MacOS/VBoxHeadless --comment x", "VBoxHeadless"),
        ("/Applications/VMware Fusion.app/Contents/Library/vmware-vmx -E en -s x", "vmware-vmx"),
    ],
)
def test_programs_that_run_virtual_machines(command, program):
    assert [machine.program for machine in machines([process(command)])] == [program]


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/vim /opt/homebrew/bin/qemu-system-aarch64",
        "grep com.apple.Virtualization.VirtualMachine",
        "/usr/bin/tail -f /var/log/qemu-system-x86_64",
        "/opt/homebrew/bin/qemu-img create",
        "/System/Library/x/com.apple.Virtualization.VirtualMachineHelper",
        "",
    ],
)
def test_programs_that_only_name_one(command):
    assert machines([process(command)]) == []


@pytest.mark.parametrize(
    "arguments, name",
    [
        (" start --root /Users/a/Library/Application Support/com.apple.container/containers/web --uuid web-1", "web-1"),
        (" start --root /Users/a/Library/Application Support/com.apple.container/containers/web", "web"),
        ("", "process 7"),
    ],
)
def test_running_containers_of_apples_container(arguments, name):
    one = process("/usr/local/libexec/container/plugins/container-runtime-linux/bin/container-runtime-linux" + arguments, pid=7)
    assert container_processes([one, process("/bin/ls container-runtime-linux")]) == [(name, one)]


def test_as_many_processes_as_known_vms_leave_none():
    assert unexplained([vz(1), vz(2)], [Known(501, 8 * GIB), Known(501, 4 * GIB)]) == []


def test_a_surplus_process_is_foreign():
    assert len(unexplained([vz(1), vz(2), vz(3)], [Known(501, 8 * GIB)])) == 2


def test_a_vm_of_another_user_explains_nothing():
    assert pids(unexplained([vz(1, uid=502)], [Known(501, 8 * GIB)])) == [1]


def test_a_known_vm_takes_the_largest_process_that_fits_into_it():
    found = [vz(1, rss=3 * GIB), vz(2, rss=15 * GIB), vz(3, rss=7 * GIB)]
    assert pids(unexplained(found, [Known(501, 8 * GIB)])) == [1, 2]


def test_a_process_larger_than_every_known_vm_still_counts_once():
    assert unexplained([vz(1, rss=9 * GIB)], [Known(501, 8 * GIB)]) == []
    assert unexplained([vz(1)], [Known(501, None)]) == []


def test_only_a_docker_vm_may_run_in_qemu():
    qemu = vz(1, program="qemu-system-aarch64")
    assert pids(unexplained([qemu], [Known(501, 8 * GIB)])) == [1]
    assert unexplained([qemu], [Known(501, 8 * GIB, qemu=True)]) == []


def test_a_docker_vm_leaves_virtualization_to_those_that_need_it():
    found = [vz(1, program="qemu-system-aarch64"), vz(2)]
    assert unexplained(found, [Known(501, 2 * GIB, qemu=True), Known(501, 8 * GIB)]) == []


def test_other_programs_are_never_explained():
    assert pids(unexplained([vz(1, program="prl_vm_app")], [Known(501, 8 * GIB, qemu=True)])) == [1]
