# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrong inventories through the filters: each is refused with one exact message that names Mac, pool, field, given and allowed."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.capacity_check import capacity_check
from ansible_collections.action_packer.mac_runners.plugins.filter.capacity_plan import capacity_plan

Json = dict[str, t.Any]
FACTS: Json = {"memory": "64GiB", "arch": "arm64", "cores": 12, "macos": "26.1", "sip": "enabled", "disk_free": "900GiB"}
TART: Json = {"name": "ios", "isolation": "tart", "image": "acme/macos:26"}
DOCKER: Json = {"name": "linux", "isolation": "docker", "image": "acme/linux:1"}
LINT: Json = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
GOOD: Json = {"mac_runners_facts": FACTS, "mac_runners_pools": [LINT]}
SIZE = "a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB"
NAME = "a lower-case letter, then at most 30 of a-z, 0-9 and -"
ADDED = "arm, arm64, linux, low-isolation, macos, self-hosted, windows, x64"
LABEL = f"a text of 1 to 256 characters without comma or blank, and not one that is added anyway: {ADDED}"


def pools(*entries: t.Any) -> Json:
    return {**GOOD, "mac_runners_pools": list(entries)}


def facts(*entries: Json, **changes: t.Any) -> Json:
    return {"mac_runners_facts": {**FACTS, **changes}, "mac_runners_pools": list(entries) or [LINT]}


