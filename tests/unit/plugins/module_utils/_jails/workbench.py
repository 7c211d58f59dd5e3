# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A place for jails on Linux: real copies, real mounts of this machine as a Mac tells them, the real chroot; and what may not change."""

from __future__ import annotations

import hashlib
import os
import pathlib
import re
import subprocess
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.converge import Done, Request, converge
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.resolver import Host
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import Lease, Terms, write_lease

POOLS = [
    {"name": "build", "isolation": "chroot", "count": 3, "trust": "trusted"},
    {"name": "lint", "isolation": "sandbox", "count": 1, "trust": "trusted"},
]
TERMS = Terms("acme", POOLS)
#: The account of a jail: no other run of these tests has processes of this number.
ACCOUNT = "jailed"
UID = 1_000_000 + os.getpid()
BOOT = "5D0E5C5A-0000-4000-8000-000000000001"


class Mac:
    """The commands that jails need: strict, whatever else is called fails the test."""

    def __init__(self) -> None:
        self.sip = "disabled"
        self.build = "25B78"

    def __call__(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        known: t.Dict[str, t.Callable[[t.Sequence[str]], Result]] = {
            "/usr/bin/csrutil": self._csrutil, "/usr/bin/sw_vers": self._sw_vers, "/sbin/mount": self._mount, "/bin/cp": self._cp,
            "/usr/sbin/chroot": self._chroot, "/bin/ps": self._ps, "/usr/sbin/sysctl": self._sysctl,
        }  # fmt: skip
        return known[argv[0]](argv[1:])

    def _csrutil(self, words: t.Sequence[str]) -> Result:
        assert list(words) == ["status"]
        return Result(0, f"System Integrity Protection status: {self.sip}.\n", "")

    def _sw_vers(self, words: t.Sequence[str]) -> Result:
        assert not words
        return Result(0, f"ProductName:\t\tmacOS\nProductVersion:\t\t26.1\nBuildVersion:\t\t{self.build}\n", "")

    def _sysctl(self, words: t.Sequence[str]) -> Result:
        assert list(words) == ["-n", "kern.bootsessionuuid"]
        return Result(0, BOOT + "\n", "")

    def _mount(self, words: t.Sequence[str]) -> Result:
        assert not words
        lines = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        points = [re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), line[4]) for line in lines]
        return Result(0, "".join(f"/dev/disk3s5 on {point} (apfs, local, journaled)\n" for point in points), "")

    def _cp(self, words: t.Sequence[str]) -> Result:
        assert list(words[:4]) == ["-c", "-R", "-P", "-p"] and len(words) == 6
        return _real("cp", *words[1:])

    def _chroot(self, words: t.Sequence[str]) -> Result:
        return _real("/usr/sbin/chroot", *words)

    def _ps(self, words: t.Sequence[str]) -> Result:
        assert list(words) == ["-axo", "pid,uid,ppid,pgid,rss,command"]
        return _real("ps", "-axo", "pid=,uid=,ppid=,pgid=,rss=,command=")


def _real(*argv: str) -> Result:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


class Workbench:
    """A base, what jails are made of, and a lease, all below one directory of root."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.mac = Mac()
        self.base = directory / "jails"
        self.state = directory / "state"
        self.outside = directory / "outside"
        self.host = Host(str(directory / "etc"), str(directory / "run" / "mDNSResponder"))
        self.contents = [*_libraries(), {"path": "/usr/bin/true"}, {"path": str(directory / "tools"), "target": "/usr/local/tools"}]
        self._directory = directory

    def prepare(self) -> Workbench:
        """Make what is around the base."""
        for name in ("state", "outside", "etc", "run", "tools"):
            (self._directory / name).mkdir()
        (self._directory / "etc" / "resolv.conf").write_text("nameserver 10.0.0.1\n")
        (self._directory / "tools" / "tool").write_text("#!/bin/sh\n")
        (self._directory / "tools" / "tool").chmod(0o4755)
        (self._directory / "tools" / "link").symlink_to(self.outside)
        (self.outside / "kept").mkdir(mode=0o751)
        (self.outside / "kept" / "file").write_bytes(os.urandom(4096))
        (self.outside / "kept" / "link").symlink_to("file")
        write_lease(str(self.state), Lease("acme", TERMS.digest, 1, BOOT, "admitted", 0, tuple(POOLS), ()))
        return self

    def request(self, *jails: t.Mapping[str, t.Any], **options: t.Any) -> Request:
        """A request of the module."""
        given = {"contents": self.contents, "accepted": True, "state_dir": str(self.state), "host": self.host, **options}
        return Request(jails, str(given.pop("base", self.base)), **given)

    def run(self, *jails: t.Mapping[str, t.Any], **options: t.Any) -> Done:
        """What the module does."""
        return converge(self.mac, self.request(*jails, **options), TERMS)

    def root(self, name: str) -> pathlib.Path:
        """The jail itself."""
        return self.base / name / "root"


def _libraries() -> t.List[t.Dict[str, str]]:
    """What /usr/bin/true needs on this machine, each at the place where it is looked for."""
    paths = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", "/usr/bin/true"], capture_output=True, text=True, check=True).stdout)
    return [{"path": os.path.realpath(path), "target": path} for path in paths]


def fingerprint(directory: pathlib.Path) -> t.List[t.Tuple[t.Any, ...]]:
    """All of a tree: names, kinds, owners, modes, times of change, and every byte."""
    found = []
    for path in sorted([directory, *directory.rglob("*")]):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found.append((str(path), status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns, status.st_mtime_ns, content))
    return found


def names(directory: pathlib.Path) -> t.List[str]:
    """What is in a directory."""
    return sorted(os.listdir(directory)) if directory.exists() else []
