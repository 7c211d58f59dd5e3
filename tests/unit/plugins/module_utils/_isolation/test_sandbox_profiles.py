# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sandbox profiles on a Mac: real directories and links, every way in which a run can be cut short, every wrong input."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import stat
import tempfile
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation import sandbox_converge as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_store import text_diff
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.sandbox_wanted import told, warnings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="profiles have to belong to root")

HOME = "/Users/mac-runners-lint-1"
POLICY = {"home": HOME, "presets": ["build"], "work": [HOME + "/work"]}
PLAIN = '(version 1)\n(deny default)\n(allow file-read* (subpath "/System"))\n'
OTHER = PLAIN.replace("/System", "/Library")
Steps = t.List[t.Tuple[str, str]]


class Mac:
    """A directory of profiles, and a sandbox-exec that answers as it is told, by the name of the file."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.root = directory / "sandbox"
        self.answers: t.Dict[str, Result] = {}
        self.tried: t.List[t.Tuple[t.List[str], str]] = []

    def run(self, argv: t.Sequence[str], env: t.Any = None, stdin: str = "") -> Result:
        if argv[0] == core.SW_VERS:
            return Result(0, "ProductName:\t\tmacOS\nProductVersion:\t\t26.1\n", "")
        assert (argv[0], argv[1], argv[-1]) == ("/usr/bin/sandbox-exec", "-f", "/usr/bin/true")
        self.tried.append((list(argv[3:-1]), pathlib.Path(argv[2]).read_text()))
        answer = self.answers.get(os.path.basename(argv[2]), Result(0, "", ""))
        return answer._replace(stderr=answer.stderr.replace("FILE", argv[2]))

    def done(self, *entries: t.Dict[str, t.Any], purge: bool = False, check: bool = False) -> core.Done:
        return core.converge(self.run, [{"state": "present", **one} for one in entries], str(self.root), purge, str(self.directory / "state"), check)

    def do(self, *entries: t.Dict[str, t.Any], **options: bool) -> Steps:
        return [(os.path.basename(step.resource), step.action) for step in self.done(*entries, **options).plan.steps]

    def there(self, name: str = "lint-1") -> t.List[str]:
        return sorted(os.listdir(self.root / name))

    def current(self, name: str = "lint-1") -> str:
        return (self.root / name / "current.sb").read_text()


@pytest.fixture
def mac(private_path: pathlib.Path) -> Mac:
    return Mac(private_path)


@pytest.fixture
def private_path() -> t.Iterator[pathlib.Path]:
    """A directory in which only root can write, and so is everything above it; the usual temporary ones are open."""
    with tempfile.TemporaryDirectory(prefix=".mac-runners-test-", dir=pathlib.Path.home()) as directory:
        yield pathlib.Path(directory)


def lint(**fields: t.Any) -> t.Dict[str, t.Any]:
    return {"name": "lint-1", "policy": {**POLICY, **fields}}


def hand(content: str = PLAIN, name: str = "hand", **fields: t.Any) -> t.Dict[str, t.Any]:
    return {"name": name, "content": content, **fields}


INSTALLED = [("lint-1", "install"), ("hand", "install"), ("lint-1", "switch"), ("hand", "switch")]


def test_installed_once_and_for_root_alone_to_change(mac: Mac) -> None:
    assert mac.do(lint(), hand(), check=True) == INSTALLED
    assert os.listdir(mac.directory) == []
    assert mac.do(lint(), hand()) == INSTALLED
    assert "(version 1)" in mac.current() and mac.current("hand") == PLAIN
    for name in ("lint-1", "hand"):
        version = os.readlink(mac.root / name / "current.sb")
        assert mac.there(name) == sorted([".mac-runners.json", version, "current.sb"])
        status = os.stat(mac.root / name / version)
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o444, 0, 0)
    assert stat.S_IMODE(os.stat(mac.root).st_mode) == stat.S_IMODE(os.stat(mac.root / "hand").st_mode) == 0o755
    assert mac.do(lint(), hand()) == []


def test_a_switch_leaves_the_file_of_those_that_run(mac: Mac) -> None:
    mac.do(lint())
    before = os.readlink(mac.root / "lint-1" / "current.sb")
    with open(mac.root / "lint-1" / "current.sb", encoding="utf-8") as running:
        assert mac.do(lint(network="all")) == [("lint-1", "install"), ("lint-1", "switch")]
        old = running.read()
    assert (mac.root / "lint-1" / before).read_text() == old != mac.current()
    assert mac.do(lint()) == [("lint-1", "switch")]
    assert os.readlink(mac.root / "lint-1" / "current.sb") == before and len(mac.there()) == 4


def test_every_profile_is_tried_with_its_parameters_before(mac: Mac) -> None:
    content = PLAIN + '(allow file-read* (subpath (param "SOURCES")))\n'
    mac.do(hand(content, params={"SOURCES": "/Users/ci/src"}), lint())
    assert [words for words, _text in mac.tried] == [["-D", "SOURCES=/Users/ci/src"], []]
    assert mac.tried[0][1] == content
    assert mac.do(hand(content, params={"SOURCES": "/Users/ci/src"}), lint()) == []


REFUSALS = [
    (Result(65, "", "sandbox-exec: unbound variable: x at FILE, line 3\n"), "macOS does not compile it (sandbox-exec: unbound variable: x at hand.sb, line 3)"),
    (Result(71, "", "sandbox-exec: sandbox_apply: Operation not permitted\n"), "it cannot be tried, since this already runs in a sandbox"),
    (Result(71, "", "sandbox-exec: sandbox_apply: Invalid argument\n"), "macOS does not compile it"),
    (Result(127, "", "no such file"), "it cannot be tried, since there is no /usr/bin/sandbox-exec"),
    (Result(124, "", "did not end within 30 s\n"), "it cannot be tried (did not end within 30 s)"),
]


@pytest.mark.parametrize(("answer", "message"), REFUSALS)
def test_what_macos_refuses_changes_nothing(mac: Mac, answer: Result, message: str) -> None:
    mac.do(hand())
    mac.answers["hand.sb"] = answer
    for check in (True, False):
        with pytest.raises(MacRunnersError) as caught:
            mac.do(lint(), hand(OTHER), check=check)
        assert str(caught.value).startswith("nothing was changed: profile hand: ") and message in str(caught.value)
    assert os.listdir(mac.root) == ["hand"] and mac.current("hand") == PLAIN


KEPT_OUT = [Result(71, "", "sandbox-exec: execvp() of '/usr/bin/true' failed: Operation not permitted\n"), Result(-6, "", "")]


@pytest.mark.parametrize("answer", KEPT_OUT)
def test_a_profile_in_which_nothing_starts(mac: Mac, answer: Result) -> None:
    mac.answers = {"hand.sb": answer, "lint-1.sb": answer}
    (warning,) = mac.done(hand()).warnings
    assert warning.startswith("profile hand: /usr/bin/true does not start in it (")
    with pytest.raises(MacRunnersError, match="nothing was changed: profile lint-1: /usr/bin/true does not start in it"):
        mac.do(lint())


WRONG = [
    (lint(read=["opt"]), 'profile lint-1, field policy.read[0]: got "opt"; allowed: an absolute path'),
    (lint(read=["/opt/../x"]), 'profile lint-1, field policy.read[0]: got "/opt/../x"; allowed: a path without ..'),
    (lint(read=['/a"b']), "field policy.read[0]: got"),
    (lint(read=["/a\nb"]), "field policy.read[0]: got"),
    (lint(read=["/a/*"]), 'field policy.read[0]: got "/a/*"; allowed: one plain path; there are no patterns here'),
    (lint(read=["/tmp/x"]), "field policy.read[0]: got"),
    (lint(work=[HOME]), f'field policy.work[0]: got "{HOME}"; allowed: no writable parent of {HOME}/.ssh'),
    (lint(netwerk="all"), "field policy.netwerk: got an unknown field; allowed:"),
    ({"name": "lint-1", "policy": []}, "profile lint-1, field policy.itself: got []; allowed: a mapping of fields"),
    ({"name": "lint-1"}, "profile lint-1, fields policy and content: got none; allowed: one of them"),
    (lint() | {"content": PLAIN}, "profile lint-1, fields policy and content: got both; allowed: one of them"),
    (hand(name="../x"), 'profile ../x, field name: got "../x"; allowed: a lower-case letter'),
    (hand(""), 'profile hand, field content: got ""; allowed: the text of a profile'),
    (hand("(version 1)\n  (allow default"), "profile hand, field content, line 2, column 3: got what cannot be read (syntax: the list that begins here"),
    (hand("(version 1)\n(deny default)\n(allow file-reed*)"), "line 3, column 8: got (allow file-reed*) (unknown-operation: unbound variable: file-reed*)"),
    (hand('(version 1)\n(allow file-read* (subpath (param "X")))'), "line 2, column 19: got (subpath (param"),
    (hand('(version 1)\n(allow file-read* (subpath "/tmp/x"))'), "(link-path: subpath /tmp/x)"),
    (hand("(version 1)\n" * 2 + "\0"), "field content: got characters that no text has"),
    (hand("(version 1)(deny default)\ud800"), "field content: got characters that no text has"),
    (hand(params={"A B": "x"}), 'field params: got the name "A B"; allowed'),
    (hand(params={"A": 1}), "field params.A: got 1; allowed: a text"),
    (hand(PLAIN + '(import "x.sb")', imports={"x.sb": "\n)"}), "import x.sb, line 2, column 1: got what cannot be read (syntax: this ) closes nothing)"),
]


@pytest.mark.parametrize(("entry", "message"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_wrong_input_is_told_at_once_and_nothing_is_done(mac: Mac, entry: t.Dict[str, t.Any], message: str) -> None:
    with pytest.raises(MacRunnersError) as caught:
        mac.do(hand(name="good"), entry, hand("x", name="worse"))
    assert message in str(caught.value) and "profile worse, field content" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert mac.tried == [] and os.listdir(mac.directory) == []


def test_a_name_twice_and_a_strange_root(mac: Mac) -> None:
    with pytest.raises(MacRunnersError, match="profile hand, field name: got it twice; allowed: one entry a profile"):
        mac.do(hand(), hand())
    with pytest.raises(MacRunnersError, match='field root: got "sandbox"; allowed: an absolute path'):
        core.converge(mac.run, [], "sandbox", False, str(mac.directory / "state"), False)


def test_paths_through_links_of_the_mac(mac: Mac) -> None:
    (mac.directory / "real").mkdir()
    os.symlink(mac.directory / "real", mac.directory / "link")
    path = f"{mac.directory}/link/x"
    real = f"{mac.directory}/real/x, since there is a link in the way on this Mac"
    with pytest.raises(MacRunnersError) as caught:
        mac.do(lint(read=[path]))
    assert f'profile lint-1, field policy.read[0]: got "{path}"; allowed: {real}' in str(caught.value)
    done = mac.done(hand(PLAIN + f'(allow file-read* (literal "{mac.directory}/link") (subpath "{path}"))\n'))
    linked = [one for one in told(done.wanted) if one["id"] == "link-path"]
    assert [(one["severity"], one["line"], one["what"]) for one in linked] == [("warning", 4, f"subpath {path}, which is {mac.directory}/real/x on this Mac")]


def test_warnings_are_returned_and_accepted_errors_refuse_nothing(mac: Mac) -> None:
    done = mac.done(hand("(version 1)\n(allow default)\n"))
    assert [(one["profile"], one["id"], one["line"]) for one in told(done.wanted) if one["severity"] == "warning"][0] == ("hand", "allow-default", 2)
    assert warnings(done.wanted)[0].startswith("profile hand: allow-default (line 2)")
    mac.do(hand("(version 1)\n(deny default)\n; lint-ok: unknown-operation (new in macOS 27)\n(deny file-new*)\n"))
    assert mac.current("hand").endswith("(deny file-new*)\n")


def test_diff_is_the_text(mac: Mac) -> None:
    mac.do(hand())
    done = mac.done(hand(OTHER), lint(), {"name": "gone", "state": "absent"}, check=True)
    first, second = text_diff(str(mac.root), done.plan)
    assert (first["before"], first["after"], first["after_header"]) == (PLAIN, OTHER, f"{mac.root}/hand/current.sb")
    assert second["before"] == "" and "; Sandbox profile of lint-1." in second["after"]


def test_purge_and_absence_take_what_is_ours(mac: Mac) -> None:
    mac.do(lint(), hand())
    mac.do(lint(network="all"), hand())
    (mac.root / "theirs").mkdir()
    (mac.root / "theirs" / "x.sb").write_text("")
    assert mac.do(lint(network="all")) == []
    assert mac.do(lint(network="all"), purge=True) == [("hand", "remove")]
    assert sorted(os.listdir(mac.root)) == ["lint-1", "theirs"]
    absent = {"name": "lint-1", "state": "absent"}
    (mac.root / "lint-1" / "note").write_text("")
    with pytest.raises(MacRunnersError, match="nothing was removed, since not all of it is ours: .*/lint-1 holds note"):
        mac.do(absent)
    os.unlink(mac.root / "lint-1" / "note")
    assert mac.do(absent, check=True) == mac.do(absent) == [("lint-1", "remove")]
    assert mac.do(absent, purge=True) == [] and os.listdir(mac.root) == ["theirs"]
    (mac.root / "theirs" / "x.sb").unlink()
    assert mac.do(absent, purge=True) == [("theirs", "remove"), ("sandbox", "remove")]
    assert mac.do(purge=True) == [] and not mac.root.exists()


def test_what_is_not_ours_is_not_touched(mac: Mac) -> None:
    (mac.root / "lint-1").mkdir(parents=True)
    (mac.root / "lint-1" / "mine.sb").write_text("x")
    for entry in (lint(), {"name": "lint-1", "state": "absent"}):
        with pytest.raises(MacRunnersError, match="profile lint-1: .*/lint-1 has no marker of ours; it is not touched"):
            mac.do(entry)
    elsewhere = mac.directory / "elsewhere"
    elsewhere.mkdir()
    os.symlink(elsewhere, mac.root / "hand")
    with pytest.raises(MacRunnersError, match="/hand is no directory; it is not touched"):
        mac.do(hand())
    assert os.listdir(elsewhere) == []


def test_damage_is_mended_and_a_changed_file_is_not_what_its_name_says(mac: Mac) -> None:
    mac.do(lint())
    base = mac.root / "lint-1"
    version = os.readlink(base / "current.sb")
    with open(base / version, "a", encoding="utf-8") as file:
        file.write("(allow default)\n")
    with open(base / version, encoding="utf-8") as running:
        assert mac.do(lint()) == [("lint-1", "replace")]
        assert running.read().endswith("(allow default)\n")
    os.chmod(base / version, 0o644)
    assert mac.do(lint()) == [("lint-1", "replace")]
    os.unlink(base / version)
    os.symlink("/etc/passwd", base / version)
    assert mac.do(lint()) == [("lint-1", "replace")] and not (base / version).is_symlink()
    os.unlink(base / "current.sb")
    assert mac.do(lint()) == [("lint-1", "switch")]
    (base / ".new-abc").write_text("")
    assert mac.do(lint()) == [("lint-1", "clear")]
    os.chmod(base, 0o700)
    assert mac.do(lint()) == [("lint-1", "repair")]
    os.chmod(mac.root, 0o777)
    assert mac.do(lint()) == [("sandbox", "repair")] and stat.S_IMODE(os.stat(mac.root).st_mode) == 0o755
    assert mac.do(lint()) == []


CALLS = ("mkdir", "open", "fchown", "fchmod", "fsync", "rename", "symlink", "replace", "unlink", "rmdir")


def killed(mac: Mac, moment: int, work: t.Callable[[], object]) -> int:
    """Exit code of a process that dies at its n-th change of the file system, without cleaning up."""

    def die() -> None:
        left = [moment]

        def counted(real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def change(*arguments: t.Any, **options: t.Any) -> t.Any:
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
                return real(*arguments, **options)

            return change

        for name in CALLS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    return process.exitcode or 0


def test_killed_at_any_moment(mac: Mac) -> None:
    moments = 0
    while killed(mac, moments + 1, lambda: mac.do(lint(), hand())) == 9:
        moments += 1
        mac.do(lint(), hand())
        assert mac.do(lint(), hand()) == []
        assert len(mac.there()) == len(mac.there("hand")) == 3
        mac.do(purge=True)
        assert not mac.root.exists()
    assert moments > 30


def test_killed_while_it_removes(mac: Mac) -> None:
    moments = 0
    while True:
        mac.do(lint(), hand())
        if killed(mac, moments + 1, lambda: mac.do(purge=True)) != 9:
            break
        moments += 1
        mac.do(purge=True)
        assert not mac.root.exists()
    assert moments > 8
