# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Making templates and jails, under another name until they are whole, and cloning one anew between two jobs."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run, must
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails import resolver
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.store import ROOT, STAGING, Marker, marker_of, read_store, untouchable
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import Content, Jail, JailError, Wanted, refuse
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import open_directory, why
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER
from ansible_collections.action_packer.mac_runners.plugins.module_utils._tree import remove_tree

CP = "/bin/cp"
CHROOT = "/usr/sbin/chroot"
PROGRAM = "/usr/bin/true"
#: The nodes that a program expects. A mounted devfs would show every device of the Mac.
DEVICES = ("null", "zero", "random", "urandom", "tty", "ptmx")
#: Directories of every jail and their modes; who works in it writes to these alone, and to its home.
_DIRECTORIES = {"private": 0o755, "private/etc": 0o755, "private/var": 0o755, "private/var/run": 0o755, "private/var/db": 0o755,
                "private/tmp": 0o1777, "private/var/tmp": 0o1777, "dev": 0o755, "Users": 0o755, "AppleInternal/XBS": 0o755}
_LINKS = {"etc": "private/etc", "tmp": "private/tmp", "var": "private/var"}
#: By this file programs of Apple know that they are in a jail.
_CHROOTED = "AppleInternal/XBS/.isChrooted"


@contextlib.contextmanager
def opened(path: str, parent: t.Optional[int] = None) -> t.Iterator[int]:
    """A descriptor of a directory that is no link, closed at the end."""
    descriptor = open_directory(path, parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def build_template(run: Run, base: str, template: str, contents: t.Sequence[Content]) -> None:
    """Copy what every jail has of this Mac; a template in which no program starts is none."""
    with _staged(base, template, marker_of(template, template)) as root:
        os.mkdir(root, 0o755)
        for content in contents:
            for path, target in content.files():
                _copy(run, path, root + target)
        _drop_privileges(root)
        _lay_out(root)
        _try(run, root)


def clone_jail(run: Run, base: str, template: str, jail: Jail, host: resolver.Host = resolver.HOST) -> None:
    """Make a jail from a template; on APFS this costs no space."""
    with _staged(base, jail.name, marker_of(jail.name, template, jail)) as root:
        must(run, [CP, "-c", "-R", "-P", "-p", os.path.join(base, template, ROOT), root])
        _make_devices(root)
        _make_home(root, jail)
        resolver.install(root, host)


def reset_jail(run: Run, base: str, template: str, jail: Jail, host: resolver.Host = resolver.HOST) -> None:
    """Give a jail a clean beginning, between two jobs: whoever worked in it has no process left.

    Killed anywhere, it is finished by the next call. The caller holds the Mac's lock. Raises for a jail that is not ours, or in
    which something is mounted; nothing was changed then.
    """
    store = read_store(run, base)
    refuse(untouchable(Wanted(base, (jail,)), store, [jail.name, STAGING + jail.name]))
    if template not in store.templates():
        raise JailError(f"{os.path.join(base, template)}: this template is not there; the module chroot_jails makes it")
    with opened(base) as parent:
        remove_tree(parent, jail.name)
    clone_jail(run, base, template, jail, host)


@contextlib.contextmanager
def _staged(base: str, name: str, marker: Marker) -> t.Iterator[str]:
    """Where ``root`` is made; at the end of the block all of it gets its name at once, after a failure nothing is left."""
    staged = STAGING + name
    # A copy that outlives the run that started it finds its directory gone, and never writes into that of the next run.
    work = os.path.join(staged, os.urandom(4).hex())
    with opened(base) as parent:
        remove_tree(parent, staged)
        try:
            os.mkdir(staged, 0o700, dir_fd=parent)
            os.mkdir(work, 0o700, dir_fd=parent)
            yield os.path.join(base, work, ROOT)
            _write(os.path.join(base, work, MARKER), (json.dumps(marker) + "\n").encode(), 0o444)
            os.rename(work, name, src_dir_fd=parent, dst_dir_fd=parent)
        finally:
            remove_tree(parent, staged)


def _write(path: str, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())


def _copy(run: Run, path: str, target: str) -> None:
    before = os.umask(0o022)
    try:
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    finally:
        os.umask(before)
    must(run, [CP, "-c", "-R", "-P", "-p", path, target])


def _drop_privileges(root: str) -> None:
    """A copy of sudo would trust what is written in the jail: no program in it has more rights than who starts it."""
    for dummy, dummies, names, directory in os.fwalk(root):
        for name in names:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(name, stat.S_IMODE(mode) & 0o1777, dir_fd=directory)


def _lay_out(root: str) -> None:
    for name, mode in _DIRECTORIES.items():
        _make_directory(root, name, mode)
    for name, target in _LINKS.items():
        if not os.path.lexists(os.path.join(root, name)):
            os.symlink(target, os.path.join(root, name))
    _write(os.path.join(root, _CHROOTED), b"", 0o444)


def _make_directory(root: str, name: str, mode: int) -> None:
    """Make a directory of a jail, if it is not there; what was copied may hold links that lead out of it."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(opened(root))
        for part in name.split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o755, dir_fd=directory)
            try:
                directory = stack.enter_context(opened(part, directory))
            except OSError as error:
                raise JailError(f"field contents.target: got what makes /{name} of a jail no directory ({why(error)}); allowed: directories there") from error
        os.fchmod(directory, mode)


def _try(run: Run, root: str) -> None:
    result = run([CHROOT, root, PROGRAM])
    if result.rc:
        said = " ".join(result.stderr.split())[:300] or f"exit code {result.rc}"
        raise JailError(f"nothing was changed: {PROGRAM} does not start in a jail of this Mac ({said})")


def _make_devices(root: str) -> None:
    for name in DEVICES:
        try:
            status = os.stat(f"/dev/{name}")
        except FileNotFoundError:
            continue
        path = os.path.join(root, "dev", name)
        os.mknod(path, stat.S_IFCHR | 0o600, status.st_rdev)
        os.chmod(path, 0o666)


def _make_home(root: str, jail: Jail) -> None:
    if jail.user is None:
        return
    home = os.path.join(root, "Users", jail.user.name)
    os.mkdir(home, 0o700)
    os.chown(home, jail.user.uid, jail.user.gid)
