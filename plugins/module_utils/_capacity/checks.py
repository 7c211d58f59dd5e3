# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The checks of one Mac; each yields the violations it finds.

A check that needs the whole fleet (licences counted over all Macs, runner names) is in
``fleet.py``.
"""

from __future__ import annotations

import decimal
import functools
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.ledger import (
    docker_pools,
    docker_vm_need,
    docker_vm_size,
    takes_room,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.model import Line, Situation, Violation
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import refused_version, version_warnings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import version_tuple
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import FIRST_EPHEMERAL_PORT
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import IMAGED, NATIVE, Pool
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size

#: Apple's macOS licence and Virtualization.framework: two macOS guests a host.
MOST_MACOS_GUESTS = 2
#: GitHub refuses longer runner names.
LONGEST_RUNNER_NAME = 64
#: Oldest macOS that each isolation works on, by the requirements of its tool.
OLDEST_MACOS = {"tart": 13, "docker": 13, "container": 26, "sandbox": 13, "account": 13, "chroot": 13}
#: Fair Source 0.9 covers these versions of Tart; older ones are AGPL, newer ones FSL-1.1-ALv2.
FAIR_SOURCE = ((1, 0, 0), (2, 32, 1))
#: Before it `tart exec` does not work without a terminal.
OLDEST_GOOD_TART = (2, 28, 6)

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

Violations = t.Iterator[Violation]


def check_all(situation: Situation, ledger: t.Tuple[Line, ...]) -> t.List[Violation]:
    """Every violation of one Mac, in the order of the checks."""
    found: t.List[Violation] = list(_facts(situation))
    for pool in situation.pools:
        if pool.count:
            found.extend(_pool(situation, pool))
    found.extend(_macos_guests(situation))
    found.extend(_docker_desktop(situation))
    found.extend(_memory(situation, ledger))
    found.extend(_docker_vm(situation))
    found.extend(_cpus(situation))
    found.extend(_disk(situation))
    found.extend(_ports(situation))
    return found


def runner_name(mac: str, slot: str) -> str:
    """The name a runner has at GitHub; characters that GitHub may refuse become ``-``."""
    return f"{_github_name(mac)}-{slot}"


# A Mac is asked for all its slots one after the other.
@functools.lru_cache(maxsize=64)
def _github_name(mac: str) -> str:
    return _UNSAFE.sub("-", mac)


def _facts(situation: Situation) -> Violations:
    facts = situation.facts
    if facts.memory is None or facts.unread:
        what = "; ".join(facts.unread) or "its memory"
        message = f"could not be read: {what} (a Mac that cannot be read whole counts as full)"
        yield Violation("facts", "", None, None, message)
    if facts.measured_at is None or situation.now is None:
        return
    age = abs(situation.now - facts.measured_at)
    if age > situation.policy.facts_max_age:
        limit = situation.policy.facts_max_age
        message = (
            f"its facts are {age} s away from this clock, at most {limit} s are allowed; "
            "read them again, and set the clocks if that does not help"
        )
        yield Violation("facts", "", age, limit, message)


def _pool(situation: Situation, pool: Pool) -> Violations:
    longest = runner_name(situation.mac, f"{pool.name}-{pool.count}")
    if len(longest) > LONGEST_RUNNER_NAME:
        message = f'runner name "{longest}" has {len(longest)} characters, GitHub takes {LONGEST_RUNNER_NAME}'
        yield Violation("names", pool.name, len(longest), LONGEST_RUNNER_NAME, message)
    for message in _platform(situation, pool):
        yield Violation("platform", pool.name, None, None, message)
    yield from _trust(pool)
    yield from refused_version(situation, pool)
    cores, where = _cores_for(situation, pool)
    if cores is not None and pool.cpus > cores:
        message = f"a runner with {pool.cpus} cpus on {where} with {cores}"
        yield Violation("cpus", pool.name, pool.cpus, cores, message)


def _platform(situation: Situation, pool: Pool) -> t.Iterator[str]:
    facts, isolation = situation.facts, pool.isolation
    if isolation in ("tart", "container") and facts.arch == "x86_64":
        yield f"{isolation} needs Apple silicon, this Mac is {facts.arch}"
    version, oldest = facts.macos_version, OLDEST_MACOS[isolation]
    if version is not None and version[0] < oldest:
        yield f"{isolation} needs macOS {oldest} or later, this Mac has {facts.macos}"
    if isolation == "chroot" and facts.sip != "disabled":
        yield f"chroot needs System Integrity Protection off, this Mac has it {facts.sip or 'unknown'}"
    if isolation == "tart" and pool.guest == "macos" and facts.virtual_machine:
        yield "this Mac is itself a virtual machine and cannot run macOS guests"


def _trust(pool: Pool) -> Violations:
    needed = {"untrusted": ("strong",), "internal": ("strong", "medium")}.get(pool.trust)
    if needed is not None and pool.level not in needed:
        takes, least = ("no untrusted", "internal") if pool.level == "medium" else ("only trusted", "trusted")
        message = (
            f"{pool.isolation} is {pool.level} isolation and runs {takes} code, this pool takes "
            f"{pool.trust} code; use a stronger isolation, or say trust: {least} if that is true"
        )
        yield Violation("trust", pool.name, None, None, message)
    if pool.trust != "untrusted":
        return
    if pool.isolation == "tart" and pool.network != "softnet":
        message = f"untrusted code on {pool.network} reaches the Mac and its LAN; say network: softnet"
        yield Violation("network", pool.name, None, None, message)
    if pool.isolation in IMAGED and not pool.pinned:
        message = f"untrusted code needs an image pinned by digest (@sha256:...), got {pool.image}"
        yield Violation("image-pin", pool.name, None, None, message)


def _cores_for(situation: Situation, pool: Pool) -> t.Tuple[t.Optional[int], str]:
    docker = situation.facts.docker
    if pool.isolation == "docker" and docker is not None and docker.cpus is not None:
        return docker.cpus, "a Docker VM"
    return situation.facts.cores, "a Mac"


def _macos_guests(situation: Situation) -> Violations:
    ours = sum(pool.count for pool in situation.pools if pool.guest == "macos")
    foreign = [
        workload
        for workload in situation.facts.workloads
        if not workload.owned
        and workload.kind in ("tart", "vm-process")
        and workload.guest != "linux"
        and takes_room(situation, workload)
    ]
    total = ours + len(foreign)
    if not ours or total <= MOST_MACOS_GUESTS:
        return
    names = ", ".join(f"{workload.name} ({workload.state})" for workload in foreign)
    beside = f" beside {len(foreign)} foreign: {names}" if foreign else ""
    message = f"{ours} macOS VMs planned{beside}; Apple's licence allows {MOST_MACOS_GUESTS} a Mac"
    yield Violation("macos-vm-licence", "", total, MOST_MACOS_GUESTS, message)


def _docker_desktop(situation: Situation) -> Violations:
    docker, licences = situation.facts.docker, situation.licences
    if docker is None or docker.engine != "docker-desktop" or not docker_pools(situation):
        return
    if not licences.docker_desktop:
        why = licences.docker_desktop_refusal or "nothing is declared in mac_runners_licences.docker_desktop"
        message = f"the engine is Docker Desktop and {why}; declare what you hold or use another engine"
        yield Violation("docker-desktop-licence", "", None, None, message)


def _memory(situation: Situation, ledger: t.Tuple[Line, ...]) -> Violations:
    have = ledger[0].bytes
    need = -sum(line.bytes for line in ledger[1:])
    if need > have and situation.facts.memory is not None:
        message = f"needs {format_size(need)}, has {format_size(have)}"
        yield Violation("memory", "", need, have, message)


def _docker_vm(situation: Situation) -> Violations:
    have = docker_vm_size(situation)
    if have is None or not docker_pools(situation):
        return
    need = docker_vm_need(situation)
    if need > have:
        message = f"containers and VM base need {format_size(need)}, the Docker VM has {format_size(have)}"
        yield Violation("docker-vm", "", need, have, message)


def _cpus(situation: Situation) -> Violations:
    cores = situation.facts.cores
    if cores is None:
        return
    # 15 times 8.2 is 122.99999999999999 in floating point.
    have = int(cores * decimal.Decimal(repr(situation.policy.cpu_factor)))
    need = sum(pool.count * pool.cpus for pool in situation.pools)
    if need > have:
        message = f"runners have {need} cpus in all, {cores} cores carry {have} ({situation.policy.cpu_factor:g} each)"
        yield Violation("cpus", "", need, have, message)


def disk_need(situation: Situation) -> int:
    """Bytes on disk that are still to be made: new runners, and images not yet there."""
    owned = {workload.name for workload in situation.facts.workloads if workload.owned}
    # Each isolation has an image store of its own.
    need, images = 0, {(pool.isolation, pool.image) for pool in situation.pools if pool.image in situation.facts.images}
    for pool in situation.pools:
        missing = pool.count
        if owned:
            missing -= sum(name in owned for name in pool.owned_names)
            if missing < pool.count:
                images.add(_image_key(pool))
        need += missing * pool.disk
        if missing and _image_key(pool) not in images:
            images.add(_image_key(pool))
            need += situation.policy.costs[pool.kind].image_disk
    return need


def _image_key(pool: Pool) -> t.Tuple[str, str]:
    return pool.isolation, pool.image


def _disk(situation: Situation) -> Violations:
    free = situation.facts.disk_free
    if free is None:
        return
    have = max(0, free - situation.policy.disk_reserve)
    need = disk_need(situation)
    if need > have:
        message = (
            f"needs {format_size(need)} on disk, has {format_size(have)} "
            f"beside the {format_size(situation.policy.disk_reserve)} kept free"
        )
        yield Violation("disk", "", need, have, message)


def port_ranges(situation: Situation) -> t.List[t.Tuple[int, int, str]]:
    """The ports of native pools: (first, past the last, pool); from the base on, in pool order."""
    ranges, following = [], situation.policy.port_base
    for pool in situation.pools:
        if pool.isolation not in NATIVE or not pool.count:
            continue
        first = following if pool.port_base is None else pool.port_base
        past = first + pool.count * situation.policy.ports_per_slot
        ranges.append((first, past, pool.name))
        following = past
    return ranges


def _ports(situation: Situation) -> Violations:
    ranges = port_ranges(situation)
    for first, past, pool in ranges:
        if past > FIRST_EPHEMERAL_PORT:
            message = f"ports {first} to {past - 1} reach {FIRST_EPHEMERAL_PORT}, where macOS takes its own"
            yield Violation("ports", pool, past - 1, FIRST_EPHEMERAL_PORT - 1, message)
    first = past = 0
    pool = ""
    for start, end, other in sorted(ranges):
        if start < past:
            message = f"ports {start} to {end - 1} overlap those of pool {pool} ({first} to {past - 1})"
            yield Violation("ports", other, start, past, message)
        if end > past:
            first, past, pool = start, end, other


def fair_source(situation: Situation) -> bool:
    """Whether the Tart of this Mac is under Fair Source."""
    version = version_tuple(situation.facts.tart_version)
    return version is not None and FAIR_SOURCE[0] <= version <= FAIR_SOURCE[1]


def uses_tart(situation: Situation) -> bool:
    """Whether a pool of this Mac needs Tart."""
    return any(pool.isolation == "tart" and pool.count for pool in situation.pools)


def warn_all(situation: Situation) -> t.Iterator[str]:
    """What does not stop the plan and should be known."""
    facts = situation.facts
    for pool in situation.pools:
        if pool.count:
            yield from _pool_warnings(pool)
            yield from version_warnings(situation, pool)
    for field, known in (("cores", facts.cores), ("disk_free", facts.disk_free)):
        if known is None and not facts.unread and situation.pools:
            yield f"{field} is not known: check {'cpus' if field == 'cores' else 'disk'} is left out"
    if facts.pressure is not None and facts.pressure >= 2:
        yield f"the Mac is under memory pressure now (level {facts.pressure} of 4)"
    version = version_tuple(facts.tart_version)
    if version is not None and version < OLDEST_GOOD_TART:
        yield f"Tart {facts.tart_version} is older than 2.28.6, the oldest that can be driven without a terminal"
    if uses_tart(situation) and not fair_source(situation) and not situation.licences.tart_fsl_confirmed:
        yield (
            "Tart from 2.33.0 on is under FSL-1.1-ALv2: not for a product or service that competes with it; "
            "confirm with mac_runners_licences.tart.fsl_confirmed: true"
        )
    for workload in facts.workloads:
        if not workload.owned and workload.memory is None and takes_room(situation, workload):
            yield (
                f"foreign {workload.kind} {workload.name} has no known memory limit: "
                "counted as a runner of its kind with the default memory"
            )
        if workload.owned and not workload.name.startswith(OWNED_PREFIX):
            yield f"{workload.kind} {workload.name} is marked as ours but its name is not"


def _pool_warnings(pool: Pool) -> t.Iterator[str]:
    if pool.weak:
        yield f"pool {pool.name} is low-isolation: {pool.isolation} is {pool.level}, for trusted code only"
    if pool.isolation in IMAGED and not pool.pinned and pool.trust != "untrusted":
        yield f"pool {pool.name}: image {pool.image} is not pinned by digest and may change"
