# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Facts of a Mac, measured by C(mac_facts) or declared in the inventory, in one shape."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import (
    Fields,
    Mistake,
)

KINDS = ("tart", "docker", "container", "vm-process")
STATES = ("running", "paused", "suspended", "stopped")
ENGINES = ("docker-desktop", "colima", "orbstack", "lima", "rancher-desktop", "other")

_FIELDS = frozenset(
    (
        "memory",
        "chip",
        "model",
        "arch",
        "cores",
        "performance_cores",
        "macos",
        "build",
        "sip",
        "rosetta",
        "virtual_machine",
        "virtualisation",
        "disk_free",
        "memory_available",
        "pressure",
        "swap_used",
        "boot_time",
        "boot_id",
        "tart",
        "docker",
        "container",
        "tools",
        "workloads",
        "images",
        "holder",
        "unread",
        "measured_at",
    )
)


@dataclasses.dataclass(frozen=True)
class Workload:
    """A VM or container that exists on the Mac.

    ``memory`` in bytes, None when it has no limit or cannot be known; ``guest`` is
    ``macos``, ``linux`` or empty when it cannot be known; ``owned`` when it is ours;
    ``place`` says where it lives (a TART_HOME, an engine, a process id).
    """

    kind: str
    name: str
    state: str = "running"
    guest: str = ""
    memory: t.Optional[int] = None
    owned: bool = False
    place: str = ""

    @property
    def counts(self) -> bool:
        """Whether it can take memory without being started by anybody."""
        return self.state != "stopped"


@dataclasses.dataclass(frozen=True)
class DockerEngine:
    """The Docker engine of a Mac: ``memory`` in bytes and ``cpus`` of its VM, None when unknown."""

    engine: str = "other"
    memory: t.Optional[int] = None
    cpus: t.Optional[int] = None
    running: bool = True


@dataclasses.dataclass(frozen=True)
class MacFacts:
    """What a Mac is and what is on it; sizes in bytes, None or empty when not known."""

    memory: t.Optional[int] = None
    chip: str = ""
    arch: str = ""
    cores: t.Optional[int] = None
    macos: str = ""
    sip: str = ""
    virtual_machine: bool = False
    disk_free: t.Optional[int] = None
    pressure: t.Optional[int] = None
    tart_version: str = ""
    docker: t.Optional[DockerEngine] = None
    container_version: str = ""
    workloads: t.Tuple[Workload, ...] = ()
    images: t.FrozenSet[str] = frozenset()
    unread: t.Tuple[str, ...] = ()
    measured_at: t.Optional[int] = None
    holder: str = ""

    @property
    def foreign(self) -> t.List[Workload]:
        """The workloads that we did not make."""
        return [workload for workload in self.workloads if not workload.owned]

    @property
    def macos_version(self) -> t.Optional[t.Tuple[int, ...]]:
        """``26.1`` as ``(26, 1)``."""
        return version_tuple(self.macos)


_VERSION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})*)(?:-[0-9A-Za-z.+-]*)?\Z")


# A fleet of thousands has a handful of versions.
@functools.lru_cache(maxsize=256)
def version_tuple(text: str) -> t.Optional[t.Tuple[int, ...]]:
    """``2.32.1`` as ``(2, 32, 1)``; None when it is not a version."""
    match = _VERSION.match(text)
    return tuple(int(part) for part in match.group(1).split(".")) if match else None


