# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter docker_containers."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.action_packer.mac_runners.plugins.filter.docker_containers import FilterModule

docker_containers = FilterModule().filters()["docker_containers"]
POOL = {"name": "linux", "isolation": "docker", "lifecycle": "persistent", "count": 2, "image": "acme/linux:1"}


def test_one_container_a_slot():
    containers = docker_containers([POOL, {**POOL, "name": "job", "lifecycle": "ephemeral"}])
    assert [(entry["name"], entry["memory"]) for entry in containers] == [("linux-1", 2 * 1024**3), ("linux-2", 2 * 1024**3)]


def test_capacity_gives_what_a_pool_does_not_say():
    first, _second = docker_containers([POOL], {"isolations": {"docker": {"memory": "5GiB", "cpus": 3}}})
    assert (first["memory"], first["cpus"]) == (5 * 1024**3, 3)


@pytest.mark.parametrize(
    "pools, capacity, message",
    [
        ([{**POOL, "memory": "12G"}], None, 'pool "linux", field memory: got "12G"'),
        ([POOL, POOL], None, 'pool "linux", field name: got "linux"; allowed: a name that no other pool of the Mac has'),
        ("text", None, "field mac_runners_pools: got "),
        ([POOL], {"reserv": 1}, "field mac_runners_capacity.reserv: got an unknown field"),
    ],
)
def test_mistakes_are_named(pools, capacity, message):
    with pytest.raises(AnsibleFilterError) as caught:
        docker_containers(pools, capacity)
    assert message in str(caught.value)
