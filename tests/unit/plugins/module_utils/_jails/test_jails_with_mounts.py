# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jails in which something is mounted, from which links lead out, and in which a process is: what is outside stays, byte for byte."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.build import reset_jail
from ansible_collections.action_packer.mac_runners.plugins.module_utils._jails.wanted import Jail
from tests.unit.plugins.module_utils._jails.apart import with_own_mounts
from tests.unit.plugins.module_utils._jails.workbench import Mac, Workbench, fingerprint, names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount and change the root of a process")
ONE, TWO = {"name": "build-1"}, {"name": "build-2"}
WAYS: t.Dict[str, t.Dict[str, t.Any]] = {
    "absent": {"jails": [{**ONE, "state": "absent"}, {**TWO, "state": "absent"}]},
    "purged": {"jails": [], "purge": True},
    "made anew": {"jails": [ONE, TWO], "build": "25C1"},
    "as it is": {"jails": [ONE, TWO]},
}


class Blind(Mac):
    """A Mac on which something is mounted just after the mounts were listed."""

    def _mount(self, words: t.Sequence[str]) -> Result:
        return Result(0, "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n", "")


def bind(outside: pathlib.Path, place: pathlib.Path) -> None:
    subprocess.run(["mount", "--bind", str(outside), str(place)], check=True)


def occupied(bench: Workbench) -> subprocess.Popen[bytes]:
    """Make two jails; in the first are links out, and a process whose root it is, with a file open."""
    bench.contents.append({"path": "/usr/bin/cat"})
    bench.run(ONE, TWO)
    tmp = bench.root("build-1") / "private/tmp"
    (tmp / "out").symlink_to(bench.outside)
    (tmp / "deep").mkdir()
    (tmp / "deep" / "file-out").symlink_to(bench.outside / "kept" / "file")
    (tmp / "held").write_text("held\n")
    # It ends with this process, whose end of the pipe is the only one.
    process = subprocess.Popen(
        ["/usr/sbin/chroot", str(bench.root("build-1")), "/usr/bin/cat", "-", "/tmp/held"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    assert lives(process), "until it answers it may not be in the jail yet"
    return process


def lives(process: subprocess.Popen[bytes]) -> bool:
    assert process.stdin and process.stdout
    process.stdin.write(b"still here\n")
    process.stdin.flush()
    return process.stdout.readline() == b"still here\n"


def ended(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin
    process.stdin.close()
    process.wait()


@pytest.mark.parametrize("way", WAYS)
def test_a_mount_refuses_the_whole_run(bench: Workbench, way: str) -> None:
    def part() -> None:
        process = occupied(bench)
        place = bench.root("build-1") / "private/tmp/mount point"
        place.mkdir()
        bind(bench.outside, place)
        before = fingerprint(bench.base.parent)
        wanted = dict(WAYS[way])
        bench.mac.build = wanted.pop("build", bench.mac.build)
        with pytest.raises(MacRunnersError) as caught:
            bench.run(*wanted.pop("jails"), **wanted)
        allowed = "a jail without a mount in it; unmount that first"
        pool = "" if way == "purged" else 'pool "build", '
        assert str(caught.value) == (
            f'nothing was changed: {pool}field jails.build-1: got "{bench.base}/build-1", in which something is mounted: {place}; allowed: {allowed}'
        )
        assert fingerprint(bench.base.parent) == before and lives(process)
        ended(process)

    with_own_mounts(part)


def test_unmounted_it_goes_and_the_outside_stays(bench: Workbench) -> None:
    def part() -> None:
        process = occupied(bench)
        before = fingerprint(bench.outside)
        bench.run(purge=True)
        assert not bench.base.exists() and fingerprint(bench.outside) == before and lives(process)
        ended(process)

    with_own_mounts(part)


@pytest.mark.parametrize("place", ["private/tmp/deep/at", "private/tmp/at", "dev/null", "root"])
def test_what_is_mounted_meanwhile_is_not_entered(bench: Workbench, place: str) -> None:
    def part() -> None:
        process = occupied(bench)
        before = fingerprint(bench.outside)
        target = bench.base / "build-1" / "root" if place == "root" else bench.root("build-1") / place
        if place.endswith("at"):
            target.mkdir()
        bind(bench.outside / "kept" / "file" if place == "dev/null" else bench.outside, target)
        bench.mac = Blind()
        with pytest.raises(MacRunnersError, match="something is mounted there"):
            bench.run(purge=True)
        assert fingerprint(bench.outside) == before and (place == "root" or lives(process))
        points = [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        for point in points:
            if point.startswith(str(bench.base) + "/"):
                subprocess.run(["umount", point], check=True)
        bench.mac = Mac()
        bench.run(purge=True)
        assert not bench.base.exists() and fingerprint(bench.outside) == before
        ended(process)

    with_own_mounts(part)


def test_another_volume_in_the_place_of_a_jail(bench: Workbench) -> None:
    def part() -> None:
        bench.run(ONE, TWO)
        subprocess.run(["mount", "-t", "tmpfs", "none", str(bench.base / "build-1")], check=True)
        (bench.base / "build-1" / "theirs").write_text("theirs")
        before = fingerprint(bench.base)
        for jails, options in (([ONE], {}), ([{**ONE, "state": "absent"}], {}), ([{**TWO, "state": "absent"}, ONE], {"purge": True})):
            with pytest.raises(MacRunnersError, match=r'field jails\.build-1: got "\S+/build-1", which is on another volume than the base; allowed: '):
                bench.run(*jails, **options)
        assert fingerprint(bench.base) == before

    with_own_mounts(part)


def test_a_base_that_is_a_volume_of_its_own(bench: Workbench) -> None:
    def part() -> None:
        bench.base.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "none", str(bench.base)], check=True)
        bench.run(ONE)
        assert not bench.run(ONE).plan.changed
        bench.run(purge=True)
        assert names(bench.base) == [] and bench.base.is_mount() and not bench.run(purge=True).plan.changed

    with_own_mounts(part)


def test_a_jail_with_a_mount_is_not_reset(bench: Workbench) -> None:
    def part() -> None:
        template = bench.run(ONE).store.templates()[0]
        place = bench.root("build-1") / "private/tmp"
        bind(bench.outside, place)
        before = fingerprint(bench.base.parent)
        with pytest.raises(MacRunnersError, match="in which something is mounted"):
            reset_jail(bench.mac, str(bench.base), template, Jail("build-1"), bench.host)
        assert fingerprint(bench.base.parent) == before

    with_own_mounts(part)
