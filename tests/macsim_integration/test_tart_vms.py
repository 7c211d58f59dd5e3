# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tart_vms on one simulated Mac, over ssh; each test brings it to the state that it wants."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
import time
import typing as t

import pytest

pytest_plugins = ["tests.macsim.pytest_plugin"]

MODULE = "action_packer.mac_runners.tart_vms"
ADMISSION = "action_packer.mac_runners.mac_admission"
TART = "/opt/homebrew/bin/tart"
IMAGE = "ghcr.io/acme/ubuntu:24.04"
LATE_IMAGE = "ghcr.io/acme/ubuntu:25.10"
POOLS = [
    {"name": "linux", "isolation": "tart", "guest": "linux", "count": 3, "cpus": 2, "memory": "4GiB", "image": IMAGE, "lifecycle": "persistent"},
    {"name": "late", "isolation": "tart", "guest": "linux", "count": 1, "cpus": 2, "memory": "4GiB", "image": LATE_IMAGE, "lifecycle": "persistent"},
]
COMMON = {"fleet": "acme", "pools": POOLS, "licences": {"tart": {"fsl_confirmed": True}}}
SEED = {
    "users": [{"name": "someone", "uid": 502}],
    "tart": {
        "version": "2.36.0",
        "images": {image: {"os": "linux", "cpu": 4, "memory": "8GiB", "disk_gb": 20} for image in (IMAGE, LATE_IMAGE)},
        "vms": [
            {"user": "someone", "name": "theirs", "os": "darwin", "memory": "8GiB", "state": "running"},
            {"user": "admin", "name": "private", "os": "linux", "memory": "4GiB", "state": "suspended"},
            {"user": "admin", "name": "mac-runners-linux-3", "os": "linux", "memory": "4GiB", "state": "stopped"},
        ],
    },
}
FOREIGN = ("someone/.tart/vms/theirs", "admin/.tart/vms/private", "admin/.tart/vms/mac-runners-linux-3")

Task = t.Dict[str, t.Any]


def vm(name: str = "linux-1", **fields: t.Any) -> t.Dict[str, t.Any]:
    return {"name": name, "guest": "linux", "image": IMAGE, "cpus": 2, "memory": "4GiB", **fields}


def vms(*wanted: t.Mapping[str, t.Any], fails: bool = False, **options: t.Any) -> Task:
    """A task that wants these VMs and no others of ours; with ``fails`` the play goes on when it fails."""
    arguments = {**COMMON, "vms": wanted, "purge": True, "tart": TART, "account": "admin", **options}
    return {"name": "VMs", MODULE: arguments, "ignore_errors": fails}


def admit(**options: t.Any) -> Task:
    return {"name": "Admit", ADMISSION: {**COMMON, "mac": "mini", **options}}


def checked(task: Task) -> Task:
    """The same task, only looking and telling what it would do."""
    return {**task, "check_mode": True, "diff": True}


def steps(result: t.Mapping[str, t.Any]) -> t.List[t.Tuple[str, str]]:
    return [(step["resource"], step["action"]) for step in result["steps"]]


@pytest.fixture(name="mac", scope="module")
def mac_fixture(boot_module_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_module_mac("vms", memory="64GiB", cores=12, disk_free="800GiB", seed=SEED)


@pytest.fixture(autouse=True)
def foreign_vms_stay(mac: t.Any) -> t.Iterator[None]:
    """Whatever a test does, VMs of others are the same files, and the one that ran still runs."""
    mac.fault()
    before = foreign_files(mac)
    yield
    assert foreign_files(mac) == before
    assert mac.exec("/usr/bin/pgrep", "-f", "run --no-graphics theirs").returncode == 0


def foreign_files(mac: t.Any) -> t.Dict[str, t.Tuple[int, float]]:
    paths = [path for name in FOREIGN for path in (mac.root / "Users" / name).iterdir() if path.name != "control.sock"]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime) for path in paths}


def states(mac: t.Any) -> t.Dict[str, str]:
    """The VMs that admin's Tart lists, with their states."""
    rows = json.loads(mac.ssh(f"CI=1 {TART} list --source local --format json").stdout)
    return {row["Name"]: row["State"] for row in rows}


def unlike(mac: t.Any, before: t.Mapping[str, t.Any]) -> t.List[str]:
    """What is not on the Mac as it was."""
    now = mac.snapshot()
    files = [path for path in {**before["files"], **now["files"]} if now["files"].get(path) != before["files"].get(path)]
    # The one says who had it last, the other that somebody began to build.
    files = [path for path in files if path not in ("/private/var/db/mac_runners/lock", "/private/var/db/mac_runners/lease.json")]
    return sorted(files) + [key for key in now if key != "files" and now[key] != before[key]]


def lease_of(mac: t.Any) -> t.Dict[str, t.Any]:
    return t.cast(t.Dict[str, t.Any], json.loads((mac.root / "private/var/db/mac_runners/lease.json").read_text()))


