# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docker_runners: limits that hold, things of others, failures, interruptions."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import textwrap
import time

import engine
import pytest
from workbench import MIB, ROOM, Workbench, slot, slots

POOL = "dev.action-packer.mac-runners.pool"


def test_a_container_past_its_memory_is_killed_and_told_of(bench: Workbench) -> None:
    greedy = slot("linux-1", memory="16MiB", restart="no", command=["sh", "-c", "sleep 1; exec tail /dev/zero"])
    bench.run([greedy, slot("linux-2")])
    name = "mac-runners-linux-1"
    assert bench.wait_until(lambda: bench.inspect(name)["State"]["Status"] == "exited")
    assert bench.inspect(name)["State"]["OOMKilled"]
    assert bench.inspect("mac-runners-linux-2")["State"]["Status"] == "running"
    result = bench.run([greedy, slot("linux-2")], check=True)
    assert result["steps"] == [{"resource": name, "action": "start", "detail": "it ended with 137, killed for going past its memory"}]
    assert f"{name}: a process of it was killed for going past its memory" in str(result["warnings"])


def test_a_fork_bomb_is_held_by_the_limit_of_processes(bench: Workbench) -> None:
    bench.converge([slot("linux-1", pids_limit=32, memory=256 * MIB)])
    name = "mac-runners-linux-1"
    bench.api.exec_start(bench.api.exec_create(name, ["sh", "-c", "while :; do sleep 60 & done"])["Id"], detach=True)
    counts = [0]

    def fills() -> bool:
        counts.append(bench.api.stats(name, stream=False, one_shot=True)["pids_stats"].get("current", 0))
        return counts[-1] > 24

    assert bench.wait_until(fills), max(counts)
    # It goes on for a while, and gets no further.
    assert not bench.wait_until(lambda: not fills() and counts[-1] > 32, seconds=2)
    assert max(counts) <= 32
    assert bench.run([slot("linux-1", state="absent")])["changed"] and bench.names() == []


def test_containers_of_others_stay_as_they_are_byte_for_byte(bench: Workbench) -> None:
    foreign = [
        bench.foreign("database"),
        bench.foreign("mac-runners-linux-7"),
        bench.foreign("labelled", {POOL: "linux"}),
        bench.foreign("mac-runners-job-1", {POOL: "job"}),
    ]
    before = bench.snapshot(foreign)
    bench.converge(slots(2), purge=True)
    bench.run([slot("linux-1", user="1002:1002"), slot("linux-2", state="absent")], purge=True)
    assert bench.converge([], purge=True)["containers"][0]["name"] == "mac-runners-job-1"
    assert bench.snapshot(foreign) == before and bench.names() == sorted(foreign)


@pytest.mark.parametrize("options", [{}, {"state": "absent"}])
def test_a_name_that_somebody_else_uses_is_refused(bench: Workbench, options: dict) -> None:
    bench.foreign("mac-runners-linux-2")
    before = bench.snapshot()
    result = bench.run([slot("linux-1"), slot("linux-2", **options)])
    assert result["failed"] and result["msg"].startswith(f"container mac-runners-linux-2 exists, and lacks the label {POOL}: it is not ours")
    assert bench.snapshot() == before


def test_one_failure_hides_no_other_and_stops_no_other(bench: Workbench) -> None:
    bench.api.import_image_from_data(engine.busybox_tar(), "mac-runners-idle", "1")
    wanted = [
        slot("linux-1"),
        slot("linux-2", image="localhost:1/none:1"),
        slot("linux-3", image="mac-runners-idle:1"),
        slot("linux-4"),
    ]
    result = bench.run(wanted)
    assert result["failed"] and result["changed"]
    assert sorted(result["failures"]) == ["mac-runners-linux-2", "mac-runners-linux-3"]
    assert "image localhost:1/none:1 cannot be pulled: " in result["failures"]["mac-runners-linux-2"]
    assert "No command specified" in result["failures"]["mac-runners-linux-3"]
    assert all(name in result["msg"] for name in result["failures"])
    running = {entry["name"] for entry in result["containers"] if entry["status"] == "running"}
    assert running == {"mac-runners-linux-1", "mac-runners-linux-4"}
    bench.converge(slots(4))


def test_an_image_for_another_architecture_is_refused_before_anything_changes(bench: Workbench) -> None:
    load_for_another_architecture(bench, "mac-runners-other:1")
    result = bench.run([slot("linux-1"), slot("linux-2", image="mac-runners-other:1")])
    assert result["failed"] and "mac-runners-other:1 is for linux/" in result["msg"] and bench.names() == []


