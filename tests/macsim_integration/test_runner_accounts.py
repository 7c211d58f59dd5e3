# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""runner_accounts on one simulated Mac: accounts are real uids there, jobs are real processes, and some of them are hostile."""

from __future__ import annotations

import json
import os
import pathlib
import plistlib
import random
import shutil
import time
import typing as t

import pytest

from tests.macsim_integration.adhoc import ROOT, changed, play, run_module, write

pytest_plugins = ["tests.macsim.pytest_plugin"]

#: How many runs are killed at a moment by chance.
ROUNDS = int(os.environ.get("MAC_RUNNERS_ACCOUNT_ROUNDS", "20"))
SEED = int(os.environ.get("MAC_RUNNERS_ACCOUNT_SEED", "1"))
HOMES, STATE = "/Users", "/private/var/db/mac_runners"

Mac = t.Any
Result = t.Dict[str, t.Any]


def pool(count: int, name: str = "lint", **fields: t.Any) -> Result:
    return {"name": name, "isolation": "account", "count": count, "memory": "1GiB", "trust": "trusted", **fields}


def terms(pools: t.Sequence[Result]) -> Result:
    return {"fleet": "acme", "pools": list(pools)}


def admit(mac: Mac, *pools: Result) -> Result:
    (admitted,) = run_module(mac, "mac_admission", **terms(pools))
    assert "lease" in admitted, admitted
    return terms(pools)


def accounts(mac: Mac, *words: str, **options: t.Any) -> Result:
    (result,) = run_module(mac, "runner_accounts", *words, **options)
    return result


def account(number: int, name: str = "lint") -> str:
    return f"mac-runners-{name}-{number}"


def actions(result: Result) -> list[str]:
    assert "steps" in result, result
    return [step["action"] for step in result["steps"]]


def job(mac: Mac, name: str, script: str) -> t.Any:
    """Run a script as an account, as its job would."""
    return mac.exec("/usr/bin/sudo", "-H", "-u", name, "/bin/bash", "-c", script)


#: A process that left its session; it holds a file open.
ESCAPE = (
    "import os, time; os.fork() and os._exit(0); os.setsid(); file = open(os.path.expanduser('~/held'), 'w'); "
    "[os.dup2(file.fileno(), number) for number in (0, 1, 2)]; time.sleep(3600)"
)


def escape(mac: Mac, name: str) -> None:
    """Leave a process of an account in a session of its own."""
    assert job(mac, name, f'python3 -c "{ESCAPE}"').returncode == 0
    assert processes(mac, name)


def processes(mac: Mac, name: str) -> list[str]:
    return t.cast("list[str]", mac.exec("/bin/ps", "-U", name, "-o", "pid=").stdout.split())


def inside(mac: Mac, path: str) -> pathlib.Path:
    return t.cast(pathlib.Path, mac.root / path.lstrip("/"))


def people(mac: Mac) -> dict[str, t.Any]:
    """Users, groups and homes of ours, as the Mac has them."""
    found = mac.snapshot()
    ours = {kind: sorted(name for name in found[kind] if name.startswith("mac-runners-")) for kind in ("users", "groups")}
    return {**ours, "homes": sorted(path.name for path in inside(mac, HOMES).iterdir() if "mac-runners" in path.name)}


def all_of(names: t.Sequence[str]) -> dict[str, t.Any]:
    return {"users": sorted(names), "groups": sorted(names), "homes": sorted(names)}


@pytest.fixture(name="mac", scope="module")
def mac_fixture(boot_session_mac: t.Callable[..., t.Any]) -> Mac:
    return boot_session_mac("native", memory="64GiB", cores=12, disk_free="400GiB")


@pytest.fixture(autouse=True)
def nothing_left(mac: Mac) -> t.Iterator[None]:
    mac.fault()
    yield
    mac.fault()
    mac.set(full_disk_access=True)
    assert "failed" not in accounts(mac, purge=True, fleet="acme")
    assert people(mac) == all_of([])


