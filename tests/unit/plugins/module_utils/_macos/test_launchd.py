# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripted conversations with launchctl; codes and texts as observed on macOS 14 to 26."""

from __future__ import annotations

import os
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import CommandError, Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import launchd

LABEL = "dev.action-packer.mac-runners.vm.ios-1"
CONTENT = {"Label": LABEL, "ProgramArguments": ["/usr/bin/true"]}
GONE = Result(113, "", f'Bad request.\nCould not find service "{LABEL}" in domain for system\n')
THERE = Result(0, f"system/{LABEL} = {{\n\tstate = running\n\tpid = 7\n\truns = 1\n\tlast exit code = (never exited)\n}}\n", "")
NONE_DISABLED = Result(0, "\n\tdisabled services = {\n\t}\n", "")
PRINT = ("print", f"system/{LABEL}")
BOOTOUT = ("bootout", f"system/{LABEL}")
DISABLED = ("print-disabled", "system")


class Conversation:
    """Answers an exact list of calls and nothing else."""

    waiting = launchd.Waiting(tries=4, pause=0.5)

    def __init__(self, *lines: t.Tuple[t.Tuple[str, ...], Result]) -> None:
        self.lines = list(lines)

    def __call__(self, argv: t.Sequence[str], env: t.Any = None, stdin: str = "") -> Result:
        expected, result = self.lines.pop(0)
        assert (argv[0], tuple(argv[1:])) == ("/bin/launchctl", expected)
        return result


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> t.List[float]:
    """Seconds that were waited, without waiting."""
    naps: t.List[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    return naps


def test_print_is_read_from_its_first_level() -> None:
    text = (
        "system/L = {\n\tactive count = 1\n\tstate = spawn scheduled\n\n\targuments = {\n\t\tpid = 9\n\t}\n\truns = 3\n"
        "\tlast exit code = 78: EX_CONFIG\n\n\tresource coalition = {\n\t\tstate = active\n\t}\n}\n"
    )
    assert launchd.parse_print(text) == launchd.Loaded("spawn scheduled", None, 3, 78, False)


def test_a_job_that_never_ended() -> None:
    assert launchd.parse_print(THERE.stdout) == launchd.Loaded("running", 7, 1, None, False)


@pytest.mark.parametrize("answer", [GONE, Result(113, "", f"Could not find service {LABEL} in domain for system\n")])
def test_not_loaded(answer: Result) -> None:
    assert launchd.loaded(Conversation((PRINT, answer)), LABEL) is None


def test_an_unknown_answer_is_an_error() -> None:
    with pytest.raises(CommandError):
        launchd.loaded(Conversation((PRINT, Result(1, "", "strange"))), LABEL)


@pytest.mark.parametrize("code", [0, 3, 5, 36, 37, 113])
def test_bootout_is_done_when_print_says_so(code: int, slept: t.List[float]) -> None:
    talk = Conversation((PRINT, THERE), (BOOTOUT, Result(code, "", "")), (PRINT, THERE), (PRINT, THERE), (PRINT, GONE))
    launchd.unload(talk, LABEL, talk.waiting)
    assert (talk.lines, slept) == ([], [0.5, 0.5])


def test_nothing_to_unload() -> None:
    talk = Conversation((PRINT, GONE))
    launchd.unload(talk, LABEL, talk.waiting)
    assert talk.lines == []


def test_a_job_that_does_not_go() -> None:
    talk = Conversation((PRINT, THERE), (BOOTOUT, Result(36, "", "")), *[(PRINT, THERE)] * 4)
    with pytest.raises(launchd.LaunchdError, match="still there 2 s after bootout"):
        launchd.unload(talk, LABEL, talk.waiting)


def bootstrap(directory: t.Any, code: int, text: str = "") -> t.Tuple[t.Tuple[str, ...], Result]:
    return ("bootstrap", "system", f"{directory}/{LABEL}.plist"), Result(code, "", text)


@pytest.fixture
def directory(tmp_path: t.Any) -> t.Any:
    if os.geteuid() != 0:
        pytest.skip("property lists have to belong to root")
    return tmp_path


def test_load(directory: t.Any) -> None:
    talk = Conversation((PRINT, GONE), (DISABLED, NONE_DISABLED), bootstrap(directory, 0))
    launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))
    path = directory / f"{LABEL}.plist"
    assert launchd.read_content(str(path)) == CONTENT
    assert [entry.name for entry in directory.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_busy_launchd_is_asked_again(directory: t.Any, slept: t.List[float]) -> None:
    talk = Conversation(
        (PRINT, GONE), (DISABLED, NONE_DISABLED), bootstrap(directory, 5), (PRINT, GONE), bootstrap(directory, 37), (PRINT, GONE), bootstrap(directory, 0)
    )
    launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))
    assert slept == [0.5, 0.5]


