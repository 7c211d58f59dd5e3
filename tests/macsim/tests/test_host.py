# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Mac as Ansible and its operator see it: facts, accounts, files, lives and deaths."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

_MACSIM = str(Path(__file__).resolve().parent.parent / "macsim")
_ANSIBLE = str(Path(sys.executable).parent / "ansible")


@pytest.fixture(name="mac", scope="module")
def mac_fixture(boot_session_mac):
    return boot_session_mac("host", seed={"users": [{"name": "someone", "uid": 502}]})


def _ansible(mac, module, arguments=""):
    words = [_ANSIBLE, "-i", str(mac.inventory_path), "macs", "-m", module, "-o"] + (["-a", arguments] if arguments else [])
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_DEPRECATION_WARNINGS": "false", "ANSIBLE_CONFIG": "/nonexistent.cfg"}
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=environment, cwd=mac.work, timeout=90)
    assert " => " in result.stdout, result.stdout
    line = next(line for line in result.stdout.splitlines() if " => " in line)
    return json.loads(line.split(" => ", 1)[1])


@pytest.mark.skipif(not Path(_ANSIBLE).exists(), reason="no ansible beside this Python")
class TestAnsible:
    def test_setup_says_darwin(self, mac):
        facts = _ansible(mac, "ansible.builtin.setup")["ansible_facts"]
        assert facts["ansible_system"] == "Darwin"
        assert facts["ansible_distribution"] == "MacOSX"
        assert facts["ansible_distribution_version"] == "26.1"
        assert facts["ansible_python_version"] == "3.9.6"
        assert facts["ansible_memtotal_mb"] == 65536
        assert facts["ansible_processor_vcpus"] == "12"
        assert facts["ansible_service_mgr"] == "launchd"
        assert facts["ansible_user_id"] == "root"

    def test_user_and_copy_under_become_are_done_once(self, mac):
        user = {"ansible.builtin.user": {"name": "ghr9", "uid": 1709, "group": "staff", "shell": "/bin/zsh", "home": "/Users/ghr9"}}
        copy = {"ansible.builtin.copy": {"content": "x", "dest": "/opt/x", "owner": "root", "group": "wheel", "mode": "0600"}}
        assert [result["changed"] for result in mac.tasks([user, user, copy, copy]).results] == [True, False, True, False]
        assert mac.ssh("id -u ghr9").stdout == "1709\n"
        assert mac.ssh("cat /opt/x").returncode != 0
        mac.exec("/bin/rm", "/opt/x")


_ABSENT = ("os.setresuid", "os.pidfd_open", "os.memfd_create", "select.epoll", "os.sched_getaffinity", "os.getxattr", "tarfile.data_filter",
           "os.fdatasync", "signal.SIGRTMIN", "socket.AF_NETLINK")


def test_python_has_nothing_that_a_mac_lacks(mac):
    script = "import os,select,tarfile,signal,socket,sys; print([n for n in sys.argv[1:] if hasattr(globals()[n.split('.')[0]], n.split('.')[1])])"
    assert mac.ssh(f'/usr/bin/python3 -c "{script}" {" ".join(_ABSENT)}').stdout == "[]\n"
    assert mac.ssh("ls -d /proc /usr/bin/apt-get /usr/bin/systemctl /etc/os-release 2>/dev/null").stdout == ""


def test_virtual_environment_stays_a_mac(mac):
    script = "import platform,sys; print(platform.system(), sys.platform, sys.version_info[:3])"
    result = mac.ssh(f'python3 -m venv --without-pip /tmp/v && /tmp/v/bin/python -c "{script}"')
    assert result.stdout == "Darwin darwin (3, 9, 6)\n", result.stderr


def test_sudo_keeps_home_as_apple_does(mac):
    assert mac.ssh("sudo printenv HOME").stdout == "/Users/admin\n"
    assert mac.ssh("sudo -H printenv HOME").stdout == "/var/root\n"


def test_unknown_words_are_refused_and_noted(boot_mac):
    mac = boot_mac("strict")
    mac.tolerate_unexpected()
    for words in ("sysctl --bogus", "launchctl frobnicate", "dscl . -frobnicate /Users", "pmset frobnicate", "sw_vers -x", "vm_stat 1", "stat -c %U /"):
        before = len(mac.unexpected())
        assert mac.ssh(words).returncode != 0, words
        assert len(mac.unexpected()) == before + 1, words


def test_bare_mac_gets_its_tools(boot_mac):
    mac = boot_mac("bare", bare=True)
    result = mac.ssh("/usr/bin/python3 -V")
    assert result.returncode == 1
    assert "No developer tools were found, requesting install." in result.stderr
    assert mac.ssh("xcode-select -p").returncode == 2
    assert "Command Line Tools" not in mac.ssh("softwareupdate --list").stdout
    mac.ssh("touch /tmp/.com.apple.dt.CommandLineTools.installondemand.in-progress")
    label = next(line.split("Label: ")[1] for line in mac.ssh("softwareupdate --list").stdout.splitlines() if "Label: " in line)
    assert mac.ssh(f"sudo softwareupdate --install '{label}'").returncode == 0
    assert mac.ssh("/usr/bin/python3 -V").stdout == "Python 3.9.6\n"
    assert mac.ssh("xcode-select -p").stdout == "/Library/Developer/CommandLineTools\n"


