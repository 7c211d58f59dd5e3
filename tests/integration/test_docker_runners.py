# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docker_runners: what is made, kept, changed, repaired and removed."""

from __future__ import annotations

import engine
import pytest
from workbench import MIB, PYTHON_OF_A_MAC, Workbench, slot, slots


def actions(result: dict, name: str) -> list[str]:
    return [step["action"] for step in result["steps"] if step["resource"] == name]


def test_fifteen_containers_are_made_once_and_then_left_alone(bench: Workbench) -> None:
    result = bench.converge(slots(15))
    assert result["changed"]
    assert len(result["steps"]) == 30
    assert len(bench.names()) == 15
    assert {entry["status"] for entry in result["containers"]} == {"running"}


def test_limits_and_hardening_are_what_the_engine_enforces(bench: Workbench) -> None:
    bench.converge([slot("linux-1", memory="48MiB", cpus=2, pids_limit=64)])
    host = bench.inspect("mac-runners-linux-1")["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (48 * MIB, 48 * MIB, 2 * 10**9, 64)
    assert (host["CapDrop"], host["SecurityOpt"], host["Init"], host["Privileged"]) == (["ALL"], ["no-new-privileges"], True, False)
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    status = bench.inside("mac-runners-linux-1", "cat", "/proc/self/status")
    assert "Uid:\t1001\t1001\t1001\t1001" in status and "Gid:\t1001\t1001\t1001\t1001" in status
    assert "CapEff:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    assert "docker.sock" not in bench.inside("mac-runners-linux-1", "cat", "/proc/mounts")


def test_check_mode_predicts_the_run_and_changes_nothing(bench: Workbench) -> None:
    bench.converge([*slots(3), slot("linux-5"), slot("linux-6")])
    bench.api.pause("mac-runners-linux-3")
    wanted = [slot("linux-1"), slot("linux-2", memory="40MiB"), slot("linux-3"), slot("linux-4"), slot("linux-5", user="1002:1002")]
    before = bench.snapshot()
    predicted = bench.run(wanted, check=True, purge=True)
    assert bench.snapshot() == before
    done = bench.run(wanted, purge=True)
    assert predicted["steps"] == done["steps"] and predicted["diff"] == done["diff"] and predicted["containers"] == done["containers"]
    assert predicted["changed"] and done["changed"]
    assert {name: actions(done, f"mac-runners-linux-{name}") for name in range(1, 7)} == {
        1: [],
        2: ["update"],
        3: ["unpause"],
        4: ["create", "start"],
        5: ["stop", "remove", "create", "start"],
        6: ["stop", "remove"],
    }
    assert not bench.run(wanted, purge=True)["changed"]


def test_check_mode_leaves_no_lock_behind(bench: Workbench) -> None:
    bench.run(slots(1), check=True)
    assert not bench.state_dir.exists() and bench.names() == []


def test_diff_shows_what_changes_and_nothing_else(bench: Workbench) -> None:
    bench.converge(slots(2))
    diff = bench.run([slot("linux-1", memory="40MiB"), slot("linux-2")])["diff"]
    before, after = diff["before"].pop("mac-runners-linux-1"), diff["after"].pop("mac-runners-linux-1")
    assert diff == {"before": {}, "after": {}}
    assert {field for field in after if before[field] != after[field]} == {"memory", "memory_swap"}


@pytest.mark.parametrize("change", [{"memory": "64MiB"}, {"memory": "16MiB"}, {"cpus": 2}, {"pids_limit": 100}, {"restart": "no"}])
def test_limits_change_in_place(bench: Workbench, change: dict) -> None:
    bench.converge(slots(1))
    before = bench.inspect("mac-runners-linux-1")
    result = bench.converge([slot("linux-1", **change)])
    after = bench.inspect("mac-runners-linux-1")
    assert actions(result, "mac-runners-linux-1") == ["update"]
    assert (before["Id"], before["State"]["StartedAt"]) == (after["Id"], after["State"]["StartedAt"])


@pytest.mark.parametrize(
    "change", [{"image": "mac-runners-test:2"}, {"command": ["sleep", "2000000"]}, {"user": "1002:1003"}, {"network": "bridge"}, {"read_only": True}]
)
def test_anything_else_makes_a_new_container_of_that_one_alone(bench: Workbench, change: dict) -> None:
    engine.import_image(bench.api, "mac-runners-test:2")
    bench.converge(slots(2))
    before = [bench.inspect(name) for name in bench.names()]
    bench.converge([slot("linux-1", **change), slot("linux-2")])
    after = [bench.inspect(name) for name in bench.names()]
    assert before[0]["Id"] != after[0]["Id"] and before[1] == after[1]


def test_a_read_only_container_can_write_in_tmp(bench: Workbench) -> None:
    bench.converge([slot("linux-1", read_only=True)])
    assert "Read-only" in bench.inside("mac-runners-linux-1", "touch", "/bin/new")
    assert bench.inside("mac-runners-linux-1", "sh", "-c", "echo exit 3 > /tmp/x && sh /tmp/x; echo $?") == "3\n"


def test_what_somebody_did_to_a_container_is_repaired(bench: Workbench) -> None:
    bench.converge(slots(4))
    bench.api.stop("mac-runners-linux-1", timeout=0)
    bench.api.pause("mac-runners-linux-2")
    bench.api.remove_container("mac-runners-linux-3", force=True)
    bench.api.update_container("mac-runners-linux-4", mem_limit=64 * MIB, memswap_limit=64 * MIB)
    result = bench.converge(slots(4))
    assert [actions(result, name) for name in bench.names()] == [["start"], ["unpause"], ["create", "start"], ["update"]]


def test_a_container_of_ours_that_was_made_otherwise_is_made_again(bench: Workbench) -> None:
    labels = {"dev.action-packer.mac-runners.pool": "linux", "dev.action-packer.mac-runners.lifecycle": "persistent"}
    bench.api.create_container(
        engine.IMAGE, name="mac-runners-linux-1", labels=labels, host_config=bench.api.create_host_config(privileged=True, network_mode="none")
    )
    bench.converge(slots(1))
    assert not bench.inspect("mac-runners-linux-1")["HostConfig"]["Privileged"]


def test_absent_and_purge_remove_and_a_second_run_has_nothing_to_do(bench: Workbench) -> None:
    bench.converge(slots(4))
    result = bench.converge([slot("linux-1", state="absent"), {"name": "linux-9", "state": "absent"}, slot("linux-2")])
    assert bench.names() == ["mac-runners-linux-2", "mac-runners-linux-3", "mac-runners-linux-4"]
    assert [step["resource"] for step in result["steps"]] == ["mac-runners-linux-1"] * 2
    bench.converge([slot("linux-2")], purge=True)
    assert bench.names() == ["mac-runners-linux-2"]
    bench.converge([], purge=True)
    assert bench.names() == []


def test_the_python_of_a_mac_makes_and_keeps_containers(bench: Workbench) -> None:
    assert bench.converge(slots(2), python=str(PYTHON_OF_A_MAC))["changed"]


def test_a_container_that_ends_at_once_is_told_of(bench: Workbench) -> None:
    containers = [slot("linux-1", command=["sh", "-c", "exit 7"], restart="no"), slot("linux-2")]
    results = [bench.run(containers), bench.run(containers)]
    # The first run sees the end when it looks back soon enough, else the second one does.
    told = [*results[0].get("failures", {}).items(), *((step["resource"], step["detail"]) for step in results[1]["steps"])]
    assert {name for name, _text in told} == {"mac-runners-linux-1"} and "ended with 7" in told[0][1]
    assert bench.inspect("mac-runners-linux-2")["State"]["Status"] == "running"


def test_a_container_with_a_job_is_stopped_by_force_alone(bench: Workbench) -> None:
    working = slot("linux-1", command=["/bin/sh", "-c", "sleep 600; : Runner.Worker"])
    bench.converge([working, slot("linux-2")])
    number = bench.inspect("mac-runners-linux-1")["Id"]
    for wanted, options in (([], {"purge": True}), ([{**working, "user": "1002:1002"}], {})):
        refused = bench.run(wanted, **options)
        assert refused["failures"] == {"mac-runners-linux-1": "a job runs in it, and nothing was stopped; run this again later, or end its job with force"}
        seen = bench.inspect("mac-runners-linux-1")
        assert (seen["Id"], seen["State"]["Running"]) == (number, True)
    assert bench.names() == ["mac-runners-linux-1"], "an idle one is not held up"
    assert not bench.run([], purge=True, force=True).get("failed") and bench.names() == []