def test_busy_but_done(directory: t.Any) -> None:
    talk = Conversation((PRINT, GONE), (DISABLED, NONE_DISABLED), bootstrap(directory, 5), (PRINT, THERE))
    launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))


def test_busy_for_ever(directory: t.Any) -> None:
    talk = Conversation((PRINT, GONE), (DISABLED, NONE_DISABLED), *[bootstrap(directory, 5, "Bootstrap failed: 5: Input/output error"), (PRINT, GONE)] * 4)
    with pytest.raises(launchd.LaunchdError, match="code 5, Bootstrap failed: 5"):
        launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))


@pytest.mark.parametrize(("code", "reason"), [(119, "disabled on this Mac"), (122, "root:wheel with mode 0644"), (161, "Login Items")])
def test_a_refusal_is_explained(directory: t.Any, code: int, reason: str) -> None:
    talk = Conversation((PRINT, GONE), (DISABLED, NONE_DISABLED), bootstrap(directory, code))
    with pytest.raises(launchd.LaunchdError, match=reason):
        launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))


@pytest.mark.parametrize("word", ["disabled", "true"])
def test_an_override_is_lifted(directory: t.Any, word: str) -> None:
    talk = Conversation(
        (PRINT, GONE),
        (DISABLED, Result(0, f'\tdisabled services = {{\n\t\t"other" => enabled\n\t\t"{LABEL}" => {word}\n\t}}\n', "")),
        (("enable", f"system/{LABEL}"), Result(0, "", "")),
        bootstrap(directory, 0),
    )
    launchd.load(talk, launchd.Job(LABEL, CONTENT), talk.waiting, str(directory))
    assert talk.lines == []


@pytest.mark.parametrize("label", ["", "system", "com.apple.x", launchd.LABEL_PREFIX, launchd.LABEL_PREFIX + "a/../b", launchd.LABEL_PREFIX + "a b"])
def test_a_label_that_is_not_ours(label: str) -> None:
    with pytest.raises(launchd.LaunchdError, match="launchd label: got"):
        launchd.unload(Conversation(), label)


def test_a_property_list_that_launchd_would_refuse_counts_as_different(directory: t.Any) -> None:
    path = str(directory / f"{LABEL}.plist")
    assert launchd.read_content(path) is None
    launchd.write_content(path, CONTENT)
    os.chmod(path, 0o666)
    assert launchd.read_content(path) == {}
    os.unlink(path)
    os.symlink("/etc/hosts", path)
    assert launchd.read_content(path) == {}
    launchd.remove_content(path)
    launchd.remove_content(path)
    assert os.path.exists("/etc/hosts")


def test_labels_on_disk(tmp_path: t.Any) -> None:
    for name in (f"{LABEL}.plist", f".{LABEL}.plist.new", "com.apple.x.plist", "dev.action-packer.mac-runners.slot.a.plist"):
        (tmp_path / name).write_text("")
    assert launchd.labels_on_disk("dev.action-packer.mac-runners.vm.", str(tmp_path)) == [LABEL]
    assert launchd.labels_on_disk("x", str(tmp_path / "none")) == []
