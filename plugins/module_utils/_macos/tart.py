# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Tart's VMs and images, read from every TART_HOME of the Mac without calling Tart.

Tart shows one user one TART_HOME, calls a VM "stopped" whose files that user may not write,
and never tells macOS from Linux in its list. The layout is that of Tart 2 (VMDirectory.swift,
VMConfig.swift, VMStorageOCI.swift, PIDLock.swift).
"""

from __future__ import annotations

import glob
import json
import os
import plistlib
import stat
import time
import typing as t
import xml.parsers.expat

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import (
    User,
    open_directory,
    open_regular,
    read_all,
    read_regular,
    why,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.locks import lock_holder
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, owns_vm

#: Where launchd jobs may set another TART_HOME than the one in their user's home.
LAUNCHD_DIRS = ("/Library/LaunchDaemons", "/Library/LaunchAgents")

_GUESTS = {"darwin": "macos", "linux": "linux"}
_LARGEST_MEMORY = 2**50
_DEEPEST_IMAGE = 12
#: Seconds between attempts to read a config.json.
_CONFIG_DELAYS = (0.02, 0.1)


class TartHome(t.NamedTuple):
    """A TART_HOME; ``trusted`` when the operator named it, so that links in it may be followed."""

    path: str
    trusted: bool = False


class TartVm(t.NamedTuple):
    """A local VM: ``guest`` macos or linux, ``memory`` in bytes, ``holder`` the process that runs it
    (None: it does not run; 0: a process that cannot be seen), ``uid`` the owner of its files."""

    name: str
    home: str
    guest: str
    memory: int
    state: str
    owned: bool
    holder: t.Optional[int]
    uid: int


Unread = t.List[str]


def find_homes(users: t.Sequence[User], named: t.Sequence[str], unread: Unread) -> t.List[TartHome]:
    """Every TART_HOME: those ``named`` by the operator, of launchd jobs, and in the homes of users."""
    found = {os.path.realpath(path): TartHome(os.path.realpath(path), True) for path in named}
    agents = [os.path.join(user.home, "Library", "LaunchAgents") for user in users]
    for path in _launchd_homes([*LAUNCHD_DIRS, *agents]):
        found.setdefault(os.path.realpath(path), TartHome(path))
    for user in users:
        path = os.path.join(user.home, ".tart")
        if not os.path.lexists(path) or os.path.realpath(path) in found:
            continue
        if os.path.islink(path) and not _belongs_to(user, os.path.realpath(path)):
            target = os.path.realpath(path)
            unread.append(f"VMs in {path}: it is a link to {target}, which does not belong to {user.name}: make it theirs, or name it in tart_homes")
        else:
            found[os.path.realpath(path)] = TartHome(os.path.realpath(path) if os.path.islink(path) else path)
    return list(found.values())


def _belongs_to(user: User, path: str) -> bool:
    """Whether a link of a user leads to a directory of their own, as to another disk; then root reads nothing that is not theirs."""
    try:
        return os.stat(path).st_uid == user.uid
    except OSError:
        return False


def _launchd_homes(directories: t.Iterable[str]) -> t.Iterator[str]:
    for directory in directories:
        for path in sorted(glob.glob(os.path.join(glob.escape(directory), "*.plist"))):
            home = _home_of_job(path)
            if home.startswith("/"):
                yield home


def _home_of_job(path: str) -> str:
    try:
        content = read_regular(path)
        # Most jobs have nothing to do with Tart; parsing all of them would cost more than the rest.
        job = plistlib.loads(content) if b"TART_HOME" in content else {}
        return str(job.get("EnvironmentVariables", {}).get("TART_HOME", ""))
    except (OSError, ValueError, AttributeError, plistlib.InvalidFileException, xml.parsers.expat.ExpatError):
        return ""


def read_vms(home: TartHome, unread: Unread) -> t.List[TartVm]:
    """The local VMs of one TART_HOME; adds to ``unread`` each that cannot be understood."""
    try:
        directory = _open_below(home, "vms")
    except FileNotFoundError:
        return []
    except OSError as error:
        unread.append(f"VMs in {home.path}: {why(error)}")
        return []
    try:
        names = sorted(os.listdir(directory))
        return [vm for vm in (_read_entry(home, directory, name, unread) for name in names) if vm]
    finally:
        os.close(directory)


def _open_below(home: TartHome, *names: str) -> int:
    descriptor = open_directory(home.path, follow=home.trusted)
    for name in names:
        parent = descriptor
        try:
            descriptor = open_directory(name, parent, follow=home.trusted)
        finally:
            os.close(parent)
    return descriptor


def _read_entry(home: TartHome, parent: int, name: str, unread: Unread) -> t.Optional[TartVm]:
    """One entry of ``vms``; None for what is no VM to Tart either."""
    where = os.path.join(home.path, "vms", name)
    try:
        if stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            return None
        directory = open_directory(name, parent, follow=home.trusted)
    except FileNotFoundError:
        return None
    except OSError as error:
        unread.append(f"VM {where}: {why(error)}")
        return None
    try:
        return _read_vm(home, directory, name)
    except FileNotFoundError:
        return None
    except OSError as error:
        unread.append(f"VM {where}: its config.json: {why(error)}")
        return None
    except ValueError as error:
        unread.append(f"VM {where}: its config.json: {error}")
        return None
    finally:
        os.close(directory)


def _read_vm(home: TartHome, directory: int, name: str) -> TartVm:
    descriptor = open_regular("config.json", directory, writable=True)
    try:
        guest, memory = _read_config(descriptor)
        holder = lock_holder(descriptor)
        uid = os.fstat(descriptor).st_uid
    finally:
        os.close(descriptor)
    return TartVm(
        name=name,
        home=home.path,
        guest=guest,
        memory=memory,
        state=_state(directory, holder),
        owned=owns_vm(name, read_marker(directory)),
        holder=holder,
        uid=uid,
    )


def _read_config(descriptor: int) -> t.Tuple[str, int]:
    for delay in _CONFIG_DELAYS:
        try:
            return parse_config(read_all(descriptor))
        except ValueError:
            # `tart set` writes the file in place: it may be half there.
            time.sleep(delay)
            os.lseek(descriptor, 0, os.SEEK_SET)
    return parse_config(read_all(descriptor))


def parse_config(content: bytes) -> t.Tuple[str, int]:
    """Guest and memory in bytes of a config.json; raises ValueError. Old ones have no ``os``."""
    config = json.loads(content)
    if not isinstance(config, dict):
        raise ValueError("it is no JSON object")
    system, memory = config.get("os", "darwin"), config.get("memorySize")
    if not isinstance(system, str) or system not in _GUESTS:
        raise ValueError(f"os is {system!r:.40}, not darwin or linux")
    if isinstance(memory, bool) or not isinstance(memory, int) or not 0 < memory <= _LARGEST_MEMORY:
        raise ValueError(f"memorySize is {memory!r:.40}, not a number of bytes")
    return _GUESTS[system], memory


def _state(directory: int, holder: t.Optional[int]) -> str:
    """In the order in which Tart decides."""
    if holder is not None:
        return "running"
    return "suspended" if _exists("state.vzvmsave", directory) else "stopped"


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def read_marker(directory: int) -> t.Any:
    """The content of the marker file in a VM's directory; None without a regular file that can be read."""
    try:
        return json.loads(read_regular(MARKER, directory))
    except (OSError, ValueError):
        return None


