# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The runner package: real archives, the real tar; processes and slots that need a release; dates of GitHub; runs cut short."""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import multiprocessing
import os
import pathlib
import re
import stat
import struct
import subprocess
import tarfile
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import runner_package as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import processes, releases

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="releases have to belong to root")

ARM, INTEL = 0x0100000C, 0x01000007
#: Of Linux' unshare: mounts of one's own.
CLONE_NEWNS = 0x00020000
NEW, OLD = "2.337.0", "2.336.0"
PS_HEAD = "  PID   UID  PPID  PGID    RSS COMMAND\n"


def program(processor: int = ARM) -> bytes:
    return b"\xcf\xfa\xed\xfe" + struct.pack("<I", processor)


def write_archive(path: pathlib.Path, *members: t.Tuple[str, bytes, t.Mapping[str, t.Any]], listener: bytes = program()) -> str:
    """Write a package; return its SHA-256."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content, fields in (("./bin/Runner.Listener", listener, {}), ("./run.sh", b"#!/bin/sh\n", {}), *members):
            info = tarfile.TarInfo(name)
            info.mode, info.size, info.uid = 0o4777, len(content), 12345
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Mac:
    """Releases of the runner, processes that run and slots that are installed."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.root, self.state = directory / "tools", directory / "state"
        self.base = self.root / "actions-runner"
        self.archive = directory / "archive"
        self.sha256 = write_archive(self.archive)
        self.running: t.List[str] = []
        self.ps = Result(0, "", "")
        self.asked: t.List[str] = []

    def run(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        self.asked.append(argv[0])
        if argv[0] == processes.PS:
            lines = [f"{100 + number}   501     1   100   2048 {command}\n" for number, command in enumerate(self.running)]
            return self.ps if self.ps.rc else Result(0, PS_HEAD + "    1     0     0     1   2048 /sbin/launchd\n" + "".join(lines), "")
        done = subprocess.run(list(argv), capture_output=True, text=True, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def options(self, version: str = NEW, **fields: t.Any) -> t.Dict[str, t.Any]:
        given = {"state": "present", "version": version, "sha256": self.sha256, "archive": str(self.archive), "root": str(self.root)}
        return {**given, "keep": [], "retain": 1, **fields}

    def outcome(self, *version: str, check: bool = False, **fields: t.Any) -> core.Outcome:
        package = core.parse_package(self.options(*version, **fields), "arm64")
        return core.converge(self.run, self._download, package, str(self.state), check)

    def do(self, *version: str, **fields: t.Any) -> t.List[t.Tuple[str, str]]:
        return [(step.action, step.detail) for step in self.outcome(*version, **fields).plan.steps]

    def there(self) -> t.List[str]:
        return sorted(os.listdir(self.base))

    def current(self) -> str:
        return os.readlink(self.base / "current")

    def slot(self, name: str, text: str) -> None:
        (self.state / "slots" / name).mkdir(parents=True)
        (self.state / "slots" / name / "settings.json").write_text(text)

    def _download(self, url: str) -> t.BinaryIO:
        raise AssertionError(url)


@pytest.fixture
def mac(private_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Mac:
    def no_psutil() -> t.NoReturn:
        raise ImportError

    monkeypatch.setattr(processes, "_from_psutil", no_psutil)
    return Mac(private_path)


def test_installed_once_closed_and_by_root(mac: Mac) -> None:
    assert mac.do() == [("install", NEW), ("switch", f"nothing -> {NEW}")]
    assert (mac.there(), mac.current()) == ([NEW, "current"], NEW)
    for path in (mac.base, mac.base / NEW, mac.base / NEW / "bin", mac.base / NEW / "bin" / "Runner.Listener"):
        status = path.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o755, 0)
    mac.asked.clear()
    assert mac.do() == []
    # Nobody is asked who runs when there is nothing that could be taken away.
    assert mac.asked == []


def test_check_mode_says_the_same_and_does_nothing(mac: Mac) -> None:
    assert mac.do(check=True) == [("install", NEW), ("switch", f"nothing -> {NEW}")]
    assert not mac.root.exists()
    mac.do(OLD)
    outcome = mac.outcome(check=True)
    assert outcome.plan.diff == {
        "before": {"actions-runner": {"current": OLD, "releases": [OLD]}},
        "after": {"actions-runner": {"current": NEW, "releases": [OLD, NEW]}},
    }
    assert mac.there() == [OLD, "current"]


def install(mac: Mac, *versions: str) -> None:
    for version in versions:
        mac.do(version, retain=100)


def test_of_the_versions_that_nobody_needs_the_newest_stay(mac: Mac) -> None:
    install(mac, "2.99.0", "2.100.0", OLD, NEW)
    assert mac.do(check=True, retain=2) == [("prune", "2.99.0")]
    outcome = mac.outcome()
    assert [tuple(step) for step in outcome.plan.steps] == [("actions-runner", "prune", "2.99.0"), ("actions-runner", "prune", "2.100.0")]
    assert outcome.plan.after == {"actions-runner": {"current": NEW, "releases": [OLD, NEW]}}
    assert mac.there() == [OLD, NEW, "current"]
    assert mac.do() == []
    assert mac.do(retain=0) == [("prune", OLD)]
    assert mac.there() == [NEW, "current"]


def test_what_somebody_keeps_and_what_is_no_version_stays(mac: Mac) -> None:
    install(mac, "2.99.0", "2.100.0", NEW)
    (mac.base / "2.99-mine").mkdir()
    assert mac.do(retain=0, keep=["2.99.0"]) == [("prune", "2.100.0")]
    assert mac.there() == [NEW, "2.99-mine", "2.99.0", "current"]


def test_versions_that_slots_name_stay(mac: Mac) -> None:
    install(mac, "2.98.0", "2.99.0", "2.100.0", NEW)
    mac.slot("lint-1", json.dumps({"sandbox": {"runner": str(mac.base / "2.99.0")}}))
    mac.slot("lint-2", json.dumps({"sandbox": {"runner": str(mac.base / "2.100.0" / "bin")}}))
    (mac.state / "slots" / "half").mkdir()
    (mac.state / "slots" / "file").write_text("")
    assert mac.do(retain=0) == [("prune", "2.98.0")]
    with pytest.raises(core.ReleaseError) as caught:
        mac.do("", state="absent", sha256="", archive="")
    assert str(caught.value) == (
        "runner package: nothing was removed, since it is used: release 2.100.0 by slots lint-2; release 2.99.0 by slots lint-1; "
        "drain the slots and take them away first"
    )


def test_settings_that_cannot_be_read_stop_it(mac: Mac) -> None:
    install(mac, "2.99.0", NEW)
    mac.slot("lint-1", "{}")
    os.unlink(mac.state / "slots" / "lint-1" / "settings.json")
    os.symlink("/etc/passwd", mac.state / "slots" / "lint-1" / "settings.json")
    with pytest.raises(OSError):
        mac.do(retain=0)
    assert mac.there() == [NEW, "2.99.0", "current"]


COMMANDS = ("{base}/2.336.0/bin/Runner.Listener run", "/bin/bash {base}/2.336.0/run.sh", "{base}/current/externals/node20/bin/node x")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_switched_under_a_process(mac: Mac, command: str) -> None:
    mac.do(OLD)
    mac.running = ["/usr/bin/vim", command.format(base=mac.base)]
    for steps in ([("install", NEW)], []):
        outcome = mac.outcome()
        assert [(step.action, step.detail) for step in outcome.plan.steps] == steps
        assert outcome.waiting == (
            f"release {OLD} stays the current one, since processes run from it: 101; drain their slots and run this again to switch to {NEW}"
        )
        assert outcome.running == {OLD: (101,)}
        assert (mac.there(), mac.current()) == ([OLD, NEW, "current"], OLD)
    mac.running = []
    assert mac.do() == [("switch", f"{OLD} -> {NEW}")]


def test_nothing_is_removed_under_a_process(mac: Mac) -> None:
    install(mac, "2.98.0", "2.99.0", "2.100.0", NEW)
    mac.running = [f"{mac.base}/2.99.0/bin/Runner.Worker spawnclient", f"{mac.base}/2.99.0/bin/Runner.Listener run", f"{mac.base}-x/2.98.0/bin/a"]
    outcome = mac.outcome(retain=0)
    assert [(step.action, step.detail) for step in outcome.plan.steps] == [("prune", "2.98.0"), ("prune", "2.100.0")]
    assert (outcome.waiting, outcome.running) == ("", {"2.99.0": (100, 101)})
    with pytest.raises(core.ReleaseError, match=r"nothing was removed, since it is used: release 2.99.0 by processes 100, 101; drain the slots"):
        mac.do("", state="absent", sha256="", archive="")
    mac.running = []
    assert mac.do("", state="absent", sha256="", archive="") == [("remove", "2.337.0/, 2.99.0/, current")]
    assert mac.do("", state="absent", sha256="", archive="") == []
    assert not mac.base.exists()


def test_slots_that_take_the_current_release_take_the_next_one_and_hold_no_earlier(mac: Mac) -> None:
    install(mac, "2.335.0", OLD)
    mac.slot("lint-1", f'{{"native": {{"runner_package": "{mac.base}/current"}}}}')
    assert mac.do() == [("install", NEW), ("switch", f"{OLD} -> {NEW}"), ("prune", "2.335.0")]
    assert mac.do() == []
    with pytest.raises(core.ReleaseError, match=f"nothing was removed, since it is used: release {NEW} by slots lint-1"):
        mac.do("", state="absent", sha256="", archive="")
    predicted = mac.outcome("", check=True, state="absent", sha256="", archive="")
    assert [step.action for step in predicted.plan.steps] == ["remove"], "a play removes slots first"


def test_a_damaged_release_is_not_mended_under_a_process(mac: Mac) -> None:
    mac.do()
    os.unlink(mac.base / NEW / "bin" / "Runner.Listener")
    mac.running = [f"{mac.base}/{NEW}/bin/Runner.Worker"]
    with pytest.raises(core.ReleaseError, match=f"release {NEW} is damaged and cannot be mended under processes that run from it: 100; drain"):
        mac.do()
    mac.running = []
    assert mac.do() == [("replace", NEW)]


def test_processes_that_cannot_be_read_stop_it(mac: Mac) -> None:
    mac.do(OLD)
    mac.ps = Result(1, "", "ps: no\n")
    with pytest.raises(core.ReleaseError, match="nothing was changed, since it cannot be seen who runs from it: processes: ps ended with 1: ps: no"):
        mac.do()
    assert mac.there() == [OLD, "current"]


@pytest.mark.parametrize(
    ("listener", "words"),
    [
        (program(INTEL), "macOS on x86_64"),
        (b"\x7fELF\x02\x01" + bytes(10) + b"\x02\x00\xb7\x00", "Linux on arm64"),
        (b"MZ", "Windows"),
        (b"garbage", "no system that is known here"),
    ],
)
def test_a_package_for_another_machine(mac: Mac, listener: bytes, words: str) -> None:
    mac.do(OLD)
    mac.sha256 = write_archive(mac.archive, listener=listener)
    with pytest.raises(core.ReleaseError) as caught:
        mac.do()
    assert str(caught.value) == (
        f"tool actions-runner, field archive: nothing was installed, since bin/Runner.Listener in the archive for release {NEW} was made for {words}, "
        "and this Mac is arm64; take the archive for macOS on arm64, and its SHA-256"
    )
    assert (mac.there(), mac.current()) == ([OLD, "current"], OLD)


def test_a_script_runs_anywhere(mac: Mac) -> None:
    mac.sha256 = write_archive(mac.archive, listener=b"#!/usr/bin/env python3\n")
    assert mac.do() == [("install", NEW), ("switch", f"nothing -> {NEW}")]


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (("../evil", b"", {}), 'nothing was installed, since names in its archive leave its directory: "../evil"'),
        (("out", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc"}), 'nothing was installed, since names in its archive are links out of it: "out"'),
        (("pipe", b"", {"type": tarfile.FIFOTYPE}), 'are neither file, directory nor link: "pipe"'),
    ],
)
def test_an_archive_that_reaches_out(mac: Mac, member: t.Any, message: str) -> None:
    mac.sha256 = write_archive(mac.archive, member)
    with pytest.raises(core.ReleaseError) as caught:
        mac.do()
    assert message in str(caught.value)
    assert mac.there() == []


def test_archives_that_are_cut_short_or_another_one(mac: Mac) -> None:
    whole = mac.archive.read_bytes()
    mac.archive.write_bytes(whole[:-30])
    with pytest.raises(core.ReleaseError, match=f"field sha256: got {mac.sha256}, but the archive for release {NEW} has [0-9a-f]{{64}}; set"):
        mac.do()
    assert not mac.root.exists()
    # As short as whoever wrote down the hash had it.
    mac.sha256 = hashlib.sha256(mac.archive.read_bytes()).hexdigest()
    start = "tool actions-runner, field archive: nothing was installed, since its archive cannot be unpacked: /usr/bin/tar"
    with pytest.raises(core.ReleaseError, match=f"{start} .* ended with 2: .*[Uu]nexpected end of file"):
        mac.do()
    assert mac.there() == []


def test_a_full_disk(mac: Mac) -> None:
    """A file system of 400 KiB for a package of 4 MiB, mounted where it is unpacked, by a process with mounts of its own."""
    mac.do(OLD)
    mac.sha256 = write_archive(mac.archive, ("big", os.urandom(4 * 1024 * 1024), {}))

    def full(results: t.Any) -> None:
        assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k,mode=755", "none", str(mac.base)], check=True)
        try:
            mac.do()
        except core.ReleaseError as error:
            results.put((str(error), mac.there()))

    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=full, args=(results,))
    process.start()
    message, left = results.get(timeout=60)
    process.join()
    assert re.match(r"tool actions-runner, field archive: nothing was installed, since the disk is full \(\d+ bytes are left\): /usr/bin/tar -x ", message)
    assert left == []
    assert (mac.there(), mac.current()) == ([OLD, "current"], OLD)


@pytest.mark.parametrize("moment", range(1, 12))
def test_killed_at_any_moment_of_an_upgrade(mac: Mac, moment: int) -> None:
    """A process that dies at its n-th change of the file system, without cleaning up."""
    install(mac, "2.100.0", OLD)

    def die() -> None:
        left = [moment]

        def counted(real: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def change(*arguments: t.Any, **options: t.Any) -> t.Any:
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
                return real(*arguments, **options)

            return change

        for name in ("mkdir", "rename", "replace", "symlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        mac.do()
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == 9
    # Whatever was current is whole.
    assert (mac.base / "current" / "bin" / "Runner.Listener").is_file()
    assert releases.STAMP in os.listdir(mac.base / "current")
    mac.do()
    assert mac.do() == []
    assert (mac.there(), mac.current()) == ([OLD, NEW, "current"], NEW)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": None, "sha256": None}, "runner package: version and sha256 are not given; write both, as version: 2.337.0 and sha256: the 64"),
        ({"version": ""}, "runner package: version is not given; write both"),
        ({"sha256": None}, "runner package: sha256 is not given; write both"),
        ({"version": "latest"}, 'runner package, field version: got "latest"; allowed: a version of GitHub\'s runner such as 2.337.0'),
        ({"version": "v2.337.0"}, 'field version: got "v2.337.0"'),
        ({"sha256": "abc"}, 'tool actions-runner, field sha256: got "abc"; allowed: the 64 hexadecimal digits'),
        ({"url": "https://a/b"}, "fields url and archive: got both; allowed: one of them"),
        ({"keep": ["2.336.0", "2.336"]}, 'runner package, field keep: got "2.336"; allowed: a version'),
        ({"retain": -1}, "runner package, field retain: got -1; allowed: 0 or more"),
        ({"root": "/"}, 'field root: got "/"'),
    ],
)
def test_wrong_input(mac: Mac, fields: t.Dict[str, t.Any], message: str) -> None:
    with pytest.raises(core.ReleaseError) as caught:
        mac.do(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(("arch", "word"), [("arm64", "arm64"), ("x86_64", "x64")])
@pytest.mark.parametrize("mirror", [None, "https://mirror.example/runner", "https://mirror.example/runner/"])
def test_where_the_package_is_fetched(mac: Mac, arch: str, word: str, mirror: t.Optional[str]) -> None:
    package = core.parse_package(mac.options(archive=None, mirror=mirror), arch)
    place = "https://mirror.example/runner" if mirror else "https://github.com/actions/runner/releases/download"
    assert package.tool.url == f"{place}/v2.337.0/actions-runner-osx-{word}-2.337.0.tar.gz"
    assert (package.tool.arch, package.tool.archive) == (arch, "")
    assert core.parse_package(mac.options(archive=None, url="https://a/b", mirror=mirror), arch).tool.url == "https://a/b"


def test_the_processor_is_that_of_the_mac_and_not_of_python() -> None:
    assert core.read_arch(lambda argv, **options: Result(0, "hw.optional.arm64: 1\n", "")) == "arm64"
    assert core.read_arch(lambda argv, **options: Result(1, "hw.memsize: 1\n", "")) == "x86_64"
    with pytest.raises(core.ReleaseError, match="sysctl does not tell the processor of this Mac"):
        core.read_arch(lambda argv, **options: Result(127, "", "no"))


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("registration", "runtime", "verdict", "warning"),
    [
        (None, None, "good", ""),
        ("", "", "good", ""),
        ("2027-01-15T08:00:01Z", None, "ends", "the runner 2.337.0 cannot register from 2027-01-15T08:00:01Z on, within 30 days; pin a newer version before"),
        (None, "2027-02-14T08:00:00Z", "ends", "the runner 2.337.0 gets no jobs from 2027-02-14T08:00:00Z on, within 30 days; pin a newer version before"),
        ("2027-03-14T08:00:00Z", "2027-02-14T08:00:01Z", "ends", ""),
    ],
)
def test_dates_of_github(registration: t.Optional[str], runtime: t.Optional[str], verdict: str, warning: str) -> None:
    judged, told = core.judge_age(NEW, registration, runtime, NOW)
    assert (judged.verdict, told) == (verdict, warning)


def test_a_version_that_github_refuses() -> None:
    with pytest.raises(core.ReleaseError) as caught:
        core.judge_age(NEW, "2027-01-15T08:00:00Z", "2027-03-15T08:00:00Z", NOW)
    assert str(caught.value) == (
        'runner package, field version: got "2.337.0"; nothing was changed, since the runner 2.337.0 cannot register since 2027-01-15T08:00:00Z; '
        "pin a newer version"
    )


@pytest.mark.parametrize("date", ["soon", "2027-01-15", "2027-01-15T08:00:00"])
def test_what_is_no_date(date: str) -> None:
    with pytest.raises(core.ReleaseError, match=f'field runtime_deprecates_at: got "{date}"; allowed: a time with its zone such as'):
        core.judge_age(NEW, None, date, NOW)
