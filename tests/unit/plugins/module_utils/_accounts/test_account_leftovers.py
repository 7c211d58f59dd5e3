# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users leave outside their homes: found in what tools print and in directories, and nothing else is."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import leftovers as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result

NAME, UID = "mac-runners-lint-1", 29001
HOME = f"/Users/{NAME}"

MOUNTS = f"""\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
/dev/disk4s1 on {HOME}/a (hfs, local, nodev, nosuid, journaled, mounted by admin)
/dev/disk5s1 on /System/Volumes/Data{HOME}/a/b (b (hfs, local, mounted by admin)
/dev/disk6s1 on /Volumes/Some Image (hfs, local, mounted by {NAME})
/dev/disk7s1 on {HOME}2/a (hfs, local, mounted by {NAME}2)
/dev/disk8s1 on /Volumes/{NAME} (hfs, local, mounted by admin)
"""
OBJECTS = f"""\
IPC status from <running system> as of Mon Nov 23 12:00:00 UTC 2026
T     ID     KEY        MODE       OWNER    GROUP
Message Queues:
q  65536 0x00000001 --rw------- {NAME} {NAME}

T     ID     KEY        MODE       OWNER    GROUP
Shared Memory:
m      7 0x00000002 --rw-rw-rw- {NAME}2 staff
m  65537 0x00000003 --rw-rw-rw- {NAME} staff

T     ID     KEY        MODE       OWNER    GROUP
Semaphores:
s      3 0x00000004 --ra-ra-ra-     root    wheel
"""


class Mac:
    """Prints what is left, and takes away what it is told to, unless that is stuck."""

    def __init__(self, mounts: str = MOUNTS, objects: str = OBJECTS, stuck: str = "") -> None:
        self.texts = {core.MOUNT: mounts.splitlines(), core.IPCS: objects.splitlines()}
        self.stuck = stuck
        self.calls: t.List[t.List[str]] = []

    def __call__(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        if argv[0] in self.texts:
            return Result(0, "\n".join(self.texts[argv[0]]), "")
        self.calls.append(list(argv))
        if argv[-1] == self.stuck:
            return Result(1, "", "Resource busy")
        tool, kept = (core.MOUNT, f" on {argv[-1]} (") if argv[0] == core.UMOUNT else (core.IPCS, f"{argv[1][1]} {argv[-1]:>6} ")
        self.texts[tool] = [line for line in self.texts[tool] if kept not in line]
        return Result(0, "", "")


def test_the_mounts_of_a_user_go_the_deepest_first() -> None:
    mac = Mac()
    core.unmount_of(mac, NAME, HOME)
    assert [call[-1] for call in mac.calls] == [f"/System/Volumes/Data{HOME}/a/b (b", f"{HOME}/a", "/Volumes/Some Image"]


def test_a_mount_that_stays_is_told() -> None:
    mac = Mac(stuck=f"{HOME}/a")
    with pytest.raises(AccountError, match=f"cannot be unmounted, and nothing was removed: {HOME}/a$"):
        core.unmount_of(mac, NAME, HOME)
    assert [core.UMOUNT, "-f", f"{HOME}/a"] in mac.calls


def test_a_line_that_a_user_made_takes_no_volume_of_others(tmp_path: pathlib.Path) -> None:
    """A mount point whose name holds a line end looks like two mounts; a volume may be called by more than one path."""
    elsewhere = tmp_path / "other name"
    elsewhere.symlink_to("/proc")
    forged = f"/dev/disk9 on {HOME}/x (apfs, local)\n/dev/disk9 on {{}} (apfs, local, nodev, nosuid, mounted by {NAME})\n"
    genuine = "/dev/disk5s2 on /proc (apfs, local, nodev, nosuid, journaled)\n"
    for point in ("/proc", str(elsewhere), "/proc/"):
        mac = Mac(mounts=genuine + forged.format(point))
        core.unmount_of(mac, NAME, HOME)
        assert [call[-1] for call in mac.calls] == [f"{HOME}/x"], point
    mac = Mac(mounts=forged.format("/proc"))
    core.unmount_of(mac, NAME, HOME)
    assert [call[-1] for call in mac.calls] == [f"{HOME}/x", "/proc"], "nobody else speaks of it"


def test_an_account_whose_home_is_not_known_loses_only_what_it_mounted_itself() -> None:
    mac = Mac()
    core.unmount_of(mac, NAME, "")
    assert [call[-1] for call in mac.calls] == ["/Volumes/Some Image"]


def test_objects_of_the_user_go_and_no_others() -> None:
    mac = Mac()
    core.remove_ipc(mac, NAME)
    assert mac.calls == [[core.IPCRM, "-q", "65536"], [core.IPCRM, "-m", "65537"]]


def test_an_object_that_stays_is_told() -> None:
    with pytest.raises(AccountError, match="System V objects cannot be removed: m 65537"):
        core.remove_ipc(Mac(stuck="65537"), NAME)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_go_wherever_others_let_the_user_in(tmp_path: pathlib.Path) -> None:
    shared, cron, folders, outside = (tmp_path / path for path in ("private/tmp", "private/var/at/tabs", "private/var/folders", "outside"))
    own = [shared / "own", shared / "own/deep", shared / "others/file", shared / "others/deep/file", folders / "zz/own", folders / "zz/other/T/file"]
    kept = [shared / "others/kept", cron / f"{NAME}2", folders / "zz/other/T/file"]
    for folder in (shared / "others/deep", shared / "own/deep", folders / "zz/own", folders / "zz/other/T", cron, outside):
        folder.mkdir(parents=True)
    for path in (*own, *kept, cron / NAME, outside / "file"):
        path.is_dir() or path.write_text("x")
    for path in (*own, outside / "file"):
        os.chown(path, UID, UID)
    for link in (shared / "link", shared / "others/link", shared / "link of root"):
        link.symlink_to(outside)
        os.chown(link, UID if link.name == "link" else 0, 0, follow_symlinks=False)
    core.remove_files(NAME, UID, str(tmp_path))
    left = {path for folder in (shared, cron, folders) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}
    # Who has a directory of its own below /private/var/folders lets nobody else in.
    assert left == {*kept, shared / "link of root"} and (outside / "file").exists()
    assert not (shared / "own").exists() and not (folders / "zz/own").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("closed", ["stat", "open", "listdir"])
def test_directories_that_macos_closes_to_root_are_passed_by(closed: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caches = tmp_path / "Library/Caches"
    for name in ("com.apple.aned", "others", "others/own"):
        (caches / name).mkdir(parents=True)
    os.chown(caches / "others/own", UID, UID)
    vault, real = (caches / "com.apple.aned").stat().st_ino, getattr(os, closed)
    asked: t.List[t.Any] = []

    def guarded(path: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        if path == "com.apple.aned" or (isinstance(path, int) and os.fstat(path).st_ino == vault):
            asked.append(path)
            raise PermissionError(1, "Operation not permitted", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, closed, guarded)
    core.remove_files(NAME, UID, str(tmp_path))
    monkeypatch.undo()
    assert asked and sorted(os.listdir(caches)) == ["com.apple.aned", "others"] and not os.listdir(caches / "others")


def test_a_shared_directory_that_is_closed_is_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "private/tmp").mkdir(parents=True)

    def closed(path: str, parent: t.Optional[int] = None) -> int:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(core, "open_directory", closed)
    with pytest.raises(PermissionError):
        core.remove_files(NAME, UID, str(tmp_path))
