# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs killed with SIGKILL at any step: the next one does what was wanted, nothing is left, and what is outside stays."""

from __future__ import annotations

import os
import pathlib
import random
import stat
import subprocess
import typing as t

import pytest

from tests.unit.plugins.module_utils._jails.apart import killed_at, steps_of
from tests.unit.plugins.module_utils._jails.workbench import ACCOUNT, Workbench, fingerprint, names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root of a process, make devices and give files away")
ROUNDS = int(os.environ.get("MAC_RUNNERS_JAIL_ROUNDS", "20"))
JAILS = ({"name": "build-1", "user": ACCOUNT}, {"name": "build-2"})


def make(bench: Workbench) -> None:
    bench.run(*JAILS)


def renew(bench: Workbench) -> None:
    bench.mac.build = "25C1"
    bench.run(*JAILS)


def remove_one(bench: Workbench) -> None:
    bench.run({"name": "build-1", "state": "absent"})


def remove(bench: Workbench) -> None:
    bench.run(purge=True)


#: What is killed, and the jails that are there afterwards.
ACTIONS: t.Tuple[t.Tuple[t.Callable[[Workbench], None], t.Tuple[str, ...]], ...] = (
    (make, ("build-1", "build-2")),
    (renew, ("build-1", "build-2")),
    (remove_one, ("build-2",)),
    (remove, ()),
)


def begin(bench: Workbench, action: t.Callable[[Workbench], None]) -> None:
    """Where an action begins: at nothing, or at jails in which jobs were."""
    bench.mac.build = "25B78"
    bench.run(purge=True)
    if action is make:
        return
    make(bench)
    tmp = bench.root("build-1") / "private/tmp"
    (tmp / "a" / "b" / "c").mkdir(parents=True)
    (tmp / "a" / "out").symlink_to(bench.outside)
    (tmp / "a" / "b" / "file").write_text("x")


def content(root: pathlib.Path) -> t.List[t.Tuple[t.Any, ...]]:
    found = []
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        data = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found.append((str(path.relative_to(root)), stat.S_IFMT(status.st_mode), status.st_mode, status.st_uid, status.st_gid, status.st_rdev, data))
    return found


def proven(bench: Workbench, action: t.Callable[[Workbench], None], jails: t.Sequence[str], whole: t.Any) -> None:
    """After one more run: all is there, nothing more, and a further run has nothing to do."""
    action(bench)
    before = fingerprint(bench.base) if bench.base.exists() else []
    templates = [name for name in names(bench.base) if name.startswith(".template-")]
    assert names(bench.base) == [*templates, *jails] and len(templates) == bool(jails)
    for name in jails:
        assert content(bench.root(name)) == whole[name], name
        assert subprocess.run(["/usr/sbin/chroot", str(bench.root(name)), "/usr/bin/true"], check=False).returncode == 0
    action(bench)
    assert (fingerprint(bench.base) if bench.base.exists() else []) == before


@pytest.fixture
def whole(bench: Workbench) -> t.Dict[str, t.Any]:
    """Jails that were made by a run that nobody killed."""
    make(bench)
    return {name: content(bench.root(name)) for name in ("build-1", "build-2")}


def test_killed_again_and_again(bench: Workbench, whole: t.Any) -> None:
    dice = random.Random(1)
    outside = fingerprint(bench.outside)
    most: t.Dict[t.Any, int] = {}
    for number in range(ROUNDS):
        action, jails = dice.choice(ACTIONS)
        if action not in most:
            begin(bench, action)
            most[action] = steps_of(lambda: action(bench))
        begin(bench, action)
        steps = [dice.randint(1, most[action]) for dummy in range(dice.randint(1, 4))]
        print(f"round {number}: {action.__name__} killed at {steps} of {most[action]}")
        for step in steps:
            killed_at(step, lambda: action(bench))
        proven(bench, action, jails, whole)
        assert fingerprint(bench.outside) == outside
