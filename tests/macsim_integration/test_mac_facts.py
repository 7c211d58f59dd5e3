# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mac_facts on simulated Macs, over ssh."""

from __future__ import annotations

import json
import os
import typing as t

import pytest

from tests.forks.command_lines import call

pytest_plugins = ["tests.macsim.pytest_plugin"]

GIB = 1024**3
DIGEST = "sha256:" + "a" * 64
USERS = [{"name": "someone", "uid": 502}, {"name": "other", "uid": 503}]

Boot = t.Callable[..., t.Any]


def measure(mac: t.Any, become: bool = True, **options: t.Any) -> t.Dict[str, t.Any]:
    """What the module returns as facts; fails the test when the module fails."""
    arguments = ["-i", str(mac.inventory_path), "macs", "-m", "action_packer.mac_runners.mac_facts"]
    if options:
        arguments += ["-a", json.dumps(options)]
    if not become:
        arguments += ["-e", "ansible_become=false"]
    code, said = call("ansible", *arguments, ANSIBLE_CALLBACK_RESULT_FORMAT="json", ANSIBLE_NOCOLOR="1")
    assert code == 0, said
    result = json.loads(said.partition(" => ")[2])
    assert result["changed"] is False
    return t.cast(t.Dict[str, t.Any], result["ansible_facts"]["mac_runners_measured"])


def briefly(facts: t.Mapping[str, t.Any], *keys: str) -> t.List[t.Tuple[t.Any, ...]]:
    """The workloads as tuples, sorted by name."""
    rows = sorted(facts["workloads"], key=lambda row: (row["kind"], row["name"]))
    return [tuple(row[key] for key in keys or ("kind", "name", "state", "guest", "memory", "owned")) for row in rows]


def write(mac: t.Any, path: str, text: str) -> None:
    """Write a file on the Mac, with its directories."""
    made = mac.exec("/bin/sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize(
    "profile, macos, build", [("macos14", "14.6.1", "23G93"), ("macos26", "26.1", "25B78")]
)
def test_a_mac_with_nothing_on_it(boot_mac: Boot, profile: str, macos: str, build: str) -> None:
    mac = boot_mac(profile=profile, memory="32GiB", cores=10, chip="Apple M2 Pro", disk_free="300GiB")
    facts = measure(mac)
    assert facts["unread"] == []
    assert facts["workloads"] == []
    assert facts["memory"] == 32 * GIB
    assert 0 < facts["memory_available"] < 32 * GIB
    assert (facts["cores"], facts["performance_cores"], facts["chip"], facts["arch"]) == (10, 6, "Apple M2 Pro", "arm64")
    assert (facts["macos"], facts["build"], facts["sip"]) == (macos, build, "enabled")
    assert (facts["virtual_machine"], facts["virtualisation"], facts["pressure"], facts["swap_used"]) == (False, True, 1, 0)
    assert abs(facts["disk_free"] - 300 * GIB) < GIB
    assert facts["tools"] == {"xcode_select": {"path": "/Library/Developer/CommandLineTools"}}
    assert not {"tart", "docker", "container"} & set(facts)


def test_an_intel_mac_in_a_virtual_machine_under_pressure(boot_mac: Boot) -> None:
    mac = boot_mac(arch="x86_64", chip="Intel(R) Core(TM) i7-8700B CPU @ 3.20GHz", cores=6, memory="16GiB", sip="disabled")
    mac.set(hv_vmm_present=1, pressure_level=2, swap_used=512 * 1024 * 1024)
    facts = measure(mac)
    assert facts["unread"] == []
    assert (facts["arch"], facts["cores"], facts["sip"]) == ("x86_64", 6, "disabled")
    assert (facts["virtual_machine"], facts["pressure"], facts["swap_used"]) == (True, 2, 512 * 1024 * 1024)
    assert "performance_cores" not in facts
    assert "rosetta" not in facts


def test_custom_protection_is_told(boot_mac: Boot) -> None:
    assert measure(boot_mac(sip="custom"))["sip"] == "custom"


def vm(user: str, name: str, system: str, memory: str, state: str) -> t.Dict[str, str]:
    return {"user": user, "home": f"/Users/{user}/.tart", "name": name, "os": system, "memory": memory, "state": state}


