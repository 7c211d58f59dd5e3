# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""runner_package with bad packages on a simulated Mac: one clear error each, nothing changed, and the next good run does all of it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import threading
import typing as t

import pytest

from tests.macsim_integration.adhoc import ROOT, run_module, write

pytest_plugins = ["tests.macsim.pytest_plugin"]

OLD, NEW = "2.336.0", "2.337.0"
ARCHIVE = "/opt/archives/package.tar.gz"
#: What an archive must not reach.
VICTIM = "/opt/outside/victim"
START = "tool actions-runner, field archive: nothing was installed, since "

Member = tuple[str, bytes, dict[str, t.Any]]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Whole packages of the stand-in for GitHub's runner."""
    folder = tmp_path_factory.mktemp("packages")
    for version in (OLD, NEW):
        subprocess.run([sys.executable, ROOT / "tests" / "runner" / "build.py", version, folder], check=True, capture_output=True)
    return {version: (folder / f"actions-runner-osx-arm64-{version}.tar.gz").read_bytes() for version in (OLD, NEW)}


@pytest.fixture(scope="module")
def mac(boot_session_mac: t.Callable[..., t.Any], good: dict[str, bytes]) -> t.Any:
    """With the old release in /opt/old/tools."""
    made = boot_session_mac("bad-packages", memory="16GiB")
    write(made, VICTIM, b"untouched\n")
    (installed,) = install(made, "/opt/old", good[OLD], OLD)
    assert installed["package"] == {"current": OLD, "releases": [OLD]}
    return made


@pytest.fixture
def place(mac: t.Any, request: pytest.FixtureRequest) -> str:
    """A directory of the test's own on the Mac, with the old release."""
    name = "/opt/" + re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    shutil.copytree(mac.root / "opt/old", mac.root / name.lstrip("/"), symlinks=True)
    return name


def pinned(content: bytes, version: str = NEW, **fields: t.Any) -> dict[str, t.Any]:
    return {"version": version, "sha256": hashlib.sha256(content).hexdigest(), **fields}


def install(mac: t.Any, place: str, content: bytes, version: str = NEW, **fields: t.Any) -> list[dict[str, t.Any]]:
    """From an archive on the Mac, by its right hash unless ``fields`` say another."""
    write(mac, ARCHIVE, content)
    return run_module(mac, "runner_package", **{"root": f"{place}/tools", **pinned(content, version, archive=ARCHIVE), **fields})


def picture(mac: t.Any, place: str) -> dict[str, tuple[int, int, int]]:
    """What a bad package must leave as it was: all releases, what is outside, files for a while."""
    tops = [mac.root / name.lstrip("/") for name in (place, "/opt/outside", "/private/tmp")]
    paths = [path for top in tops for path in (top, *top.rglob("*")) if "ansible" not in path.name]
    states = {str(path): path.lstat() for path in paths}
    return {name: (state.st_mode, state.st_size, state.st_nlink) for name, state in states.items()}


def refused(mac: t.Any, place: str, content: bytes, **fields: t.Any) -> str:
    """The error of a bad run, which changed nothing."""
    before = picture(mac, place)
    (result,) = install(mac, place, content, **fields)
    assert "steps" not in result and "exception" not in result, result
    assert picture(mac, place) == before
    return str(result["msg"])


def converges(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    """The next run with what is right does all, and the one after nothing."""
    (done,) = install(mac, place, good[NEW])
    assert [step["action"] for step in done["steps"]] == ["install", "switch"], done
    assert done["package"] == {"current": NEW, "releases": [OLD, NEW]}
    assert mac.exec(f"{place}/tools/actions-runner/current/bin/Runner.Listener", "--version").stdout == f"{NEW}\n"


def packed(good: bytes, *members: Member, **replaced: bytes) -> bytes:
    """The package with more members; ``replaced``: another content of a program in bin, nothing for none."""
    target = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(good)) as old, tarfile.open(fileobj=target, mode="w:gz") as new:
        for info in old:
            content = old.extractfile(info).read() if info.isfile() else b""  # type: ignore[union-attr]
            content = replaced.get(info.name.rpartition("bin/Runner.")[2], content)
            info.size = len(content)
            if content or not info.isfile():
                new.addfile(info, io.BytesIO(content))
        for name, content, fields in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in fields.items():
                setattr(info, field, value)
            new.addfile(info, io.BytesIO(content))
    return target.getvalue()