def writing(mac: t.Any) -> int:
    """How many calls of tools so far changed something; Ansible's own do not count."""
    return len([call for call in mac.calls(writing=True) if call["tool"] != "chmod"])


def test_made_as_predicted_and_then_left_alone(mac: t.Any) -> None:
    wanted = (vm("linux-1"), vm("linux-2", state="stopped", memory="2GiB"))
    before, calls = mac.snapshot(), writing(mac)
    check = mac.tasks([admit(), vms(*wanted)], "--check", "--diff")
    assert (unlike(mac, before), writing(mac)) == ([], calls)
    predicted = check.results[1]
    assert predicted["diff"]["before"] == {}
    assert predicted["diff"]["after"]["mac-runners-linux-1"]["memory"] == "4 GiB"
    assert "+mac-runners-linux-2:" in check.text.replace(" ", "") and "memory:2GiB" in check.text.replace(" ", ""), check.text
    made = mac.tasks([admit(), vms(*wanted)]).results[1]
    assert made["steps"] == predicted["steps"]
    assert steps(made) == [
        (IMAGE, "pull"),
        *[("mac-runners-linux-1", action) for action in ("clone", "set", "start")],
        *[("mac-runners-linux-2", action) for action in ("clone", "set")],
    ]
    assert {row["slot"]: (row["state"], row["memory"] >> 30) for row in made["vms"]} == {"linux-1": ("running", 4), "linux-2": ("stopped", 2)}
    assert {name: state for name, state in states(mac).items() if name[-1] != "3"} == {
        "mac-runners-linux-1": "running", "mac-runners-linux-2": "stopped", "private": "suspended"
    }
    calls = writing(mac)
    again, seen = mac.tasks([vms(*wanted), checked(vms(*wanted))], "--diff").results
    assert (again["changed"], again["steps"], again["diff"], writing(mac)) == (False, [], {"before": {}, "after": {}}, calls)
    assert (seen["changed"], seen["vms"]) == (False, again["vms"])


def test_a_new_size_is_shown_and_only_what_changes_is_stopped(mac: t.Any) -> None:
    mac.tasks([admit(), vms(vm("linux-1"), vm("linux-2"))])
    process = mac.ssh("pgrep -f 'run.* mac-runners-linux-1'").stdout
    wanted = (vm("linux-1"), vm("linux-2", memory="3GiB"))
    predicted, done, again = mac.tasks([checked(vms(*wanted)), vms(*wanted), vms(*wanted)]).results
    assert (predicted["diff"]["before"]["mac-runners-linux-2"]["memory"], predicted["diff"]["after"]["mac-runners-linux-2"]["memory"]) == ("4 GiB", "3 GiB")
    assert list(predicted["diff"]["after"]) == ["mac-runners-linux-2"]
    assert done["steps"] == predicted["steps"]
    assert [action for _name, action in steps(done)] == ["stop", "set", "start"]
    assert done["steps"][1]["detail"] == "memory 4 GiB -> 3 GiB"
    assert again["changed"] is False
    config = json.loads((mac.root / "Users/admin/.tart/vms/mac-runners-linux-2/config.json").read_text())
    assert config["memorySize"] == 3 << 30
    assert mac.ssh("pgrep -f 'run.* mac-runners-linux-1'").stdout == process


WRONG = {
    "memory": ({"memory": "4 Gigs"}, ["linux-1", "memory", "4 Gigs"]),
    "part of a MiB": ({"memory": "1000000"}, ["linux-1", "memory", "MiB"]),
    "cpus": ({"cpus": 2000}, ["linux-1", "cpus: got 2000", "from 1 to 1024"]),
    "image": ({"image": None}, ["linux-1", "image"]),
    "name": ({"name": "Linux_1"}, ["Linux_1", "name"]),
    "no slot": ({"name": "linux-9"}, ["linux-9"]),
    "foreign": ({"name": "linux-3"}, ["VM mac-runners-linux-3 exists and is not ours", "it is not touched"]),
    "account": ({}, ["root"], {"account": "root"}),
    "fleet": ({}, ["held by fleet acme", "fleet globex"], {"fleet": "globex"}),
    "terms": ({"memory": "2GiB"}, ["is for other pools, capacity or licences"], {"capacity": {"headroom": "1GiB"}}),
}


def test_wrong_input_is_refused_with_a_reason(mac: t.Any) -> None:
    mac.tasks([admit(), vms()])
    before, calls, lease = mac.snapshot(), writing(mac), lease_of(mac)
    tasks = [vms(vm(**fields), fails=True, **(options[0] if options else {})) for fields, _words, *options in WRONG.values()]
    twice = vms(vm(), vm(), fails=True)
    results = mac.tasks([*tasks, twice]).results
    for (name, (_fields, words, *_options)), result in zip(WRONG.items(), results):
        assert result["failed"] and all(word in result["msg"] for word in words), (name, result["msg"])
    assert results[-1]["failed"] and "linux-1" in results[-1]["msg"]
    assert (unlike(mac, before), writing(mac)) == ([], calls)
    assert {**lease_of(mac), "state": ""} == {**lease, "state": ""}


