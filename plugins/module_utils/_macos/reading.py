# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""All facts of a Mac, read now and on it, in the shape that ``_facts`` takes."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import LeaseError, read_lease
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import STATE_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.container import Container, read_containers
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.disk import Warn, read_disk_free, read_statvfs_free
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineContainer
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.engines import Engine, find_sockets, read_engines
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.homes import read_users, user_name
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.processes import Known, Machine, Process, machines, read_processes, unexplained
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.system import read_mac, read_posix
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tart import TartHome, TartVm, find_homes, read_images, read_vms
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import read_version

Facts = t.Dict[str, t.Any]


def read_facts(
    run: Run,
    tart_homes: t.Sequence[str] = (),
    docker_sockets: t.Sequence[str] = (),
    disk_path: str = "",
    warn: t.Optional[Warn] = None,
) -> Facts:
    """Read this Mac as ``_facts.parse_facts`` takes it: sizes in bytes, times in seconds since 1970.

    ``tart_homes`` and ``docker_sockets`` are looked at beside those that are found;
    ``disk_path`` is on the volume whose free space counts. What should be readable and is not
    stands in ``unread``, and the capacity core then counts the Mac as full. On a machine that
    is no Mac, only its size and its Docker Engine are read.
    """
    warn = warn or _ignore
    unread: t.List[str] = []
    if is_mac():
        facts = _read_mac(run, tart_homes, docker_sockets, disk_path, warn, unread)
    else:
        warn("this is not a Mac: only its size and its Docker Engine are read")
        facts = _read_other(run, docker_sockets, disk_path, unread)
    return {**facts, **_holder(warn), "unread": unread, "measured_at": int(time.time())}


def _holder(warn: Warn) -> Facts:
    """Whose Mac this is, for people; a lease that cannot be read takes no room, so it does not make the Mac full."""
    try:
        lease = read_lease(STATE_DIR)
    except LeaseError as error:
        if os.geteuid() == 0:
            warn(str(error))
        return {}
    return {"holder": lease.held()} if lease else {}


def is_mac() -> bool:
    """Whether this runs on macOS."""
    return os.uname().sysname == "Darwin"


def _ignore(message: str) -> None:
    """Nobody wants the warnings."""


def _read_mac(
    run: Run,
    tart_homes: t.Sequence[str],
    docker_sockets: t.Sequence[str],
    disk_path: str,
    warn: Warn,
    unread: t.List[str],
) -> Facts:
    facts = read_mac(run, unread)
    if os.geteuid() != 0:
        unread.append("VMs and containers of other users: only root can read them (become: true)")
    users = read_users()
    processes = read_processes(run, unread)
    disk_path = disk_path or (tart_homes[0] if tart_homes else "/")
    facts["disk_free"] = read_disk_free(run, disk_path, warn)
    if facts["disk_free"] is None:
        unread.append(f"free space around {disk_path}: neither diskutil nor the file system says it")
    homes = find_homes(users, tart_homes, unread)
    vms = [vm for home in homes for vm in read_vms(home, unread)]
    engines = read_engines(run, find_sockets(users, docker_sockets, unread), True, unread)
    facts.update(_tools(run, homes, engines, unread))
    containers = read_containers(run, facts.get("container", {}).get("path", ""), processes, users, unread)
    known = _known(vms, engines, containers, {process.pid: process for process in processes})
    foreign = unexplained(machines(processes), known)
    facts["workloads"] = [*_vm_entries(vms), *_engine_entries(engines), *map(_container_entry, containers), *map(_machine_entry, foreign)]
    facts["images"] = sorted({image for home in homes for image in read_images(home, unread)} | _engine_images(engines))
    return facts


def _read_other(run: Run, docker_sockets: t.Sequence[str], disk_path: str, unread: t.List[str]) -> Facts:
    facts = read_posix()
    facts["disk_free"] = read_statvfs_free(disk_path or "/")
    engines = read_engines(run, find_sockets(read_users(), docker_sockets, unread), False, unread)
    facts.update(_docker_fact(engines))
    facts["workloads"] = _engine_entries(engines)
    facts["images"] = sorted(_engine_images(engines))
    return facts


