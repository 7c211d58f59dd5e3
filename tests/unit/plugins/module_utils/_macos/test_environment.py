# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python environment: made once, made anew when it differs, never mistaken for finished. The real one is made on a simulated Mac."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import environment as core

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the environment has to belong to root")

ROOT = pathlib.Path(__file__).resolve().parents[5]
HASH = "--hash=sha256:" + "0" * 64
ONE = f"one==1.0 {HASH}\n"
TWO = f"# why\ntwo[more]==2.0 ; python_version < '4' \\\n    {HASH} \\\n    {HASH}\n"


class Mac:
    """An environment, and the commands that made it; ``fails`` is a word of the command that fails, ``dies`` of that at which we die."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.path = directory / "venv"
        self.commands: t.List[t.Tuple[t.Sequence[str], t.Mapping[str, str]]] = []
        self.fails = ""
        self.dies = ""

    def venv(self, requirements: str = ONE, **fields: t.Any) -> core.Venv:
        given = {"path": str(self.path), "python": sys.executable, "index_url": None, "find_links": None}
        return core.parse_venv({**given, "requirements": requirements, **fields})

    def do(self, requirements: str = ONE, check: bool = False, **fields: t.Any) -> t.List[t.Tuple[str, str]]:
        plan = core.converge(self._run, self.venv(requirements, **fields), str(self.directory / "state"), check)
        return [(step.action, step.detail) for step in plan.steps]

    def _run(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        self.commands.append((argv, env or {}))
        if "venv" in argv:
            assert sorted(os.listdir(argv[-1])) == [core.MARK]
            (pathlib.Path(argv[-1]) / "bin").mkdir()
            (pathlib.Path(argv[-1]) / "lib" / "python3.9" / "site-packages").mkdir(parents=True)
            os.symlink(argv[0], pathlib.Path(argv[-1]) / "bin" / "python")
        else:
            assert core.STAMP not in os.listdir(self.path)
            assert ONE in pathlib.Path(argv[-1]).read_text() or TWO in pathlib.Path(argv[-1]).read_text()
        if self.dies in argv:
            os._exit(9)
        return Result(1 if self.fails in argv else 0, "", "no" if self.fails in argv else "")


@pytest.fixture
def mac(private_path: pathlib.Path) -> Mac:
    return Mac(private_path)


def test_made_once(mac: Mac) -> None:
    assert mac.do() == [("make", "one==1.0")]
    assert sorted(os.listdir(mac.path)) == ["bin", "lib", core.MARK, core.STAMP]
    (venv, _nothing), (pip, environment) = mac.commands
    assert venv == [sys.executable, "-m", "venv", "--without-pip", str(mac.path)]
    assert pip[:4] == [sys.executable, "-m", "pip", "install"]
    assert pip[pip.index("--target") + 1] == f"{mac.path}/lib/python3.9/site-packages"
    assert {"--require-hashes", "--only-binary", "--no-cache-dir"} < set(pip)
    assert environment == {}
    assert mac.do() == []
    assert len(mac.commands) == 2


def test_looking_starts_nothing_and_takes_no_lock(mac: Mac) -> None:
    mac.do()
    (mac.directory / "state" / "lock").unlink()
    mac.commands.clear()
    assert mac.do() == []
    assert (mac.commands, os.listdir(mac.directory / "state")) == ([], [])


def test_check_mode_says_the_same_and_does_nothing(mac: Mac) -> None:
    assert mac.do(check=True) == [("make", "one==1.0")]
    assert (os.listdir(mac.directory), mac.commands) == ([], [])


def test_made_anew_when_anything_differs(mac: Mac) -> None:
    mac.do()
    (mac.path / "more").mkdir()
    assert mac.do(TWO, check=True) == [("make anew", "two[more]==2.0")]
    assert mac.do(TWO) == [("make anew", "two[more]==2.0")]
    assert sorted(os.listdir(mac.path)) == ["bin", "lib", core.MARK, core.STAMP]
    assert mac.do(TWO, python="/bin/sh") == [("make anew", "two[more]==2.0")]
    assert mac.do(TWO.replace("0" * 64, "1" * 64), check=True) != []
    assert mac.do(TWO, python="/bin/sh") == []


def test_an_environment_without_its_python(mac: Mac) -> None:
    mac.do()
    os.unlink(mac.path / "bin" / "python")
    os.symlink("/nowhere/python", mac.path / "bin" / "python")
    assert mac.do() == [("make anew", "one==1.0")]
    assert mac.do() == []


def test_diff(mac: Mac) -> None:
    mac.do()
    plan = core.plan_venv(mac.venv(TWO), core.read_venv(str(mac.path)))
    before, after = plan.diff["before"][str(mac.path)], plan.diff["after"][str(mac.path)]
    assert (before["python"], before["packages"]) == (sys.executable, ["one==1.0"])
    assert (after["python"], after["packages"]) == (sys.executable, ["two[more]==2.0"])
    assert before["sha256"] != after["sha256"]
    os.unlink(mac.path / core.STAMP)
    assert core.plan_venv(mac.venv(), core.read_venv(str(mac.path))).diff["before"] == {str(mac.path): {"state": "unfinished"}}


@pytest.mark.parametrize("word", ["venv", "pip"])
def test_what_failed_or_was_killed_is_unfinished(mac: Mac, word: str) -> None:
    mac.do(TWO)
    mac.fails = word
    with pytest.raises(CommandError, match=f"-m {word} .* ended with 1: no"):
        mac.do()
    mac.fails, mac.dies = "", word
    process = multiprocessing.get_context("fork").Process(target=mac.do)
    process.start()
    process.join()
    assert process.exitcode == 9
    mac.dies = ""
    # Not even what was there before may count as finished.
    assert mac.do(TWO, check=True) == [("make anew", "two[more]==2.0")]
    assert mac.do() == [("make anew", "one==1.0")]
    assert mac.do() == []


@pytest.mark.parametrize("moment", range(1, 8))
def test_killed_while_it_is_cleared(mac: Mac, moment: int) -> None:
    mac.do()
    for name in ("a", "more", "z"):
        (mac.path / name).mkdir()
    (mac.path / "file").write_text("")

    def die() -> None:
        left = [moment]

        def counted(real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def change(*arguments: t.Any, **options: t.Any) -> t.Any:
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
                return real(*arguments, **options)

            return change

        for name in ("unlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        mac.do(TWO)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == 9
    expected = [("make anew", "one==1.0")] if moment > 1 else []
    assert mac.do(check=True) == expected
    assert mac.do() == expected
    assert mac.do() == []


def test_three_at_once(mac: Mac) -> None:
    def one(results: t.Any) -> None:
        results.put(mac.do())

    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=one, args=(results,)) for _number in range(3)]
    for process in processes:
        process.start()
    done = sorted(results.get(timeout=60) for _process in processes)
    for process in processes:
        process.join()
    assert done == [[], [], [("make", "one==1.0")]]


def test_where_packages_come_from(mac: Mac) -> None:
    mac.do(index_url="https://user:secret@index.example/simple")
    argv, environment = mac.commands[-1]
    assert environment == {"PIP_INDEX_URL": "https://user:secret@index.example/simple"}
    assert "secret" not in " ".join(argv)
    wheels = mac.directory / "wheels"
    with pytest.raises(core.VenvError, match='field find_links: got ".*/wheels", which is no directory; allowed: a directory of wheels'):
        mac.do(TWO, find_links=str(wheels))
    wheels.mkdir()
    wheels.chmod(0o777)
    with pytest.raises(MacRunnersError, match="others than root can write to .*/wheels"):
        mac.do(TWO, find_links=str(wheels))
    # What was there is not lost to a mistake in the arguments.
    assert mac.do() == []
    wheels.chmod(0o755)
    mac.do(TWO, find_links=str(wheels))
    argv, environment = mac.commands[-1]
    assert (argv[argv.index("--no-index"):][:3], environment) == (["--no-index", "--find-links", str(wheels)], {})


def test_what_is_no_environment_is_not_touched(mac: Mac, tmp_path: pathlib.Path) -> None:
    mac.path.mkdir()
    (mac.path / "precious").write_text("")
    for check in (True, False):
        with pytest.raises(core.VenvError, match='/venv holds "precious" and is no Python environment; it is not touched'):
            mac.do(check=check)
    os.unlink(mac.path / "precious")
    assert mac.do(check=True) == [("make anew", "one==1.0")]
    mac.path.rmdir()
    os.symlink(tmp_path, mac.path)
    with pytest.raises(core.VenvError, match="/venv is no directory; it is not touched"):
        mac.do()
    assert os.listdir(tmp_path) == []


def test_a_place_where_others_write(mac: Mac) -> None:
    mac.directory.chmod(0o777)
    with pytest.raises(MacRunnersError, match="others than root can write to"):
        mac.do()
    assert mac.commands == []


def test_clearing_follows_no_link(mac: Mac, tmp_path: pathlib.Path) -> None:
    mac.do()
    (tmp_path / "precious").write_text("")
    os.symlink(tmp_path, mac.path / "lib64")
    mac.do(TWO)
    assert os.listdir(tmp_path) == ["precious"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("path", "/opt", 'field path: got "/opt"; allowed: an absolute path below a top directory, without . and ..'),
        ("path", "/opt/../etc", 'field path: got "/opt/../etc"; allowed'),
        ("python", "python3", 'field python: got "python3"; allowed: an absolute path'),
        ("python", "/nowhere/python3", 'field python: got "/nowhere/python3", which is no program; allowed: a Python of this Mac'),
        ("find_links", "wheels", 'field find_links: got "wheels"; allowed: an absolute path'),
        ("requirements", "# nothing\n", "field requirements: got nothing; allowed: lines such as NAME==VERSION --hash=sha256:DIGEST"),
        ("requirements", "one==1.0", 'field requirements: got "one==1.0"; allowed'),
        ("requirements", f"one>=1.0 {HASH}", 'field requirements: got "one>=1.0'),
        ("requirements", f"{ONE}--index-url https://other", 'field requirements: got "--index-url https://other"'),
        ("requirements", f"-e . {HASH}", 'field requirements: got "-e .'),
        ("requirements", f"one==1.0 --hash=md5:{'0' * 32}", 'field requirements: got "one==1.0 --hash=md5'),
    ],
)
def test_wrong_input(mac: Mac, field: str, value: str, message: str) -> None:
    with pytest.raises(core.VenvError) as caught:
        mac.do(**{field: value})
    assert message in str(caught.value)
    assert not mac.path.exists()


def test_the_pins_of_the_role_are_taken(mac: Mac) -> None:
    text = "".join((ROOT / "roles" / "host" / "files" / f"{name}.txt").read_text() for name in ("docker", "psutil"))
    plan = core.plan_venv(mac.venv(text), core.Seen(False))
    assert [pin.split("==")[0] for pin in plan.steps[0].detail.split(", ")] == [
        "certifi", "charset-normalizer", "docker", "idna", "requests", "urllib3", "psutil",
    ]
