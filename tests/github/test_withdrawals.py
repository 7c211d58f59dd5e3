# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module github_withdrawals against the local GitHub: who goes, who is waited for, and who is never touched."""

from __future__ import annotations

LABEL = "managed-by:acme"
NAME = "mac-1-linux-1"


def wanted(name=NAME, idle=True):
    return {"name": name, "idle": idle}


def names(scope):
    return sorted(runner.name for runner in scope.runners.values())


def custom(runner):
    return sorted(name for name, kind in runner.labels if kind == "custom")


def test_one_that_is_idle_twice_goes(acme, play):
    acme.add(NAME, [LABEL, "quick"], online=True)
    predicted = play("github_withdrawals", runners=[wanted()], _ansible_check_mode=True, _ansible_diff=True)
    assert predicted["changed"] and names(acme) == [NAME]
    done = play("github_withdrawals", runners=[wanted()], _ansible_diff=True)
    assert (done["steps"], done["diff"], done["busy"]) == (predicted["steps"], predicted["diff"], {}) and names(acme) == []
    assert done["steps"] == [{"resource": NAME, "action": "remove", "detail": "idle"}]
    again = play("github_withdrawals", runners=[wanted()])
    assert (again["changed"], again["busy"], again["quota"]["requests"]) == (False, {}, 1)


def test_one_with_a_job_on_its_mac_only_loses_its_labels(github, acme, play):
    """GitHub calls it idle, as it sometimes does: the Mac knows better."""
    runner = acme.add(NAME, [LABEL, "quick"], online=True)
    first = play("github_withdrawals", runners=[wanted(idle=False)])
    assert first["busy"] == {NAME: "a job runs on its Mac"} and [step["action"] for step in first["steps"]] == ["set labels"]
    assert custom(runner) == ["draining", LABEL]
    second = play("github_withdrawals", runners=[wanted(idle=False)])
    assert not second["changed"] and second["busy"] == first["busy"] and names(acme) == [NAME]
    assert "DELETE" not in {exchange.method for exchange in github.exchanges}


def test_one_that_github_calls_busy_waits_whatever_its_mac_says(github, acme, play):
    runner = acme.add(NAME, [LABEL], online=True, job=True)
    assert play("github_withdrawals", runners=[wanted()])["busy"] == {NAME: "GitHub says that it runs a job"}
    # It looks idle in the list, and is not: GitHub decides when it is removed.
    runner.lies_idle = True
    refused = play("github_withdrawals", runners=[wanted()])
    assert refused["busy"] == {NAME: "GitHub says that it runs a job"} and names(acme) == [NAME] and acme.jobs_lost == 0
    assert [exchange.status for exchange in github.exchanges if exchange.method == "DELETE"] == [422]
    runner.job = runner.lies_idle = False
    assert play("github_withdrawals", runners=[wanted()])["busy"] == {} and names(acme) == []


def test_with_force_nobody_waits_and_github_still_decides(acme, play):
    acme.add(NAME, [LABEL], online=True, job=True)
    acme.add("mac-1-linux-2", [LABEL], online=True)
    done = play("github_withdrawals", runners=[wanted(idle=False), wanted("mac-1-linux-2", idle=False)], force=True)
    assert done["busy"] == {} and names(acme) == [NAME]


def test_what_is_not_ours_is_never_touched(github, acme, play):
    acme.add(NAME, ["managed-by:other"], online=True)
    acme.add("mac-1-linux-10", [LABEL])
    done = play("github_withdrawals", runners=[wanted()], force=True)
    assert (done["changed"], done["busy"], names(acme)) == (False, {}, [NAME, "mac-1-linux-10"])
    refused = play("github_withdrawals", runners=[wanted("mac-2-linux-1")])
    assert "runner mac-2-linux-1: field name: got" in refused["msg"]
    assert {exchange.method for exchange in github.exchanges} == {"GET"}