def _tools(run: Run, homes: t.Sequence[TartHome], engines: t.Sequence[Engine], unread: t.List[str]) -> Facts:
    """Tools that are there; one that is absent is left out."""
    found = {name: read_version(run, name, unread) for name in ("tart", "container", "colima")}
    developer = run(["/usr/bin/xcode-select", "-p"])
    path = {"path": developer.stdout.strip()} if developer.rc == 0 else None
    facts: Facts = {
        **_docker_fact(engines),
        "tart": found["tart"] and {**found["tart"], "homes": [home.path for home in homes]},
        "container": found["container"],
        "tools": {name: tool for name, tool in (("colima", found["colima"]), ("xcode_select", path)) if tool},
    }
    return {name: fact for name, fact in facts.items() if fact}


def _docker_fact(engines: t.Sequence[Engine]) -> Facts:
    """The engine that counts as the Mac's: the first that runs, else the first there is."""
    if not engines:
        return {}
    first = engines[0]
    fact = {
        "engine": first.kind,
        "running": first.running,
        "socket": first.place.path,
        "memory": first.memory,
        "cpus": first.cpus,
        "version": first.version,
        "id": first.id,
    }
    return {"docker": {key: value for key, value in fact.items() if value not in (None, "")}}


def _known(
    vms: t.Sequence[TartVm],
    engines: t.Sequence[Engine],
    containers: t.Sequence[Container],
    processes: t.Mapping[int, Process],
) -> t.List[Known]:
    """Every VM that has to have a process, with its user."""
    known = [
        Known(processes[vm.holder].uid if vm.holder in processes else vm.uid, vm.memory)
        for vm in vms
        if vm.holder is not None
    ]
    known += [Known(container.uid, container.memory) for container in containers if container.state == "running"]
    known += [Known(engine.place.uid, engine.memory, qemu=True) for engine in engines if engine.running]
    return known


def _vm_entries(vms: t.Sequence[TartVm]) -> t.List[Facts]:
    return [_entry("tart", vm.name, vm.state, vm.guest, vm.memory, vm.owned, vm.home) for vm in vms]


def _engine_entries(engines: t.Sequence[Engine]) -> t.List[Facts]:
    """Containers of the Mac's engine; of any other running one its whole VM, in which its containers are."""
    entries = [_docker_entry(container, engines[0], container.memory) for container in engines[0].containers] if engines else []
    for engine in engines[1:]:
        if engine.running:
            name = f"Docker VM of {engine.kind}"
            entries.append(_entry("vm-process", name, "running", "linux", engine.memory, False, engine.place.path))
            entries.extend(_docker_entry(container, engine, 0) for container in engine.containers)
    return entries


def _docker_entry(container: EngineContainer, engine: Engine, memory: t.Optional[int]) -> Facts:
    return _entry("docker", container.name, container.state, "linux", memory, container.owned, engine.place.path)


def _container_entry(container: Container) -> Facts:
    place = f"service of {user_name(container.uid)}"
    return _entry("container", container.name, container.state, "linux", container.memory, container.owned, place)


def _machine_entry(machine: Machine) -> Facts:
    """A VM that no tool told of: its guest is not known, and its resident size is the least it takes."""
    process = machine.process
    name, place = f"{machine.program}[{process.pid}]", f"process of {user_name(process.uid)}"
    return _entry("vm-process", name, "running", None, process.rss or None, False, place)


def _entry(
    kind: str,
    name: str,
    state: str,
    guest: t.Optional[str],
    memory: t.Optional[int],
    owned: bool,
    place: str,
) -> Facts:
    return {
        "kind": kind,
        "name": name,
        "state": state,
        "guest": guest,
        "memory": memory,
        "owned": owned,
        "place": place,
    }


def _engine_images(engines: t.Sequence[Engine]) -> t.Set[str]:
    return set(engines[0].images) if engines else set()
