# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""df and mount: one container of APFS, as big as the file system below, and what a Mac shows of it."""

from __future__ import annotations

import ctypes
import os

from standins.call import PROC, Call, Fail, Unexpected
from standins.options import take_flags

ROOT_DEVICE = "/dev/disk3s1s1"
DATA_DEVICE = "/dev/disk3s5"
DATA = "/System/Volumes/Data"
_SYSTEM_BYTES = 10 << 30
_VOLUME_NAMES = {"/": (ROOT_DEVICE, "/"), DATA: (DATA_DEVICE, DATA)}


def container() -> tuple[int, int]:
    """Size and free bytes of the container, with room for the sealed system that is not really there."""
    status = os.statvfs("/")
    return status.f_blocks * status.f_frsize + _SYSTEM_BYTES, status.f_bavail * status.f_frsize


def extra_mounts() -> list[tuple[str, str]]:
    """(device, mount point) of what was mounted below the Mac's own directories since the boot."""
    found = []
    with open(f"{PROC}/self/mounts", encoding="utf-8") as stream:
        for line in stream:
            device, point, kind = line.split()[:3]
            point = point.replace("\\040", " ")
            if kind == "tmpfs" and point != "/" and not point.startswith("/System/Library/macsim"):
                found.append((device, point))
    return found


def df(call: Call) -> int:
    flags, dummy, paths = take_flags(call.argv, "kPhIHmlbgi", "T")
    size, free = container()
    rows = []
    for path in paths or ["/", DATA]:
        if not os.path.exists(path):
            raise Fail(1, f"df: {path}: No such file or directory\n")
        mounted = [(device, point) for device, point in extra_mounts() if os.path.realpath(path).startswith(point)]
        if mounted:
            status = os.statvfs(path)
            rows.append((*mounted[-1], status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize))
        else:
            rows.append((*(_VOLUME_NAMES["/"] if path == "/" else _VOLUME_NAMES[DATA]), size, free))
    call.out(_df_text(rows, flags))
    return 0


def _df_text(rows: list[tuple[str, str, int, int]], flags: set[str]) -> str:
    human = bool(flags & {"h", "H"})
    unit, title = (1 << 30, "Size") if human else (1024, "1024-blocks") if "k" in flags else (512, "512-blocks")

    def shown(value: int) -> str:
        return f"{value // unit}{'Gi' if human else ''}"

    inodes = "" if "P" in flags or "I" in flags else " iused ifree %iused "
    lines = [f"{'Filesystem':<14} {title:>11} {'Used':>10} {'Available':>9} Capacity {inodes} Mounted on"]
    for device, point, size, free in rows:
        used = size - free
        counts = "" if not inodes else f" {used // 4096 // 100:>5} {free // 4096:>5} {1:>5}% "
        lines.append(f"{device:<14} {shown(size):>11} {shown(used):>10} {shown(free):>9} {used * 100 // max(1, size):>7}% {counts}   {point}")
    return "\n".join(lines) + "\n"


def mount(call: Call) -> int:
    if call.argv[:2] == ["-t", "devfs"]:
        return mount_devfs(Call("mount_devfs", call.argv[2:], call.path))
    if call.argv:
        raise Unexpected("only a listing and devfs are known")
    call.out(f"{ROOT_DEVICE} on / (apfs, sealed, local, read-only, journaled)\ndevfs on /dev (devfs, local, nobrowse)\n")
    call.out(f"{DATA_DEVICE} on {DATA} (apfs, local, journaled, nobrowse, protect, root data)\n")
    call.out("map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)\n")
    for device, point in extra_mounts():
        kind = {"devfs": "devfs, local, nobrowse", "tmpfs": "tmpfs, local, nodev, nosuid"}.get(device, "apfs, local, nodev, nosuid, journaled")
        call.out(f"{device} on {point} ({kind})\n")
    return 0


def umount(call: Call) -> int:
    call.writes()
    flags, dummy, paths = take_flags(call.argv, "fv")
    if len(paths) != 1:
        raise Unexpected("one mount point")
    if os.path.realpath(paths[0]) not in [point for dummy2, point in extra_mounts()]:
        raise Fail(1, f"umount: {paths[0]}: not currently mounted\n")
    if _libc().umount2(os.path.realpath(paths[0]).encode(), 2 if "f" in flags else 0) != 0:
        raise Fail(1, f"umount({paths[0]}): Resource busy -- try 'diskutil unmount'\n")
    return 0


def mount_tmpfs(call: Call) -> int:
    call.writes()
    dummy, values, paths = take_flags(call.argv, "", "s")
    if len(paths) != 1:
        raise Unexpected("one mount point")
    make_mount("tmpfs", paths[0], f"size={values.get('s', '512m')}")
    return 0


def mount_devfs(call: Call) -> int:
    call.writes()
    if len(call.argv) != 2 or call.argv[0] != "devfs":
        raise Unexpected("devfs and a mount point")
    make_mount("devfs", call.argv[1], "size=1m")
    for name in ("null", "zero", "random", "urandom", "tty"):
        os.mknod(f"{call.argv[1]}/{name}", 0o020666, os.stat(f"/dev/{name}").st_rdev)
    return 0


def make_mount(device: str, point: str, data: str) -> None:
    if not os.path.isdir(point):
        raise Fail(1, f"mount: {point}: No such file or directory\n")
    if _libc().mount(device.encode(), os.path.realpath(point).encode(), b"tmpfs", 0, data.encode()) != 0:
        raise Fail(1, f"mount: {point}: Operation not permitted\n")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


TOOLS = {"df": df, "mount": mount, "umount": umount, "mount_tmpfs": mount_tmpfs, "mount_devfs": mount_devfs}
