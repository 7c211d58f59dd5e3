# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What starts a runner, in a real shell."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import ENTRY, lines
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError

#: Writes its files as GitHub's runner does: over what is there.
LISTENER = """#!/bin/sh
for name in .runner .credentials .credentials_rsaparams; do echo secret > $name; done
mkdir _work && echo made > _work/file
echo "args: $*"
umask
env
cat
"""
FILES = (".runner", ".credentials", ".credentials_rsaparams")


def start(folder: pathlib.Path, given: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    listener = folder / "listener"
    listener.write_text(LISTENER)
    listener.chmod(0o755)
    env = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(["/bin/sh", "-c", ENTRY, "./listener"], input=given, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=30)


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("left", [False, True], ids=["fresh", "with files of an image that others can read"])
def test_jobs_have_the_usual_umask_and_the_runners_own_files_are_for_its_user_alone(tmp_path: pathlib.Path, left: bool) -> None:
    old = os.umask(0)
    try:
        for name in FILES if left else ():
            (tmp_path / name).write_text("old")
        done = start(tmp_path, lines("config", "").spend() + "\n")
    finally:
        os.umask(old)
    assert done.returncode == 0 and "args: run" in done.stdout.splitlines() and "0022" in done.stdout.splitlines()
    assert [mode(tmp_path / name) for name in FILES] == [0o600] * 3
    assert {(tmp_path / name).read_text() for name in FILES} == {"secret\n"}
    assert (mode(tmp_path / "_work"), mode(tmp_path / "_work" / "file")) == (0o755, 0o644)


def found(done: "subprocess.CompletedProcess[str]") -> t.Dict[str, str]:
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_the_proxy_is_in_the_environment_of_the_runner_and_never_for_itself(tmp_path: pathlib.Path) -> None:
    proxy = """http://user:p$s'\\"`x`@proxy:3128"""
    environment = found(start(tmp_path, lines("config", proxy).spend() + "\n"))
    assert (environment["https_proxy"], environment["http_proxy"], environment["no_proxy"]) == (proxy, proxy, "localhost,127.0.0.1,::1")
    assert (environment["ACTIONS_RUNNER_INPUT_JITCONFIG"], environment.get("proxy")) == ("config", None)


def test_nothing_else_that_is_started_has_the_config(tmp_path: pathlib.Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "rm").write_text("#!/bin/sh\nenv > seen\n")
    (tmp_path / "tools" / "rm").chmod(0o755)
    done = start(tmp_path, lines("config", "http://user:secret@proxy").spend() + "\n", PATH=f"{tmp_path}/tools:/usr/bin:/bin")
    seen = (tmp_path / "seen").read_text()
    assert done.returncode == 0 and "config" not in seen and "secret" not in seen


def test_without_a_proxy_that_of_the_image_counts(tmp_path: pathlib.Path) -> None:
    environment = found(start(tmp_path, lines("config", "").spend() + "\n", https_proxy="http://its-own:1", no_proxy="internal"))
    assert (environment["https_proxy"], environment.get("http_proxy"), environment["no_proxy"]) == ("http://its-own:1", None, "internal")


@pytest.mark.parametrize("given", ["", "config", "config\n"])
def test_without_both_lines_nothing_is_started(tmp_path: pathlib.Path, given: str) -> None:
    done = start(tmp_path, given)
    assert (done.returncode, done.stdout) == (72, "")


@pytest.mark.parametrize(("config", "proxy", "what"), [("a\nb", "", "JIT config"), ("\xe4", "", "JIT config"), ("a", "http://u:secret\n@p", "github.proxy")])
def test_what_is_no_line_is_refused_and_not_shown(config: str, proxy: str, what: str) -> None:
    with pytest.raises(SlotError, match="is no single line of ASCII") as caught:
        lines(config, proxy)
    assert what in str(caught.value) and "secret" not in str(caught.value)