def test_fifteen_slots_are_fifteen_real_uids(mac: Mac) -> None:
    options = admit(mac, pool(15))
    predicted = accounts(mac, "--check", **options)
    assert actions(predicted) == ["create", "home"] * 15 and people(mac) == all_of([])
    made = accounts(mac, **options)
    names = [account(number) for number in range(1, 16)]
    assert made["changed"] and made["steps"] == predicted["steps"] and people(mac) == all_of(names)
    assert {job(mac, name, "id -u; id -g; umask >/dev/null").stdout for name in names} == {f"{uid}\n{uid}\n" for uid in range(1701, 1716)}
    for name, uid in zip(names, range(1701, 1716)):
        status = inside(mac, f"{HOMES}/{name}").stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (uid, uid, 0o700)
    shown = mac.exec("/usr/bin/dscl", ".", "-read", f"/Users/{names[0]}", "IsHidden", "Password", "UserShell").stdout
    assert shown == "dsAttrTypeNative:IsHidden: 1\nPassword: *\nUserShell: /usr/bin/false\n"
    calls = len(mac.calls())
    again = accounts(mac, **options)
    assert (again["changed"], again["steps"]) == (False, [])
    assert [call["argv"][3:5] for call in mac.calls("dscl")[-2:]] == [["-readall", "/Users"], ["-readall", "/Groups"]]
    assert len([call for call in mac.calls()[calls:] if call["tool"] == "dscl"]) == 2


def test_a_hostile_job_reaches_no_other_account(mac: Mac) -> None:
    accounts(mac, **admit(mac, pool(2)))
    victim, hostile = account(1), account(2)
    job(mac, victim, f"umask 077; mkdir -p ~{victim}/work; echo secret > ~{victim}/work/file; echo secret > ~{victim}/tmp/file")
    escape(mac, victim)
    (pid,) = processes(mac, victim)
    home = f"{HOMES}/{victim}"
    for attempt in (
        f"ls {home}", f"cat {home}/work/file", f"ls {home}/tmp", f"cat {home}/tmp/file", f"touch {home}/x", f"ln -s /etc {home}/x", f"mv {home} {home}2",
        f"kill -9 {pid}", f"kill -0 {pid}", f"rm -rf {home}/tmp && ls {home}", "touch /Users/x", f"ln {home}/work/file /tmp/x && cat /tmp/x", "sudo -n id",
    ):
        assert job(mac, hostile, attempt).returncode != 0, attempt
    assert processes(mac, victim) == [pid]


def hostile_leftovers(mac: Mac, name: str, target: str) -> None:
    """What a job can leave, made as its account; the cron table is written by root there too, as crontab does it."""
    write(mac, f"{target}/file", b"root's own")
    inside(mac, target).chmod(0o755)
    job(mac, name, f"cd {HOMES}/{name}; ln -s {target} planted; ln -s {target} tmp/planted; mkdir -p a/b/c; "
        f"ln -s {target} a/b/c/d; mkdir -p /tmp/of-{name}/deep; ln -s {target} /tmp/of-{name}/deep/x; echo x > /Users/Shared/of-{name}; "
        f"mkdir -p /private/tmp/everybody && chmod 1777 /private/tmp/everybody; echo x > /private/tmp/everybody/of-{name}")
    escape(mac, name)
    write(mac, f"/private/var/at/tabs/{name}", b"* * * * * /bin/echo again\n")
    inside(mac, "/private/var/at/tabs").chmod(0o700)
    folder = inside(mac, f"/private/var/folders/zz/{name}")
    (folder / "T").mkdir(parents=True)
    os.chown(folder, 1701, 1701)
    mounted = inside(mac, f"{HOMES}/{name}/a/mount")
    mounted.mkdir()
    assert mac.exec("/sbin/mount_tmpfs", "-s", "1m", f"{HOMES}/{name}/a/mount").returncode == 0
    mac.exec("/usr/bin/chflags", "uchg", f"{HOMES}/{name}/a/b/c", f"{HOMES}/{name}/a/b")
    launch_job(mac, name)