def test_vms_of_everybody_and_one_that_no_tool_lists(boot_mac: Boot) -> None:
    vms = [
        vm("admin", "mac-runners-ios-1", "darwin", "12GiB", "stopped"),
        vm("admin", "mac-runners-ios-2", "darwin", "12GiB", "stopped"),
        vm("someone", "agent", "darwin", "8GiB", "running"),
        vm("someone", "builder", "linux", "4GiB", "running"),
        vm("other", "golden", "darwin", "6GiB", "suspended"),
    ]
    seed = {"users": USERS, "tart": {"version": "2.36.0", "vms": vms}, "processes": [{"user": "other", "rss": "5GiB"}]}
    mac = boot_mac(seed=seed)
    write(mac, "/Users/admin/.tart/vms/mac-runners-ios-1/.mac-runners.json", '{"owner": "action_packer.mac_runners", "schema": 1, "slot": "ios-1"}')
    measure(mac)  # Ansible makes its own directory at its first visit.
    before = mac.snapshot()
    facts = measure(mac)
    assert facts["unread"] == []
    assert facts["tart"]["version"] == "2.36.0"
    assert sorted(facts["tart"]["homes"]) == ["/Users/admin/.tart", "/Users/other/.tart", "/Users/someone/.tart"]
    listed = briefly(facts)
    assert listed[:5] == [
        ("tart", "agent", "running", "macos", 8 * GIB, False),
        ("tart", "builder", "running", "linux", 4 * GIB, False),
        ("tart", "golden", "suspended", "macos", 6 * GIB, False),
        ("tart", "mac-runners-ios-1", "stopped", "macos", 12 * GIB, True),
        ("tart", "mac-runners-ios-2", "stopped", "macos", 12 * GIB, False),
    ]
    ((kind, name, state, guest, memory, owned),) = listed[5:]
    assert (kind, state, guest, owned) == ("vm-process", "running", None, False)
    assert name.startswith("com.apple.Virtualization.VirtualMachine[")
    assert memory == 5 * GIB
    assert facts["workloads"][-1]["place"] == "process of other"
    assert mac.snapshot() == before
    assert mac.calls(writing=True) == [call for call in mac.calls("tart") if call["argv"][1] == "run"]


def test_a_vm_that_ended_is_stopped(boot_mac: Boot) -> None:
    mac = boot_mac(seed={"users": USERS, "tart": {"vms": [vm("someone", "agent", "darwin", "8GiB", "running")]}})
    assert briefly(measure(mac), "name", "state") == [("agent", "running")]
    assert mac.exec("/usr/bin/pkill", "-KILL", "-U", "502").returncode == 0
    assert briefly(measure(mac), "name", "state") == [("agent", "stopped")]


def test_what_cannot_be_understood_is_said_and_nothing_is_followed(boot_mac: Boot) -> None:
    vms = [vm("someone", name, "darwin", "8GiB", "stopped") for name in ("broken", "pipe", "linked", "good")]
    mac = boot_mac(seed={"users": USERS, "tart": {"vms": vms}})
    write(mac, "/Users/someone/.tart/vms/broken/config.json", '{"os": "darwin", "memorySize"')
    script = (
        "cd /Users/someone/.tart/vms && rm pipe/config.json && mkfifo pipe/config.json && "
        "rm linked/config.json && ln -s ../good/config.json linked/config.json && ln -s /private/etc elsewhere && "
        "mkdir -p /Volumes/VMs/vms && ln -s /Volumes/VMs /Users/other/.tart"
    )
    assert mac.exec("/bin/sh", "-c", script).returncode == 0
    facts = measure(mac)
    assert briefly(facts, "name") == [("good",)]
    said = "\n".join(facts["unread"])
    for what in ("vms/broken: its config.json", "vms/pipe: its config.json", "vms/linked: its config.json", "vms/elsewhere"):
        assert f"VM /Users/someone/.tart/{what}" in said
    assert "VMs in /Users/other/.tart: it is a link to /Volumes/VMs, which does not belong to other: make it theirs, or name it in tart_homes" in said
    assert len(facts["unread"]) == 5
    assert len(measure(mac, tart_homes=["/Volumes/VMs"])["unread"]) == 4


def test_a_home_that_a_job_of_launchd_uses(boot_mac: Boot) -> None:
    away = {"user": "admin", "home": "/opt/vms", "name": "away", "os": "linux", "memory": "4GiB", "state": "suspended"}
    mac = boot_mac(seed={"tart": {"vms": [away]}})
    assert measure(mac)["workloads"] == []
    job = (
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Label</key><string>vm</string>'
        "<key>EnvironmentVariables</key><dict><key>TART_HOME</key><string>/opt/vms</string></dict></dict></plist>"
    )
    write(mac, "/Library/LaunchDaemons/com.acme.vm.plist", job)
    assert briefly(measure(mac), "name", "place") == [("away", "/opt/vms")]


