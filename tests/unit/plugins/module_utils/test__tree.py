# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees that somebody hostile made, and goes on making: removed and filled without a link followed or a mount entered."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import stat
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._tree import (
    TreeError,
    empty_directory,
    fill_directory,
    name_while_going,
    remove_tree,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, set flags and give files away")


@contextlib.contextmanager
def opened(path: pathlib.Path) -> t.Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove(path: pathlib.Path) -> None:
    with opened(path.parent) as parent:
        remove_tree(parent, path.name)


@pytest.fixture
def outside(tmp_path: pathlib.Path) -> pathlib.Path:
    """What has to be untouched: a directory beside the tree."""
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o751)
    (folder / "file").write_text("root's own")
    return folder


@pytest.fixture
def home(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def untouched(outside: pathlib.Path) -> bool:
    status = outside.stat()
    content = (outside / "file").read_text() == "root's own"
    return content and os.listdir(outside) == ["file"] and stat.S_IMODE(status.st_mode) == 0o751 and status.st_uid == os.geteuid()


def test_nothing_is_no_error_and_a_file_goes_like_a_directory(tmp_path: pathlib.Path) -> None:
    remove(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0)
    remove(tmp_path / "file")
    assert not os.listdir(tmp_path)


def test_links_are_removed_and_not_what_they_lead_to(home: pathlib.Path, outside: pathlib.Path) -> None:
    (home / "directory").symlink_to(outside)
    (home / "file").symlink_to(outside / "file")
    (home / "loop").symlink_to(home)
    (home / "below").mkdir()
    (home / "below" / "up").symlink_to("../..")
    os.link(outside / "file", home / "hard")
    remove(home)
    assert not home.exists() and untouched(outside)


def test_a_link_in_place_of_the_tree_is_removed_alone(tmp_path: pathlib.Path, outside: pathlib.Path) -> None:
    (tmp_path / "home").symlink_to(outside)
    remove(tmp_path / "home")
    assert os.listdir(tmp_path) == ["outside"] and untouched(outside)


def test_every_kind_of_entry_and_any_name(home: pathlib.Path) -> None:
    (home / "closed" / "inner").mkdir(parents=True)
    (home / "closed").chmod(0)
    os.mkfifo(home / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(home / "socket"))
        raw = os.fsencode(home)
        names = (b"\xff\xfe", b"new\nline", b"-rf", b" ", b"x" * 255, b"y" * 255)
        for name in names[:-1]:
            with open(raw + b"/" + name, "wb"):
                pass
        os.mkdir(raw + b"/" + names[-1])
        os.mkdir(raw + b"/" + names[-1] + b"/" + names[0])
        remove(home)
    assert not home.exists()


def test_a_tree_deeper_than_paths_recursion_and_descriptors(home: pathlib.Path) -> None:
    here = os.open(home, os.O_RDONLY)
    for dummy in range(5000):
        os.mkdir("d", dir_fd=here)
        with open("f", "w", opener=lambda name, flags, here=here: os.open(name, flags, dir_fd=here)):  # type: ignore[misc]
            pass
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    remove(home)
    assert not home.exists()
    assert not before or len(os.listdir("/proc/self/fd")) == before


def test_an_interrupted_removal_is_finished_by_the_next(home: pathlib.Path) -> None:
    aside = home.parent / name_while_going("home")
    (aside / "rest").mkdir(parents=True)
    (home / "new").mkdir()
    remove(home)
    assert not os.listdir(home.parent)


@needs_root
def test_an_emptied_directory_is_roots_alone(home: pathlib.Path) -> None:
    (home / "x").mkdir()
    home.chmod(0o777)
    os.chown(home, 4711, 4711)
    with opened(home) as descriptor:
        empty_directory(descriptor)
    assert not os.listdir(home) and stat.S_IMODE(home.stat().st_mode) == 0o700 and home.stat().st_uid == 0


@pytest.fixture
def mount(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[..., None]]:
    """Mounts, which are taken away at the end wherever they are then."""

    def mount(*argv: t.Any) -> None:
        subprocess.run(["mount", *map(str, argv)], check=True)

    yield mount
    unmount(tmp_path)


def mount_points(folder: pathlib.Path) -> list[pathlib.Path]:
    found = subprocess.run(["findmnt", "-rno", "TARGET"], capture_output=True, text=True, check=True).stdout
    return [pathlib.Path(line) for line in found.splitlines() if line.startswith(f"{folder}/")]


def unmount(folder: pathlib.Path) -> None:
    for point in reversed(mount_points(folder)):
        subprocess.run(["umount", str(point)], check=True)


@needs_root
@pytest.mark.parametrize("place", ["", "mount", "deep/er/mount"])
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_no_mount_is_entered(home: pathlib.Path, outside: pathlib.Path, mount: t.Callable[..., None], kind: str, place: str) -> None:
    point = home / place
    point.mkdir(parents=True, exist_ok=True)
    if kind == "bind":
        mount("--bind", outside, point)
    else:
        mount("-t", "tmpfs", "-o", "mode=751", "none", point)
        (point / "file").write_text("root's own")
    with pytest.raises(TreeError, match=r"\A(mount|home): something is mounted there, and nothing below it was touched\Z"):
        remove(home)
    # Where it is mounted was moved at most, with the mount.
    (now,) = mount_points(home.parent)
    assert untouched(now) and untouched(outside)
    unmount(home.parent)
    remove(home)
    assert os.listdir(home.parent) == ["outside"] and untouched(outside)


@needs_root
def test_a_file_that_is_mounted_on_is_not_unlinked(home: pathlib.Path, outside: pathlib.Path, mount: t.Callable[..., None]) -> None:
    (home / "file").write_text("below")
    mount("--bind", outside / "file", home / "file")
    with opened(home) as descriptor, pytest.raises(TreeError, match="file: something is mounted there"):
        empty_directory(descriptor)
    assert untouched(outside)


SWAPPER = """
import os, sys
home, outside = sys.argv[1:]
os.setgid(4711); os.setuid(4711)
os.chdir(home)
ready = False
while True:
    for make in (
        lambda: os.symlink(outside, "a"), lambda: os.unlink("a"), lambda: os.mkdir("a"), lambda: os.rename("a", "b"),
        lambda: os.symlink(outside, "b/c"), lambda: os.mkdir("a"), lambda: os.rename("b", "a/b"), lambda: os.symlink(outside, "b"),
    ):
        try:
            make()
        except OSError:
            pass
    if not ready:
        print("ready", flush=True)
        ready = True
"""


@needs_root
def test_a_process_that_swaps_directories_and_links_meanwhile(tmp_path: pathlib.Path, outside: pathlib.Path) -> None:
    for path in (tmp_path, *tmp_path.parents):
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    (outside / "file").chmod(0o666)
    for number in range(30):
        home = tmp_path / f"home{number}"
        home.mkdir()
        os.chown(home, 4711, 4711)
        with subprocess.Popen([sys.executable, "-c", SWAPPER, str(home), str(outside)], stdout=subprocess.PIPE) as swapper:
            try:
                assert swapper.stdout and swapper.stdout.readline() == b"ready\n"
                time.sleep(number / 1000)
                remove(home)
                assert not home.exists() and untouched(outside)
            finally:
                swapper.kill()
    assert os.listdir(tmp_path) == ["outside"]


def set_flag(flag: str, *paths: pathlib.Path) -> None:
    subprocess.run(["chattr", flag, *map(str, paths)], check=True)


@needs_root
def test_flags_that_forbid_removal_are_cleared_where_the_system_can(home: pathlib.Path, outside: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "closed" / "inner").mkdir(parents=True)
    (home / "closed" / "file").write_text("x")
    (home / "link").symlink_to(outside)
    guarded = (home / "closed" / "inner", home / "closed" / "file", home / "closed", home)
    try:
        set_flag("+i", *guarded, outside / "file")
    except subprocess.CalledProcessError:
        pytest.fail("the file system below the tests has no flags")
    try:
        with pytest.raises((OSError, TreeError)):
            remove(home)
        monkeypatch.setattr(os, "chflags", lambda path, flags, follow_symlinks: set_flag("-ia", pathlib.Path(path)), raising=False)
        remove(home)
        assert not home.exists()
        with pytest.raises(OSError, match="Operation not permitted"):
            (outside / "file").unlink()
    finally:
        set_flag("-i", outside / "file", *(path for path in guarded if path.exists()))
    assert untouched(outside)


def test_a_template_is_copied_with_owner_and_modes(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    template = tmp_path / "template"
    (template / "Library" / "Logs").mkdir(parents=True)
    (template / "run").write_bytes(b"\0" * 3_000_000)
    (template / "run").chmod(0o4755)
    (template / "Library").chmod(0o750)
    (template / "link").symlink_to("/nowhere")
    uid, gid = (4711, 4712) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    with opened(template) as source, opened(home) as target:
        fill_directory(source, target, uid, gid)
    assert sorted(path.name for path in home.rglob("*")) == ["Library", "Logs", "link", "run"]
    assert stat.S_IMODE((home / "run").stat().st_mode) == 0o755 and (home / "run").stat().st_size == 3_000_000
    assert stat.S_IMODE((home / "Library").stat().st_mode) == 0o750 and os.readlink(home / "link") == "/nowhere"
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in home.rglob("*")} == {(uid, gid)}


def test_what_others_can_write_or_is_no_file_is_no_template(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    for make, why in ((lambda path: os.mkfifo(path, 0o600), "neither a file"), (lambda path: (path.write_text("x"), path.chmod(0o666)), "others than root")):
        make(template / "entry")
        with opened(template) as source, opened(home) as target, pytest.raises(TreeError, match=rf"entry: .*{why}"):
            fill_directory(source, target, os.geteuid(), os.getegid())
        (template / "entry").unlink()
    assert not os.listdir(home)