#: A job that launchd starts again whenever it ends.
AGAIN = {"Label": "again", "ProgramArguments": ["/bin/sleep", "300"], "KeepAlive": True, "LimitLoadToSessionType": "Background"}


def launch_job(mac: Mac, name: str) -> None:
    """Leave a job with launchd in the account's own domain."""
    uid = inside(mac, f"{HOMES}/{name}").stat().st_uid
    # launchd here takes files of root alone.
    path = "/Library/LaunchAgents/again.plist"
    write(mac, path, plistlib.dumps(AGAIN))
    inside(mac, path).chmod(0o644)
    assert job(mac, name, f"launchctl bootstrap user/{uid} {path}").returncode == 0
    assert mac.exec("/bin/launchctl", "print", f"user/{uid}/again").returncode == 0


def left_of(mac: Mac, name: str, uid: int) -> list[str]:
    """What is left of a job outside a fresh home."""
    places = [mac.root / folder for folder in ("private/tmp", "Users/Shared", "private/var/folders")]
    found = [str(path) for place in places for path in place.rglob("*") if path.lstat().st_uid == uid]
    found += [f"process {line}" for line in mac.exec("/bin/ps", "-U", str(uid), "-o", "pid=").stdout.split()]
    found += [f"mount {line}" for line in mac.exec("/sbin/mount").stdout.splitlines() if name in line]
    found += ["launch job"] if mac.exec("/bin/launchctl", "print", f"user/{uid}/again").returncode == 0 else []
    found += ["cron"] if (mac.root / "private/var/at/tabs" / name).exists() else []
    return found + ["ipc"] * (name in mac.exec("/usr/bin/ipcs").stdout)


def test_nothing_of_a_hostile_job_outlives_a_reset(mac: Mac) -> None:
    write(mac, "/opt/template/Library/settings", b"from the template")
    options = {**admit(mac, pool(2)), "accounts": [{"pool": "lint", "template": "/opt/template"}]}
    accounts(mac, **options)
    name, target = account(1), "/opt/roots"
    hostile_leftovers(mac, name, target)
    job(mac, name, "python3 -c 'import ctypes; exit(ctypes.CDLL(None).shmget(4711, 4096, 0o1600) < 0)'")
    assert {"cron", "ipc", "launch job"} <= set(left_of(mac, name, 1701)) and len(left_of(mac, name, 1701)) > 6
    before = inside(mac, target).stat()
    assert job(mac, account(2), "echo mine > /tmp/mine").returncode == 0
    escape(mac, account(2))
    reset = accounts(mac, reset=["lint-1"], **options)
    assert (actions(reset), reset.get("msg")) == (["reset"], None)
    assert left_of(mac, name, 1701) == []
    home = inside(mac, f"{HOMES}/{name}")
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*")) == ["Library", "Library/settings", "tmp"]
    assert (home / "Library/settings").read_bytes() == b"from the template" and (home / "Library/settings").stat().st_uid == 1701
    after = inside(mac, target).stat()
    assert (after.st_uid, after.st_mode, after.st_mtime_ns, after.st_ctime_ns) == (before.st_uid, before.st_mode, before.st_mtime_ns, before.st_ctime_ns)
    assert (inside(mac, target) / "file").read_bytes() == b"root's own" and os.listdir(inside(mac, target)) == ["file"]
    assert inside(mac, "/private/tmp/mine").exists() and processes(mac, account(2))
    assert accounts(mac, **options)["steps"] == []


#: What starts jobs resets an account as this does, with nothing but the core and the Mac's Python.
PLAIN_RESET = """
import subprocess, sys
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.reset import reset_account
from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
def run(argv, env=None, stdin=""):
    done = subprocess.run(argv, env=env, input=stdin, capture_output=True, text=True)
    return Result(done.returncode, done.stdout, done.stderr)
reset_account(run, Account(sys.argv[1], int(sys.argv[2]), "lint", sys.argv[3]))
assert "ansible" not in sys.modules
"""