def test_cached_images(boot_mac: Boot) -> None:
    mac = boot_mac(seed={"users": USERS})
    script = f"mkdir -p {DIGEST} && ln -s $PWD/{DIGEST} 1 && ln -s $PWD/gone 2"
    directory = "/Users/someone/.tart/cache/OCIs/localhost%3A5000/acme/macos"
    assert mac.exec("/bin/sh", "-c", f"mkdir -p '{directory}' && cd '{directory}' && {script}").returncode == 0
    assert measure(mac)["images"] == ["localhost:5000/acme/macos:1", f"localhost:5000/acme/macos@{DIGEST}"]


@pytest.mark.parametrize("version", ["0.12.0", "1.2.2", "1.4.1"])
def test_containers_of_apples_container_in_every_shape(boot_mac: Boot, version: str) -> None:
    containers = [
        {"id": "mac-runners-c-1", "memory": 2 * GIB, "labels": {"dev.action-packer.mac-runners.pool": "c"}},
        {"id": "web", "memory": GIB, "state": "stopped"},
    ]
    facts = measure(boot_mac(seed={"container": {"version": version, "containers": containers}}))
    assert facts["unread"] == []
    assert facts["container"]["version"] == version
    assert briefly(facts) == [
        ("container", "mac-runners-c-1", "running", "linux", 2 * GIB, True),
        ("container", "web", "stopped", "linux", GIB, False),
    ]


def test_a_container_service_that_is_down_or_answers_nonsense(boot_mac: Boot) -> None:
    mac = boot_mac(seed={"container": {"version": "1.4.1", "status": "unregistered", "containers": []}})
    facts = measure(mac)
    assert (facts["unread"], facts["workloads"]) == ([], [])
    mac.fault([{"tool": "container", "match": ["system", "status"], "rc": 0, "stdout": "well"}])
    (said,) = measure(mac)["unread"]
    assert said.startswith("Apple's container: system status ended with 0")


@pytest.mark.parametrize(
    "tool, said",
    [
        ("vm_stat", "memory in use: vm_stat gives no numbers"),
        ("ps", "processes: ps ended with 1: broken"),
        ("tart", "the version of tart: /opt/homebrew/bin/tart --version ended with 1: broken"),
    ],
)
def test_a_tool_that_fails_makes_the_mac_full(boot_mac: Boot, tool: str, said: str) -> None:
    mac = boot_mac(seed={"tart": {"version": "2.36.0"}})
    mac.fault([{"tool": tool, "rc": 1, "stderr": "broken\n"}])
    assert measure(mac)["unread"] == [said]


def test_root_does_not_run_what_an_ordinary_user_could_have_replaced(boot_mac: Boot) -> None:
    mac = boot_mac(seed={"tart": {"version": "2.36.0"}})
    assert mac.exec("/usr/sbin/chown", "-R", "admin", "/opt/homebrew").returncode == 0
    assert measure(mac)["tart"]["version"] == "2.36.0"
    assert [call["uid"] for call in mac.calls("tart")] == [501]


def test_without_sysctl_nothing_is_guessed(boot_mac: Boot) -> None:
    mac = boot_mac()
    mac.fault([{"tool": "sysctl", "rc": 1, "stderr": "broken\n"}])
    facts = measure(mac)
    assert "memory" not in facts
    assert facts["macos"] == "26.1"
    assert len(facts["unread"]) == 2


def test_free_space_without_diskutil(boot_mac: Boot) -> None:
    mac = boot_mac()
    mac.fault([{"tool": "diskutil", "rc": 1}])
    facts = measure(mac)
    assert facts["disk_free"] > 0
    assert facts["unread"] == []


def test_an_ordinary_user_makes_the_mac_full(boot_mac: Boot) -> None:
    facts = measure(boot_mac(), become=False)
    assert facts["unread"] == ["VMs and containers of other users: only root can read them (become: true)"]


@pytest.mark.skipif(not os.environ.get("DOCKER_HOST", "").startswith("unix://"), reason="needs a Docker Engine in DOCKER_HOST")
def test_a_real_engine_in_the_vm_of_colima(boot_mac: Boot) -> None:
    socket = os.environ["DOCKER_HOST"][len("unix://") :]
    mac = boot_mac(docker_socket=socket, docker_vm_memory="16GiB", docker_vm_cpus=6)
    docker = measure(mac)["docker"]
    assert (docker["engine"], docker["running"], docker["memory"], docker["cpus"]) == ("colima", True, 16 * GIB, 6)
    assert docker["socket"] == "/Users/admin/.colima/default/docker.sock"
    assert docker["version"]
    assert [call["uid"] for call in mac.calls("colima") if call["argv"][1] == "list"] == [501]
