# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module github_runners_info against the local GitHub."""

from __future__ import annotations

import time

import pytest

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
    assert [exchange.query for exchange in github.exchanges] == [f"name=mac-1-a-{n}&per_page=100&page=1" for n in ("7", "777")]


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


SHA = "60c4df330c83f68f39fa0ab4d58d07c3d0728546f26280d607041cb5a0fea7df"


def package(version, system="osx", arch="arm64", **more):
    filename = f"actions-runner-{system}-{arch}-{version}.tar.gz"
    return {"os": system, "architecture": arch, "filename": filename, "download_url": f"https://github.com/x/{filename}", **more}


@pytest.mark.parametrize(("url", "path"), [("/acme", "/orgs/acme"), ("/acme/app", "/repos/acme/app"), ("/enterprises/corp", "/enterprises/corp")])
def test_versions_are_judged_by_the_dates_of_github(github, play, clock, url, path):
    github.world.scope(path)
    github.world.deprecations = {
        "2.300.0": {"registration_deprecates_at": "2023-01-01T00:00:00Z", "runtime_deprecates_at": "2023-02-01T00:00:00Z"},
        "2.336.0": {"registration_deprecates_at": _stamp(clock.now() + 40 * 86400), "runtime_deprecates_at": _stamp(clock.now() + 3.5 * 86400)},
        "2.337.0": {"registration_deprecates_at": None, "runtime_deprecates_at": None},
    }
    result = play("github_runners_info", url=github.url + url, runner_versions=["2.300.0", "2.336.0", "2.337.0"], runners=False)
    assert len(github.exchanges) == 3 and result["runners"] == []
    old, ending, good = result["runner_versions"]
    assert (old["verdict"], old["ends"]) == ("refused", "2023-01-01T00:00:00Z")
    assert old["message"] == "the runner 2.300.0 cannot register since 2023-01-01T00:00:00Z; pin a newer version"
    assert ending["verdict"] == "ends" and ending["ends"] == github.world.deprecations["2.336.0"]["runtime_deprecates_at"]
    assert f"gets no jobs from {ending['ends']} on, in 3.5 days" in ending["message"]
    assert (good["verdict"], good["ends"]) == ("good", None)


def test_without_dates_a_version_is_judged_by_what_is_offered(github, acme, play):
    github.world.downloads = [package("2.337.0"), package("2.336.0", "linux", "x64")]
    result = play("github_runners_info", runner_versions=["2.336.0", "2.337.0", "2.338.0", "2.10.0"])
    assert [one["verdict"] for one in result["runner_versions"]] == ["unknown", "good", "good", "unknown"]
    assert "names no date for the runner 2.336.0 and offers 2.337.0; it wants each release to be installed within 30 days" in str(result)
    github.world.downloads = []
    assert play("github_runners_info", runner_versions=["2.337.0"])["runner_versions"][0]["message"] == "GitHub tells nothing about the runner 2.337.0"


def test_packages_are_listed_without_their_tokens(github, acme, play):
    github.world.downloads = [package("2.337.0", sha256_checksum=SHA, temp_download_token=github.world.secret("temporary")), package("2.336.0", "linux")]
    result = play("github_runners_info", downloads=True)
    assert result["downloads"] == [
        {
            "os": "osx",
            "architecture": "arm64",
            "version": "2.337.0",
            "url": "https://github.com/x/actions-runner-osx-arm64-2.337.0.tar.gz",
            "sha256": SHA,
        },
        {
            "os": "linux",
            "architecture": "arm64",
            "version": "2.336.0",
            "url": "https://github.com/x/actions-runner-linux-arm64-2.336.0.tar.gz",
            "sha256": None,
        },
    ]


def test_what_is_no_version_is_not_asked_for(github, play):
    result = play("github_runners_info", runner_versions=["2.337", "../x", "2.337.0"])
    assert result["failed"] and result["msg"] == 'runner_versions: got "2.337", "../x"; allowed: versions such as 2.337.0'
    assert github.exchanges == []


def _stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
