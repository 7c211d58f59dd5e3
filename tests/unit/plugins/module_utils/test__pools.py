# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools: what a good one becomes, and one exact message for everything that is wrong with one."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import (
    RESERVED_LABELS,
    RESERVED_NAMES,
    Pool,
    parse_pool,
    parse_pools,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import GIB, MIB

Json = t.Dict[str, t.Any]
DIGEST = "@sha256:" + "0123456789abcdef" * 4
TART: Json = {"name": "ios", "isolation": "tart", "image": "ghcr.io/acme/macos:26"}
DOCKER: Json = {"name": "linux", "isolation": "docker", "image": "ghcr.io/acme/linux:1"}
SANDBOX: Json = {"name": "lint", "isolation": "sandbox"}
SIZE = "a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB"
FIRST = "mac_runners_pools[0]"
NAME = "a lower-case letter, then at most 30 of a-z, 0-9 and -"
LABEL = (
    "a text of 1 to 256 characters without comma or blank, and not one that is added anyway: "
    "arm, arm64, linux, low-isolation, macos, self-hosted, windows, x64"
)
RESERVED = "a name that is not reserved: all, foreign, golden, host, lease, lock, none, template, ungrouped"


def pool_of(raw: Json) -> Pool:
    pool, mistakes = parse_pool(raw, Policy())
    assert mistakes == []
    assert pool is not None
    return pool


def mistakes_of(raw: t.Any) -> t.List[Mistake]:
    return parse_pools([raw], Policy())[1]


def test_a_short_pool_gets_the_defaults() -> None:
    assert pool_of(TART) == Pool(
        name="ios",
        isolation="tart",
        count=1,
        memory=12 * GIB,
        cpus=4,
        disk=20 * GIB,
        guest="macos",
        image="ghcr.io/acme/macos:26",
        network="nat",
    )


