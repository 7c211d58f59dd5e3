# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a slot knows of its environment beside what the environment itself tells: on the disk of the Mac, where no job reaches it."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError

NOTE_NAME = "vm.json"
_LARGEST = 65536


class Note(t.NamedTuple):
    """``handed``: a JIT config may have been handed over, so that the environment never gets another one. ``pid`` of a VM's ``tart run``,
    0 before and where there is none."""

    cycle: int
    runner: str
    handed: bool = False
    pid: int = 0


def read_note(folder: str, name: str = NOTE_NAME) -> t.Optional[Note]:
    """The note of the slot's environment; None without one. One that cannot be read raises :class:`SlotError`: a job may run there."""
    path = os.path.join(folder, name)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
            data = json.loads(file.read(_LARGEST))
        return Note(int(data["cycle"]), str(data["runner"]), bool(data["handed"]), int(data["pid"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SlotError(f"{path} cannot be understood ({error}): when no job runs in this slot, remove it") from error


def write_note(folder: str, note: Note, name: str = NOTE_NAME) -> None:
    """Replace the note; it is on the disk when this returns."""
    draft = os.path.join(folder, f".{name}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(note._asdict(), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, os.path.join(folder, name))


def drop_note(folder: str, name: str = NOTE_NAME) -> None:
    """There is no environment any more."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, name))
