# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts: one shape for measured and declared ones, and which of the two counts."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._facts import (
    DockerEngine,
    MacFacts,
    Workload,
    merge_facts,
    parse_facts,
    version_tuple,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB

Json = t.Dict[str, t.Any]
DECLARED: Json = {
    "memory": "64GiB",
    "chip": "Apple M2 Max",
    "arch": "arm64",
    "cores": 12,
    "macos": "26.1",
    "sip": "enabled",
    "disk_free": "400GiB",
    "tart": {"version": "2.36.0"},
    "docker": {"engine": "colima", "memory": "16GiB", "cpus": 6},
    "workloads": [{"kind": "tart", "name": "someone-else", "guest": "linux", "state": "running", "memory": "4GiB", "owned": False}],
    "unread": [],
}


def facts_of(raw: t.Any) -> MacFacts:
    facts, mistakes = parse_facts(raw)
    assert mistakes == []
    return facts


def test_declared_facts_are_read() -> None:
    facts = facts_of(DECLARED)
    assert facts == MacFacts(
        memory=64 * GIB,
        chip="Apple M2 Max",
        arch="arm64",
        cores=12,
        macos="26.1",
        sip="enabled",
        disk_free=400 * GIB,
        tart_version="2.36.0",
        docker=DockerEngine("colima", 16 * GIB, 6, True),
        workloads=(Workload("tart", "someone-else", "running", "linux", 4 * GIB),),
    )
    assert facts.macos_version == (26, 1)


@pytest.mark.parametrize("raw", (None, {}))
def test_no_facts_are_no_mistake_and_nothing_known(raw: t.Any) -> None:
    assert facts_of(raw) == MacFacts()


@pytest.mark.parametrize(
    ("raw", "arch"),
    (
        ({"chip": "Apple M4"}, "arm64"),
        ({"chip": "Intel(R) Core(TM) i7"}, "x86_64"),
        ({"chip": "Intel", "arch": "arm64"}, "arm64"),
        ({"chip": "unheard of"}, ""),
        ({}, ""),
    ),
)
def test_the_architecture_follows_from_the_chip(raw: Json, arch: str) -> None:
    assert facts_of(raw).arch == arch


@pytest.mark.parametrize(
    ("text", "parts"),
    (
        ("26.1", (26, 1)),
        ("2.32.1", (2, 32, 1)),
        ("2.32.1-beta.1", (2, 32, 1)),
        ("15", (15,)),
        ("", None),
        ("26.", None),
        (".1", None),
        ("26.x", None),
        ("v26", None),
        ("26 1", None),
        ("\u00b2", None),
        ("\u0662\u0666", None),
        ("9" * 10_000, None),
        ("26.1\n", None),
        ("26.1-\x1b[2J", None),
    ),
)
def test_versions(text: str, parts: t.Optional[t.Tuple[int, ...]]) -> None:
    assert version_tuple(text) == parts


@pytest.mark.parametrize(("given", "text"), (("26.1", "26.1"), (26, "26"), (26.1, "26.1"), ("15.7.1", "15.7.1")))
def test_yaml_may_read_a_version_as_a_number(given: t.Any, text: str) -> None:
    assert facts_of({"macos": given}).macos == text


