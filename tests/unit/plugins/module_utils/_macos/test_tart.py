# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import fcntl
import json
import os
import pathlib
import plistlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import tart
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import User
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tart import TartHome, find_homes, parse_config, read_images, read_vms

GIB = 1024**3
DIGEST = "sha256:" + "a" * 64
HOLD = "import fcntl, sys; s = open(sys.argv[1], 'r+'); fcntl.lockf(s, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"


def make_vm(home: pathlib.Path, name: str, **config: t.Any) -> pathlib.Path:
    directory = home / "vms" / name
    directory.mkdir(parents=True)
    content = {"version": 1, "os": "darwin", "arch": "arm64", "cpuCount": 4, "memorySize": 8 * GIB, **config}
    (directory / "config.json").write_text(json.dumps(content, indent=2))
    (directory / "disk.img").write_text("")
    (directory / "nvram.bin").write_text("")
    return directory


def read(home: pathlib.Path, trusted: bool = False) -> t.Tuple[t.List[tart.TartVm], t.List[str]]:
    unread: t.List[str] = []
    return read_vms(TartHome(str(home), trusted), unread), unread


@pytest.fixture(autouse=True)
def no_launchd_jobs(monkeypatch, tmp_path):
    (tmp_path / "LaunchDaemons").mkdir()
    monkeypatch.setattr(tart, "LAUNCHD_DIRS", (str(tmp_path / "LaunchDaemons"),))


def test_guests_and_memory(tmp_path):
    make_vm(tmp_path, "a", memorySize=12 * GIB)
    make_vm(tmp_path, "b", os="linux", memorySize=4 * GIB)
    vms, unread = read(tmp_path)
    assert [(vm.name, vm.guest, vm.memory, vm.state, vm.owned) for vm in vms] == [
        ("a", "macos", 12 * GIB, "stopped", False),
        ("b", "linux", 4 * GIB, "stopped", False),
    ]
    assert vms[0].uid == os.getuid()
    assert unread == []


def test_a_saved_state_is_suspended(tmp_path):
    (make_vm(tmp_path, "a") / "state.vzvmsave").write_text("")
    assert read(tmp_path)[0][0].state == "suspended"


def test_a_lock_is_running_even_with_a_saved_state(tmp_path):
    directory = make_vm(tmp_path, "a")
    (directory / "state.vzvmsave").write_text("")
    arguments = [sys.executable, "-c", HOLD, str(directory / "config.json")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        vm = read(tmp_path)[0][0]
        holder.stdin.close()
    assert (vm.state, vm.holder) == ("running", holder.pid)


def test_reading_leaves_no_lock_and_no_trace(tmp_path):
    directory = make_vm(tmp_path, "a")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in directory.iterdir()}
    read(tmp_path)
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in directory.iterdir()}
    with open(directory / "config.json", "r+", encoding="utf-8") as stream:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    "name, marker, owned",
    [
        ("mac-runners-ios-1", {"owner": "action_packer.mac_runners", "schema": 1}, False),
        ("mac-runners-ios-1", {"owner": "action_packer.mac_runners", "slot": "ios-1"}, True),
        ("mac-runners-ios-1", {"owner": "action_packer.mac_runners", "slot": "ios-2"}, False),
        ("mac-runners-ios-1", {"owner": "somebody"}, False),
        ("mac-runners-ios-1", [], False),
        ("mac-runners-ios-1", None, False),
        ("ios-1", {"owner": "action_packer.mac_runners", "slot": "ios-1"}, False),
    ],
)
def test_ours_by_name_and_marker(tmp_path, name, marker, owned):
    directory = make_vm(tmp_path, name)
    if marker is not None:
        (directory / ".mac-runners.json").write_text(json.dumps(marker))
    assert read(tmp_path)[0][0].owned is owned


def test_a_marker_that_is_a_link_is_none(tmp_path):
    directory = make_vm(tmp_path, "mac-runners-ios-1")
    (tmp_path / "marker").write_text(json.dumps({"owner": "action_packer.mac_runners", "slot": "ios-1"}))
    (directory / ".mac-runners.json").symlink_to(tmp_path / "marker")
    assert read(tmp_path)[0][0].owned is False


@pytest.mark.parametrize(
    "content, why",
    [
        ("{", "its config.json: Expecting property name"),
        ("[]", "it is no JSON object"),
        ('{"memorySize": 1, "os": "plan9"}', "os is 'plan9', not darwin or linux"),
        ('{"memorySize": true}', "memorySize is True, not a number of bytes"),
        ('{"memorySize": 0}', "memorySize is 0, not"),
        ('{"memorySize": 1e30}', "memorySize is 1e+30, not"),
        ("{}", "memorySize is None, not"),
    ],
)
def test_a_vm_that_cannot_be_understood_is_said(monkeypatch, tmp_path, content, why):
    monkeypatch.setattr(tart, "_CONFIG_DELAYS", (0,))
    make_vm(tmp_path, "good")
    (make_vm(tmp_path, "bad") / "config.json").write_text(content)
    vms, unread = read(tmp_path)
    assert [vm.name for vm in vms] == ["good"]
    assert len(unread) == 1
    assert unread[0].startswith(f"VM {tmp_path}/vms/bad: ")
    assert why in unread[0]


def test_a_config_that_is_just_being_written_is_read_again(monkeypatch, tmp_path):
    directory = make_vm(tmp_path, "a")
    whole = (directory / "config.json").read_text()
    (directory / "config.json").write_text("")
    monkeypatch.setattr(tart.time, "sleep", lambda seconds: (directory / "config.json").write_text(whole))
    vms, unread = read(tmp_path)
    assert [vm.name for vm in vms] == ["a"]
    assert unread == []