BAD: tuple[tuple[str, Json, str, str], ...] = (
    ("unit G", pools({**TART, "memory": "12G"}), "input", f'pool "ios", field memory: got "12G"; allowed: {SIZE}'),
    ("decimal comma", pools({**LINT, "memory": "1,5GiB"}), "input", f'pool "lint", field memory: got "1,5GiB"; allowed: {SIZE}'),
    ("negative size", pools({**LINT, "memory": -1}), "input", f'pool "lint", field memory: got -1; allowed: {SIZE}'),
    ("NaN", pools({**LINT, "memory": "NaN"}), "input", f'pool "lint", field memory: got "NaN"; allowed: {SIZE}'),
    ("true as a size", pools({**LINT, "memory": True}), "input", f'pool "lint", field memory: got True; allowed: {SIZE}'),
    ("huge exponent", pools({**LINT, "memory": "1e400GiB"}), "input", f'pool "lint", field memory: got "1e400GiB"; allowed: {SIZE}'),
    (
        "memory below the minimum",
        pools({**TART, "memory": "4GiB"}),
        "input",
        'pool "ios", field memory: got "4GiB"; allowed: at least 8 GiB for a runner of kind tart-macos',
    ),
    (
        "unknown isolation",
        pools({**DOCKER, "isolation": "dokcer"}),
        "input",
        'pool "linux", field isolation: got "dokcer"; allowed: one of tart, docker, container, sandbox, account, chroot; did you mean docker?',
    ),
    (
        "no isolation",
        pools({"name": "a"}),
        "input",
        'pool "a", field isolation: got nothing; allowed: one of tart, docker, container, sandbox, account, chroot',
    ),
    ("negative count", pools({**LINT, "count": -1}), "input", 'pool "lint", field count: got -1; allowed: a whole number from 0 to 1000'),
    ("count as a word", pools({**LINT, "count": "two"}), "input", 'pool "lint", field count: got "two"; allowed: a whole number from 0 to 1000'),
    ("duplicate pool names", pools(LINT, LINT), "names", 'pool "lint", field name: got "lint"; allowed: a name that no other pool of the Mac has'),
    ("macOS guest in docker", pools({**DOCKER, "guest": "macos"}), "input", 'pool "linux", field guest: got "macos"; allowed: one of linux'),
    (
        "image missing",
        pools({"name": "ios", "isolation": "tart"}),
        "input",
        'pool "ios", field image: got nothing; allowed: an image, which tart needs, such as ghcr.io/acme/image@sha256:...',
    ),
    (
        "too many slots for the ports",
        {**facts({**LINT, "count": 292, "memory": "1GiB", "cpus": 1}, memory="900GiB", cores=200, disk_free="9TiB")},
        "ports",
        'pool "lint": ports 20000 to 49199 reach 49152, where macOS takes its own',
    ),
    (
        "port ranges that overlap",
        pools({**LINT, "port_base": 30000, "count": 2}, {**LINT, "name": "more", "port_base": 30100}),
        "ports",
        'pool "more": ports 30100 to 30199 overlap those of pool lint (30000 to 30199)',
    ),
    (
        "reserved name",
        pools({**LINT, "name": "golden"}),
        "names",
        'field mac_runners_pools[0].name: got "golden"; allowed: a name that is not reserved: '
        "all, foreign, golden, host, lease, lock, none, template, ungrouped",
    ),
    ("bad launchd label", pools({**LINT, "name": "a.b/c"}), "names", f'field mac_runners_pools[0].name: got "a.b/c"; allowed: {NAME}'),
    ("upper case name", pools(TART, {**LINT, "name": "Lint"}), "names", f'field mac_runners_pools[1].name: got "Lint"; allowed: {NAME}'),
    ("no name", pools({"isolation": "sandbox"}), "names", f"field mac_runners_pools[0].name: got nothing; allowed: {NAME}"),
    (
        "unknown field",
        pools({**LINT, "memmory": "2GiB"}),
        "input",
        'pool "lint", field memmory: got an unknown field; allowed: count, cpus, disk, github, guest, image, isolation, job_seconds, labels, '
        "lifecycle, memory, name, network, pids_limit, port_base, runner_version, trust; did you mean memory?",
    ),
    ("label with a comma", pools({**LINT, "labels": ["a,b"]}), "input", f'pool "lint", field labels[0]: got "a,b"; allowed: {LABEL}'),
    ("labels as text", pools({**LINT, "labels": "a,b"}), "input", 'pool "lint", field labels: got "a,b"; allowed: a list'),
    ("label that is added anyway", pools({**LINT, "labels": ["x", "Linux"]}), "input", f'pool "lint", field labels[1]: got "Linux"; allowed: {LABEL}'),
    ("pools as text", {**GOOD, "mac_runners_pools": "[]"}, "input", 'field mac_runners_pools: got "[]"; allowed: a list'),
    ("pool as text", pools("lint"), "input", 'field mac_runners_pools[0]: got "lint"; allowed: a mapping of fields'),
    (
        "no facts",
        {"mac_runners_pools": [LINT]},
        "facts",
        "could not be read: its memory, which was neither measured nor declared in mac_runners_facts.memory "
        "(a Mac that cannot be read whole counts as full)",
    ),
    (
        "facts as text",
        {**GOOD, "mac_runners_facts": "64GiB"},
        "input",
        'field mac_runners_facts: got "64GiB"; allowed: a mapping of fields\n'
        "  facts: could not be read: its memory (a Mac that cannot be read whole counts as full)",
    ),
    ("facts of the wrong type", facts(cores=[12]), "input", "field mac_runners_facts.cores: got [12]; allowed: a whole number from 1 to 1024"),
    ("macOS by name", facts(macos="Tahoe"), "input", 'field mac_runners_facts.macos: got "Tahoe"; allowed: a version such as 26.1'),
    ("Intel Mac with tart", facts(TART, arch="x86_64"), "platform", 'pool "ios": tart needs Apple silicon, this Mac is x86_64'),
    (
        "container on macOS 15",
        facts({**DOCKER, "isolation": "container"}, macos="15.7"),
        "platform",
        'pool "linux": container needs macOS 26 or later, this Mac has 15.7',
    ),
    (
        "chroot with SIP on",
        facts({**LINT, "isolation": "chroot"}),
        "platform",
        'pool "lint": chroot needs System Integrity Protection off, this Mac has it enabled',
    ),
    (
        "weak isolation for untrusted code",
        pools({**LINT, "trust": "untrusted"}),
        "trust",
        'pool "lint": sandbox is weak isolation and runs only trusted code, this pool takes untrusted code; '
        "use a stronger isolation, or say trust: trusted if that is true",
    ),
    (
        "docker for untrusted code",
        pools({**DOCKER, "trust": "untrusted", "image": "x@sha256:" + "0" * 64}),
        "trust",
        'pool "linux": docker is medium isolation and runs no untrusted code, this pool takes untrusted code; '
        "use a stronger isolation, or say trust: internal if that is true",
    ),
    (
        "untrusted code on plain NAT",
        pools({**TART, "trust": "untrusted", "image": "x@sha256:" + "0" * 64}),
        "network",
        'pool "ios": untrusted code on nat reaches the Mac and its LAN; say network: softnet',
    ),
    (
        "untrusted code in an image that may change",
        pools({**TART, "trust": "untrusted", "network": "softnet"}),
        "image-pin",
        'pool "ios": untrusted code needs an image pinned by digest (@sha256:...), got acme/macos:26',
    ),
    ("more cpus than cores", pools({**TART, "cpus": 13}), "cpus", 'pool "ios": a runner with 13 cpus on a Mac with 12'),
    (
        "a policy's unknown field",
        {**GOOD, "mac_runners_capacity": {"macos_vms": 3}},
        "input",
        "field mac_runners_capacity.macos_vms: got an unknown field; allowed: count_suspended, cpu_factor, disk_reserve, "
        "docker_vm_base, facts_max_age, headroom, isolations, port_base, ports_per_slot, reserve",
    ),
    (
        "a licence of the wrong type",
        {**GOOD, "mac_runners_licences": {"tart": {"host_cores": "many"}}},
        "input",
        'field mac_runners_licences.tart.host_cores: got "many"; allowed: a whole number from 1 to 1000000',
    ),
)


@pytest.mark.parametrize(("variables", "check", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_one_exact_message(variables: Json, check: str, message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        capacity_check(capacity_plan({"good": GOOD, "odd": variables}))
    text = str(caught.value)
    assert "2 Macs: 1 fit, 1 refused." in text
    reasons = text.split("odd is refused:\n")[1].split("  ledger:\n")[0]
    assert reasons == f"  {check}: {message}\n"


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len({message for _name, _variables, _check, message in BAD}) >= 35


def test_all_mistakes_of_all_macs_come_in_one_run() -> None:
    fleet = {name: variables for name, variables, _check, _message in BAD}
    with pytest.raises(AnsibleFilterError) as caught:
        capacity_check(capacity_plan(fleet))
    for name, _variables, check, message in BAD:
        reasons = str(caught.value).split(f"\n{name} is refused:\n")[1].split("  ledger:\n")[0]
        assert f"  {check}: {message}\n" in reasons
