# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single tasks of the program's children: what is taken off GitHub, and what is admitted."""

from __future__ import annotations

import json
import subprocess

from mac import POOL

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import fleet_label


def task(mac, task_name, folder, **request):
    """What a child answers."""
    argv = [mac.python, "-I", str(mac.program), "child", task_name, str(folder)]
    done = subprocess.run(argv, input=json.dumps(request), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_a_number_that_is_somebody_elses_by_now_is_not_removed(mac, broker):
    other = broker.scope.add("theirs")
    folder = mac.slot()
    assert task(mac, "remove", folder, name="mac-1-linux-1-00000001", runner=other.id, target="") == {"answer": {"answer": "gone"}}
    assert list(broker.scope.runners) == [other.id]
    assert task(mac, "remove", folder, name="theirs", runner=other.id, target="") == {"answer": {"answer": "removed"}}


def test_a_runner_is_removed_from_where_it_was_registered(mac, broker):
    ours = broker.scope.add("mac-1-linux-1-00000001", labels=[fleet_label("acme")])
    folder = mac.slot(github={"url": f"{mac.github.url}/elsewhere"})
    answer = task(mac, "remove", folder, name=ours.name, runner=ours.id, target=f"{mac.github.url}/acme")
    assert (answer, broker.scope.runners) == ({"answer": {"answer": "removed"}}, {})


def test_a_credential_goes_to_no_host_that_the_settings_named_before(mac):
    answer = task(mac, "remove", mac.slot(), name="mac-1-linux-1-00000001", runner=1, target="http://127.0.0.1:9/acme")
    assert "is registered at http://127.0.0.1:9/acme, and the credential is for" in answer["error"]


def test_whether_a_runner_is_at_github_is_asked_where_it_was_registered(mac, broker):
    ours = broker.scope.add("mac-1-linux-1-00000001")
    folder = mac.slot(github={"url": f"{mac.github.url}/elsewhere"})
    there = {"target": f"{mac.github.url}/acme"}
    assert task(mac, "known", folder, name=ours.name, runner=ours.id, **there) == {"answer": {"known": True}}
    assert task(mac, "known", folder, name="mac-1-linux-1-00000002", runner=0, **there) == {"answer": {"known": False}}
    # By its number too: a list may be late.
    ours.hidden_until = 2.0**40
    assert task(mac, "known", mac.slot(2), name=ours.name, runner=ours.id, target="") == {"answer": {"known": True}}
    assert task(mac, "known", mac.slot(2), name="mac-1-linux-1-00000002", runner=ours.id, target="") == {"answer": {"known": False}}


def test_a_credential_that_may_see_nothing_does_not_say_that_a_runner_is_gone(mac, broker):
    ours = broker.scope.add("mac-1-linux-1-00000001")
    (mac.folder / "token").write_text(mac.github.world.token(**{"/orgs/acme": "none"}).text)
    assert "error" in task(mac, "known", mac.slot(), name=ours.name, runner=ours.id, target="")


def test_a_slot_goes_on_while_other_pools_are_admitted_beside_it(mac):
    folder = mac.slot()
    mac.admit(pools=[POOL, {**POOL, "name": "more", "count": 1}])
    assert task(mac, "admission", folder) == {"answer": {}}


def test_a_slot_is_what_was_admitted_last_and_no_larger(mac):
    folder = mac.slot()
    mac.admit(pools=[{**POOL, "memory": "128MiB"}], minimum_memory={"docker": "64MiB"})
    assert "mac-runners-linux-1, field memory: got 0.25 GiB; allowed: at most 0.125 GiB" in task(mac, "admission", folder)["error"]
    mac.admit(pools=[{**POOL, "name": "other"}])
    assert "mac-runners-linux-1 is no docker slot of a pool of this Mac" in task(mac, "admission", folder)["error"]
    mac.admit(fleet="theirs")
    assert "this Mac is held by fleet theirs" in task(mac, "admission", folder)["error"]
