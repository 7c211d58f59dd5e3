# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in of Tart against what its contract says a simulator must do."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from pathlib import Path

import pytest

_MACSIM = str(Path(__file__).resolve().parent.parent / "macsim")
_TART = "/opt/homebrew/bin/tart"
_IMAGE = "ghcr.io/acme/macos:1"
_SEED = {
    "users": [{"name": "someone", "uid": 502}],
    "tart": {
        "version": "2.36.0",
        "images": {_IMAGE: {"os": "darwin", "cpu": 4, "memory": "8GiB", "disk_gb": 54}, "ghcr.io/acme/linux:1": {"os": "linux", "memory": "4GiB"}},
        "vms": [{"user": "someone", "name": "theirs", "os": "darwin", "memory": "8GiB", "state": "running"}],
    },
}


@pytest.fixture(name="mac")
def mac_fixture(boot_mac):
    return boot_mac("tart", seed=_SEED)


def _tart(mac, words, **options):
    return mac.ssh(f"CI=1 {_TART} {words}", **options)


def _start(mac, name, words=""):
    mac.ssh(f"nohup {_TART} run {name} --no-graphics {words} > /tmp/{name}.log 2>&1 < /dev/null &")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _state(mac, name) != "running":
        time.sleep(0.05)
    assert _state(mac, name) == "running", mac.ssh(f"cat /tmp/{name}.log").stdout


def _state(mac, name):
    result = _tart(mac, f"get {name} --format json")
    return json.loads(result.stdout)["State"] if result.returncode == 0 else None


def test_machine_of_another_user_counts_and_is_invisible(mac):
    assert _tart(mac, "list --format json").stdout == "[\n\n]\n"
    rows = json.loads(mac.ssh(f"sudo env TART_HOME=/Users/someone/.tart {_TART} list --format json").stdout)
    assert [(row["Name"], row["State"]) for row in rows] == [("theirs", "running")]
    # A user without the right to write the file sees the machine stopped, as with the real lock.
    mac.exec("/bin/sh", "-c", "chmod -R o+rX /Users/someone; chmod o+w /Users/someone/.tart /Users/someone/.tart/tmp")
    _tart(mac, f"clone {_IMAGE} one")
    _tart(mac, f"clone {_IMAGE} two")
    _start(mac, "one")
    third = _tart(mac, "run two --no-graphics")
    assert third.returncode == 1
    assert third.stderr == "The number of VMs exceeds the system limit (other running VMs: one)\n"


def test_linux_guests_are_not_counted(mac):
    for name in ("one", "two", "three"):
        _tart(mac, f"clone ghcr.io/acme/linux:1 {name}")
        _start(mac, name)


def test_exit_codes(mac):
    _tart(mac, f"clone {_IMAGE} one")
    for words, code, text in (
        ("run nope", 1, 'Error: the specified VM "nope" does not exist\n'), ("get nope", 2, 'the specified VM "nope" does not exist\n'),
        ("stop one", 2, 'VM "one" is not running\n'), ("delete nope", 2, 'the specified VM "nope" does not exist\n'),
        ("exec one true", 2, 'VM "one" is not running\n'), ("pull ghcr.io/acme/none:1", 1, "UnexpectedHTTPStatusCode"),
        ("set one --cpu 1", 1, "Error: LessThanMinimalResourcesError: VM should have 2 CPU cores at minimum (requested 1)\n"),
        ("rename nope x", 64, "failed to rename a non-existent local VM: nope"),
    ):
        result = _tart(mac, words)
        assert (result.returncode, text in result.stderr) == (code, True), (words, result.stderr)
    _start(mac, "one")
    assert _tart(mac, "run one").returncode == 2
    assert (_tart(mac, "delete one").returncode, _tart(mac, "delete one").stderr) == (1, 'VM "one" is running\n')
    assert _tart(mac, "stop one").returncode == 0
    assert mac.ssh("cat /tmp/one.log").stdout == "Stopping VM...\n"


def test_clone_replaces_silently_and_stays_sparse(mac):
    _tart(mac, f"clone {_IMAGE} one")
    before = mac.ssh("cat ~/.tart/vms/one/config.json").stdout
    assert _tart(mac, f"clone {_IMAGE} one").returncode == 0
    assert mac.ssh("cat ~/.tart/vms/one/config.json").stdout != before
    assert mac.ssh("stat -f '%z %b' ~/.tart/vms/one/disk.img").stdout == "54000000000 0\n"


def test_set_drops_display_refit(mac):
    _tart(mac, f"clone {_IMAGE} one")
    _tart(mac, "set one --display-refit")
    assert "displayRefit" in mac.ssh("cat ~/.tart/vms/one/config.json").stdout
    _tart(mac, "set one --cpu 6 --memory 12288")
    config = json.loads(mac.ssh("cat ~/.tart/vms/one/config.json").stdout)
    assert ("displayRefit" in config, config["cpuCount"], config["memorySize"]) == (False, 6, 12 << 30)