def test_the_core_resets_without_ansible(mac: Mac) -> None:
    options = admit(mac, pool(2))
    accounts(mac, **options)
    package = "ansible_collections/action_packer/mac_runners/plugins/module_utils"
    shutil.copytree(ROOT / "plugins" / "module_utils", inside(mac, f"/opt/core/{package}"), dirs_exist_ok=True)
    name = account(1)
    hostile_leftovers(mac, name, "/opt/roots")

    def reset(uid: int) -> t.Any:
        return mac.exec("/usr/bin/env", "PYTHONPATH=/opt/core", "/usr/bin/python3", "-c", PLAIN_RESET, name, str(uid), f"{HOMES}/{name}")

    refused = reset(1702)
    assert refused.returncode == 1 and "nothing was touched" in refused.stderr and "cron" in left_of(mac, name, 1701)
    done = reset(1701)
    assert (done.returncode, done.stderr) == (0, "")
    assert left_of(mac, name, 1701) == [] and os.listdir(inside(mac, f"{HOMES}/{name}")) == ["tmp"]
    assert accounts(mac, **options)["steps"] == []


#: Each process makes others in sessions of their own for as long as it may, and so do these.
BOMB = b"""import os, resource, time
resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))
while True:
    try:
        os.fork() or os.setsid()
    except OSError:
        time.sleep(0.001)
"""


def test_a_fork_bomb_is_ended(mac: Mac) -> None:
    options = admit(mac, pool(1))
    accounts(mac, **options)
    write(mac, "/opt/bomb.py", BOMB)
    inside(mac, "/opt/bomb.py").chmod(0o644)
    job(mac, account(1), "(python3 /opt/bomb.py >/dev/null 2>&1 </dev/null &)")
    deadline = time.monotonic() + 60
    while len(processes(mac, account(1))) < 20:
        assert time.monotonic() < deadline
    assert "failed" not in accounts(mac, reset=["lint-1"], **options)
    assert processes(mac, "1701") == []


def dscl(mac: Mac, *words: str) -> None:
    assert mac.exec("/usr/bin/dscl", ".", *words).returncode == 0


REFUSED: tuple[tuple[list[Result], Result, str], ...] = (
    ([pool(1, trust="internal")], {}, 'pool "lint", field trust: got internal; allowed: trusted, since account is very-weak isolation'),
    ([pool(1)], {"uid_base": 305}, 'pool "lint", field uid_base: got 305, so 1 accounts to 305; allowed: a whole number from 701 to 29999'),
    ([pool(1)], {"accounts": [{"pool": "lint", "uid_base": 502}]}, 'pool "lint", field uid_base: got 502; allowed: '),
    ([pool(1)], {"accounts": [{"pool": "lint", "uid_base": "many"}]}, 'pool "lint", field uid_base: got "many"; allowed: '),
    ([pool(1)], {"accounts": [{"pool": "none"}]}, 'field accounts[0].pool: got "none"; allowed: a pool of isolation sandbox, account or chroot: lint'),
    ([pool(3), pool(2, "other")], {"accounts": [{"pool": "other", "uid_base": 1702}]}, 'pool "other", field uid_base: got a block with 1702; allowed: num'),
    ([pool(1, "a" * 25)], {}, "field name: got 25 characters; allowed: at most 17, since accounts have at most 31"),
    ([pool(1)], {"accounts": [{"pool": "lint", "shell": "/tmp/sh"}]}, 'pool "lint", field shell: got "/tmp/sh"; allowed: '),
    ([pool(1)], {"accounts": [{"pool": "lint", "template": "/private/tmp"}]}, 'pool "lint", field template: got /private/tmp, where others than root'),
    ([pool(1)], {"homes": "/private/tmp"}, "field homes: got /private/tmp, where others than root can write"),
    ([pool(1)], {"reset": ["lint-2"]}, 'field reset: got "lint-2"; allowed: slots of native pools: lint-1'),
)


def test_wrong_input_is_refused_before_anything(mac: Mac) -> None:
    module = "action_packer.mac_runners.runner_accounts"
    tasks = [{"name": "Refused", module: {**terms(pools), **options}, "ignore_errors": True} for pools, options, dummy in REFUSED]
    results = mac.tasks(tasks).results
    assert len(results) == len(REFUSED)
    for result, (dummy, dummy2, message) in zip(results, REFUSED):
        assert message in result["msg"]
    assert people(mac) == all_of([])


