# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of homes: what cannot be told apart or is not where it has to be is refused, and nothing of it touched."""

from __future__ import annotations

import os
import pathlib
import plistlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import volumes as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.spec import parse_accounts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result

NAME = "mac-runners-lint-1"
ACCOUNT = Account(NAME, 1701, "lint", f"/Volumes/{NAME}/{NAME}", quota=32 * 2**20)


class Disks:
    """Answers for diskutil; ``calls`` that change something."""

    def __init__(self, *names: str, answer: str = "") -> None:
        entries = [{"Name": name, "DeviceIdentifier": f"disk3s{number}", "CapacityQuota": 5} for number, name in enumerate(names, 6)]
        self.answer = answer or plistlib.dumps({"Containers": [{"Volumes": entries}], "APFSContainerReference": "disk3"}).decode()
        self.calls: t.List[t.Sequence[str]] = []

    def run(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        if "-plist" not in argv:
            self.calls.append(list(argv[1:]))
        return Result(0, self.answer, "")


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(core, "VOLUMES", str(tmp_path))
    monkeypatch.setattr(os.path, "ismount", lambda path: os.path.exists(f"{path}/.mounted"))
    return tmp_path


def test_without_accounts_on_volumes_nothing_is_asked() -> None:
    def never(*_words: t.Any, **_more: t.Any) -> Result:
        raise AssertionError

    assert core.read_volumes(t.cast("t.Any", never), set()) == {}


@pytest.mark.parametrize(("disks", "told"), [
    (Disks(NAME, NAME), f"two APFS volumes are called {NAME}"),
    (Disks(NAME), f"the APFS volume {NAME} is not mounted at"),
    (Disks(answer="no plist"), "tells nothing that can be read"),
    (Disks(answer="<plist><array/></plist>"), "tells nothing that can be read"),
])
def test_what_cannot_be_told_is_refused(disks: Disks, told: str) -> None:
    with pytest.raises(AccountError, match=told):
        core.read_volumes(disks.run, {NAME})
    assert disks.calls == []


def test_what_is_in_its_place_is_not_mounted_over(folder: pathlib.Path) -> None:
    (folder / NAME).mkdir()
    (folder / NAME / "theirs").write_text("x")
    disks = Disks()
    with pytest.raises(AccountError, match=f"account {NAME}: something else is at .*nothing of it was touched"):
        core.make_volume(disks.run, ACCOUNT, None)
    assert disks.calls == []


def test_a_tool_that_mounted_nothing_is_no_success(folder: pathlib.Path) -> None:
    disks = Disks()
    with pytest.raises(AccountError, match="made a volume, and nothing is mounted"):
        core.make_volume(disks.run, ACCOUNT, None)
    assert disks.calls == [["apfs", "addVolume", "disk3", "APFS", NAME, "-quota", f"{32 * 2**20}b", "-mountpoint", f"{folder}/{NAME}"]]


def test_links_that_a_job_left_beside_its_home_are_not_followed(folder: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("root") / "theirs"
    target.write_text("kept")
    (folder / NAME).mkdir()
    (folder / NAME / ".mounted").touch()
    for name in (core.MARKER, f"{core.MARKER}.new", f".{core.MARKER}.new"):
        (folder / NAME / name).symlink_to(target)
    core.make_volume(Disks().run, ACCOUNT, core.Volume(NAME, "disk3s6", ACCOUNT.quota, True, False))
    assert target.read_text() == "kept" and not (folder / NAME / core.MARKER).is_symlink()


def test_only_ours_is_removed(folder: pathlib.Path) -> None:
    (folder / NAME).mkdir()
    (folder / NAME / ".mounted").touch()
    disks = Disks(NAME)
    (begun,) = core.read_volumes(disks.run, {NAME}).values()
    assert (begun.ours, begun.marked, begun.quota) == (True, False, 5)
    (folder / NAME / "theirs").touch()
    (other,) = core.read_volumes(disks.run, {NAME}).values()
    with pytest.raises(AccountError, match="has no marker of ours; nothing of it was touched"):
        core.remove_volume(disks.run, other)
    assert disks.calls == []
    core.remove_volume(disks.run, begun)
    assert disks.calls == [["apfs", "deleteVolume", "disk3s6"]]


def test_a_pool_of_jails_has_no_quota() -> None:
    pools = [{"name": "jail", "isolation": "chroot", "trust": "trusted"}]
    with pytest.raises(AccountError, match='pool "jail", field disk_quota: got true; allowed: false, since its jobs have their homes in jails'):
        parse_accounts(pools, [{"pool": "jail", "disk_quota": True}], {}, 1701, "/Users")