KILLED = {
    "after the clone": {"tool": "tart", "match": ["clone"], "effect": "partial"},
    "before the sizes are set": {"tool": "tart", "match": ["set"], "effect": "crash"},
    "before its job is loaded": {"tool": "launchctl", "match": ["bootstrap"], "effect": "crash"},
}


@pytest.mark.parametrize("moment", KILLED)
def test_a_killed_run_is_finished_by_the_next(mac: t.Any, moment: str) -> None:
    mac.fault([{**KILLED[moment], "kill_caller": True}])
    killed = mac.tasks([admit(), vms(), vms(vm())], check=False)
    # sudo ends as the module did, and Ansible takes that for a broken connection.
    assert killed.rc in (2, 4) and "steps" not in killed.results[2], killed.text
    mended, again = mac.tasks([vms(vm()), vms(vm())]).results
    assert (mended["changed"], again["changed"]) == (True, False)
    assert states(mac)["mac-runners-linux-1"] == "running"
    assert not list((mac.root / "private/var/db/mac_runners").rglob("intents/tart/*"))


def test_a_vm_that_appears_meanwhile_is_not_replaced(mac: t.Any) -> None:
    """tart clone would replace it without a word."""
    mac.tasks([admit(), vms()])
    mac.fault([{"tool": "tart", "match": ["pull"], "effect": "delay", "delay_s": 5}])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        task = vms(vm("late-1", image=LATE_IMAGE), drop_images=True)
        play = pool.submit(mac.tasks, [task], check=False)
        _wait(lambda: '"times": 0' in (mac.root / "private/var/macsim/faults.json").read_text())
        assert mac.ssh(f"CI=1 {TART} clone {IMAGE} mac-runners-late-1").returncode == 0
        config = (mac.root / "Users/admin/.tart/vms/mac-runners-late-1/config.json").read_text()
        refused = play.result().results[0]
    assert "VM mac-runners-late-1 has appeared meanwhile: it is not touched" in refused["msg"]
    assert (mac.root / "Users/admin/.tart/vms/mac-runners-late-1/config.json").read_text() == config
    purged, asked = mac.tasks([vms(), vms(vm("late-1", image=LATE_IMAGE), fails=True)]).results
    assert ("mac-runners-late-1", "delete") not in steps(purged)
    assert "VM mac-runners-late-1 exists and is not ours" in asked["msg"]
    assert mac.ssh(f"CI=1 {TART} delete mac-runners-late-1").returncode == 0


def _wait(reached: t.Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "the call was not made"
        time.sleep(0.05)


def test_a_restart_brings_vms_back_and_makes_the_lease_stale(mac: t.Any) -> None:
    mac.tasks([admit(), vms(vm())])
    mac.reboot()
    # What is left of the last run keeps this release of Tart from starting the VM.
    (mac.root / "Users/someone/.tart/vms/theirs/control.sock").unlink()
    mac.exec("/bin/sh", "-c", f"sudo -n -u someone -H {TART} run --no-graphics theirs </dev/null >/dev/null 2>&1 &")
    assert states(mac)["mac-runners-linux-1"] == "running"
    stale, idle, _admitted, grown = mac.tasks([vms(vm(), vm("linux-2"), fails=True), vms(vm()), admit(), vms(vm(), vm("linux-2"))]).results
    assert "the Mac was started anew since its pools were admitted" in stale["msg"]
    assert idle["changed"] is False
    assert ("mac-runners-linux-2", "start") in steps(grown)


def test_taken_away_and_the_mac_given_back(mac: t.Any) -> None:
    mac.tasks([admit(), vms(vm())])
    back = {"name": "Give back", ADMISSION: {"fleet": "acme", "state": "absent"}}
    removal = vms(drop_images=True)
    larger = vms(vm(), vm("linux-2"), fails=True)
    tasks = [checked(removal), {**back, "ignore_errors": True}, larger, removal, removal, back, larger]
    predicted, refused, unbuilt, removed, again, given, nobody = mac.tasks(tasks).results
    assert "the Mac is not given back, this is still on it: mac-runners-linux-1" in refused["msg"]
    assert "the lease of this Mac was released" in unbuilt["msg"]
    assert removed["steps"] == predicted["steps"]
    assert {("mac-runners-linux-1", action) for action in ("stop", "unload", "delete")} <= set(steps(removed))
    assert (again["changed"], given["changed"]) == (False, True)
    assert set(states(mac)) == {"private", "mac-runners-linux-3"}
    assert not list(pathlib.Path(mac.root, "Library/LaunchDaemons").glob("*mac-runners*"))
    assert "this Mac has no lease" in nobody["msg"]