def read_images(home: TartHome, unread: Unread) -> t.List[str]:
    """References of the cached images of one TART_HOME, by tag and by digest."""
    try:
        directory = _open_below(home, "cache", "OCIs")
    except FileNotFoundError:
        return []
    except OSError as error:
        unread.append(f"cached images in {home.path}: {why(error)}")
        return []
    return sorted(_walk_images(directory, ()))


def _walk_images(directory: int, parts: t.Tuple[str, ...]) -> t.Iterator[str]:
    """References below a directory, which is closed; ``parts`` are host and namespaces so far."""
    try:
        if len(parts) > _DEEPEST_IMAGE:
            return
        entries = os.listdir(directory)
        for name in entries:
            mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
            reference = "/".join(parts)
            if stat.S_ISLNK(mode):
                # A tag is a link to its digest's directory and dangles once that was removed.
                if os.path.basename(os.readlink(name, dir_fd=directory)) in entries:
                    yield f"{reference}:{name}"
            elif name.startswith("sha256:"):
                yield f"{reference}@{name}"
            elif stat.S_ISDIR(mode):
                part = name if parts else name.replace("%3A", ":")
                yield from _walk_images(open_directory(name, directory), (*parts, part))
    except OSError:
        # An image that is being removed meanwhile is as good as gone.
        return
    finally:
        os.close(directory)
