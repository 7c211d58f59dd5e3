# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import plistlib

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.disk import parse_df, parse_diskutil_free, read_disk_free

DF = """\
Filesystem     1024-blocks     Used Available Capacity  Mounted on
/dev/disk5s2     482797652 10485760 210000000     5%    /Volumes/My VMs
"""


def plist(**keys) -> str:
    return plistlib.dumps(keys).decode()


def ask(mount: str) -> tuple:
    return ("/usr/sbin/diskutil", "info", "-plist", mount)


def test_the_data_volume_is_asked_by_default(script):
    run = script({ask("/System/Volumes/Data"): plist(APFSContainerFree=429496729600, FilesystemType="apfs")})
    assert read_disk_free(run, "", pytest.fail) == 429496729600
    assert len(run.calls) == 1


def test_the_volume_of_a_path_is_asked_by_its_mount_point(script, tmp_path):
    answers = {("/bin/df", "-k", "-P", str(tmp_path)): DF, ask("/Volumes/My VMs"): plist(APFSContainerFree=7, FilesystemType="apfs")}
    assert read_disk_free(script(answers), str(tmp_path), pytest.fail) == 7


def test_a_path_that_is_not_there_yet_counts_where_it_will_be(script, tmp_path):
    answers = {("/bin/df", "-k", "-P", str(tmp_path)): DF, ask("/Volumes/My VMs"): plist(APFSContainerFree=7)}
    assert read_disk_free(script(answers), str(tmp_path / "a" / "b"), pytest.fail) == 7


def test_the_file_system_is_the_way_out_and_that_is_said(script, tmp_path):
    answers = {("/bin/df", "-k", "-P", str(tmp_path)): DF, ask("/Volumes/My VMs"): Result(1, plist(Error=True), "")}
    said: list = []
    assert read_disk_free(script(answers), str(tmp_path), said.append) > 0
    assert said == [f"diskutil does not say how much is free around {tmp_path}; taken from the file system instead"]


@pytest.mark.parametrize(
    "text, free",
    [
        (plist(APFSContainerFree=0, FilesystemType="apfs"), 0),
        (plist(APFSContainerFree=0, FilesystemType="hfs", FreeSpace=5), 5),
        (plist(APFSContainerFree="much"), None),
        (plist(), None),
        ("Could not find disk: /nope", None),
        ("", None),
        ("<?xml version='1.0'?><plist><array/></plist>", None),
    ],
)
def test_free_bytes_of_diskutil(text, free):
    assert parse_diskutil_free(text) == free


def test_df_without_an_answer():
    assert parse_df("") == ""
    assert parse_df(DF) == "/Volumes/My VMs"