def test_an_old_config_has_no_os():
    assert parse_config(b'{"memorySize": 4294967296}') == ("macos", 4 * GIB)


def test_what_is_no_vm_to_tart_is_none_to_us(tmp_path):
    (tmp_path / "vms" / "half").mkdir(parents=True)
    (tmp_path / "vms" / ".DS_Store").write_text("")
    assert read(tmp_path) == ([], [])
    assert read(tmp_path / "nowhere") == ([], [])


@pytest.mark.parametrize("link", ["vms", "vms/a"])
def test_a_link_is_followed_only_below_a_home_that_was_named(tmp_path, link):
    elsewhere = tmp_path / "elsewhere"
    make_vm(elsewhere, "a")
    home = tmp_path / "home"
    (home / link).parent.mkdir(parents=True)
    (home / link).symlink_to(elsewhere / link)
    vms, unread = read(home)
    assert vms == []
    assert len(unread) == 1
    assert unread[0].endswith(": it is a link, which is not followed")
    assert [vm.name for vm in read(home, trusted=True)[0]] == ["a"]


def test_homes_of_users_and_named_ones(tmp_path):
    users = []
    for uid, name in enumerate(("a", "b", "c"), 501):
        (tmp_path / name).mkdir()
        users.append(User(name, uid, str(tmp_path / name)))
    (tmp_path / "a" / ".tart").mkdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "b" / ".tart").symlink_to(tmp_path / "disk")
    unread: t.List[str] = []
    assert find_homes(users, [], unread) == [TartHome(f"{tmp_path}/a/.tart")]
    assert unread == [f"VMs in {tmp_path}/b/.tart: it is a link to {tmp_path}/disk, which does not belong to b: make it theirs, or name it in tart_homes"]
    unread.clear()
    named = find_homes(users, [str(tmp_path / "disk")], unread)
    assert named == [TartHome(f"{tmp_path}/disk", True), TartHome(f"{tmp_path}/a/.tart")]
    assert unread == []


@pytest.mark.parametrize("form", [plistlib.FMT_XML, plistlib.FMT_BINARY])
def test_homes_that_jobs_of_launchd_set(tmp_path, form):
    def job(name: str, content: t.Any) -> None:
        (tmp_path / "LaunchDaemons" / name).write_bytes(plistlib.dumps(content, fmt=form))

    job("vm.plist", {"Label": "vm", "EnvironmentVariables": {"TART_HOME": str(tmp_path / "vms-of-ci")}})
    job("relative.plist", {"EnvironmentVariables": {"TART_HOME": "vms"}})
    job("list.plist", ["TART_HOME"])
    job("other.plist", {"Label": "TART_HOME"})
    (tmp_path / "LaunchDaemons" / "broken.plist").write_bytes(b"TART_HOME")
    assert find_homes([], [], []) == [TartHome(str(tmp_path / "vms-of-ci"))]


def make_image(home: pathlib.Path, host: str, *tags: str) -> None:
    directory = home / "cache" / "OCIs" / host / "acme" / "macos"
    (directory / DIGEST).mkdir(parents=True)
    for tag in tags:
        (directory / tag).symlink_to(directory / DIGEST)


def test_cached_images_by_tag_and_by_digest(tmp_path):
    make_image(tmp_path, "ghcr.io", "1", "latest")
    make_image(tmp_path, "localhost%3A5000", "2")
    (tmp_path / "cache" / "OCIs" / "ghcr.io" / "acme" / "macos" / "gone").symlink_to(tmp_path / ("sha256:" + "b" * 64))
    assert read_images(TartHome(str(tmp_path)), []) == [
        "ghcr.io/acme/macos:1",
        "ghcr.io/acme/macos:latest",
        f"ghcr.io/acme/macos@{DIGEST}",
        "localhost:5000/acme/macos:2",
        f"localhost:5000/acme/macos@{DIGEST}",
    ]


def test_no_cached_images(tmp_path):
    assert read_images(TartHome(str(tmp_path)), []) == []


def test_a_cache_that_is_a_link_is_said(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "OCIs").symlink_to("/")
    unread: t.List[str] = []
    assert read_images(TartHome(str(tmp_path)), unread) == []
    assert len(unread) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="directories of several users")
def test_a_home_that_its_user_moved_to_another_disk_is_read_there(tmp_path):
    """A link to what is somebody else's, or to nothing, could lead root anywhere."""
    users = [User(name, uid, str(tmp_path / name)) for uid, name in ((501, "a"), (502, "b"), (503, "c"))]
    for user in users:
        (tmp_path / user.name).mkdir()
    make_vm(tmp_path / "disk", "moved")
    os.chown(tmp_path / "disk", 501, 20)
    for name, target in (("a", "disk"), ("b", "disk"), ("c", "nowhere")):
        (tmp_path / name / ".tart").symlink_to(tmp_path / target)
    unread: t.List[str] = []
    assert find_homes(users[:1], [], unread) == [TartHome(f"{tmp_path}/disk")]
    assert unread == []
    assert [vm.name for vm in read(tmp_path / "disk")[0]] == ["moved"]
    assert find_homes(users[1:], [], unread) == []
    said = [f"VMs in {tmp_path}/{name}/.tart: it is a link to {tmp_path}/{to}" for name, to in (("b", "disk"), ("c", "nowhere"))]
    assert [text.partition(",")[0] for text in unread] == said