@pytest.mark.parametrize(("version", "code", "exec_works"), [("2.30.5", 0, True), ("2.35.0", 0, False), ("2.36.0", 1, None)])
def test_control_socket_left_behind(boot_mac, version, code, exec_works):
    mac = boot_mac("socket", seed={"tart": {**_SEED["tart"], "version": version, "vms": []}})
    _tart(mac, f"clone {_IMAGE} one")
    _start(mac, "one")
    assert _tart(mac, "exec one true").returncode == 0
    _tart(mac, "stop one")
    assert mac.ssh("test -S ~/.tart/vms/one/control.sock").returncode == 0
    if code:
        result = _tart(mac, "run one --no-graphics")
        assert (result.returncode, "Address already in use" in result.stderr) == (1, True)
        return
    _start(mac, "one")
    assert (_tart(mac, "exec one true").returncode == 0) is exec_works


def test_exec_passes_data_and_codes(mac):
    _tart(mac, f"clone {_IMAGE} one")
    _start(mac, "one")
    assert _tart(mac, "exec -i one cat", data="secret").stdout == "secret"
    assert _tart(mac, "exec one cat", data="secret").stdout == ""
    assert _tart(mac, "exec one sh -c 'exit 7'").returncode == 7
    assert "executable file not found" in _tart(mac, "exec one no-such-program").stderr
    assert _tart(mac, "ip one").stdout.startswith("192.168.64.")
    assert _tart(mac, "exec one sudo shutdown -h now").returncode == 0
    time.sleep(0.5)
    assert _state(mac, "one") == "stopped"
    assert mac.ssh("cat /tmp/one.log").stdout == "guest has stopped the virtual machine\n"
    assert _tart(mac, "ip one").returncode == 0


def test_suspend_is_asynchronous_and_deadly_without_the_flag(mac):
    _tart(mac, f"clone {_IMAGE} one")
    _start(mac, "one", "--suspendable")
    assert _tart(mac, "suspend one").returncode == 0
    time.sleep(0.5)
    assert _state(mac, "one") == "suspended"
    assert _tart(mac, "stop one").returncode == 0
    assert _state(mac, "one") == "stopped"
    mac.ssh("rm ~/.tart/vms/one/control.sock")
    _start(mac, "one")
    _tart(mac, "suspend one")
    time.sleep(0.5)
    assert _state(mac, "one") == "stopped"
    assert "Failed to suspend the VM" in mac.ssh("cat /tmp/one.log").stdout


def test_killed_run_frees_lock_and_process(mac):
    _tart(mac, f"clone {_IMAGE} one")
    _start(mac, "one")
    mac.ssh("pkill -KILL -f 'tart run one'")
    time.sleep(0.3)
    assert _state(mac, "one") == "stopped"
    assert mac.ssh("pgrep -U 501 com.apple.Virtualization").stdout == ""


def test_registry_digest_moves_and_pull_refreshes(mac):
    _tart(mac, f"pull {_IMAGE}")
    old = _tart(mac, f"fqn {_IMAGE}").stdout
    again = _tart(mac, f"pull {_IMAGE}").stdout
    assert "image is already cached and linked!" in again
    images = {**_SEED["tart"]["images"], _IMAGE: {"os": "darwin", "cpu": 8, "memory": "8GiB", "disk_gb": 54}}
    (mac.root / "private/var/macsim/registry.json").write_text(json.dumps(images))
    _tart(mac, f"clone {_IMAGE} one")
    assert _tart(mac, f"fqn {_IMAGE}").stdout == old
    _tart(mac, f"pull {_IMAGE}")
    assert _tart(mac, f"fqn {_IMAGE}").stdout != old


def test_new_guests_need_an_unlocked_login_keychain(boot_mac):
    images = {"ghcr.io/acme/new:1": {"os": "darwin", "macos": 26, "memory": "8GiB"}}
    mac = boot_mac("keychain", seed={"tart": {"version": "2.36.0", "images": images}})
    _tart(mac, "clone ghcr.io/acme/new:1 one")
    assert "VZErrorDomain Code=1" in _tart(mac, "run one --no-graphics").stderr
    mac.ssh("security create-keychain -p pw login.keychain; security unlock-keychain -p pw login.keychain")
    _start(mac, "one")


def test_archive_is_the_same_every_time_and_runs_where_it_was_unpacked(boot_mac, tmp_path):
    digests = set()
    for number in range(2):
        path = tmp_path / f"{number}.tar.gz"
        subprocess.run([_MACSIM, "tart-archive", "2.36.0", str(path)], check=True, timeout=20)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1
    mac = boot_mac("archive", share=[str(tmp_path)])
    mac.exec("/bin/sh", "-c", f"mkdir -p /opt/t && tar -xzf {tmp_path}/0.tar.gz -C /opt/t", check=True)
    assert mac.ssh("/opt/t/tart.app/Contents/MacOS/tart --version").stdout == "2.36.0\n"