WRONG: t.Sequence[t.Tuple[t.Any, str]] = (
    ("64GiB", 'field mac_runners_facts: got "64GiB"; allowed: a mapping of fields'),
    ([DECLARED["docker"]], "field mac_runners_facts: got [{'engine': 'colima', 'memory': '16GiB', 'cpus': 6}]; allowed: a mapping of fields"),
    ({"memory": "64G"}, 'field mac_runners_facts.memory: got "64G"; allowed: a size such as'),
    ({"memory": [64]}, "field mac_runners_facts.memory: got [64]; allowed: a size such as"),
    ({"memory": True}, "field mac_runners_facts.memory: got True; allowed: a size such as"),
    ({"cores": 0}, "field mac_runners_facts.cores: got 0; allowed: a whole number from 1 to 1024"),
    ({"cores": "ten"}, 'field mac_runners_facts.cores: got "ten"; allowed: a whole number from 1 to 1024'),
    ({"arch": "amd64"}, 'field mac_runners_facts.arch: got "amd64"; allowed: one of arm64, x86_64'),
    ({"macos": "Tahoe"}, 'field mac_runners_facts.macos: got "Tahoe"; allowed: a version such as 26.1'),
    ({"macos": float("nan")}, "field mac_runners_facts.macos: got nan; allowed: a version such as 26.1"),
    ({"macos": float("inf")}, "field mac_runners_facts.macos: got inf; allowed: a version such as 26.1"),
    ({"macos": "\u00b2"}, 'field mac_runners_facts.macos: got "\u00b2"; allowed: a version such as 26.1'),
    ({"macos": 10**5000}, "field mac_runners_facts.macos: got a number without end; allowed: a version such as 26.1"),
    ({"macos": -26}, "field mac_runners_facts.macos: got -26; allowed: a version such as 26.1"),
    ({"macos": ["26.1"]}, "field mac_runners_facts.macos: got ['26.1']; allowed: a version such as 26.1"),
    ({"macos": True}, "field mac_runners_facts.macos: got True; allowed: a version such as 26.1"),
    ({"macos": {"major": 26}}, "field mac_runners_facts.macos: got {'major': 26}; allowed: a version such as 26.1"),
    ({"sip": False}, "field mac_runners_facts.sip: got False; allowed: one of enabled, disabled, custom, unknown"),
    ({"tart": "2.36.0"}, 'field mac_runners_facts.tart: got "2.36.0"; allowed: a mapping of fields'),
    ({"tart": {"version": "new"}}, 'field mac_runners_facts.tart.version: got "new"; allowed: a version such as 26.1'),
    ({"docker": "colima"}, 'field mac_runners_facts.docker: got "colima"; allowed: a mapping of fields'),
    (
        {"docker": {"engine": "podman"}},
        'field mac_runners_facts.docker.engine: got "podman"; allowed: one of docker-desktop, colima, orbstack, lima, rancher-desktop, other',
    ),
    ({"docker": {"memory": "big"}}, 'field mac_runners_facts.docker.memory: got "big"; allowed: a size such as'),
    ({"docker": {"ram": 1}}, "field mac_runners_facts.docker.ram: got an unknown field; allowed: "),
    ({"workloads": "none"}, 'field mac_runners_facts.workloads: got "none"; allowed: a list'),
    ({"workloads": ["vm"]}, 'field mac_runners_facts.workloads[0]: got "vm"; allowed: a mapping of fields'),
    ({"workloads": [{"name": "x"}]}, "field mac_runners_facts.workloads[0].kind: got nothing; allowed: one of tart, docker, container, vm-process"),
    (
        {"workloads": [{"kind": "tart", "state": "sleeping"}]},
        'field mac_runners_facts.workloads[0].state: got "sleeping"; allowed: one of running, paused, suspended, stopped',
    ),
    ({"workloads": [{"kind": "tart", "memory": -1}]}, "field mac_runners_facts.workloads[0].memory: got -1; allowed: a size such as"),
    ({"workloads": [{"kind": "tart", "owned": "no one"}]}, 'field mac_runners_facts.workloads[0].owned: got "no one"; allowed: true or false'),
    ({"images": "x"}, 'field mac_runners_facts.images: got "x"; allowed: a list'),
    ({"images": [5]}, "field mac_runners_facts.images[0]: got 5; allowed: a text"),
    ({"unread": "all"}, 'field mac_runners_facts.unread: got "all"; allowed: a list'),
    ({"measured_at": -1}, "field mac_runners_facts.measured_at: got -1; allowed: a whole number from 0 to 1099511627776"),
    ({"memry": "64GiB"}, "field mac_runners_facts.memry: got an unknown field; allowed: "),
)


@pytest.mark.parametrize(("raw", "message"), WRONG)
def test_wrong_facts(raw: t.Any, message: str) -> None:
    _facts, mistakes = parse_facts(raw)
    assert mistakes[0].message.startswith(message)
    # A workload that is no mapping has no kind either.
    assert {mistake.field.split(".kind")[0] for mistake in mistakes} == {mistakes[0].field.split(".kind")[0]}


def test_all_mistakes_of_the_facts_come_out_at_once() -> None:
    raw = {"memory": "64G", "cores": 0, "docker": {"cpus": 0}, "workloads": [{"kind": "tart"}, {"kind": "vm"}]}
    assert [m.field.split(".", 1)[1] for m in parse_facts(raw)[1]] == ["memory", "cores", "docker.cpus", "workloads[1].kind"]


def test_measured_facts_have_their_own_name() -> None:
    assert parse_facts({"cores": 0}, "measured")[1][0].field == "measured.cores"


def test_what_was_not_read_stays_on_one_line() -> None:
    assert facts_of({"unread": ["sudo:\n  no", 5]}).unread == ("sudo: no", "5")


# --- measured and declared ---------------------------------------------------------------


@pytest.mark.parametrize("field", ("memory", "cores", "disk_free"))
@pytest.mark.parametrize(
    ("measured", "declared", "planned"),
    ((8, 4, 4), (8, 16, 8), (8, None, 8), (None, 16, None), (None, None, None)),
)
def test_a_declared_size_only_makes_a_mac_smaller(
    field: str, measured: t.Optional[int], declared: t.Optional[int], planned: t.Optional[int]
) -> None:
    merged = merge_facts(MacFacts(**t.cast(Json, {field: measured})), MacFacts(**t.cast(Json, {field: declared})))
    assert getattr(merged, field) == planned


def test_what_a_mac_is_was_measured() -> None:
    measured = MacFacts(arch="x86_64", macos="15.1", sip="enabled", virtual_machine=True, tart_version="2.32.1")
    declared = MacFacts(arch="arm64", macos="26.1", sip="disabled", tart_version="2.36.0")
    assert merge_facts(measured, declared) == measured


