# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which native isolations a Mac has something of."""

from __future__ import annotations

import pathlib
import pwd

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._native import tell_native


def user(name: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "*", 1701, 1701, "", f"/Users/{name}", "/usr/bin/false"))


@pytest.mark.parametrize(("users", "folders", "told"), [
    (["root", "mac-runners-x", "mac-runner-lint-1"], [], []),
    (["mac-runners-lint-1"], ["sandbox"], ["account", "sandbox"]),
    (["root"], ["chroot"], ["chroot"]),
])
def test_what_is_there_is_told(users: list[str], folders: list[str], told: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwall", lambda: [user(name) for name in users])
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert tell_native({name: str(tmp_path / name) for name in ("sandbox", "chroot")}) == told