def test_calls_say_what_writes(mac):
    mac.ssh("sw_vers; sudo pmset -a sleep 0")
    assert mac.calls("sw_vers")[-1]["writing"] is False
    assert mac.calls("pmset")[-1] == {**mac.calls("pmset")[-1], "writing": True, "uid": 0, "rc": 0, "argv": ["pmset", "-a", "sleep", "0"]}


def test_snapshot_is_stable_and_sees_changes(mac):
    before = mac.snapshot()
    assert mac.snapshot() == before
    mac.exec("/bin/sh", "-c", "echo x > /Users/someone/y")
    after = mac.snapshot()
    assert set(after["files"]) - set(before["files"]) == {"/Users/someone/y"}
    mac.exec("/bin/rm", "/Users/someone/y")
    assert mac.snapshot() == before


def test_faults(mac):
    mac.fault([
        {"tool": "dscl", "match": [".", "-create", "/Users/f"], "rc": 140, "stderr": "<dscl_cmd> DS Error: -14988 (eNotYetImplemented)\n", "times": 2},
        {"tool": "dscl", "match": [".", "-delete"], "rc": 40, "effect": "partial"},
        {"tool": "sw_vers", "effect": "crash"},
        {"tool": "csrutil", "effect": "crash", "kill_caller": True},
    ])
    codes = [mac.exec("/usr/bin/dscl", ".", "-create", "/Users/f").returncode for dummy in range(3)]
    assert codes == [140, 140, 0]
    assert mac.exec("/usr/bin/dscl", ".", "-delete", "/Users/f").returncode == 40
    assert mac.exec("/usr/bin/dscl", ".", "-read", "/Users/f").returncode == 56
    assert mac.ssh("sw_vers; echo rc $?").stdout == "rc 137\n"
    assert "survived" not in mac.ssh("sh -c 'csrutil status; echo survived'").stdout


def test_a_fault_waits_for_its_call(mac):
    mac.fault([{"tool": "*", "match": [], "skip": 2, "rc": 99}])
    tools = ("/usr/bin/sw_vers", "/usr/bin/csrutil", "/usr/bin/sw_vers", "/usr/bin/sw_vers")
    codes = [mac.exec(tool, *(["status"] if "csrutil" in tool else [])).returncode for tool in tools]
    assert codes == [0, 0, 99, 0]


def test_immutable_files_resist_root(mac):
    mac.exec("/bin/sh", "-c", "touch /opt/i; /usr/bin/chflags uchg /opt/i")
    assert mac.exec("/bin/rm", "-f", "/opt/i").returncode != 0
    mac.exec("/usr/bin/python3", "-c", "import os; os.chflags('/opt/i', 0)")
    assert mac.exec("/bin/rm", "-f", "/opt/i").returncode == 0


def test_volume_with_quota_is_really_mounted(mac):
    assert mac.exec("/usr/sbin/diskutil", "apfs", "addVolume", "disk3", "APFS", "ghr-r1", "-quota", "20g", "-mountpoint", "/Volumes/ghr-r1").returncode == 0
    assert "on /Volumes/ghr-r1 (apfs" in mac.exec("/sbin/mount").stdout
    full = mac.exec("/bin/sh", "-c", "dd if=/dev/zero of=/Volumes/ghr-r1/x bs=1 count=1 seek=1M && rm /Volumes/ghr-r1/x")
    assert full.returncode == 0
    assert mac.exec("/usr/sbin/diskutil", "apfs", "deleteVolume", "ghr-r1").returncode == 0
    assert "ghr-r1" not in mac.exec("/sbin/mount").stdout


def test_tar_is_bsdtar(boot_mac):
    mac = boot_mac("tar")
    assert mac.ssh("tar --version").stdout.startswith("bsdtar ")
    mac.ssh("mkdir -p a/b; echo x > a/b/c; tar -czf a.tgz -C a b; mkdir d; tar xzf a.tgz -C d --strip-components 1")
    assert mac.ssh("cat d/c; tar tf a.tgz").stdout == "x\nb/\nb/c\n"
    assert mac.ssh("echo x > broken.tgz; tar -xzf broken.tgz").returncode == 1
    mac.tolerate_unexpected()
    assert mac.ssh("tar --overwrite -xzf a.tgz").returncode == 1


def test_chroot_dies_with_sip_on(mac):
    assert mac.exec("/bin/sh", "-c", "/usr/sbin/chroot / /usr/bin/true; echo $?").stdout == "134\n"