def load_for_another_architecture(bench: Workbench, name: str) -> None:
    """The test image once more, with another architecture in its configuration."""
    layer = engine.busybox_tar()
    own = bench.api.version()["Arch"]
    digest = hashlib.sha256(layer).hexdigest()
    config = {"architecture": "arm64" if own == "amd64" else "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in (("layer.tar", layer), ("config.json", json.dumps(config).encode()), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    list(bench.api.load_image(buffer.getvalue()))


def test_what_does_not_fit_is_refused_and_changes_nothing(bench: Workbench) -> None:
    bench.converge(slots(2))
    before = bench.snapshot()
    for check in (True, False):
        result = bench.run([*slots(3), slot("linux-4", memory="900GiB")], check=check)
        assert result["failed"] and result["msg"].startswith("no room on this Mac: memory: ")
    assert bench.snapshot() == before


def test_a_mac_that_is_too_full_can_still_be_emptied(bench: Workbench) -> None:
    bench.converge(slots(3))
    full = {"capacity": {"reserve": "900GiB"}}
    assert bench.run([*slots(3), slot("linux-4")], **full)["failed"]
    assert not bench.run(slots(3), **full).get("failed")
    bench.converge(slots(1), purge=True, **full)
    assert bench.names() == ["mac-runners-linux-1"]


def test_what_goes_makes_room_for_what_comes(bench: Workbench) -> None:
    total = next(line.split()[1] for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    room = {"capacity": {**ROOM, "reserve": int(total) * 1024 - 64 * MIB}}
    bench.converge([slot("old-1"), slot("old-2")], **room)
    assert bench.run([slot("new-1")], **room)["failed"]
    bench.converge([slot("new-1"), slot("new-2")], purge=True, **room)
    assert bench.names() == ["mac-runners-new-1", "mac-runners-new-2"]


def test_pools_that_are_not_listed_take_room_too(bench: Workbench) -> None:
    pool = {"name": "ios", "isolation": "tart", "memory": "900GiB", "image": "ghcr.io/acme/macos:1"}
    assert "memory" in bench.run(slots(1), pools=[pool])["msg"]
    ephemeral = {"name": "job", "isolation": "docker", "memory": "900GiB", "image": "ghcr.io/acme/linux:1", "disk": 0}
    assert "memory" in bench.run(slots(1), pools=[ephemeral])["msg"]


def test_all_mistakes_are_named_at_once_and_nothing_is_made(bench: Workbench) -> None:
    result = bench.run([slot("linux-1", memory="12G"), slot("linux-2", cpus="many"), slot("linux-3")])
    assert result["failed"] and bench.names() == []
    assert 'container linux-1: field memory: got "12G"; allowed: ' in result["msg"]
    assert 'container linux-2: field cpus: got "many"; allowed: ' in result["msg"]


def test_an_engine_that_is_down_is_an_error_only_when_it_is_needed(bench: Workbench, tmp_path: pathlib.Path) -> None:
    gone = str(tmp_path / "docker.sock")
    result = bench.run(slots(1), docker_socket=gone)
    assert result["failed"] and gone in result["msg"] and "colima start" in result["msg"]
    result = bench.run([], docker_socket=gone, purge=True)
    assert not result.get("failed") and not result["changed"] and gone in str(result["warnings"])


@pytest.mark.parametrize("made", range(0, 8))
def test_a_run_that_was_killed_anywhere_is_mended_by_the_next(bench: Workbench, made: int) -> None:
    process = bench.start(slots(8))
    bench.wait_until(lambda: len(bench.names()) >= made)
    time.sleep(0.02 * made)
    process.kill()
    process.communicate()
    bench.converge(slots(8))
    assert len(bench.names()) == 8


@pytest.mark.parametrize("step", range(1, 6))
def test_a_rebuild_that_was_killed_anywhere_is_mended_by_the_next(bench: Workbench, step: int) -> None:
    bench.converge(slots(6))
    before = bench.snapshot()
    process = bench.start([slot(f"linux-{n}", user="1002:1002") for n in range(1, 7)], stop_timeout=0)
    bench.wait_until(lambda: process.poll() is not None or changed_since(bench, before))
    time.sleep(0.1 * step)
    process.kill()
    process.communicate()
    bench.converge([slot(f"linux-{n}", user="1002:1002") for n in range(1, 7)])
    assert {bench.inspect(name)["Config"]["User"] for name in bench.names()} == {"1002:1002"}


def changed_since(bench: Workbench, before: str) -> bool:
    try:
        return bench.snapshot() != before
    except Exception:  # a container went while it was looked at
        return True


def test_two_runs_at_once_wait_for_each_other(bench: Workbench) -> None:
    first, second = bench.start(slots(6)), bench.start(slots(6))
    results = [json.loads(process.communicate(timeout=120)[0]) for process in (first, second)]
    assert not any(result.get("failed") for result in results)
    assert sorted(len(result["steps"]) for result in results) == [0, 12]


def test_the_engine_of_the_tests_does_not_outlive_a_killed_test_run(tmp_path: pathlib.Path) -> None:
    program = """
        import sys, time
        sys.path.insert(0, sys.argv[1])
        import engine
        with engine.private_engine() as path:
            print(path, flush=True)
            time.sleep(300)
        """
    command = [sys.executable, "-c", textwrap.dedent(program), str(pathlib.Path(engine.__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"})
    assert process.stdout
    socket_path = pathlib.Path(process.stdout.readline().strip())
    assert socket_path.is_socket()
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while socket_path.parent.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not socket_path.parent.exists()
    engines = subprocess.run(["pgrep", "-f", str(socket_path)], capture_output=True, text=True, check=False).stdout
    assert engines == ""