@pytest.mark.parametrize(
    ("isolation", "guest", "kind", "level", "memory", "cpus", "disk"),
    (
        ("tart", "macos", "tart-macos", "strong", 12 * GIB, 4, 20 * GIB),
        ("tart", "linux", "tart-linux", "strong", 4 * GIB, 2, 10 * GIB),
        ("docker", "", "docker", "medium", 2 * GIB, 2, 10 * GIB),
        ("container", "", "container", "medium", 2 * GIB, 2, 10 * GIB),
        ("sandbox", "", "sandbox", "weak", 3 * GIB // 2, 1, 10 * GIB),
        ("account", "", "account", "very-weak", 3 * GIB // 2, 1, 10 * GIB),
        ("chroot", "", "chroot", "very-weak", 3 * GIB // 2, 1, 10 * GIB),
    ),
)
def test_defaults_of_each_isolation(isolation: str, guest: str, kind: str, level: str, memory: int, cpus: int, disk: int) -> None:
    raw: Json = {"name": "a", "isolation": isolation}
    if guest:
        raw["guest"] = guest
    if isolation in ("tart", "docker", "container"):
        raw["image"] = "x"
    pool = pool_of(raw)
    assert (pool.kind, pool.level, pool.memory, pool.cpus, pool.disk) == (kind, level, memory, cpus, disk)
    assert (pool.runner_labels == ("low-isolation",)) == (level in ("weak", "very-weak"))


def test_a_native_pool_has_neither_guest_nor_image_nor_network() -> None:
    pool = Pool(name="lint", isolation="sandbox", count=1, memory=3 * GIB // 2, cpus=1, disk=10 * GIB)
    assert pool_of(SANDBOX) == dataclasses.replace(pool, guest="", image="", labels=(), network="", port_base=None, github_url="", runner_group="")
    assert pool_of({**SANDBOX, "port_base": 30000}) == dataclasses.replace(pool, port_base=30000)


def test_every_field_is_read() -> None:
    raw = {
        **DOCKER,
        "guest": "linux",
        "count": "4",
        "cpus": 3,
        "memory": "3GiB",
        "disk": "5GB",
        "labels": ["xcode-26", "fast"],
        "lifecycle": "persistent",
        "trust": "trusted",
        "network": "none",
        "pids_limit": 100,
        "github": {"url": "https://github.com/acme", "runner_group": "macs"},
    }
    assert pool_of(raw) == Pool(
        "linux",
        "docker",
        4,
        3 * GIB,
        3,
        5_000_000_000,
        "linux",
        "ghcr.io/acme/linux:1",
        ("xcode-26", "fast"),
        "persistent",
        "trusted",
        "none",
        None,
        100,
        "https://github.com/acme",
        "macs",
    )


def test_a_pool_names_its_slots_and_cannot_be_changed() -> None:
    pool = pool_of({**TART, "count": 2})
    assert pool.slots == ("ios-1", "ios-2")
    assert pool.owned_names == ("mac-runners-ios-1", "mac-runners-ios-2")
    with pytest.raises(dataclasses.FrozenInstanceError):
        pool.count = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("image", "pinned"),
    (
        ("ghcr.io/acme/linux" + DIGEST, True),
        ("ghcr.io/acme/linux:1" + DIGEST, True),
        ("ghcr.io/acme/linux:1", False),
        (DIGEST, False),
        ("x@sha256:" + "0" * 63, False),
        ("x@sha256:" + "A" * 64, False),
        ("x" + DIGEST + "0", False),
    ),
)
def test_an_image_is_pinned_by_a_whole_digest(image: str, pinned: bool) -> None:
    assert pool_of({**DOCKER, "image": image}).pinned is pinned


WRONG: t.Sequence[t.Tuple[str, t.Any, str]] = (
    ("no mapping", "ios", 'field mac_runners_pools[0]: got "ios"; allowed: a mapping of fields'),
    ("a list", ["ios"], "field mac_runners_pools[0]: got ['ios']; allowed: a mapping of fields"),
    ("no name", {"isolation": "sandbox"}, f'field mac_runners_pools[0].name: got nothing; allowed: {NAME}'),
    ("upper case", {**TART, "name": "iOS"}, f'field mac_runners_pools[0].name: got "iOS"; allowed: {NAME}'),
    ("underscore", {**TART, "name": "my_pool"}, f'field mac_runners_pools[0].name: got "my_pool"; allowed: {NAME}'),
    ("bad launchd label", {**TART, "name": "a.b/c"}, f'field mac_runners_pools[0].name: got "a.b/c"; allowed: {NAME}'),
    ("digit first", {**TART, "name": "1a"}, f'field mac_runners_pools[0].name: got "1a"; allowed: {NAME}'),
    ("a number", {**TART, "name": 1}, f'field mac_runners_pools[0].name: got 1; allowed: {NAME}'),
    ("line break", {**TART, "name": "a\n"}, f'field mac_runners_pools[0].name: got "a\\n"; allowed: {NAME}'),
    ("long", {**TART, "name": "a" * 32}, f'field mac_runners_pools[0].name: got "{"a" * 32}"; allowed: {NAME}'),
    ("reserved", {**TART, "name": "golden"}, f'field mac_runners_pools[0].name: got "golden"; allowed: {RESERVED}'),
    (
        "no isolation",
        {"name": "a"},
        'pool "a", field isolation: got nothing; allowed: one of tart, docker, container, sandbox, account, chroot',
    ),
    (
        "unknown isolation",
        {**TART, "isolation": "dokcer"},
        'pool "ios", field isolation: got "dokcer"; allowed: one of tart, docker, container, sandbox, account, chroot; did you mean docker?',
    ),
    (
        "unknown field",
        {**SANDBOX, "memmory": "2GiB"},
        'pool "lint", field memmory: got an unknown field; allowed: count, cpus, disk, github, guest, image, isolation, job_seconds, labels, '
        "lifecycle, memory, name, network, pids_limit, port_base, runner_version, trust; did you mean memory?",
    ),
    ("negative count", {**TART, "count": -1}, 'pool "ios", field count: got -1; allowed: a whole number from 0 to 1000'),
    ("half a runner", {**TART, "count": 1.5}, 'pool "ios", field count: got 1.5; allowed: a whole number from 0 to 1000'),
    ("true count", {**TART, "count": True}, 'pool "ios", field count: got True; allowed: a whole number from 0 to 1000'),
    ("too many", {**SANDBOX, "count": 1001}, 'pool "lint", field count: got 1001; allowed: a whole number from 0 to 1000'),
    ("endless", {**SANDBOX, "count": 10**5000}, 'pool "lint", field count: got a number without end; allowed: a whole number from 0 to 1000'),
    ("no cpus", {**TART, "cpus": 0}, 'pool "ios", field cpus: got 0; allowed: a whole number from 1 to 1024'),
    ("wrong unit", {**TART, "memory": "12G"}, f'pool "ios", field memory: got "12G"; allowed: {SIZE}'),
    ("comma", {**SANDBOX, "memory": "1,5GiB"}, f'pool "lint", field memory: got "1,5GiB"; allowed: {SIZE}'),
    ("negative", {**SANDBOX, "memory": -1}, f'pool "lint", field memory: got -1; allowed: {SIZE}'),
    ("NaN", {**SANDBOX, "memory": float("nan")}, f'pool "lint", field memory: got nan; allowed: {SIZE}'),
    ("true memory", {**SANDBOX, "memory": True}, f'pool "lint", field memory: got True; allowed: {SIZE}'),
    ("huge exponent", {**SANDBOX, "memory": "1e400GiB"}, f'pool "lint", field memory: got "1e400GiB"; allowed: {SIZE}'),
    ("nested", {**SANDBOX, "memory": {"size": "2GiB"}}, f"pool \"lint\", field memory: got {{'size': '2GiB'}}; allowed: {SIZE}"),
    ("below minimum", {**TART, "memory": "7GiB"}, 'pool "ios", field memory: got "7GiB"; allowed: at least 8 GiB for a runner of kind tart-macos'),
    ("a forgotten unit", {**DOCKER, "memory": 3}, 'pool "linux", field memory: got 3; allowed: at least 0.5 GiB for a runner of kind docker'),
    ("wrong disk", {**TART, "disk": "lots"}, f'pool "ios", field disk: got "lots"; allowed: {SIZE}'),
    ("macOS in docker", {**DOCKER, "guest": "macos"}, 'pool "linux", field guest: got "macos"; allowed: one of linux'),
    ("unknown guest", {**TART, "guest": "windows"}, 'pool "ios", field guest: got "windows"; allowed: one of macos, linux'),
    ("guest of none", {**SANDBOX, "guest": "macos"}, 'pool "lint", field guest: got "macos"; allowed: nothing: sandbox has no guest system'),
    (
        "image missing",
        {"name": "ios", "isolation": "tart"},
        'pool "ios", field image: got nothing; allowed: an image, which tart needs, such as ghcr.io/acme/image@sha256:...',
    ),
    ("image of none", {**SANDBOX, "image": "x"}, 'pool "lint", field image: got "x"; allowed: nothing: sandbox has no image'),
    (
        "image with a blank",
        {**TART, "image": "a b"},
        'pool "ios", field image: got "a b"; allowed: an image reference without blanks that does not begin with -',
    ),
    (
        "image with a blank at its end",
        {**TART, "image": "a "},
        'pool "ios", field image: got "a "; allowed: an image reference without blanks that does not begin with -',
    ),
    (
        "image as an option",
        {**TART, "image": "--insecure"},
        'pool "ios", field image: got "--insecure"; allowed: an image reference without blanks that does not begin with -',
    ),
    ("image list", {**TART, "image": ["x"]}, "pool \"ios\", field image: got ['x']; allowed: a text that is not empty, without control characters"),
    ("labels as text", {**TART, "labels": "a,b"}, 'pool "ios", field labels: got "a,b"; allowed: a list'),
    ("label with a comma", {**TART, "labels": ["a,b"]}, f'pool "ios", field labels[0]: got "a,b"; allowed: {LABEL}'),
    ("label with a blank", {**TART, "labels": ["ok", "a b"]}, f'pool "ios", field labels[1]: got "a b"; allowed: {LABEL}'),
    ("empty label", {**TART, "labels": [""]}, f'pool "ios", field labels[0]: got ""; allowed: {LABEL}'),
    ("label of 257", {**TART, "labels": ["x" * 257]}, f'pool "ios", field labels[0]: got "{"x" * 76}...; allowed: {LABEL}'),
    ("reserved label", {**TART, "labels": ["macOS"]}, f'pool "ios", field labels[0]: got "macOS"; allowed: {LABEL}'),
    (
        "label of a fleet",
        {**TART, "labels": ["Managed-By:other"]},
        'pool "ios", field labels[0]: got "Managed-By:other"; allowed: none that begins with managed-by:, by which the runners of a fleet are known; '
        "its own is added",
    ),
    ("label twice", {**TART, "labels": ["a", "A"]}, 'pool "ios", field labels[1]: got "A"; allowed: each label once (GitHub ignores case)'),
    (
        "lifecycle",
        {**TART, "lifecycle": "ephemerall"},
        'pool "ios", field lifecycle: got "ephemerall"; allowed: one of ephemeral, persistent; did you mean ephemeral?',
    ),
    ("trust", {**TART, "trust": "public"}, 'pool "ios", field trust: got "public"; allowed: one of untrusted, internal, trusted'),
    ("network", {**TART, "network": "host"}, 'pool "ios", field network: got "host"; allowed: one of nat, softnet'),
    ("network of none", {**SANDBOX, "network": "nat"}, 'pool "lint", field network: got "nat"; allowed: nothing: sandbox shares the Mac\'s network'),
    ("port of tart", {**TART, "port_base": 20000}, 'pool "ios", field port_base: got 20000; allowed: nothing: tart has its own network'),
    ("low port", {**SANDBOX, "port_base": 80}, 'pool "lint", field port_base: got 80; allowed: a whole number from 1024 to 65535'),
    ("pids of tart", {**TART, "pids_limit": 100}, 'pool "ios", field pids_limit: got 100; allowed: nothing: only docker limits processes this way'),
    ("github as text", {**TART, "github": "acme"}, 'pool "ios", field github: got "acme"; allowed: a mapping of fields'),
    (
        "github field",
        {**TART, "github": {"urll": "x"}},
        'pool "ios", field github.urll: got an unknown field; allowed: runner_group, url; did you mean url?',
    ),
)


@pytest.mark.parametrize(("raw", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_a_wrong_pool_has_one_exact_message(raw: t.Any, message: str) -> None:
    assert [mistake.message for mistake in mistakes_of(raw)] == [message]


def test_mistakes_of_names_have_their_own_check() -> None:
    assert [m.check for m in mistakes_of({**TART, "name": "iOS"})] == ["names"]
    assert [m.check for m in mistakes_of({**TART, "count": -1})] == ["input"]


@pytest.mark.parametrize(
    ("name", "called"),
    (("B", "B"), ("B" * 60, "B" * 60), ("B" * 61, FIRST), ("", FIRST), ("a\n", FIRST), (1, FIRST)),
)
def test_other_mistakes_of_a_pool_with_a_wrong_name(name: t.Any, called: str) -> None:
    mistakes = mistakes_of({**SANDBOX, "name": name, "count": -1})
    assert [(m.pool, m.field) for m in mistakes] == [("", "mac_runners_pools[0].name"), (called, "count")]


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_reserved_names(name: str) -> None:
    assert [m.check for m in mistakes_of({**SANDBOX, "name": name})] == ["names"]


@pytest.mark.parametrize("label", sorted(RESERVED_LABELS))
def test_reserved_labels_in_any_case(label: str) -> None:
    assert len(mistakes_of({**SANDBOX, "labels": [label, label.upper()]})) == 2


@pytest.mark.parametrize("raw", ("[]", "[{'name': 'a'}]", "", 1, True, {"name": "a"}, {}))
def test_pools_that_are_no_list(raw: t.Any) -> None:
    pools, mistakes = parse_pools(raw, Policy())
    assert pools == ()
    assert [(m.field, m.allowed) for m in mistakes] == [("mac_runners_pools", "a list")]


@pytest.mark.parametrize("raw", (None, [], ()))
def test_no_pools_are_no_mistake(raw: t.Any) -> None:
    assert parse_pools(raw, Policy()) == ((), [])


def test_all_mistakes_of_all_pools_come_out_at_once() -> None:
    raw = [
        {**TART, "count": -1, "memory": "12G", "labels": ["a,b"]},
        "text",
        {"name": "x", "isolation": "vm", "count": -1, "memory": "1G", "labels": ["a,b"]},
        SANDBOX,
        {**DOCKER, "name": "ios"},
    ]
    pools, mistakes = parse_pools(raw, Policy())
    assert [pool.name for pool in pools] == ["lint", "ios"]
    assert [(m.pool, m.field) for m in mistakes] == [
        ("ios", "count"),
        ("ios", "memory"),
        ("ios", "labels[0]"),
        ("", "mac_runners_pools[1]"),
        ("x", "isolation"),
        ("x", "count"),
        ("x", "memory"),
        ("x", "labels[0]"),
        ("ios", "name"),
    ]


def test_a_name_used_three_times_is_one_mistake() -> None:
    _pools, mistakes = parse_pools([SANDBOX, SANDBOX, SANDBOX], Policy())
    assert [m.message for m in mistakes] == ['pool "lint", field name: got "lint"; allowed: a name that no other pool of the Mac has']
    assert mistakes[0].check == "names"


def test_the_policy_sets_defaults_and_minimum() -> None:
    policy, wrong = parse_policy({"isolations": {"sandbox": {"memory": "3GiB", "minimum": "2GiB", "cpus": 4, "disk": "1GiB"}}})
    assert wrong == []
    pool, mistakes = parse_pool(SANDBOX, policy)
    assert mistakes == []
    assert pool is not None
    assert (pool.memory, pool.cpus, pool.disk) == (3 * GIB, 4, GIB)
    assert len(parse_pool({**SANDBOX, "memory": 2 * GIB - MIB}, policy)[1]) == 1
    assert parse_pool({**SANDBOX, "memory": 2 * GIB}, policy)[1] == []


@pytest.mark.parametrize("name", ("a", "a" * 31, "a-1", "a--b", "x9"))
def test_good_names(name: str) -> None:
    assert pool_of({**SANDBOX, "name": name}).name == name


def test_a_pool_alone_is_the_first() -> None:
    assert [m.field for m in parse_pool("text", Policy())[1]] == [FIRST]


LIMITS: t.Sequence[t.Tuple[Json, str, int, int]] = (
    (TART, "count", 0, 1000),
    (TART, "cpus", 1, 1024),
    (SANDBOX, "port_base", 1024, 65535),
    (DOCKER, "pids_limit", 16, 4194304),
)


@pytest.mark.parametrize(("raw", "field", "least", "most"), LIMITS)
def test_numbers_from_the_least_to_the_most(raw: Json, field: str, least: int, most: int) -> None:
    for number in (least, most):
        assert getattr(pool_of({**raw, field: number}), field) == number
    for number in (least - 1, most + 1):
        assert [m.allowed for m in mistakes_of({**raw, field: number})] == [f"a whole number from {least} to {most}"]


def test_what_needs_no_isolation_is_read_without_one() -> None:
    wrong = {"name": "a", "count": -1, "memory": "1G", "disk": "1G", "cpus": 0, "labels": [""]}
    assert [m.field for m in mistakes_of(wrong)] == ["isolation", "count", "memory", "disk", "cpus", "labels[0]"]
    assert [m.field for m in mistakes_of({"name": "a", "count": 1001, "cpus": 1025})] == ["isolation", "count", "cpus"]
    assert [m.field for m in mistakes_of({"name": "a", "count": 0, "cpus": 1024})] == ["isolation"]


def test_labels_of_all_lengths_and_letters() -> None:
    labels = ("x" * 256, "X", "a-B_9.")
    assert pool_of({**TART, "labels": list(labels)}).labels == labels
