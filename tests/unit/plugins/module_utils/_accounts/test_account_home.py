# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Homes made, closed and removed in a real file system, and killed at every single step of it."""

from __future__ import annotations

import os
import pathlib
import signal
import stat
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import home as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give homes away")

UID = 29001
NAME = "mac-runners-lint-1"
#: Runs a function of the module in a process that kills itself at the step given, before it is done.
KILLED = """
import os, signal, sys
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chown", "os.chmod", "os.symlink", "open", "os.listdir"}
account, left, armed = Account(sys.argv[2], int(sys.argv[3]), "lint", sys.argv[4], template=sys.argv[5]), int(sys.argv[6]), False
def step(event, arguments):
    global left
    if armed and event in STEPS:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(step)
armed = True
home.renew_home(account) if sys.argv[1] == "renew" else home.remove_home(account.home)
"""


@pytest.fixture(name="account")
def account_fixture(tmp_path: pathlib.Path) -> Account:
    for folder in ("homes", "template", "outside"):
        (tmp_path / folder).mkdir(mode=0o755)
    (tmp_path / "template" / "Library").mkdir()
    (tmp_path / "template" / "Library" / "settings").write_text("from the template")
    (tmp_path / "template" / "link").symlink_to("Library")
    (tmp_path / "outside" / "file").write_text("root's own")
    return Account(NAME, UID, "lint", str(tmp_path / "homes" / NAME), template=str(tmp_path / "template"))


def used(account: Account) -> None:
    """What a job left in its home, links to what is root's among it."""
    home = pathlib.Path(account.home)
    outside = home.parent.parent / "outside"
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "file").write_text("x")
    for link in (home / "planted", home / "a" / "planted", home / "tmp" / "planted"):
        link.symlink_to(outside)
    for folder, folders, files in os.walk(home):
        for name in [*folders, *files]:
            os.chown(os.path.join(folder, name), UID, UID, follow_symlinks=False)


def content(account: Account) -> list[str]:
    home = pathlib.Path(account.home)
    found = list(home.rglob("*"))
    assert {path.lstat().st_uid for path in [home, *found]} == {UID} and stat.S_IMODE(home.stat().st_mode) == 0o700
    return sorted(str(path.relative_to(home)) for path in found)


def outside_of(account: Account) -> tuple[t.Any, ...]:
    outside = pathlib.Path(account.home).parent.parent / "outside"
    status = outside.stat()
    return os.listdir(outside), (outside / "file").read_bytes(), status.st_uid, status.st_mode, status.st_mtime_ns, status.st_ctime_ns


def killed_at(step: int, what: str, account: Account) -> bool:
    """Whether the process was killed there; False when it was done before."""
    words = [what, account.name, str(account.uid), account.home, account.template, str(step)]
    code = subprocess.run([sys.executable, "-c", KILLED, *words], check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}).returncode
    assert code in (0, -signal.SIGKILL)
    return code != 0


FRESH = ["Library", "Library/settings", "link", "tmp"]


def test_a_home_is_made_from_its_template(account: Account) -> None:
    assert core.read_home(account.home, UID) == core.ABSENT
    core.renew_home(account)
    assert content(account) == FRESH and core.read_home(account.home, UID) == core.READY


@pytest.mark.parametrize("what", ["renew", "remove"])
def test_killed_at_every_step_the_next_one_finishes(account: Account, what: str) -> None:
    core.renew_home(account)
    before = outside_of(account)
    steps = 0
    used(account)
    while killed_at(steps, what, account):
        steps += 1
        if what == "renew":
            assert core.read_home(account.home, UID) in (core.ABSENT, core.UNFINISHED, core.READY)
        core.renew_home(account)
        assert content(account) == FRESH and os.listdir(os.path.dirname(account.home)) == [NAME]
        used(account)
    assert steps > 20
    assert os.listdir(os.path.dirname(account.home)) == ([NAME] if what == "renew" else [])
    assert outside_of(account) == before


def test_a_home_that_a_job_opened_is_closed_with_its_content(account: Account) -> None:
    core.renew_home(account)
    used(account)
    os.chmod(account.home, 0o755)
    assert core.read_home(account.home, UID) == core.OPEN
    core.close_home(account)
    assert core.read_home(account.home, UID) == core.READY and os.path.exists(f"{account.home}/a/b/file")


def test_what_is_no_home_of_the_account_is_told(account: Account, tmp_path: pathlib.Path) -> None:
    os.symlink(tmp_path / "outside", account.home)
    assert core.read_home(account.home, UID) == core.FOREIGN
    with pytest.raises(OSError):
        core.close_home(account)
    os.unlink(account.home)
    os.mkdir(account.home)
    os.chown(account.home, UID + 1, UID + 1)
    assert core.read_home(account.home, UID) == core.FOREIGN
    assert core.read_home(account.home, UID, earlier=UID + 1) == core.UNFINISHED
    with pytest.raises(AccountError, match="became another one"):
        core.close_home(account)


def test_no_home_and_no_homes_is_no_error(tmp_path: pathlib.Path) -> None:
    core.remove_home(str(tmp_path / NAME))
    core.remove_home(str(tmp_path / "none" / NAME))
