# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of jobs: what is read, what is refused and how, what the kernel and a job are given."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.directories import directories_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.environment import Owner, job_environment
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.job import JobLimits, read_limits
from ansible_collections.action_packer.mac_runners.plugins.module_utils._limits.ports import PortRange, slot_ports
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool

POOL = Pool("lint", "sandbox", 2, 2 * 2**30, 1, 10 * 2**30)


def read(raw: t.Any) -> t.Tuple[JobLimits, t.List[str]]:
    mistakes: t.List[Mistake] = []
    limits = read_limits(raw, POOL, mistakes)
    return limits, [mistake.message for mistake in mistakes]


def test_without_a_word_a_job_is_limited() -> None:
    limits, said = read(None)
    assert said == []
    assert dict(limits.rlimits) == {"RLIMIT_NOFILE": 65536, "RLIMIT_NPROC": 2048, "RLIMIT_FSIZE": 10 * 2**30, "RLIMIT_CORE": 0}
    assert (limits.umask, limits.qos_argv, limits.memory_watch, limits.environment) == (0o077, (), "end", {})


def test_everything_can_be_said() -> None:
    limits, said = read(
        {
            "open_files": 1024,
            "processes": "256",
            "cpu_seconds": 3600,
            "file_size": "2GiB",
            "core_size": "1MiB",
            "qos": "background",
            "umask": "027",
            "memory_watch": "warn",
            "environment": {"TZ": "UTC", "https_proxy": "http://proxy:3128"},
        }
    )
    assert said == []
    assert dict(limits.rlimits) == {"RLIMIT_NOFILE": 1024, "RLIMIT_NPROC": 256, "RLIMIT_FSIZE": 2**31, "RLIMIT_CORE": 2**20, "RLIMIT_CPU": 3600}
    assert (limits.umask, limits.qos_argv, limits.memory_watch) == (0o027, ("/usr/sbin/taskpolicy", "-c", "background"), "warn")
    assert limits.environment == {"TZ": "UTC", "https_proxy": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"open_files": 10}, "field limits.open_files: got 10; allowed: a whole number from 256 to 1048576"),
        ({"processes": True}, "field limits.processes: got True; allowed: a whole number from 64 to 65536"),
        ({"cpu_seconds": -1}, "field limits.cpu_seconds: got -1; allowed: a whole number from 0 to 2592000"),
        ({"file_size": "1KiB"}, 'field limits.file_size: got "1KiB"; allowed: at least 1048576 bytes'),
        ({"qos": "backgroud"}, 'field limits.qos: got "backgroud"; allowed: one of none, utility, background; did you mean background?'),
        ({"umask": 63}, 'field limits.umask: got 63; allowed: three octal digits as a text, the first of them 0, such as "077"'),
        ({"umask": "777"}, 'field limits.umask: got "777"; allowed: three octal digits as a text, the first of them 0, such as "077"'),
        ({"memory_watch": False}, "field limits.memory_watch: got False; allowed: one of end, warn, off"),
        (
            {"rss": "1GiB"},
            'field limits.rss: got "1GiB"; allowed: nothing: macOS keeps no limit of resident memory; memory_watch acts at the memory of the pool',
        ),
        ({"environment": {"HOME": "/"}}, "field limits.environment.HOME: got a value that is not shown; allowed: nothing: each slot has its own"),
        (
            {"environment": {"DYLD_INSERT_LIBRARIES": "s3cret"}},
            "field limits.environment.DYLD_INSERT_LIBRARIES: got a value that is not shown; "
            "allowed: nothing: it belongs to the runner, to this collection or to the loader of programs",
        ),
        (
            {"environment": {"TOKEN": "a\nb"}},
            "field limits.environment.TOKEN: got a value that is not shown; allowed: a text of at most 4096 characters without control characters",
        ),
        ({"environment": {"A-B": "x"}}, 'field limits.environment: got "A-B"; allowed: a name of letters, digits and _ that does not begin with a digit'),
        ([], "field limits: got []; allowed: a mapping of fields"),
    ],
)
def test_each_mistake_is_one_message(raw: t.Any, said: str) -> None:
    assert read(raw)[1] == [f'pool "lint", {said}']


def test_all_mistakes_come_together_and_an_unknown_field_tells_the_nearest() -> None:
    _limits, said = read({"open_file": 3, "qos": "high", "processes": 1})
    assert len(said) == 3
    assert "did you mean open_files?" in said[0] and "rss" not in said[0]


