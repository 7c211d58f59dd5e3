# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import (
    open_directory,
    open_regular,
    read_all,
    read_regular,
    read_users,
    user_name,
)


def entry(name: str, uid: int, home: str) -> pwd.struct_passwd:
    return pwd.struct_passwd((name, "*", uid, 20, "", home, "/bin/zsh"))


def test_users_with_a_home_and_homes_without_a_user(monkeypatch, tmp_path):
    for name in ("admin", "gone"):
        (tmp_path / name).mkdir()
    (tmp_path / ".localized").write_text("")
    (tmp_path / "link").symlink_to("/")
    everybody = [entry("admin", 501, str(tmp_path / "admin")), entry("nobody", -2, "/var/empty"), entry("root2", 0, "/"),
                 entry("twin", 502, str(tmp_path / "admin")), entry("lost", 503, str(tmp_path / "lost"))]
    monkeypatch.setattr(pwd, "getpwall", lambda: everybody)
    found = [(user.name, user.uid) for user in read_users(str(tmp_path))]
    assert found == [("admin", 501), ("gone", os.getuid())]


def test_users_without_the_directory_of_homes(monkeypatch, tmp_path):
    monkeypatch.setattr(pwd, "getpwall", lambda: [])
    assert read_users(str(tmp_path / "nowhere")) == []


def test_a_user_without_a_record_is_a_number():
    assert user_name(os.getuid()) == pwd.getpwuid(os.getuid()).pw_name
    assert user_name(987654) == "987654"


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "file").symlink_to("secret")
    (tmp_path / "directory").symlink_to("/etc")
    with pytest.raises(OSError):
        read_regular(str(tmp_path / "file"))
    with pytest.raises(OSError):
        open_directory(str(tmp_path / "directory"))
    os.close(open_directory(str(tmp_path / "directory"), follow=True))


def test_a_named_pipe_holds_nobody(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for writable in (False, True):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(str(tmp_path / "pipe"), writable=writable)


def test_a_file_that_is_too_large_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    descriptor = open_regular(str(tmp_path / "file"))
    with pytest.raises(OSError, match="larger"):
        read_all(descriptor, largest=4)
    os.lseek(descriptor, 0, os.SEEK_SET)
    assert read_all(descriptor, largest=5) == b"12345"
    os.close(descriptor)
