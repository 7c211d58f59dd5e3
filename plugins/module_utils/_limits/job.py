# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a job may take that runs as processes of the Mac itself: limits that the kernel keeps, read from what a user wrote.

The kernel of macOS keeps no limit of resident memory: its RLIMIT_RSS and RLIMIT_DATA are limits of the address space, which holds
the libraries of the whole system. So memory is watched instead: see :mod:`._limits.memory`.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.environment import read_environment
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool

TASKPOLICY = "/usr/sbin/taskpolicy"
#: ``none``: as the program that starts it; the others are clamps that whatever a job starts inherits.
QOS = ("none", "utility", "background")
#: What happens at the pool's memory: the job is ended, or only told of, or nobody looks.
MEMORY_WATCHES = ("end", "warn", "off")

_UMASK = re.compile(r"0?[0-7]{3}\Z")
_FIELDS = ("open_files", "processes", "cpu_seconds", "file_size", "core_size", "qos", "umask", "memory_watch", "environment")
#: Limits that people would expect and that would end every .NET and Node.js on a Mac.
_NOT_KEPT = ("rss", "data", "address_space", "memory")
_WATCHED = "nothing: macOS keeps no limit of resident memory; memory_watch acts at the memory of the pool"


@dataclasses.dataclass(frozen=True)
class JobLimits:
    """Limits of one job. Of each process: open files, seconds of processor time (0: none), bytes of a file that it writes and of a
    core file; of the account: its processes."""

    file_size: int
    open_files: int = 65536
    processes: int = 2048
    cpu_seconds: int = 0
    core_size: int = 0
    qos: str = QOS[0]
    #: The usual one: what a job builds goes to others, while its home is closed to them.
    umask: int = 0o077
    memory_watch: str = MEMORY_WATCHES[0]
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def rlimits(self) -> t.Tuple[t.Tuple[str, int], ...]:
        """Names of the module resource, and what each is set to, soft and hard, so that no job raises it."""
        kept = (
            ("RLIMIT_NOFILE", self.open_files),
            ("RLIMIT_NPROC", self.processes),
            ("RLIMIT_FSIZE", self.file_size),
            ("RLIMIT_CORE", self.core_size),
        )
        return (*kept, ("RLIMIT_CPU", self.cpu_seconds)) if self.cpu_seconds else kept

    @property
    def qos_argv(self) -> t.Tuple[str, ...]:
        """The words before a command that clamp it."""
        return () if self.qos == "none" else (TASKPOLICY, "-c", self.qos)


def read_limits(raw: t.Any, pool: Pool, mistakes: t.List[Mistake]) -> JobLimits:
    """Read the limits of a pool's jobs; every mistake is noted with pool, field, what was given and what is allowed."""
    fields = Fields(raw, mistakes, pool.name, "limits")
    for name in _NOT_KEPT:
        if fields.has(name):
            fields.wrong(name, fields.raw[name], _WATCHED)
    fields.raw = {name: value for name, value in fields.raw.items() if name not in _NOT_KEPT}
    fields.known(_FIELDS)
    return JobLimits(
        # No file of a job can be larger than all that the pool planned for it.
        file_size=_size(fields, "file_size", pool.disk, 1024 * 1024),
        open_files=fields.whole("open_files", JobLimits.open_files, 256, 2**20),
        processes=fields.whole("processes", JobLimits.processes, 64, 2**16),
        cpu_seconds=fields.whole("cpu_seconds", 0, 0, 30 * 86400),
        core_size=_size(fields, "core_size", 0, 0),
        qos=fields.choice("qos", QOS, QOS[0]),
        umask=_umask(fields),
        memory_watch=fields.choice("memory_watch", MEMORY_WATCHES, MEMORY_WATCHES[0]),
        environment=read_environment(fields.mapping("environment")),
    )


def _size(fields: Fields, name: str, default: int, least: int) -> int:
    if fields.raw.get(name) == 0 and least == 0:
        return 0
    size = fields.size(name, default)
    if size < least:
        fields.wrong(name, fields.raw[name], f"at least {least} bytes")
    return int(size)


def _umask(fields: Fields) -> int:
    """Three octal digits as text: a number that YAML read is another one by now."""
    given = fields.raw.get("umask")
    if given is None:
        return JobLimits.umask
    if not isinstance(given, str) or not _UMASK.match(given) or int(given, 8) & 0o700:
        fields.wrong("umask", given, 'three octal digits as a text, the first of them 0, such as "077"')
        return JobLimits.umask
    return int(given, 8)
