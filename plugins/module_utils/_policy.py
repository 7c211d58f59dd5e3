# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The operator's numbers: what each isolation costs, what is kept back, which licences exist."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import (
    Fields,
    Mistake,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB, MIB

#: Past 49151 macOS hands out ephemeral ports (net.inet.ip.portrange.first).
FIRST_EPHEMERAL_PORT = 49152

#: Fair Source 0.9, the licence of Tart 1.0.0 to 2.32.1: free up to this many host cores in total.
FREE_TART_CORES = 100


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one runner of a kind costs; ``image_disk`` is paid once for each image. Bytes."""

    memory: int
    minimum: int
    overhead: int
    cpus: int
    disk: int
    image_disk: int


#: Kind of runner -> cost. Tart's cost depends on its guest, so it has two kinds.
DEFAULT_COSTS: t.Mapping[str, Cost] = {
    "tart-macos": Cost(12 * GIB, 8 * GIB, 0, 4, 20 * GIB, 54 * GIB),
    "tart-linux": Cost(4 * GIB, 4 * GIB, 0, 2, 10 * GIB, 10 * GIB),
    "docker": Cost(2 * GIB, 512 * MIB, 0, 2, 10 * GIB, 5 * GIB),
    "container": Cost(2 * GIB, 512 * MIB, 200 * MIB, 2, 10 * GIB, 5 * GIB),
    "sandbox": Cost(3 * GIB // 2, GIB, 0, 1, 10 * GIB, 0),
    "account": Cost(3 * GIB // 2, GIB, 0, 1, 10 * GIB, 0),
    "chroot": Cost(3 * GIB // 2, GIB, 0, 1, 10 * GIB, 6 * GIB),
}


@dataclasses.dataclass(frozen=True)
class Policy:
    """``mac_runners_capacity`` of one Mac, read; sizes in bytes."""

    reserve: t.Optional[int] = None
    headroom: int = 2 * GIB
    disk_reserve: int = 20 * GIB
    cpu_factor: float = 2.0
    count_suspended: bool = True
    docker_vm_base: int = 3 * GIB
    port_base: int = 20000
    ports_per_slot: int = 100
    facts_max_age: int = 900
    costs: t.Mapping[str, Cost] = dataclasses.field(default_factory=lambda: DEFAULT_COSTS)

    def reserve_for(self, memory: int) -> int:
        """Bytes kept for macOS on a Mac with ``memory`` bytes."""
        if self.reserve is not None:
            return self.reserve
        if memory <= 24 * GIB:
            return 4 * GIB
        return 6 * GIB if memory <= 32 * GIB else 8 * GIB


@dataclasses.dataclass(frozen=True)
class Licences:
    """``mac_runners_licences``: what the operator declares to hold. No legal advice.

    ``tart_cores``: host cores that the operator's Tart licence covers, None for no limit.
    ``docker_desktop``: why Docker Desktop may be used here, empty when nothing was declared;
    ``docker_desktop_refusal``: why the declared organisation needs a subscription.
    """

    tart_cores: t.Optional[int] = FREE_TART_CORES
    tart_fsl_confirmed: bool = False
    docker_desktop: str = ""
    docker_desktop_refusal: str = ""


_COST_FIELDS = ("memory", "minimum", "overhead", "cpus", "disk", "image_disk")
_POLICY_FIELDS = (
    "reserve",
    "headroom",
    "disk_reserve",
    "cpu_factor",
    "count_suspended",
    "docker_vm_base",
    "port_base",
    "ports_per_slot",
    "facts_max_age",
    "isolations",
)


def parse_policy(raw: t.Any) -> t.Tuple[Policy, t.List[Mistake]]:
    """Read ``mac_runners_capacity``; return the policy and every mistake in it."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes, path="mac_runners_capacity")
    fields.known(_POLICY_FIELDS)
    base = Policy()
    reserve = None if fields.raw.get("reserve") == "auto" else fields.size("reserve")
    policy = Policy(
        reserve=reserve,
        headroom=fields.size("headroom", base.headroom),
        disk_reserve=fields.size("disk_reserve", base.disk_reserve),
        cpu_factor=fields.factor("cpu_factor", base.cpu_factor),
        count_suspended=fields.truth("count_suspended", base.count_suspended),
        docker_vm_base=fields.size("docker_vm_base", base.docker_vm_base),
        port_base=fields.whole("port_base", base.port_base, 1024, FIRST_EPHEMERAL_PORT - 1),
        ports_per_slot=fields.whole("ports_per_slot", base.ports_per_slot, 1, 10000),
        facts_max_age=fields.whole("facts_max_age", base.facts_max_age, 1, 86400),
        costs=_costs(fields.mapping("isolations")),
    )
    return policy, mistakes


def _costs(fields: Fields) -> t.Mapping[str, Cost]:
    fields.known(DEFAULT_COSTS)
    if not fields.raw:
        return DEFAULT_COSTS
    return {kind: _cost(fields.mapping(kind), cost) for kind, cost in DEFAULT_COSTS.items()}


def _cost(fields: Fields, default: Cost) -> Cost:
    fields.known(_COST_FIELDS)
    return Cost(
        memory=fields.size("memory", default.memory),
        minimum=fields.size("minimum", default.minimum),
        overhead=fields.size("overhead", default.overhead),
        cpus=fields.whole("cpus", default.cpus, 1, 1024),
        disk=fields.size("disk", default.disk),
        image_disk=fields.size("image_disk", default.image_disk),
    )


def parse_licences(raw: t.Any) -> t.Tuple[Licences, t.List[Mistake]]:
    """Read ``mac_runners_licences``; return what is declared and every mistake in it."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes, path="mac_runners_licences")
    fields.known(("tart", "docker_desktop"))
    tart = fields.mapping("tart")
    tart.known(("host_cores", "fsl_confirmed"))
    unlimited = tart.raw.get("host_cores") == "unlimited"
    use, refusal = _docker_desktop(fields.mapping("docker_desktop"))
    licences = Licences(
        tart_cores=None if unlimited else tart.whole("host_cores", FREE_TART_CORES, 1, 10**6),
        tart_fsl_confirmed=tart.truth("fsl_confirmed", False),
        docker_desktop=use,
        docker_desktop_refusal=refusal,
    )
    return licences, mistakes


def _docker_desktop(fields: Fields) -> t.Tuple[str, str]:
    """Docker's terms: free below 250 employees and below 10 million USD revenue a year,
    for education, personal use and open source; governments and larger companies pay.

    Source: Docker's page "Docker Desktop license agreement", read in 2026.
    """
    fields.known(("subscription", "use", "employees", "revenue_usd", "government"))
    subscription = fields.choice("subscription", ("pro", "team", "business"))
    use = fields.choice("use", ("personal", "education", "open-source"))
    employees = fields.whole("employees", None, 0, 10**8)
    revenue = fields.whole("revenue_usd", None, 0, 10**15)
    if subscription:
        return f"subscription {subscription}", ""
    if fields.truth("government", False):
        return "", "a government entity needs a subscription"
    if use:
        return f"{use} use", ""
    if employees is None or revenue is None:
        return "", ""
    if employees < 250 and revenue < 10_000_000:
        return f"{employees} employees, {revenue} USD revenue", ""
    return "", "from 250 employees or 10 million USD revenue on a subscription is needed"