def test_what_somebody_else_has_is_refused_and_untouched(mac: Mac) -> None:
    options = admit(mac, pool(3))
    for make, undo, message in (
        (["-create", "/Users/person", "UniqueID", "1702"], "/Users/person", "got a block with 1702; allowed: numbers that nobody has; user person has"),
        (["-create", "/Groups/people", "PrimaryGroupID", "1703"], "/Groups/people", "group people has this one"),
        (["-create", f"/Users/{account(1)}", "UniqueID", "4711"], f"/Users/{account(1)}", f'name: got "{account(1)}"; allowed: a name that no user has but'),
    ):
        dscl(mac, *make)
        before = mac.snapshot()["users"]
        refused = accounts(mac, **options)
        assert message in refused["msg"] and 'pool "lint", field ' in refused["msg"] and refused["msg"].endswith("No account was changed")
        assert mac.snapshot()["users"] == before
        assert "failed" not in accounts(mac, purge=True, fleet="acme") and mac.snapshot()["users"] == before
        dscl(mac, "-delete", undo)
    inside(mac, f"{HOMES}/{account(2)}").mkdir()
    refused = accounts(mac, **options)
    assert f'pool "lint", field homes: got {HOMES}/{account(2)}; allowed: a place where nothing is' in refused["msg"]
    inside(mac, f"{HOMES}/{account(2)}").rmdir()


def test_without_a_lease_nothing_is_made(mac: Mac) -> None:
    admit(mac, pool(1))
    assert "is for other pools" in accounts(mac, **terms([pool(2)]))["msg"] and people(mac) == all_of([])


def test_drift_is_repaired_and_numbers_can_move(mac: Mac) -> None:
    options = admit(mac, pool(2))
    accounts(mac, **options)
    dscl(mac, "-create", f"/Users/{account(1)}", "UserShell", "/bin/zsh")
    dscl(mac, "-create", f"/Users/{account(2)}", "AuthenticationAuthority", ";ShadowHash;")
    inside(mac, f"{HOMES}/{account(2)}").chmod(0o755)
    job(mac, account(2), f"echo kept > {HOMES}/{account(2)}/file")
    repaired = accounts(mac, **options)
    assert actions(repaired) == ["repair", "repair", "close"] and repaired["steps"][0]["detail"] == "user UserShell: /bin/zsh -> /usr/bin/false"
    home = inside(mac, f"{HOMES}/{account(2)}")
    assert home.stat().st_mode & 0o777 == 0o700 and (home / "file").read_text() == "kept\n"
    assert accounts(mac, **options)["steps"] == []
    moved = accounts(mac, **options, accounts=[{"pool": "lint", "uid_base": 1702}])
    assert actions(moved) == ["remove", "remove", "create", "home", "create", "home"] and "msg" not in moved
    assert inside(mac, f"{HOMES}/{account(2)}").stat().st_uid == 1703


def volumes(mac: Mac) -> dict[str, int]:
    """APFS volumes that are called as ours are, with their quotas."""
    listed = plistlib.loads(mac.exec("/usr/sbin/diskutil", "apfs", "list", "-plist").stdout.encode())
    found = [volume for container in listed["Containers"] for volume in container["Volumes"]]
    return {volume["Name"]: volume["CapacityQuota"] for volume in found if volume["Name"].startswith("mac-runners-")}


