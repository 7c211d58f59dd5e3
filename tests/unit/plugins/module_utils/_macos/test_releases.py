# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases of tools: real archives, the real tar, real directories; every way in which a run can be cut short."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import pathlib
import stat
import subprocess
import tarfile
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import releases as core
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import unpacking

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="releases have to belong to root")

Entry = t.Dict[str, t.Any]
URL = "https://tools.example/tart.tar.gz"


def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
    done = subprocess.run(list(argv), env={**os.environ, **(env or {})}, input=stdin, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def member(name: str, content: bytes = b"", mode: int = 0o644, **fields: t.Any) -> t.Tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode, info.size, info.uid = mode, len(content), 12345
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


PROGRAM = member("app/tool", b"#!/bin/sh\n", 0o4777)


def write_archive(path: pathlib.Path, *members: t.Tuple[tarfile.TarInfo, bytes]) -> str:
    """Write an archive with a program and ``members``; return its SHA-256."""
    with tarfile.open(path, "w:gz") as archive:
        for info, content in (PROGRAM, *members):
            archive.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Mac:
    """A directory of tools, and what was downloaded."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.root = directory / "tools"
        self.archive = directory / "archive"
        self.sha256 = write_archive(self.archive)
        self.downloads: t.List[str] = []

    def entry(self, version: str = "1.0", **fields: t.Any) -> Entry:
        given = {"name": "tool", "state": "present", "version": version, "sha256": self.sha256, "program": "app/tool"}
        return {**given, "url": None, "archive": str(self.archive), **fields}

    def do(self, *entries: Entry, check: bool = False) -> t.List[t.Tuple[str, str]]:
        tools = core.parse_tools(entries, str(self.root))
        plan = core.converge(run, self._download, tools, str(self.root), str(self.directory / "state"), check)
        return [(step.action, step.detail) for step in plan.steps]

    def _download(self, url: str) -> t.BinaryIO:
        self.downloads.append(url)
        return open(self.archive, "rb")

    def there(self) -> t.List[str]:
        return sorted(os.listdir(self.root / "tool"))

    def current(self) -> str:
        return os.readlink(self.root / "tool" / "current")


@pytest.fixture
def mac(private_path: pathlib.Path) -> Mac:
    return Mac(private_path)


def test_installed_once_and_plain(mac: Mac) -> None:
    assert mac.do(mac.entry()) == [("install", "1.0"), ("switch", "nothing -> 1.0")]
    assert mac.there() == ["1.0", "current"]
    program = os.stat(mac.root / "tool" / "current" / "app" / "tool")
    assert (stat.S_IMODE(program.st_mode), program.st_uid) == (0o755, 0)
    assert mac.do(mac.entry()) == []


def test_looking_starts_nothing_and_takes_no_lock(mac: Mac) -> None:
    mac.do(mac.entry())
    (mac.directory / "state" / "lock").unlink()
    tools = core.parse_tools([mac.entry()], str(mac.root))

    def forbidden(*arguments: t.Any, **options: t.Any) -> t.Any:
        raise AssertionError("something was started")

    assert not core.converge(forbidden, forbidden, tools, str(mac.root), str(mac.directory / "state"), False).changed
    assert os.listdir(mac.directory / "state") == []


def test_check_mode_says_the_same_and_does_nothing(mac: Mac) -> None:
    wanted = mac.entry(archive=None, url=URL)
    assert mac.do(wanted, check=True) == [("install", "1.0"), ("switch", "nothing -> 1.0")]
    assert sorted(os.listdir(mac.directory)) == ["archive"]
    assert mac.downloads == []
    assert mac.do(wanted) == [("install", "1.0"), ("switch", "nothing -> 1.0")]
    assert mac.downloads == [URL]


def test_an_old_release_stays_and_can_be_current_again(mac: Mac) -> None:
    mac.do(mac.entry("1.0"))
    assert mac.do(mac.entry("2.0")) == [("install", "2.0"), ("switch", "1.0 -> 2.0")]
    assert mac.there() == ["1.0", "2.0", "current"]
    assert mac.do(mac.entry("1.0", archive=None, url=URL)) == [("switch", "2.0 -> 1.0")]
    assert (mac.current(), mac.downloads) == ("1.0", [])


def test_diff(mac: Mac) -> None:
    mac.do(mac.entry("1.0"))
    tools = core.parse_tools([mac.entry("2.0")], str(mac.root))
    assert core.plan_tools(str(mac.root), tools, core.read_tools(str(mac.root), tools)).diff == {
        "before": {"tool": {"current": "1.0", "releases": ["1.0"]}},
        "after": {"tool": {"current": "2.0", "releases": ["1.0", "2.0"]}},
    }


def test_what_killed_runs_left_is_cleared_and_damage_is_mended(mac: Mac) -> None:
    mac.do(mac.entry())
    (mac.root / "tool" / ".new-abc" / "release").mkdir(parents=True)
    assert mac.do(mac.entry()) == [("clear", ".new-abc/")]
    os.unlink(mac.root / "tool" / "1.0" / "app" / "tool")
    assert mac.do(mac.entry()) == [("replace", "1.0")]
    os.unlink(mac.root / "tool" / "1.0" / core.STAMP)
    assert mac.do(mac.entry()) == [("replace", "1.0")]
    os.unlink(mac.root / "tool" / "current")
    assert mac.do(mac.entry()) == [("switch", "nothing -> 1.0")]
    assert mac.do(mac.entry()) == []
    assert mac.there() == ["1.0", "current"]


@pytest.mark.parametrize("moment", range(1, 9))
def test_killed_at_any_moment(mac: Mac, moment: int) -> None:
    """A process that dies at its n-th change of the file system, without cleaning up."""

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
        mac.do(mac.entry())
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=die)
    process.start()
    process.join()
    assert process.exitcode == 9
    mac.do(mac.entry())
    assert mac.do(mac.entry()) == []
    assert mac.there() == ["1.0", "current"]


def test_three_at_once(mac: Mac) -> None:
    def one(results: t.Any) -> None:
        results.put(mac.do(mac.entry()))

    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=one, args=(results,)) for _number in range(3)]
    for process in processes:
        process.start()
    done = sorted(results.get(timeout=60) for _process in processes)
    for process in processes:
        process.join()
    assert done == [[], [], [("install", "1.0"), ("switch", "nothing -> 1.0")]]
    assert mac.there() == ["1.0", "current"]


def test_a_failure_of_tar_leaves_nothing(mac: Mac) -> None:
    mac.archive.write_bytes(b"no archive")
    digest = hashlib.sha256(b"no archive").hexdigest()
    told = "tool tool, field archive: nothing was installed, since its archive cannot be unpacked: /usr/bin/tar -t .* ended with 2"
    with pytest.raises(core.ReleaseError, match=told):
        mac.do(mac.entry(sha256=digest))
    assert mac.there() == []


def test_another_archive_than_the_pinned_one(mac: Mac) -> None:
    with pytest.raises(core.ReleaseError, match=f"field sha256: got {'0' * 64}, but the archive for release 1.0 has {mac.sha256}; set"):
        mac.do(mac.entry(sha256="0" * 64))
    assert not mac.root.exists()


def test_a_release_from_another_archive_is_not_replaced(mac: Mac) -> None:
    mac.do(mac.entry())
    for check in (True, False):
        with pytest.raises(core.ReleaseError, match=f"got {'0' * 64}, but release 1.0 on this Mac was made from an archive with {mac.sha256}"):
            mac.do(mac.entry(sha256="0" * 64), check=check)
    assert mac.do(mac.entry()) == []


def test_a_large_archive(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST", 100)
    with pytest.raises(core.ReleaseError, match="larger than 100 bytes"):
        mac.do(mac.entry(archive=None, url=URL))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([member("/etc/evil")], 'names in its archive leave its directory: "/etc/evil"'),
        ([member("../evil")], 'leave its directory: "../evil"'),
        ([member("app/../../evil")], 'leave its directory: "app/../../evil"'),
        ([member("out", type=tarfile.SYMTYPE, linkname="/etc/passwd")], 'are links out of it: "out"'),
        ([member("app/out", type=tarfile.SYMTYPE, linkname="../../..")], 'are links out of it: "app/out"'),
        ([member("pipe", type=tarfile.FIFOTYPE)], 'are neither file, directory nor link: "pipe"'),
    ],
)
def test_an_archive_that_reaches_out(mac: Mac, members: t.Any, message: str) -> None:
    digest = write_archive(mac.archive, *members)
    with pytest.raises(core.ReleaseError) as caught:
        mac.do(mac.entry(sha256=digest))
    assert message in str(caught.value)
    assert mac.there() == []
    assert not (mac.root / "evil").exists()


def test_a_second_name_of_a_file_elsewhere(mac: Mac) -> None:
    victim = mac.directory / "victim"
    victim.write_text("")
    victim.chmod(0o600)

    def linking(argv: t.Sequence[str], **options: t.Any) -> Result:
        if "-x" in argv:
            os.link(victim, os.path.join(argv[-1], "out"))
        return run(argv, **options)

    with pytest.raises(core.ReleaseError, match='are links out of it: "out"'):
        core.converge(linking, open, core.parse_tools([mac.entry()], str(mac.root)), str(mac.root), str(mac.directory / "state"), False)
    assert stat.S_IMODE(os.stat(victim).st_mode) == 0o600


def test_links_that_stay_inside(mac: Mac) -> None:
    inside = [
        member("app/soft", type=tarfile.SYMTYPE, linkname="../app/tool"),
        member("app/hard", type=tarfile.LNKTYPE, linkname="app/tool"),
        member("data", b"x", 0o600),
    ]
    digest = write_archive(mac.archive, *inside)
    mac.do(mac.entry(sha256=digest, program="app/soft"))
    release = mac.root / "tool" / "1.0"
    assert (release / "app" / "soft").resolve() == release / "app" / "tool"
    assert os.stat(release / "app" / "hard").st_ino == os.stat(release / "app" / "tool").st_ino
    assert stat.S_IMODE(os.stat(release / "data").st_mode) == 0o644


def test_the_program_must_be_one(mac: Mac) -> None:
    digest = write_archive(mac.archive, member("README", b"x"))
    for program in ("README", "nothing", "app"):
        with pytest.raises(core.ReleaseError, match=f'tool tool, field archive: nothing .* does not have "{program}" as a program'):
            mac.do(mac.entry(sha256=digest, program=program))
    assert mac.there() == []


def test_a_place_where_others_write(mac: Mac) -> None:
    mac.root.mkdir()
    mac.root.chmod(0o777)
    with pytest.raises(MacRunnersError, match="others than root can write to .*/tools"):
        mac.do(mac.entry())
    mac.root.chmod(0o755)
    (mac.root / "tool").mkdir()
    os.chown(mac.root / "tool", 1, 1)
    with pytest.raises(MacRunnersError, match="others than root can write to .*/tools/tool"):
        mac.do(mac.entry())


def test_links_are_not_followed(mac: Mac) -> None:
    elsewhere = mac.directory / "elsewhere"
    elsewhere.mkdir()
    mac.root.mkdir()
    os.symlink(elsewhere, mac.root / "tool")
    for state in ("present", "absent"):
        with pytest.raises(MacRunnersError, match="/tools/tool is no directory; it is not touched"):
            mac.do(mac.entry(state=state))
    os.unlink(mac.root / "tool")
    (mac.root / "tool" / "current").mkdir(parents=True)
    with pytest.raises(MacRunnersError, match="current is no link; it is not touched"):
        mac.do(mac.entry())
    os.rmdir(mac.root / "tool" / "current")
    os.symlink(elsewhere, mac.root / "tool" / "1.0")
    with pytest.raises(MacRunnersError, match="1.0 is a link, which is not followed"):
        mac.do(mac.entry())
    os.symlink(mac.archive, mac.directory / "link")
    with pytest.raises(MacRunnersError, match='field archive: got ".*/link", which cannot be read: it is a link'):
        mac.do(mac.entry("2.0", archive=str(mac.directory / "link")))
    assert os.listdir(elsewhere) == []


def test_removed_with_all_releases_and_nothing_else(mac: Mac) -> None:
    absent = {"name": "tool", "state": "absent"}
    assert mac.do(absent) == []
    mac.do(mac.entry("1.0"))
    mac.do(mac.entry("2.0"))
    (mac.root / "tool" / ".new-abc").mkdir()
    (mac.root / "tool" / "mine").write_text("")
    with pytest.raises(MacRunnersError, match="nothing was removed, since not all of it is ours: .*/tool holds mine"):
        mac.do(absent)
    os.unlink(mac.root / "tool" / "mine")
    assert mac.do(absent, check=True) == [("remove", ".new-abc/, 1.0/, 2.0/, current")]
    assert mac.do(absent) == [("remove", ".new-abc/, 1.0/, 2.0/, current")]
    assert os.listdir(mac.root) == []
    assert mac.do(absent) == []


def test_a_release_that_was_removed_in_between(mac: Mac) -> None:
    tools = core.parse_tools([mac.entry()], str(mac.root))
    plan = core.plan_tools(str(mac.root), tools, core.read_tools(str(mac.root), tools))
    with pytest.raises(core.ReleaseError, match="tool tool: release 1.0 was removed by somebody else a moment ago; run this again"):
        unpacking.apply_plan(run, str(mac.root), tools, plan, {})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "../x", 'tool ../x, field name: got "../x"; allowed: a lower-case letter'),
        ("version", None, "tool tool, field version: got nothing; allowed: a digit"),
        ("version", "current", 'tool tool, field version: got "current"; allowed: a digit'),
        ("version", "1/../..", 'tool tool, field version: got "1/../.."'),
        ("sha256", "abc", 'tool tool, field sha256: got "abc"; allowed: the 64 hexadecimal digits'),
        ("program", "/bin/sh", 'tool tool, field program: got "/bin/sh"; allowed: a path in the unpacked release'),
        ("program", "a/../../b", 'field program: got "a/../../b"'),
        ("program", "a/./b", 'field program: got "a/./b"'),
        ("program", "a//b", 'field program: got "a//b"'),
        ("program", "a/..", 'field program: got "a/.."'),
        ("archive", "tart.tar.gz", 'tool tool, field archive: got "tart.tar.gz"; allowed: an absolute path on the Mac'),
        ("archive", None, "tool tool, fields url and archive: got none; allowed: one of them"),
        ("url", URL, "tool tool, fields url and archive: got both; allowed: one of them"),
        ("url", "ftp://a/b", "tool tool, field url: got another text; allowed: an http or https URL without user name and password"),
        ("url", "https://user:secret@a/b", "tool tool, field url: got another text; allowed"),
    ],
)
def test_wrong_input(mac: Mac, field: str, value: t.Any, message: str) -> None:
    with pytest.raises(core.ReleaseError) as caught:
        mac.do(mac.entry(**{field: value}))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_right_input_of_odd_forms(mac: Mac) -> None:
    (tool,) = core.parse_tools([mac.entry("2.36.0-beta+1", program="..a/b..c", sha256=mac.sha256.upper())], str(mac.root))
    assert (tool.version, tool.program, tool.sha256) == ("2.36.0-beta+1", "..a/b..c", mac.sha256)


def test_a_tool_twice_and_a_strange_root(mac: Mac) -> None:
    with pytest.raises(core.ReleaseError, match="field name: got it twice; allowed: one entry a tool"):
        mac.do(mac.entry(), mac.entry("2.0"))
    for root in ("/", "tools", "/opt/../etc"):
        with pytest.raises(core.ReleaseError, match="field root: got .*; allowed: an absolute path below a top directory"):
            core.parse_tools([mac.entry()], root)
