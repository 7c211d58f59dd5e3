# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Reading and marking the VMs of a TART_HOME, without a call of Tart.

The directories belong to an account that may run other people's code, and this runs as root: a
directory or file is opened by name in its parent, never through a link, and must be what it claims
to be. What Tart itself changes (disks, configuration, deletion) is always left to Tart, as the account.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import Account, TartError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import MARKER, OWNED_PREFIX, OWNER, owns_vm, slot_of

_MOST_BYTES = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC

Json = t.Dict[str, t.Any]


class Paper(t.NamedTuple):
    """What the files of a VM say.

    ``config`` is None when it cannot be read, ``marker`` when it is not ours, ``disk`` (bytes) when the
    file's size is not the size that the guest sees.
    """

    config: t.Optional[Json] = None
    marker: t.Optional[Json] = None
    disk: t.Optional[int] = None


def owned_names(vms_dir: str) -> t.List[str]:
    """Names in ``vms`` with our prefix, whether Tart lists them or not."""
    try:
        names = os.listdir(vms_dir)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.startswith(OWNED_PREFIX))


def read_paper(vms_dir: str, name: str) -> Paper:
    """Read configuration and marker of one VM."""
    try:
        with _vm_directory(vms_dir, name) as directory:
            config, marker = _read_json(directory, "config.json"), _read_json(directory, MARKER)
            return Paper(config, marker if owns_vm(name, marker) else None, _disk(directory, config))
    except OSError:
        return Paper()


def _disk(directory: int, config: t.Optional[Json]) -> t.Optional[int]:
    if (config or {}).get("diskFormat", "raw") != "raw":
        return None
    try:
        return os.stat("disk.img", dir_fd=directory, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _vm_directory(vms_dir: str, name: str) -> t.Iterator[int]:
    if "/" in name or name in ("", ".", ".."):
        raise TartError(f"VM {name!r}: not a name")
    parent = os.open(vms_dir, _DIRECTORY)
    try:
        directory = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        yield directory
    finally:
        os.close(directory)


def _read_json(directory: int, name: str) -> t.Optional[Json]:
    try:
        # Non-blocking: a FIFO in its place must not hold us up.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _NO_LINK, dir_fd=directory)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        try:
            content = json.loads(stream.read(_MOST_BYTES).decode())
        except ValueError:
            return None
    return content if isinstance(content, dict) else None


def write_marker(vms_dir: str, name: str, image: str, account: Account) -> None:
    """Mark a VM as ours.

    The marker belongs to the account, as everything in its TART_HOME: files of root in there break
    Tart's housekeeping. That gives nothing away, since who owns the directory can replace any file
    in it: the marker tells our VMs from others, and it is not a protection against their owner.
    """
    content = {"owner": OWNER, "schema": 1, "image": image, "slot": slot_of(name)}
    draft = MARKER + ".new"
    with _vm_directory(vms_dir, name) as directory:
        if os.fstat(directory).st_uid != account.uid:
            raise TartError(f"VM {name}: {vms_dir}/{name} does not belong to {account.name}; it is not touched")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=directory)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600, dir_fd=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream)
            stream.flush()
            os.fchown(descriptor, account.uid, account.gid)
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        os.rename(draft, MARKER, src_dir_fd=directory, dst_dir_fd=directory)


def remove_control_socket(vms_dir: str, name: str) -> None:
    """Remove what a former run of a stopped VM left: from Tart 2.30.6 it breaks exec, from 2.36.0 the start."""
    with contextlib.suppress(FileNotFoundError):
        with _vm_directory(vms_dir, name) as directory:
            os.unlink("control.sock", dir_fd=directory)


def intents(intents_dir: str, tart_home: str) -> t.List[str]:
    """Names of VMs in this TART_HOME that somebody began to make."""
    try:
        names = sorted(os.listdir(intents_dir))
    except FileNotFoundError:
        return []
    return [name for name in names if not name.startswith(".") and _intent_home(intents_dir, name) == tart_home]


def _intent_home(intents_dir: str, name: str) -> t.Optional[str]:
    try:
        with open(os.path.join(intents_dir, name), encoding="utf-8") as stream:
            return str(json.load(stream)["home"])
    except (OSError, ValueError, KeyError, TypeError):
        # One that was never finished was never acted upon either.
        return None


def note_intent(intents_dir: str, name: str, tart_home: str) -> None:
    """Say durably that a VM is going to be made, before anything is."""
    os.makedirs(intents_dir, mode=0o700, exist_ok=True)
    draft = os.path.join(intents_dir, f".{name}")
    with open(draft, "w", encoding="utf-8") as stream:
        json.dump({"home": tart_home}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(draft, os.path.join(intents_dir, name))
    _sync_directory(intents_dir)


def drop_intent(intents_dir: str, name: str) -> None:
    """Forget an intent, and the directories of intents when they are empty."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(intents_dir, name))
        _sync_directory(intents_dir)
    for directory in (intents_dir, os.path.dirname(intents_dir)):
        try:
            os.rmdir(directory)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, _DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
