# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases for tests: those that are wrong for a task, and processes that are killed while they hold a Mac."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import path_of, read_lease

Changes = t.Dict[str, t.Any]

#: What makes a lease that was right for a task of fleet "test" wrong -> what the refusal says.
WRONG: t.Mapping[str, t.Tuple[Changes, str]] = {
    "other terms": ({"digest": "0" * 64}, "is for other pools, capacity or licences than this task has"),
    "released": ({"state": "released"}, "the lease of this Mac was released: its pools were not admitted again"),
    "another fleet": ({"fleet": "theirs"}, "this Mac is held by fleet theirs (generation 1, admitted), and this run is fleet test"),
    "before the last start": ({"boot": "another"}, "the Mac was started anew since its pools were admitted"),
}
#: Those of them under which something may be taken away all the same.
OUR_OWN: t.Mapping[str, Changes] = {name: changes for name, (changes, _message) in WRONG.items() if "fleet" not in changes}


def lease_bytes(state_dir: t.Union[str, pathlib.Path]) -> bytes:
    return pathlib.Path(path_of(str(state_dir))).read_bytes()


def lease_state(state_dir: t.Union[str, pathlib.Path]) -> str:
    lease = read_lease(str(state_dir))
    return lease.state if lease else "none"


@contextlib.contextmanager
def process(program: str, *arguments: str) -> t.Iterator["subprocess.Popen[bytes]"]:
    """A Python program that has said "ready"; it is killed in the end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline() == b"ready\n"
            yield running
        finally:
            running.kill()
