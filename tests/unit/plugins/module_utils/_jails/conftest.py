# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jails need root, and a directory that root alone can change."""

from __future__ import annotations

import pathlib
import pwd
import shutil
import tempfile
import typing as t

import pytest

from tests.unit.plugins.module_utils._jails.workbench import ACCOUNT, UID, Workbench


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Workbench]:
    """A workbench below /var/lib, since what is below /tmp can be replaced by others; this machine has the account of the jails."""
    known = pwd.getpwnam
    account = pwd.struct_passwd((ACCOUNT, "*", UID, UID, "", f"/Users/{ACCOUNT}", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: account if name == ACCOUNT else known(name))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mac-runners-jails-", dir="/var/lib"))
    try:
        yield Workbench(directory).prepare()
    finally:
        shutil.rmtree(directory)
