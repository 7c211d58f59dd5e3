# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What native slots cost on a simulated Mac: accounts and profiles of 15 beside one, the start of a runner, and 15 that wait.

The start of a runner is the isolation's call start: from an account that was prepared to a listener that has its config. To make the account
as new takes a dozen tools of the Mac, each of which is a Python of its own on a simulated one, so that it is told and has no limit.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import statistics
import sys
import tempfile
import time
import typing as t

from slots_bench import HERE, ROOT, SLOTS, WATCHED, _cpu, resident_kb

import native_mac  # noqa: I001  its folder is on the path since slots_bench
from double.broker import Broker
from double.server import LocalGithub
from tart_mac import FLEET, PROGRAMS

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program import build
from tests.macsim.pytest_plugin import boot

JOBS = 7
ROUNDS = 5
POOLS = [
    {"name": "lint", "isolation": "sandbox", "count": 8, "memory": "1GiB", "trust": "trusted"},
    {"name": "acct", "isolation": "account", "count": 7, "memory": "1GiB", "trust": "trusted"},
]
ONE = [{**POOLS[0], "count": 1}]
TRACE = "/private/var/tmp/trace"

Figure = tuple[str, float, float]


def run() -> list[Figure]:
    """(name, figure, limit): a figure above its limit is a failure."""
    with tempfile.TemporaryDirectory(prefix="native-bench-") as folder, contextlib.ExitStack() as stack:
        path = pathlib.Path(folder)
        program = path / "slot.pyz"
        program.write_bytes(build(ROOT))
        one, many = (_provided(path, name, pools, stack) for name, pools in (("one", ONE), ("many", POOLS)))
        checked = _checked({"one": (one, ONE), "many": (many, POOLS)})
        github = stack.enter_context(LocalGithub())
        broker = stack.enter_context(contextlib.closing(Broker(github, ("127.0.0.1", 0))))
        mac = native_mac.NativeMac(many, program, github, broker)
        mac.pools = POOLS
        stack.callback(mac.close)
        return [checked, _started(mac), *_idle(mac)]


def _provided(folder: pathlib.Path, name: str, pools: t.Sequence[dict[str, t.Any]], stack: contextlib.ExitStack) -> t.Any:
    work = folder / name
    work.mkdir()
    mac = boot(f"native-{name}", work, memory="64GiB", cores=12, disk_free="900GiB", share=str(ROOT / "tests"))
    stack.callback(mac.stop)
    native_mac.provide(mac, pools)
    mac.tasks(_tasks(pools))
    return mac


def _tasks(pools: t.Sequence[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What a site checks of accounts and profiles, in one task each."""
    profiles = "{{ pools | action_packer.mac_runners.sandbox_slot_profiles(policy={'presets': ['build'], 'network': 'all'}) }}"
    return [
        {"name": "Accounts", "action_packer.mac_runners.runner_accounts": {"fleet": FLEET, "pools": pools}, "become": True},
        {
            "name": "Profiles",
            "action_packer.mac_runners.sandbox_profiles": {"profiles": profiles, "root": "/opt/mac_runners/checked"},
            "become": True,
            "vars": {"pools": pools},
        },
    ]


def _checked(macs: t.Mapping[str, tuple[t.Any, t.Sequence[dict[str, t.Any]]]]) -> Figure:
    times: dict[str, list[float]] = {name: [] for name in macs}
    for _round in range(ROUNDS):
        for name, (mac, pools) in macs.items():
            began = time.perf_counter()
            played = mac.tasks(_tasks(pools))
            times[name].append(time.perf_counter() - began)
            if played.changed or len(played.results) != 2:
                raise RuntimeError("the accounts and profiles of the benchmark are not idempotent, or not two tasks")
    one, many = min(times["one"]), min(times["many"])
    print(f"accounts and profiles checked, seconds: of 1 slot {one:.2f}, of {SLOTS} {many:.2f}", file=sys.stderr)
    return (f"accounts and profiles checked, time with {SLOTS} slots : with 1", many / one, 1.5)


def _started(mac: native_mac.NativeMac) -> Figure:
    """One job after another, on one slot."""
    mac.slot("acct-1")
    trace = mac.path(TRACE)
    trace.touch()
    mac.start("acct-1", str(HERE / "traced.py"), f"{PROGRAMS}/current/slot.pyz", TRACE)
    for _number in range(JOBS):
        mac.finish(mac.queue("acct-1", "echo done"))
    mac.wait_for("acct-1", "listening")
    mac.drain("acct-1")
    mac.stop("acct-1")
    (mac.folder("acct-1") / "drain").unlink()
    entries = [json.loads(line) for line in trace.read_text().splitlines()]
    spent = {name: [entry["ended"] - entry["began"] for entry in entries if entry.get("call") == name] for name in ("prepare", "start")}
    told = ", ".join(f"{name} {statistics.median(times):.3f}" for name, times in spent.items())
    print(f"start of a native runner, seconds, medians: {told}", file=sys.stderr)
    return (f"native runner, started in its account, median of {len(spent['start'])}, ms", statistics.median(spent["start"]) * 1000, 300.0)


def _idle(mac: native_mac.NativeMac) -> list[Figure]:
    slots = [mac.slot(name) for name in mac.uids]
    for slot in slots:
        mac.start(slot)
    for slot in slots:
        mac.wait_for(slot, "listening")
    pids = [pid for slot in slots for pid in mac.pids(slot)]
    began, before = time.monotonic(), sum(map(_cpu, pids))
    time.sleep(WATCHED)
    share = (sum(map(_cpu, pids)) - before) / (time.monotonic() - began)
    return [
        (f"{len(slots)} idle native slots, per cent of a core", share * 100, 1.0),
        (f"idle native slot, the largest of {len(slots)}, kB resident", max(map(resident_kb, pids)), 12 * 1024 * 0.95),
    ]
