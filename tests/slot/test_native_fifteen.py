# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fifteen native slots of one simulated Mac run hostile jobs at the same time, each as a real user: none reaches another one."""

from __future__ import annotations

import native_mac
import pytest
from double.broker import Broker
from native_mac import NativeMac
from tart_mac import SHARE

pytest_plugins = ["tests.macsim.pytest_plugin"]

POOLS = ({**native_mac.LINT, "count": 8}, {**native_mac.ACCT, "count": 7})
UIDS = native_mac.uids_of(POOLS)
LIMITS = {"open_files": 300, "processes": 200}
#: Waits until all have begun, then tries what must not work, and tells what did; after a while it looks whether its own things are whole.
HOSTILE = f"""
set +e
umask 000; echo mine > ~/work/mine; echo mine > ~/tmp/mine; echo mine > ~/mine
touch /tmp/begun-$MAC_RUNNERS_SLOT
while [ $(ls /tmp | grep -c ^begun-) -lt {len(UIDS)} ]; do sleep 0.2; done
for home in /Users/mac-runners-*; do
  [ $home = $HOME ] && continue
  for try in "ls $home" "cat $home/mine" "cat $home/work/mine" "ls $home/tmp" "touch $home/hers" "rm $home/mine" "ln $home/mine /tmp/l-$(id -u)"; do
    $try >/dev/null 2>&1 && echo "WORKED $try"
  done
done
ps -axo pid=,uid= | while read pid uid; do
  [ $uid -gt 1700 ] && [ $uid -lt 1900 ] && [ $uid != $(id -u) ] && kill -0 $pid 2>/dev/null && echo "SIGNAL $uid"
done
echo "limits $(ulimit -n) $(ulimit -u) ports $MAC_RUNNERS_PORT_FIRST $MAC_RUNNERS_PORT_LAST uid $(id -u)"
python3 -c "
files = []
try:
    while True: files.append(open('/dev/null'))
except OSError: print('files', len(files) < {LIMITS['open_files']})
"
sleep 2; cat ~/mine ~/work/mine ~/tmp/mine
ln -s /private/etc/hosts ~/tmp/planted; (setsid sleep 1000 > ~/held 2>&1 &)
"""


@pytest.fixture
def fifteen(boot_mac, program, github):
    booted = boot_mac("fifteen", memory="64GiB", cores=16, disk_free="900GiB", share=SHARE)
    native_mac.provide(booted, POOLS)
    broker = Broker(github, ("127.0.0.1", 0))
    made = NativeMac(booted, program, github, broker)
    made.pools = POOLS
    yield made
    made.close()
    broker.close()


def test_fifteen_jobs_at_once_reach_nothing_of_each_other_and_leave_nothing(fifteen):
    hosts = fifteen.path("/private/etc/hosts").read_bytes()
    for slot in UIDS:
        fifteen.slot(slot, native={"limits": LIMITS})
        fifteen.start(slot)
    jobs = {slot: fifteen.queue(slot, HOSTILE) for slot in UIDS}
    fifteen.finish(*jobs.values(), seconds=300)
    after = {slot: fifteen.queue(slot, "ls -a ~ ~/work ~/tmp; id -u") for slot in list(UIDS)[::4]}
    fifteen.finish(*after.values(), seconds=120)
    for slot in UIDS:
        fifteen.drain(slot)
    assert {job.result for job in [*jobs.values(), *after.values()]} == {"Succeeded"}
    ports = set()
    for slot, job in jobs.items():
        lines = job.output.splitlines()
        assert not [line for line in lines if line.startswith(("WORKED", "SIGNAL"))], (slot, job.output)
        (told,) = [line.split() for line in lines if line.startswith("limits")]
        assert told[:4] == ["limits", "300", "200", "ports"] and told[7] == str(UIDS[slot]), (slot, told)
        ports.update(range(int(told[4]), int(told[5]) + 1))
        assert "files True" in lines and lines.count("mine") == 3, (slot, job.output)
    assert len(ports) == 100 * len(UIDS), "ranges of ports overlap"
    for slot, job in after.items():
        assert not {"mine", "held", "planted", "hers"} & set(job.output.split()), (slot, job.output)
    left = {slot: [entry for entry in fifteen.left(slot) if "begun-" not in entry] for slot in UIDS}
    assert left == dict.fromkeys(UIDS, [])
    assert fifteen.path("/private/etc/hosts").read_bytes() == hosts, "what a planted link names was touched"
    assert not list(fifteen.path("/private/tmp").glob("begun-*")), "files of an account in shared directories outlive its job"