def test_a_process_with_the_limits_is_held_to_them() -> None:
    limits, _said = read({"open_files": 256, "file_size": "1MiB"})
    code = """
import errno, json, os, resource, signal, sys
for name, value in json.load(sys.stdin):
    resource.setrlimit(getattr(resource, name), (value, value))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
told = []
try:
    held = [os.open("/dev/null", os.O_RDONLY) for dummy in range(300)]
except OSError as error:
    told.append(errno.errorcode[error.errno])
os.closerange(3, 300)
with open(sys.argv[1], "wb", buffering=0) as file:
    try:
        while file.write(bytes(65536)):
            pass
    except OSError as error:
        told.append(errno.errorcode[error.errno])
told.append(os.path.getsize(sys.argv[1]))
os.unlink(sys.argv[1])
print(json.dumps(told))
"""
    path = f"/tmp/limits-{__name__.rpartition('.')[2]}"
    done = subprocess.run([sys.executable, "-c", code, path], input=json.dumps(limits.rlimits), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["EMFILE", "EFBIG", 2**20]


def test_every_limit_has_its_name_in_the_module_resource() -> None:
    limits, _said = read({"cpu_seconds": 1})
    assert all(isinstance(getattr(resource, name), int) for name, _value in limits.rlimits)
    assert not {"RLIMIT_RSS", "RLIMIT_DATA", "RLIMIT_AS"} & set(dict(limits.rlimits))


def native(name: str, count: int, isolation: str = "account", port_base: t.Optional[int] = None) -> Pool:
    return Pool(name, isolation, count, 2**30, 1, 2**30, port_base=port_base)


def ports_of(*pools: Pool) -> t.Tuple[t.Dict[str, PortRange], t.List[str]]:
    mistakes: t.List[Mistake] = []
    found = slot_ports(pools, Policy(), mistakes)
    return found, [mistake.message for mistake in mistakes]


def test_each_slot_of_a_native_pool_has_ports_of_its_own() -> None:
    others = (Pool("vm", "tart", 9, 2**33, 4, 2**30, guest="macos"), native("none", 0))
    found, said = ports_of(native("a", 2), *others, native("b", 1, "sandbox", 30000), native("c", 1))
    assert said == []
    assert found == {"a-1": PortRange(20000, 20099), "a-2": PortRange(20100, 20199), "b-1": PortRange(30000, 30099), "c-1": PortRange(30100, 30199)}


def test_ranges_that_overlap_or_reach_what_macos_gives_are_refused() -> None:
    _found, said = ports_of(native("a", 3), native("b", 2, port_base=20299), native("c", 2, port_base=49000))
    assert said == [
        'pool "b", field port_base: got 20299, so ports 20299 to 20498 for its 2 slots; allowed: ports that pool a does not have (20000 to 20299)',
        'pool "c", field port_base: got 49000, so ports 49000 to 49199 for its 2 slots; '
        "allowed: ports up to 49151, since macOS gives those from 49152 on to whoever asks for any",
    ]


def test_no_two_slots_share_a_port_whatever_the_pools() -> None:
    found, said = ports_of(*(native(f"p{number}", number) for number in range(1, 20)))
    taken = [port for ports in found.values() for port in range(ports.first, ports.last + 1)]
    assert said == [] and len(found) == 190 and len(taken) == len(set(taken)) == 19000 and max(taken) < 49152


def test_a_job_gets_what_is_meant_for_it_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_PROGRAM", "x")
    directories = directories_of("/Users/mac-runners-lint-1")
    found = job_environment(Owner("lint-1", "mac-runners-lint-1"), directories, PortRange(20000, 20099), {"TZ": "UTC", "PATH": "/opt/bin:/usr/bin:/bin"})
    assert found == {
        "USER": "mac-runners-lint-1",
        "LOGNAME": "mac-runners-lint-1",
        "SHELL": "/bin/sh",
        "LANG": "en_US.UTF-8",
        "PATH": "/opt/bin:/usr/bin:/bin",
        "TZ": "UTC",
        "HOME": "/Users/mac-runners-lint-1",
        "TMPDIR": "/Users/mac-runners-lint-1/tmp",
        "RUNNER_TOOL_CACHE": "/Users/mac-runners-lint-1/work/cache",
        "AGENT_TOOLSDIRECTORY": "/Users/mac-runners-lint-1/work/cache",
        "MAC_RUNNERS_SLOT": "lint-1",
        "MAC_RUNNERS_PORT_FIRST": "20000",
        "MAC_RUNNERS_PORT_LAST": "20099",
    }


def test_a_slot_works_where_its_sandbox_profile_lets_it() -> None:
    directories = directories_of("/Users/mac-runners-lint-1")
    inside = ("/Users/mac-runners-lint-1/work", "/Users/mac-runners-lint-1/tmp")
    assert all(path.startswith(inside) for path in (*directories.made, directories.runner))
    assert directories.made.index(directories.work) < directories.made.index(directories.cache)
