# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as they are asked for: every mistake is named, with container, field, given and allowed."""

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import (
    ContainerSpec,
    InputError,
    parse_containers,
)

GOOD = {"name": "linux-1", "image": "acme/linux:1", "memory": "3GiB"}

WRONG = [
    ({"name": None}, "container number 1: field name: got nothing; allowed: the name of a slot, <pool>-<number>, such as linux-1"),
    ({"name": "linux"}, 'container number 1: field name: got "linux"; allowed: the name of a slot, <pool>-<number>, such as linux-1'),
    ({"name": "Linux-1"}, 'container number 1: field name: got "Linux-1"; allowed: the name of a slot, <pool>-<number>, such as linux-1'),
    ({"name": "linux-0"}, 'container number 1: field name: got "linux-0"; allowed: the name of a slot, <pool>-<number>, such as linux-1'),
    ({"name": "../x-1"}, 'container number 1: field name: got "../x-1"; allowed: the name of a slot, <pool>-<number>, such as linux-1'),
    ({"image": None}, "container linux-1: field image: got nothing; allowed: an image reference without blanks that does not begin with -"),
    ({"image": "-v"}, 'container linux-1: field image: got "-v"; allowed: an image reference without blanks that does not begin with -'),
    ({"image": "a b"}, 'container linux-1: field image: got "a b"; allowed: an image reference without blanks that does not begin with -'),
    ({"memory": None}, "container linux-1: field memory: got nothing; allowed: a size such as 3GiB"),
    (
        {"memory": "12G"},
        'container linux-1: field memory: got "12G"; allowed: a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB',
    ),
    ({"memory": 5 * 1024**2}, "container linux-1: field memory: got 5242880; allowed: at least 6MiB, the least that an engine takes"),
    (
        {"memory": True},
        "container linux-1: field memory: got True; allowed: a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB",
    ),
    ({"cpus": 0}, "container linux-1: field cpus: got 0; allowed: a whole number from 1 to 1024"),
    ({"cpus": 1.5}, "container linux-1: field cpus: got 1.5; allowed: a whole number from 1 to 1024"),
    ({"pids_limit": -1}, "container linux-1: field pids_limit: got -1; allowed: a whole number from 16 to 4194304"),
    (
        {"disk": "much"},
        'container linux-1: field disk: got "much"; allowed: a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB',
    ),
    ({"command": "run.sh"}, 'container linux-1: field command: got "run.sh"; allowed: a list'),
    ({"command": [1]}, "container linux-1: field command: got [1]; allowed: a list of texts"),
    ({"network": "host"}, 'container linux-1: field network: got "host"; allowed: one of bridge, none'),
    ({"user": "root"}, 'container linux-1: field user: got "root"; allowed: UID:GID in numbers, neither of them 0 (a runner is never root)'),
    ({"user": "0:0"}, 'container linux-1: field user: got "0:0"; allowed: UID:GID in numbers, neither of them 0 (a runner is never root)'),
    ({"user": "1001"}, 'container linux-1: field user: got "1001"; allowed: UID:GID in numbers, neither of them 0 (a runner is never root)'),
    ({"read_only": "maybe"}, 'container linux-1: field read_only: got "maybe"; allowed: true or false'),
    ({"restart": "always"}, 'container linux-1: field restart: got "always"; allowed: one of unless-stopped, no'),
    ({"state": "started"}, 'container linux-1: field state: got "started"; allowed: one of present, absent'),
    (
        {"memry": "3GiB"},
        "container linux-1: field memry: got an unknown field; allowed: command, cpus, disk, image, memory, name, network, "
        "pids_limit, read_only, restart, state, user; did you mean memory?",
    ),
]


@pytest.mark.parametrize("change, message", WRONG, ids=[str(change) for change, _message in WRONG])
def test_a_mistake_is_named(change, message):
    with pytest.raises(InputError) as caught:
        parse_containers([{**GOOD, **change}])
    assert str(caught.value) == message


def test_all_mistakes_of_all_containers_are_named_at_once():
    with pytest.raises(InputError) as caught:
        parse_containers([{**GOOD, "cpus": 0}, {**GOOD, "name": "linux-2", "user": "root"}, GOOD, GOOD])
    assert [part.split(":")[0] for part in str(caught.value).split("; container")] == ["container linux-1", " linux-2", " linux-1"]
    assert 'container linux-1: field name: got "linux-1" more than once; allowed: each name once' in str(caught.value)


def test_a_good_one_is_read():
    (spec,) = parse_containers([{**GOOD, "cpus": "4", "command": ["run.sh"], "read_only": "true"}])
    assert spec == ContainerSpec("linux-1", True, "acme/linux:1", 3 * 1024**3, 4, command=("run.sh",), read_only=True)
    assert (spec.name, spec.pool) == ("mac-runners-linux-1", "linux")


def test_an_absent_one_needs_no_more_than_its_name():
    (spec,) = parse_containers([{"name": "my-linux-12", "state": "absent", "image": None, "memory": None}])
    assert (spec.present, spec.pool) == (False, "my-linux")


def test_the_fingerprint_follows_what_a_container_keeps_and_not_its_limits():
    first, *others = parse_containers(
        [
            GOOD,
            {**GOOD, "name": "linux-2", "memory": "4GiB", "cpus": 1, "pids_limit": 99, "restart": "no"},
            {**GOOD, "name": "linux-3", "command": ["run.sh"]},
            {**GOOD, "name": "linux-4", "user": "5:5"},
        ]
    )
    assert [other.fingerprint == first.fingerprint for other in others] == [True, False, False]
