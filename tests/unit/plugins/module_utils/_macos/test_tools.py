# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import tools

VERSIONS = [
    ("2.36.0\n", "2.36.0"),
    ("container CLI version 1.4.1 (build: release, commit: abc1234)\n", "1.4.1"),
    ("container CLI version 0.9.0-35-g899081d (build: debug, commit: 899081d)\n", "0.9.0"),
    ("SNAPSHOT\n", ""),
    ("", ""),
]


@pytest.mark.parametrize("text, version", VERSIONS)
def test_versions(text, version):
    assert tools.parse_version(text) == version


@pytest.fixture
def tart(monkeypatch, tmp_path):
    path = tmp_path / "tart"
    path.write_text("")
    path.chmod(0o755)
    monkeypatch.setattr(tools, "PLACES", {"tart": (str(tmp_path / "nowhere"), str(path)), "colima": ("/nowhere",)})
    return str(path)


def test_an_absent_tool_is_no_error(script, tart):
    unread: list = []
    assert tools.read_version(script({}), "colima", unread) is None
    assert unread == []


def test_path_and_version_of_a_tool(monkeypatch, script, tart):
    monkeypatch.setattr(tools, "only_root_writes", lambda path: True)
    assert tools.read_version(script({(tart, "--version"): "2.36.0\n"}), "tart", []) == {"path": tart, "version": "2.36.0"}


@pytest.mark.parametrize("result", [Result(1, "", "no"), Result(0, "SNAPSHOT\n", ""), Result(124, "", "did not end")])
def test_a_tool_that_does_not_tell_its_version_is_said(monkeypatch, script, tart, result):
    monkeypatch.setattr(tools, "only_root_writes", lambda path: True)
    unread: list = []
    assert tools.read_version(script({(tart, "--version"): result}), "tart", unread) == {"path": tart}
    assert len(unread) == 1
    assert unread[0].startswith(f"the version of tart: {tart} --version ended with {result.rc}: ")


@pytest.mark.parametrize("uid, user", [(501, "#501"), (0, "nobody")])
def test_root_does_not_run_what_others_could_have_replaced(monkeypatch, script, tart, uid, user):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(tools, "only_root_writes", lambda path: False)
    monkeypatch.setattr(tools.os, "stat", lambda path: type("S", (), {"st_uid": uid}))
    run = script({("/usr/bin/sudo", "-n", "-u", user, "-H", tart, "--version"): "1.2.3"})
    assert tools.ask(run, tart, "--version").stdout == "1.2.3"


def test_an_ordinary_user_runs_tools_himself(monkeypatch, script, tart):
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    run = script({(tart, "--version"): "1.2.3"})
    assert tools.ask(run, tart, "--version").stdout == "1.2.3"
    assert tools.ask_as(run, "admin", tart, "--version").stdout == "1.2.3"


def test_what_only_root_writes(tmp_path):
    assert tools.only_root_writes("/usr/bin/env")
    (tmp_path / "tool").write_text("")
    (tmp_path / "tool").chmod(0o777)
    assert not tools.only_root_writes(str(tmp_path / "tool"))
