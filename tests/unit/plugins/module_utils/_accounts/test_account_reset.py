# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reset by whoever starts jobs: nothing is touched before the account is known to be ours."""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import reset as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import user_attributes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.processes import end_processes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result, Run

ACCOUNT = Account("mac-runners-lint-1", 29001, "lint", "/nonexistent/mac-runners-lint-1")


def answering(record: t.Optional[t.Dict[str, str]], calls: t.List[t.List[str]]) -> Run:
    def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        calls.append(list(argv))
        if record is None:
            return Result(56, "", "<dscl_cmd> DS Error: -14136 (eDSRecordNotFound)\n")
        return Result(0, plistlib.dumps({f"dsAttrTypeStandard:{key}": [value] for key, value in record.items()}).decode(), "")

    return run


@pytest.mark.parametrize(
    ("bent", "message"),
    [
        (None, "none that this collection made and marked"),
        ({"Comment": "somebody's"}, "none that this collection made and marked"),
        ({"Comment": ""}, "none that this collection made and marked"),
        ({"UniqueID": "501"}, "has uid 501, group 29001"),
        ({"PrimaryGroupID": "20"}, "group 20"),
        ({"NFSHomeDirectory": "/Users/person"}, "home /Users/person"),
    ],
)
def test_an_account_that_is_not_ours_is_not_touched(bent: t.Optional[t.Dict[str, str]], message: str) -> None:
    calls: t.List[t.List[str]] = []
    record = None if bent is None else {"RecordName": ACCOUNT.name, **user_attributes(ACCOUNT), **bent}
    with pytest.raises(AccountError, match=f"{message}.*nothing was touched"):
        core.reset_account(answering(record, calls), ACCOUNT)
    assert [call[3:5] for call in calls] == [["-read", f"/Users/{ACCOUNT.name}"]]


@pytest.mark.parametrize("uid", [0, 501, 700, 30000, 1843799423])
def test_numbers_of_people_and_of_macos_are_never_cleaned(uid: int) -> None:
    calls: t.List[t.List[str]] = []
    with pytest.raises(AccountError, match=f"uid {uid} is none that this collection gives"):
        core.clean(answering(None, calls), ACCOUNT.name, uid, ACCOUNT.home)
    assert calls == []


def test_a_number_that_somebody_else_has_too_is_not_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: t.List[t.List[str]] = []
    monkeypatch.setattr(core.pwd, "getpwuid", lambda uid: type("Person", (), {"pw_name": "person"}))
    with pytest.raises(AccountError, match="user person has its uid 29001 too"):
        core.clean(answering(None, calls), ACCOUNT.name, ACCOUNT.uid, ACCOUNT.home)
    assert calls == []


def test_processes_that_do_not_end_are_told() -> None:
    def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        return Result(0, "  PID   UID  RUID STAT\n    1     0     0 Ss\n   17     0 29001 S\n   18 29001 29001 Z\n", "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.processes.time.sleep", lambda seconds: None)
        with pytest.raises(AccountError, match="processes of user 29001 do not end: 17$"):
            end_processes(run, 29001)


def test_what_starts_jobs_imports_nothing_heavy() -> None:
    module = core.__name__
    script = f"import {module}, sys; print(*sorted(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment).stdout.split()
    heavy = {"ansible", "subprocess", "json", "dataclasses", "ssl", "socket", "urllib.request", "asyncio", "difflib", "shutil", "tempfile"}
    assert heavy & set(loaded) == set()
