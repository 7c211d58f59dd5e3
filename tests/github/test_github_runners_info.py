# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module github_runners_info against the local GitHub."""

from __future__ import annotations

LABEL = "managed-by:acme"


def test_all_runners_and_which_are_ours(acme, play):
    acme.add("mac-1-a-1", [LABEL]).connect().job = True
    acme.add("mac-1-b-1", ["x"])
    acme.add("aaa", [LABEL])
    result = play("github_runners_info", fleet="acme", name_prefixes=["mac-1-"])
    assert not result["changed"] and [(one["name"], one["owned"], one["busy"]) for one in result["runners"]] == [
        ("aaa", False, False),
        ("mac-1-a-1", True, True),
        ("mac-1-b-1", False, False),
    ]
    assert result["runners"][1] == {
        "name": "mac-1-a-1",
        "id": 1,
        "status": "online",
        "busy": True,
        "labels": ["ARM64", "macOS", LABEL, "self-hosted"],
        "runner_group_id": 1,
        "os": "macos",
        "version": "2.337.0",
        "ephemeral": False,
        "owned": True,
    }
    assert "runner_groups" not in result and result["quota"]["remaining"] == 4999
    assert {one["owned"] for one in play("github_runners_info")["runners"]} == {False}


def test_one_runner_costs_one_request(github, acme, play):
    for number in range(300):
        acme.add(f"mac-1-a-{number}")
    assert [one["name"] for one in play("github_runners_info", name="mac-1-a-7")["runners"]] == ["mac-1-a-7"]
    assert play("github_runners_info", name="mac-1-a-777")["runners"] == []
    assert [exchange.query for exchange in github.exchanges] == [f"name=mac-1-a-{n}&per_page=100" for n in ("7", "777")]


def test_groups(github, acme, play):
    acme.add_group("macs", visibility="selected")
    groups = play("github_runners_info", groups=True)["runner_groups"]
    assert groups[1] == {"id": 2, "name": "macs", "public": False, "default": False, "visibility": "selected"}
    github.world.scope("/repos/acme/app")
    assert play("github_runners_info", url=github.url + "/acme/app", groups=True)["runner_groups"] == []


def test_a_check_reads_too(acme, play):
    acme.add("mac-1-a-1")
    assert len(play("github_runners_info", _ansible_check_mode=True)["runners"]) == 1


def test_a_runner_that_cannot_be_read_is_an_error_and_not_left_out(github, acme, play, judge):
    acme.add("mac-1-a-1").document = lambda: {"id": 1, "name": "mac-1-a-1", "status": "draining", "busy": None, "labels": []}
    result = play("github_runners_info")
    assert result["failed"] and "GitHub describes a runner in a way that is not known here" in result["msg"]
    assert judge.breaches(github.exchanges.pop()) != []