def test_memory_follows_virtual_machines(boot_mac):
    mac = boot_mac("memory", memory="32GiB", seed={"processes": [{"user": "admin", "rss": "8GiB"}]})
    rows = mac.ssh("ps -axo uid,rss,comm").stdout
    assert "8388608 /System/Library/Frameworks/Virtualization.framework" in rows
    assert int(mac.ssh("sysctl -n kern.memorystatus_level").stdout) < 75


class _Engine(threading.Thread):
    """A server on a unix socket that answers after its client has said all it wants to say."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(8)

    def run(self):
        while True:
            connection = self.listener.accept()[0]
            data = b""
            while chunk := connection.recv(65536):
                data += chunk
            connection.sendall(b"got " + data)
            connection.close()


_TALK = """import socket
s = socket.socket(socket.AF_UNIX); s.connect('/Users/admin/.colima/default/docker.sock'); s.sendall(b'hello'); s.shutdown(1); print(s.recv(99).decode())"""


def test_engine_of_the_host_is_colimas(boot_mac, tmp_path):
    _Engine(tmp_path / "docker.sock").start()
    mac = boot_mac("engine", docker_socket=str(tmp_path / "docker.sock"), docker_vm_memory="16GiB", docker_vm_cpus=6)
    for _turn in range(2):
        assert mac.ssh("python3 -", data=_TALK).stdout == "got hello\n"
        row = json.loads(mac.ssh("/opt/homebrew/bin/colima list --json").stdout)
        assert (row["status"], row["memory"], row["cpus"]) == ("Running", 16 << 30, 6)
        assert mac.ssh("readlink /var/run/docker.sock").stdout == "/Users/admin/.colima/default/docker.sock\n"
        assert mac.ssh("ps -axo rss,comm | grep -c '^16777216'").stdout == "1\n"
        mac.reboot()
    assert mac.ssh("sudo /opt/homebrew/bin/colima list --json").returncode == 1


def _left_over(name):
    return [
        *Path("/run/macsim").glob(f"{name}*"),
        *[line for line in Path("/proc/self/mounts").read_text().splitlines() if name in line],
        *[path for path in Path("/proc").glob("[0-9]*/cmdline") if name.encode() in _read(path) and path.parent.name != str(os.getpid())],
    ]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_killed_owner_leaves_nothing(tmp_path):
    owner = subprocess.Popen(["sleep", "1000"])
    name = f"orphan-{os.getpid()}"
    record = json.loads(subprocess.run(
        [_MACSIM, "boot", name, "--owner-pid", str(owner.pid)], stdout=subprocess.PIPE, check=True, text=True, timeout=60
    ).stdout)
    namespace = os.readlink(f"/proc/{record['pid']}/ns/mnt")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    _wait(lambda: not _left_over(name) and not Path(f"/proc/{record['pid']}").exists())
    assert _left_over(name) == []
    assert namespace not in _namespaces()


def test_killed_supervisor_takes_the_mac_along(tmp_path):
    name = f"headless-{os.getpid()}"
    subprocess.run([_MACSIM, "boot", name], stdout=subprocess.PIPE, check=True, timeout=60)
    record = json.loads(Path(f"/run/macsim/{name}/info.json").read_text())
    namespace = os.readlink(f"/proc/{record['pid']}/ns/mnt")
    os.kill(record["supervisor"], signal.SIGKILL)
    _wait(lambda: namespace not in _namespaces())
    assert namespace not in _namespaces()
    subprocess.run([_MACSIM, "stop", name], check=True, timeout=20)
    assert _left_over(name) == []


def _wait(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def _namespaces():
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/mnt"):
        try:
            found.add(os.readlink(path))
        except OSError:
            continue
    return found


def test_reboot_keeps_the_disk_and_ends_every_process(boot_mac):
    mac = boot_mac("again")
    mac.ssh("echo x > ~/kept; echo x > /tmp/lost; nohup sleep 1000 >/dev/null 2>&1 &")
    session = mac.ssh("sysctl -n kern.bootsessionuuid").stdout
    mac.reboot()
    assert mac.ssh("cat ~/kept; ls /tmp; ps -axo comm | grep -c '^sleep'").stdout == "x\n0\n"
    assert mac.ssh("sysctl -n kern.bootsessionuuid").stdout != session


def test_name_in_use_is_refused(mac):
    result = subprocess.run([_MACSIM, "boot", mac.name], stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    assert result.returncode == 1
    assert "already running" in result.stderr
    assert mac.ssh("true").returncode == 0


def test_eight_macs_at_once(boot_mac):
    started = time.monotonic()
    macs = [boot_mac(f"eight{number}") for number in range(8)]
    assert time.monotonic() - started < 24
    assert {mac.ssh("hostname").stdout for mac in macs} == {f"{mac.name}.local\n" for mac in macs}
