# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Python 3.9 on Linux take itself for Apple's Python 3.9.6 on Darwin.

It lives in the standard library directory, so that virtual environments made from this Python keep it.
It changes names and takes away what no Mac has; nothing it adds could make a program work that fails on a Mac.
"""

from __future__ import annotations

import os
import posix
import sys
from typing import NamedTuple

_IDENTITY = "/private/var/macsim/identity"


class _VersionInfo(NamedTuple):
    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: int


def _read_identity():
    values = {"hostname": "mac", "release": "25.1.0", "version": "Darwin Kernel Version 25.1.0", "machine": "arm64"}
    try:
        with open(_IDENTITY, encoding="utf-8") as stream:
            for line in stream:
                key, dummy, value = line.rstrip("\n").partition("=")
                values[key] = value
    except OSError:
        pass
    return values


def _rename_platform(identity):
    sys.platform = "darwin"
    sys.version = "3.9.6 (default, Aug  9 2024, 14:24:13) \n[Clang 16.0.0 (clang-1600.0.26.3)]"
    sys.version_info = _VersionInfo(3, 9, 6, "final", 0)
    sys.hexversion = 0x030906F0
    sys.implementation._multiarch = "darwin"
    uname = posix.uname_result(
        ("Darwin", posix.uname().nodename, identity["release"], identity["version"], identity["machine"])
    )
    os.uname = posix.uname = lambda: uname


def _measure_as_mac(identity):
    """Sizes come from the Mac's description, never from the Linux machine below."""
    cores = int(identity.get("cores", "8"))
    page = int(identity.get("page", "16384"))
    memory = int(identity.get("memory", str(16 << 30)))
    real_sysconf = posix.sysconf
    answers = {
        "SC_PAGE_SIZE": page,
        "SC_PAGESIZE": page,
        "SC_PHYS_PAGES": memory // page,
        "SC_NPROCESSORS_CONF": cores,
        "SC_NPROCESSORS_ONLN": cores,
    }

    def sysconf(name):
        if name == "SC_AVPHYS_PAGES":
            raise ValueError("unrecognized configuration name")
        return answers[name] if name in answers else real_sysconf(name)

    load = tuple(float(word) for word in identity.get("load", "1.52 1.80 1.94").split())
    os.sysconf = posix.sysconf = sysconf
    os.cpu_count = posix.cpu_count = lambda: cores
    os.getloadavg = posix.getloadavg = lambda: load


_ABSENT_IN_OS = (
    "setresuid", "setresgid", "getresuid", "getresgid", "pidfd_open", "memfd_create", "sched_getaffinity",
    "sched_setaffinity", "sched_setscheduler", "sched_getscheduler", "sched_setparam", "sched_getparam",
    "sched_rr_get_interval", "sched_param", "posix_fallocate", "posix_fadvise", "getxattr", "setxattr", "listxattr",
    "removexattr", "pipe2", "copy_file_range", "getrandom", "fdatasync", "preadv", "pwritev", "O_PATH", "O_TMPFILE",
    "O_NOATIME", "O_DIRECT", "O_LARGEFILE", "O_RSYNC", "GRND_NONBLOCK", "GRND_RANDOM", "P_PIDFD", "waitid",
    "XATTR_CREATE", "XATTR_REPLACE", "XATTR_SIZE_MAX", "RTLD_DEEPBIND",
)
_ABSENT_PREFIXES = {
    "os": ("MFD_", "SCHED_", "RWF_", "POSIX_FADV_"),
    "select": ("epoll", "EPOLL"),
    "_socket": ("AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG", "AF_CAN", "AF_TIPC", "AF_BLUETOOTH", "AF_QIPCRTR", "NETLINK_",
                "PACKET_", "CAN_", "TIPC_", "ALG_", "SOCK_CLOEXEC", "SOCK_NONBLOCK", "SO_PEERCRED", "SO_PASSCRED", "SO_BINDTODEVICE",
                "SO_MARK", "SCM_CREDENTIALS", "TCP_USER_TIMEOUT", "TCP_CORK", "TCP_QUICKACK", "TCP_DEFER_ACCEPT", "VMADDR_", "SO_VM_"),
    "_signal": ("SIGRT", "SIGPWR", "SIGSTKFLT", "SIGPOLL", "SIGCLD", "sigtimedwait", "sigwaitinfo"),
    "resource": ("RLIMIT_NICE", "RLIMIT_RT", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "prlimit", "RUSAGE_THREAD"),
    "time": ("CLOCK_BOOTTIME", "CLOCK_TAI", "pthread_getcpuclockid"),
}


def _remove(module, names, prefixes):
    for name in list(vars(module)):
        if name in names or name.startswith(prefixes):
            delattr(module, name)


def _take_away():
    for module in (os, posix):
        _remove(module, _ABSENT_IN_OS, _ABSENT_PREFIXES["os"])
    os.__all__ = [name for name in os.__all__ if hasattr(os, name)]
    for name in ("select", "_socket", "_signal", "resource", "time"):
        _remove(__import__(name), (), _ABSENT_PREFIXES[name])
    if hasattr(sys, "set_int_max_str_digits"):
        del sys.set_int_max_str_digits, sys.get_int_max_str_digits


def _add_flags():
    """os.chflags and os.lchflags: the immutable and append-only bits of the file system below are the real ones."""
    pairs = ((0x2 | 0x20000, 0x10), (0x4 | 0x40000, 0x20))

    def lchflags(path, flags):
        import fcntl
        import stat
        import struct

        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode) or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            current = struct.unpack("i", fcntl.ioctl(descriptor, 0x80086601, b"\0" * 4)[:4])[0]
            wanted = current & ~0x30
            for darwin, linux in pairs:
                wanted |= linux if flags & darwin else 0
            if wanted != current:
                fcntl.ioctl(descriptor, 0x40086602, struct.pack("i", wanted))
        finally:
            os.close(descriptor)

    def chflags(path, flags, follow_symlinks=True):
        lchflags(os.path.realpath(path) if follow_symlinks else path, flags)

    os.lchflags = posix.lchflags = lchflags
    os.chflags = posix.chflags = chflags
    os.__all__ += ["chflags", "lchflags"]


_identity = _read_identity()
_rename_platform(_identity)
_measure_as_mac(_identity)
_take_away()
_add_flags()