def test_a_disk_quota_is_a_volume_that_comes_and_goes_with_its_account(mac: Mac) -> None:
    names, size = [account(1), account(2)], 32 * 2**20
    options = {**admit(mac, pool(2, disk="32MiB")), "accounts": [{"pool": "lint", "disk_quota": True}]}
    predicted = accounts(mac, "--check", **options)
    assert volumes(mac) == {} and actions(predicted) == ["create", "volume", "home"] * 2
    made = accounts(mac, **options)
    assert made["steps"] == predicted["steps"] and volumes(mac) == dict.fromkeys(names, size)
    assert [entry["home"] for entry in made["accounts"]] == [f"/Volumes/{name}/{name}" for name in names]
    assert accounts(mac, **options)["changed"] is False
    full = job(mac, names[0], "head -c 100000000 /dev/zero > ~/large")
    assert full.returncode != 0 and "No space left" in full.stderr, full
    assert job(mac, names[1], "head -c 1000000 /dev/zero > ~/small").returncode == 0, "another slot's disk is another one"
    assert job(mac, names[0], f"touch /Volumes/{names[0]}/beside").returncode != 0
    assert actions(accounts(mac, reset=["lint-1"], **options)) == ["reset"] and job(mac, names[0], "ls ~").stdout == "tmp\n"

    inside(mac, f"/Volumes/{names[0]}").chmod(0o777)
    assert actions(accounts(mac, **options)) == ["volume"] and job(mac, names[0], f"touch /Volumes/{names[0]}/beside").returncode != 0
    larger = {**admit(mac, pool(2, disk="48MiB")), "accounts": options["accounts"]}
    assert actions(accounts(mac, **larger)) == ["remove", "remove", *["create", "volume", "home"] * 2]
    assert volumes(mac) == dict.fromkeys(names, 48 * 2**20)
    plain = {**larger, "accounts": []}
    assert actions(accounts(mac, **plain)) == ["remove", "remove", *["create", "home"] * 2]
    assert volumes(mac) == {} and people(mac) == all_of(names) and not list(inside(mac, "/Volumes").glob("mac-runners-*"))


def test_a_volume_of_somebody_else_is_refused_and_one_that_was_begun_is_finished(mac: Mac) -> None:
    options = {**admit(mac, pool(1, disk="32MiB")), "accounts": [{"pool": "lint", "disk_quota": True}]}
    name = account(1)
    made = mac.exec("/usr/sbin/diskutil", "apfs", "addVolume", "disk3", "APFS", name)
    assert made.returncode == 0, made
    kept = inside(mac, f"/Volumes/{name}/kept")
    kept.write_text("theirs")
    refused = accounts(mac, **options)
    assert f'pool "lint", field disk_quota: got an APFS volume {name} of somebody else' in refused["msg"] and kept.read_text() == "theirs"
    assert people(mac) == all_of([])
    kept.unlink()
    # As a run that was killed before the marker leaves it, but without its quota.
    assert actions(accounts(mac, **options)) == ["create", "volume", "home"] and volumes(mac) == {name: 32 * 2**20}
    assert accounts(mac, **options)["changed"] is False


def test_full_disk_access_that_is_missing_is_told_once(mac: Mac) -> None:
    accounts(mac, **admit(mac, pool(3)))
    mac.exec("/usr/sbin/dseditgroup", "-o", "edit", "-a", account(1), "-t", "user", "staff")
    mac.set(full_disk_access=False)
    refused = accounts(mac, purge=True, fleet="acme")
    assert refused["msg"].count("Full Disk Access") == 1 and "Allow full disk access for remote users" in refused["msg"]
    assert people(mac)["users"] == [account(1), account(2), account(3)]
    mac.set(full_disk_access=True)
    removed = accounts(mac, purge=True, fleet="acme")
    assert actions(removed) == ["remove"] * 3 and people(mac) == all_of([])
    assert account(1) not in mac.exec("/usr/bin/dscl", ".", "-read", "/Groups/staff", "GroupMembership").stdout


def test_directory_that_lags_or_cannot_now(mac: Mac) -> None:
    options = admit(mac, pool(1))
    mac.fault("directory-lag")
    assert "failed" not in accounts(mac, **options) and people(mac) == all_of([account(1)])
    mac.fault()
    accounts(mac, purge=True, fleet="acme")
    mac.fault("dscl-create-transient")
    assert "msg" not in accounts(mac, **admit(mac, pool(1)))