def parse_facts(raw: t.Any, where: str = "mac_runners_facts") -> t.Tuple[MacFacts, t.List[Mistake]]:
    """Read the facts of one Mac; return them and every mistake in them."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes, path=where)
    fields.known(_FIELDS)
    facts = MacFacts(
        memory=fields.size("memory"),
        chip=fields.text("chip", ""),
        arch=_arch(fields),
        cores=fields.whole("cores", None, 1, 1024),
        macos=_version(fields, "macos"),
        sip=fields.choice("sip", ("enabled", "disabled", "custom", "unknown"), ""),
        virtual_machine=fields.truth("virtual_machine", False),
        disk_free=fields.size("disk_free"),
        pressure=fields.whole("pressure", None, 1, 4),
        tart_version=_tool_version(fields, "tart"),
        docker=_docker(fields),
        container_version=_tool_version(fields, "container"),
        workloads=_workloads(fields),
        images=frozenset(_texts(fields, "images")),
        unread=tuple(" ".join(str(item).split()) for item in fields.items("unread")),
        measured_at=fields.whole("measured_at", None, 0, 2**40),
        holder=fields.text("holder", ""),
    )
    return facts, mistakes


def _texts(fields: Fields, field: str) -> t.Iterator[str]:
    for index, item in enumerate(fields.items(field)):
        if isinstance(item, str):
            yield item
        else:
            fields.wrong(f"{field}[{index}]", item, "a text")


def _arch(fields: Fields) -> str:
    arch = fields.choice("arch", ("arm64", "x86_64"), "")
    chip = fields.raw.get("chip")
    if arch or not isinstance(chip, str):
        return t.cast(str, arch)
    return "x86_64" if chip.startswith("Intel") else "arm64" if chip.startswith("Apple") else ""


def _version(fields: Fields, field: str) -> str:
    given = fields.raw.get(field)
    if given is None:
        return ""
    try:
        text = str(given)
    except ValueError:
        # Python does not write integers of thousands of digits.
        text = ""
    if version_tuple(text) is None:
        fields.wrong(field, given, "a version such as 26.1")
        return ""
    return text


def _tool_version(fields: Fields, tool: str) -> str:
    details = fields.mapping(tool)
    details.known(("version", "path", "homes"))
    return _version(details, "version")


def _docker(fields: Fields) -> t.Optional[DockerEngine]:
    if not fields.has("docker"):
        return None
    details = fields.mapping("docker")
    details.known(("engine", "memory", "cpus", "running", "version", "socket", "id"))
    return DockerEngine(
        engine=details.choice("engine", ENGINES, "other"),
        memory=details.size("memory"),
        cpus=details.whole("cpus", None, 1, 1024),
        running=details.truth("running", True),
    )


def _workloads(fields: Fields) -> t.Tuple[Workload, ...]:
    return tuple(
        _workload(Fields(entry, fields.mistakes, path=f"{fields.path}.workloads[{index}]"))
        for index, entry in enumerate(fields.items("workloads"))
    )


def _workload(fields: Fields) -> Workload:
    fields.known(("kind", "name", "guest", "state", "memory", "owned", "place"))
    if not fields.has("kind"):
        fields.wrong("kind", None, "one of " + ", ".join(KINDS))
    return Workload(
        kind=fields.choice("kind", KINDS, "vm-process"),
        name=fields.text("name", "unnamed"),
        state=fields.choice("state", STATES, "running"),
        guest=fields.choice("guest", ("macos", "linux"), ""),
        memory=fields.size("memory"),
        owned=fields.truth("owned", False),
        place=fields.text("place", ""),
    )


def merge_facts(measured: MacFacts, declared: MacFacts) -> MacFacts:
    """Facts to plan with when a Mac was measured and described as well.

    A declared fact can only make a Mac smaller: a size is the smaller of both, declared
    workloads come on top, and everything else is as measured. A Docker engine that is not
    there yet may be declared: it is the size its VM is going to have.
    """
    listed = {(workload.kind, workload.name) for workload in measured.workloads}
    extra = tuple(w for w in declared.workloads if (w.kind, w.name) not in listed and not w.owned)
    return dataclasses.replace(
        measured,
        memory=_smaller(measured.memory, declared.memory),
        cores=_smaller(measured.cores, declared.cores),
        disk_free=_smaller(measured.disk_free, declared.disk_free),
        docker=measured.docker or declared.docker,
        workloads=measured.workloads + extra,
        unread=measured.unread + declared.unread,
    )


def _smaller(measured: t.Optional[int], declared: t.Optional[int]) -> t.Optional[int]:
    """What was not measured stays unknown: a declared size must not fill the hole."""
    if measured is None or declared is None:
        return measured
    return min(measured, declared)
