# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page docs/testing-your-roles.md works as it stands: its files are written to an empty folder and its commands run there."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "testing-your-roles.md"
FILE = re.compile(r"^`([^`\n]+)`\n\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands() -> t.List[str]:
    """The three commands of the page; the first two, which are needed once, name what is to be installed."""
    shown = COMMANDS.findall(PAGE.read_text())
    return [line[2:] for line in shown[0].splitlines()]


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An empty folder outside of the repository with the files of the page."""
    folder = tmp_path_factory.mktemp("roles")
    for name, content in FILE.findall(PAGE.read_text()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def run(command: str, role: pathlib.Path, environments: str) -> str:
    """Run a command of the page in the folder of a role, with what its first two commands set."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "MACSIM_PYTHON", "PYENV_ROOT") if name in os.environ}
    variables = {**kept, "MACSIM": str(ROOT / "tests" / "macsim"), "PATH": f"{environments}:/usr/bin:/bin:/usr/sbin:/sbin", "NO_COLOR": "1"}
    # Macs that are booted by molecule end with this process, however it ends.
    variables.update(MACSIM_OWNER_PID=str(os.getpid()), ANSIBLE_HOME=str(role.parent / "ansible"))
    done = subprocess.run(["/bin/sh", "-c", command], cwd=role, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_page_installs_what_its_commands_need() -> None:
    clone, install, test = commands()
    assert "export MACSIM=~/mac_runners/tests/macsim" in clone
    assert (ROOT / "tests" / "macsim" / "macsim").exists()
    assert "pip install ansible-core molecule pytest &&" in install
    assert test == "molecule test && pytest"


def test_molecule(folder: pathlib.Path) -> None:
    said = run(commands()[2].partition(" && ")[0], folder / "clock", str(ROOT / ".venv-dev" / "bin"))
    assert "successful=5" in said and "failed=0" in said, said
    assert "See that it runs" in said


@pytest.mark.parametrize("role, passed", [("clock", 2), ("builder", 2)])
def test_pytest(folder: pathlib.Path, role: str, passed: int) -> None:
    said = run(commands()[2].partition(" && ")[2], folder / role, str(ROOT / ".venv" / "bin"))
    assert f"{passed} passed" in said, said