def broken_in_the_middle(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + bytes(byte ^ 0xFF for byte in content[half : half + 64]) + content[half + 64 :]


DAMAGES = {
    "corrupt": broken_in_the_middle,
    "truncated": lambda content: content[: len(content) // 2],
    "only its head": lambda content: content[:12],
    "empty": lambda _content: b"",
    "no gzip": lambda content: b"<html>Please log in</html>" * 100,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_archive_that_is_broken_as_it_was_pinned(mac: t.Any, place: str, good: dict[str, bytes], damage: str) -> None:
    message = refused(mac, place, DAMAGES[damage](good[NEW]))
    assert message.startswith(START) and ("cannot be unpacked: /usr/bin/tar" in message or "does not have" in message), message
    converges(mac, place, good)


@pytest.mark.parametrize("damage", ["corrupt", "truncated"])
def test_an_archive_that_broke_on_its_way(mac: t.Any, place: str, good: dict[str, bytes], damage: str) -> None:
    bad, right = DAMAGES[damage](good[NEW]), hashlib.sha256(good[NEW]).hexdigest()
    found = hashlib.sha256(bad).hexdigest()
    expected = f"tool actions-runner, field sha256: got {right}, but the archive for release {NEW} has {found}; set version and sha256 together"
    assert refused(mac, place, bad, sha256=right) == expected
    converges(mac, place, good)


MACHO_INTEL = b"\xcf\xfa\xed\xfe" + struct.pack("<I", 0x01000007) + bytes(64)
ELF_ARM = b"\x7fELF\x02\x01" + bytes(10) + b"\x02\x00\xb7\x00" + bytes(64)


@pytest.mark.parametrize(
    ("listener", "words"),
    [(MACHO_INTEL, "macOS on x86_64"), (ELF_ARM, "Linux on arm64"), (b"MZ" + bytes(64), "Windows")],
    ids=["x86_64", "Linux", "Windows"],
)
def test_a_package_for_another_machine(mac: t.Any, place: str, good: dict[str, bytes], listener: bytes, words: str) -> None:
    assert refused(mac, place, packed(good[NEW], Listener=listener)) == (
        f"{START}bin/Runner.Listener in the archive for release {NEW} was made for {words}, "
        "and this Mac is arm64; take the archive for macOS on arm64, and its SHA-256"
    )
    converges(mac, place, good)


def test_a_package_without_its_program(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    message = refused(mac, place, packed(good[NEW], Listener=b""))
    assert message == f'{START}the archive for release {NEW} does not have "bin/Runner.Listener" as a program'
    converges(mac, place, good)


SOFT, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
OUTWARD: dict[str, tuple[tuple[Member, ...], str]] = {
    "above": ((("../../../outside/evil", b"x", {}),), 'names in its archive leave its directory: "../../../outside/evil"'),
    "absolute": ((("/opt/outside/evil", b"x", {}),), 'names in its archive leave its directory: "/opt/outside/evil"'),
    "inside and up": ((("bin/../../evil", b"x", {}),), 'names in its archive leave its directory: "bin/../../evil"'),
    "a link": ((("out", b"", {"type": SOFT, "linkname": "/opt/outside"}),), 'names in its archive are links out of it: "out"'),
    "a link upwards": ((("bin/out", b"", {"type": SOFT, "linkname": "../../../../../outside"}),), "are links out of it"),
    "through a link": ((("out", b"", {"type": SOFT, "linkname": "/opt/outside"}), ("out/victim", b"evil", {})), ""),
    "over a link": ((("out", b"", {"type": SOFT, "linkname": VICTIM}), ("out", b"evil", {"mode": 0o644})), ""),
    "another name": ((("out", b"", {"type": HARD, "linkname": VICTIM}),), ""),
    "another name upwards": ((("out", b"", {"type": HARD, "linkname": "../../../../outside/victim"}),), ""),
    "a pipe": ((("pipe", b"", {"type": tarfile.FIFOTYPE}),), 'are neither file, directory nor link: "pipe"'),
    "a device": ((("disk", b"", {"type": tarfile.BLKTYPE, "devmajor": 7, "devminor": 0}),), 'are neither file, directory nor link: "disk"'),
}
#: No way out: the link was replaced by a file of the release, before anything was written through it.
HARMLESS = ("over a link",)


@pytest.mark.parametrize("way", OUTWARD)
def test_a_package_that_reaches_out(mac: t.Any, place: str, good: dict[str, bytes], way: str) -> None:
    members, said = OUTWARD[way]
    content = packed(good[NEW], *members)
    if way in HARMLESS:
        (done,) = install(mac, place, content)
        assert done["package"]["current"] == NEW, done
    else:
        message = refused(mac, place, content)
        assert message.startswith(START) and said in message, message
        converges(mac, place, good)
    victim = mac.root / VICTIM.lstrip("/")
    assert (victim.read_bytes(), victim.stat().st_nlink, os.listdir(victim.parent)) == (b"untouched\n", 1, ["victim"])


def in_mounts_of(mac: t.Any, tool: str, *words: str) -> None:
    """With a tool of this machine, by which Macs are made."""
    argv = ["nsenter", f"--mount=/proc/{mac.pid}/ns/mnt", f"/System/Library/macsim/host/bin/{tool}", *words]
    subprocess.run(argv, check=True, capture_output=True)


@contextlib.contextmanager
def small(mac: t.Any, path: str, size: str) -> t.Iterator[None]:
    """A file system of so many bytes at a place of the Mac, with what was there."""
    there, kept = mac.root / path.lstrip("/"), mac.root / "opt/kept"
    mode = there.stat().st_mode & 0o7777
    shutil.copytree(there, kept, symlinks=True)
    in_mounts_of(mac, "mount", "-t", "tmpfs", "-o", f"size={size},mode={mode:o}", "none", path)
    try:
        shutil.copytree(kept, there, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        in_mounts_of(mac, "umount", path)
        shutil.rmtree(kept)


def test_a_disk_that_is_full_while_it_unpacks(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    large = packed(good[NEW], ("big", os.urandom(8 << 20), {}))
    with small(mac, f"{place}/tools/actions-runner", "4m"):
        message = refused(mac, place, large)
        assert message.startswith(f"{START}the disk is full (") and "/usr/bin/tar -x" in message, message
        converges(mac, place, good)
    (done,) = install(mac, place, large)
    assert done["package"]["current"] == NEW, done


def test_a_disk_that_is_full_before_the_archive_is_there(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    """Archives are copied into the system's directory for files of a while."""
    large = packed(good[NEW], ("big", os.urandom(8 << 20), {}))
    with small(mac, "/private/tmp", "4m"):
        message = refused(mac, place, large)
    assert message.startswith(f"{START}the disk is full (") and "No space left on device" in message, message
    converges(mac, place, good)


@pytest.mark.parametrize("field, effect", [("registration_deprecates_at", "cannot register"), ("runtime_deprecates_at", "gets no jobs")])
def test_a_version_that_github_no_longer_takes(mac: t.Any, place: str, good: dict[str, bytes], field: str, effect: str) -> None:
    message = refused(mac, place, good[NEW], **{field: "2026-01-01T00:00:00Z"})
    start = f'runner package, field version: got "{NEW}"; nothing was changed, since the runner {NEW} {effect} since 2026-01-01T00:00:00Z'
    assert message.startswith(start), message
    converges(mac, place, good)


class _Ending(http.server.BaseHTTPRequestHandler):
    """Promises a whole archive and sends the half of it."""

    def __init__(self, content: bytes, *arguments: t.Any) -> None:
        self._content = content
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self._content)))
        self.end_headers()
        self.wfile.write(self._content[: len(self._content) // 2])

    def log_message(self, *_words: t.Any) -> None:
        """Nobody wants it."""


def test_a_mirror_that_ends_in_the_middle(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Ending, good[NEW])) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        mirror = f"http://127.0.0.1:{server.server_address[1]}"
        message = refused(mac, place, good[NEW], archive=None, mirror=mirror)
        server.shutdown()
    assert message.startswith("tool actions-runner, field mirror: its archive cannot be read to the end: the connection ended"), message
    converges(mac, place, good)


def test_an_archive_that_is_no_file(mac: t.Any, place: str, good: dict[str, bytes]) -> None:
    write(mac, "/opt/archives/whole.tar.gz", good[NEW])
    link = mac.root / "opt/archives/link"
    link.symlink_to("whole.tar.gz")
    for path in ("/opt/archives", "/opt/archives/link", "/opt/archives/none"):
        message = refused(mac, place, good[NEW], archive=path)
        assert message.startswith(f'tool actions-runner, field archive: got "{path}", which cannot be read: '), message
    link.unlink()
    converges(mac, place, good)