def ways(mac: Mac) -> dict[str, tuple[Result, t.Callable[[], None]]]:
    """Each way of using the module: its options, and what brings the Mac to where it begins."""
    options = admit(mac, pool(2))

    def gone() -> None:
        assert "failed" not in accounts(mac, purge=True, fleet="acme")

    def there() -> None:
        assert "msg" not in accounts(mac, **options)
        escape(mac, account(1))
        job(mac, account(1), f"mkdir -p {HOMES}/{account(1)}/a/b; ln -s /opt {HOMES}/{account(1)}/a/b/c; echo x > /tmp/x")
        mac.exec("/usr/sbin/dseditgroup", "-o", "edit", "-a", account(1), "-t", "user", "staff")

    return {"create": (options, gone), "reset": ({**options, "reset": ["lint-1", "lint-2"]}, there), "delete": ({"purge": True, "fleet": "acme"}, there)}


def test_killed_at_a_call_by_chance_the_next_run_converges(mac: Mac) -> None:
    """A row for each round in tests/output/macsim/account-kills.md: seed, way, the call at which the module was killed."""
    table = ROOT / "tests" / "output" / "macsim" / "account-kills.md"
    table.parent.mkdir(parents=True, exist_ok=True)
    rows = ["| seed | way | killed at | call |", "| --- | --- | --- | --- |"]
    every, lengths = ways(mac), {}
    for way, (options, begin) in every.items():
        begin()
        before = len(mac.calls())
        accounts(mac, **options)
        lengths[way] = len(mac.calls()) - before
    for seed in range(SEED, SEED + ROUNDS):
        chance = random.Random(seed)
        # Seeds one after the other take the ways in turn and the calls by chance.
        way = list(every)[seed % 3]
        options, begin = every[way]
        begin()
        at = chance.randrange(lengths[way])
        before = len(mac.calls())
        mac.fault([{"tool": "*", "skip": at, "effect": chance.choice(("partial", "crash")), "kill_caller": True}])
        killed = accounts_or_dead(mac, **options)
        mac.fault()
        last = mac.calls()[before:][-1:]
        rows.append(f"| {seed} | {way} | {at} | {' '.join(last[0]['argv'][:5]) if last else '?'} |")
        table.write_text("\n".join(rows) + "\n")
        assert killed or at >= lengths[way] - 3, rows[-1]
        mended = accounts(mac, **options)
        assert "msg" not in mended, (rows[-1], mended)
        options = {key: value for key, value in options.items() if key != "reset"}
        assert accounts(mac, **options)["steps"] == [], rows[-1]
        names = [] if way == "delete" else [account(1), account(2)]
        assert people(mac) == all_of(names), rows[-1]
        assert way == "create" or left_of(mac, account(1), 1701) == [], rows[-1]


def accounts_or_dead(mac: Mac, **options: t.Any) -> bool:
    """Whether the module was killed on its way."""
    return "steps" not in accounts(mac, **options)


def test_the_role(mac: Mac, tmp_path: pathlib.Path) -> None:
    variables = {"mac_runners_pools": [pool(2, "role")], "mac_runners_fleet": "acme", "account_settings": [{"pool": "role", "uid_base": 1801}]}
    words = ("-e", json.dumps(variables))
    tasks = [{"ansible.builtin.include_role": {"name": "action_packer.mac_runners.account"}}]
    ((rc, output),) = play(mac, tmp_path, tasks, "--check", "--diff", *words)
    assert rc == 0 and '+        "uid": 1802' in output and people(mac) == all_of([]), output
    for count in (2, 0):
        # The admission before is a change too, the first time.
        ((rc, output),) = play(mac, tmp_path, tasks, *words)
        assert (rc, changed(output)) == (0, count), output
    names = [account(1, "role"), account(2, "role")]
    assert people(mac) == all_of(names) and inside(mac, f"{HOMES}/{names[1]}").stat().st_uid == 1802
    absent = [{"ansible.builtin.include_role": {"name": "action_packer.mac_runners.account", "tasks_from": "absent.yml"}}]
    for count in (1, 0):
        ((rc, output),) = play(mac, tmp_path, absent, *words)
        assert (rc, changed(output)) == (0, count), output
    assert people(mac) == all_of([])
