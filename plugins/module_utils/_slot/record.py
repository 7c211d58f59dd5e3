# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The one file of a slot: what recovery needs, and what people are told. It is on the disk before what it names is done."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError

SCHEMA = 1
RECORD_NAME = "status.json"
SETTINGS_NAME = "settings.json"
#: What a slot can be doing.
STATES = ("new", "cleaning", "checking", "preparing", "registering", "starting", "listening", "job", "destroying", "withdrawing", "waiting", "stuck", "drained")

_LARGEST = 256 * 1024


class RecordError(MacRunnersError):
    """The file of a slot cannot be used."""


class Pending(t.NamedTuple):
    """A name under which GitHub may know a runner of ours. ``runner`` is its id, 0 until the answer came; ``since`` in seconds since 1970;
    ``target``: the address at which it was registered, empty for the one of the settings."""

    name: str
    runner: int = 0
    since: float = 0.0
    target: str = ""


class Record(t.NamedTuple):
    """A slot as it is on the disk; times in seconds since 1970, 0 when there is none.

    ``cycle`` counts environments, ``counted`` is the last one whose job was counted in ``jobs``. ``failures`` in a row.
    ``program`` is the version that runs, ``settings`` the sha256 of the settings that it read. ``place``: where the environment was
    made, empty without one; settings may name another place by now.
    """

    slot: str
    state: str = "new"
    since: float = 0.0
    cycle: int = 0
    counted: int = 0
    jobs: int = 0
    failures: int = 0
    message: str = ""
    retry_at: float = 0.0
    environment: str = ""
    runner: str = ""
    started: float = 0.0
    job: str = ""
    job_since: float = 0.0
    pending: t.Tuple[Pending, ...] = ()
    program: str = ""
    settings: str = ""
    place: t.Mapping[str, str] = {}

    def registration(self, name: str) -> Pending:
        """What is known of a name at GitHub."""
        return next((entry for entry in self.pending if entry.name == name), Pending(name))


def read_record(folder: str, slot: str) -> Record:
    """The record of a slot, a new one when there is none. Raises :class:`RecordError` when it cannot be understood."""
    path = os.path.join(folder, RECORD_NAME)
    try:
        with open(path, "rb", opener=_open_file) as file:
            content = file.read(_LARGEST)
    except FileNotFoundError:
        return Record(slot)
    except OSError as error:
        raise RecordError(f"slot {slot}: {path} cannot be read: {error.strerror}") from error
    try:
        return _parse(json.loads(content), slot)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"slot {slot}: {path} is damaged ({error}); when no runner of this slot is at GitHub, remove it") from error


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _parse(data: t.Dict[str, t.Any], slot: str) -> Record:
    schema = data.pop("schema")
    if schema != SCHEMA:
        raise ValueError(f"schema {schema}; this release knows {SCHEMA}")
    data["pending"] = tuple(_pending(*entry) for entry in data["pending"])
    # A later version may have written more than this one knows; its record must not keep a slot from going back to this one.
    record = Record(**{name: value for name, value in data.items() if name in Record._fields})
    if record.slot != slot or record.state not in STATES:
        raise ValueError(f"slot {record.slot}, state {record.state}")
    numbers = (record.cycle, record.counted, record.jobs, record.failures, record.started, record.job_since)
    if not all(isinstance(number, (int, float)) for number in numbers):
        raise ValueError("a number is none")
    if not all(isinstance(text, str) for text in record.place.values()):
        raise ValueError("the place of its environment is none")
    return record


def _pending(name: t.Any, runner: t.Any, since: t.Any, target: t.Any = "") -> Pending:
    return Pending(str(name), int(runner), float(since), str(target))


def write_record(folder: str, record: Record) -> None:
    """Replace the record as a whole; it is for root alone and on the disk when this returns."""
    draft = os.path.join(folder, f".{RECORD_NAME}.new")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"schema": SCHEMA, **record._asdict()}, file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, os.path.join(folder, RECORD_NAME))