def test_declared_workloads_come_on_top_once() -> None:
    measured = MacFacts(workloads=(Workload("tart", "a", memory=1), Workload("docker", "c", "stopped")))
    declared = MacFacts(
        workloads=(
            Workload("tart", "a", memory=9),
            Workload("tart", "b", memory=2),
            Workload("docker", "a", memory=3),
            Workload("tart", "ours", memory=4, owned=True),
        )
    )
    assert [(w.kind, w.name, w.memory) for w in merge_facts(measured, declared).workloads] == [
        ("tart", "a", 1),
        ("docker", "c", None),
        ("tart", "b", 2),
        ("docker", "a", 3),
    ]


def test_a_declared_engine_counts_until_there_is_one() -> None:
    planned, found = DockerEngine("colima", 16 * GIB), DockerEngine("colima", 8 * GIB)
    assert merge_facts(MacFacts(), MacFacts(docker=planned)).docker == planned
    assert merge_facts(MacFacts(docker=found), MacFacts(docker=planned)).docker == found


def test_nothing_that_could_not_be_read_is_forgotten() -> None:
    merged = merge_facts(MacFacts(unread=("memory",), measured_at=5), MacFacts(unread=("disk",), measured_at=9))
    assert merged.unread == ("memory", "disk")
    assert merged.measured_at == 5


# --- limits ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "least", "most"),
    (("cores", 1, 1024), ("pressure", 1, 4), ("measured_at", 0, 2**40), ("docker.cpus", 1, 1024)),
)
def test_numbers_from_the_least_to_the_most(path: str, least: int, most: int) -> None:
    for number in (least - 1, least, most, most + 1):
        field, _dot, inner = path.partition(".")
        mistakes = parse_facts({field: {inner: number} if inner else number})[1]
        wanted = [f"mac_runners_facts.{path}: a whole number from {least} to {most}"]
        assert [f"{m.field}: {m.allowed}" for m in mistakes] == ([] if least <= number <= most else wanted)


@pytest.mark.parametrize(
    ("raw", "allowed"),
    (
        ({"tart": {"x": 1}}, "homes, path, version"),
        ({"container": {"x": 1}}, "homes, path, version"),
        ({"docker": {"x": 1}}, "cpus, engine, id, memory, running, socket, version"),
        ({"workloads": [{"kind": "tart", "x": 1}]}, "guest, kind, memory, name, owned, place, state"),
        ({"workloads": [{"kind": "tart", "guest": "windows"}]}, "one of macos, linux"),
    ),
)
def test_what_is_allowed_is_said(raw: t.Any, allowed: str) -> None:
    assert [mistake.allowed.split(";")[0] for mistake in parse_facts(raw)[1]] == [allowed]


def test_every_fact_is_read() -> None:
    raw = {
        "virtual_machine": True,
        "pressure": 2,
        "tart": {"version": 2.36, "path": "/opt/tart", "homes": []},
        "container": {"version": "0.6.0"},
        "docker": {"engine": "orbstack", "running": False, "version": "28", "socket": "/s", "id": "x"},
        "workloads": [{"kind": "docker", "name": "box", "state": "paused", "guest": "linux", "memory": 1, "owned": True, "place": "colima"}, {"kind": "tart"}],
        "images": ["one", "two", "one"],
        "measured_at": 7,
        "holder": "fleet-1",
    }
    assert facts_of(raw) == MacFacts(
        virtual_machine=True,
        pressure=2,
        tart_version="2.36",
        container_version="0.6.0",
        docker=DockerEngine("orbstack", None, None, False),
        workloads=(Workload("docker", "box", "paused", "linux", 1, True, "colima"), Workload("tart", "unnamed", "running", "", None, False, "")),
        images=frozenset(("one", "two")),
        measured_at=7,
        holder="fleet-1",
    )
    assert facts_of({"docker": {}}).docker == DockerEngine("other", None, None, True)


def test_a_wrong_workload_counts_as_what_takes_most() -> None:
    """A VM that runs, that nobody knows and that is not ours."""
    raw = {field: ["wrong"] for field in ("kind", "name", "guest", "state", "memory", "owned", "place")}
    assert parse_facts({"workloads": [raw]})[0].workloads == (Workload("vm-process", "unnamed", "running", "", None, False, ""),)


def test_a_wrong_version_and_a_wrong_engine_are_not_kept() -> None:
    facts, mistakes = parse_facts({"macos": "Tahoe", "tart": {"version": "new"}, "docker": {"engine": "podman"}})
    assert len(mistakes) == 3
    assert (facts.macos, facts.tart_version, facts.docker) == ("", "", DockerEngine("other"))


def test_what_others_run_is_foreign() -> None:
    ours, theirs = Workload("tart", "a", owned=True), Workload("tart", "b", "stopped")
    assert MacFacts(workloads=(ours, theirs)).foreign == [theirs]
    assert (ours.counts, theirs.counts) == (True, False)
