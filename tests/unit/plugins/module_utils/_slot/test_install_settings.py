# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import (
    Github,
    images_of,
    names_of,
    parse_github,
    planned_only,
    surplus_of,
    slots_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import parse_settings

URL = "https://github.com/acme"
LINUX = {"name": "linux", "isolation": "docker", "count": 2, "image": "acme/runner:1", "labels": ["quick"]}
IOS = {"name": "ios", "isolation": "tart", "image": "acme/macos:1"}
ROOM = {"name": "room", "isolation": "container", "image": "acme/runner:1"}
LINT = {"name": "lint", "isolation": "sandbox", "trust": "trusted"}
DEFAULT = {"id": 1, "name": "Default", "public": False, "default": True}
OPEN = {"id": 4, "name": "Open", "public": True, "default": False}
MACS = {"id": 3, "name": "macs", "public": False, "default": False}
TOKEN = Github(url=URL, token="secret")
WEAK = TOKEN._replace(accepts_weak=True)
VERSION = {"runner_version": "2.335.1"}
APP = {"client_id": "Iv1", "key_file": "/k.pem"}


def pools(*raw):
    found, mistakes = parse_pools(list(raw), parse_policy({})[0])
    assert not mistakes
    return found


def slots(*raw, github=TOKEN, groups=(DEFAULT, OPEN, MACS), **places):
    return slots_of("mac-1", pools(*raw), github, {URL: list(groups)}, places, "arm64")


def refusal(*raw, **options):
    with pytest.raises(MacRunnersError) as caught:
        slots(*raw, **options)
    return str(caught.value)


def test_each_slot_of_an_ephemeral_pool_is_told_where_and_as_what_it_registers():
    found = slots(LINUX, IOS, {**LINUX, "name": "kept", "lifecycle": "persistent"}, docker={"user": "1001:1001"})
    assert [slot["name"] for slot in found] == ["linux-1", "linux-2", "ios-1"]
    assert found[0] == {
        "name": "linux-1",
        "runner_name": "mac-1-linux-1",
        "github": {"url": URL, "labels": ["self-hosted", "Linux", "ARM64", "docker", "quick"], "group": 1},
        "docker": {"user": "1001:1001"},
    }
    assert found[2]["github"]["labels"] == ["self-hosted", "macOS", "ARM64", "tart"]


@pytest.mark.parametrize("raw,place", [(LINUX, {"socket": "/var/run/docker.sock"}), (IOS, {"account": "admin"})])
def test_a_slot_reads_what_it_is_told(raw, place):
    slot = slots(raw, **{raw["isolation"]: place})[0]
    github = {**slot.pop("github"), "token_file": "/var/db/token"}
    read = parse_settings({"slot": slot.pop("name"), "fleet": "acme", "pools": [raw], "github": github, **slot}, "here")
    assert (read.runner_name, read.github.url, read.github.group, read.pool.name) == (f"mac-1-{raw['name']}-1", URL, 1, raw["name"])


def test_a_group_becomes_its_number_whatever_its_case():
    assert slots({**LINUX, "github": {"runner_group": "Macs"}})[0]["github"]["group"] == 3
    assert slots(LINUX, github=TOKEN._replace(group="macs"))[0]["github"]["group"] == 3


def test_a_group_that_is_not_there_is_refused_with_those_that_are():
    told = refusal({**LINUX, "github": {"runner_group": "mac"}})
    assert 'mac-1, pool "linux", field runner_group: got "mac"' in told and "Default, Open, macs; did you mean macs?" in told


def test_a_group_of_public_repositories_is_for_untrusted_code_alone():
    assert "public repositories may not use" in refusal({**LINUX, "github": {"runner_group": "Open"}})
    image = "acme/macos@sha256:" + 64 * "0"
    untrusted = {**IOS, "trust": "untrusted", "network": "softnet", "image": image, "github": {"runner_group": "Open"}}
    assert slots(untrusted)[0]["github"]["group"] == 4
    assert "public repositories may not use" in refusal(LINUX, groups=[{**DEFAULT, "public": True}])


def test_a_repository_has_no_groups():
    github = TOKEN._replace(url="https://github.com/acme/app")
    assert slots(LINUX, github=github)[0]["github"]["group"] == 1
    assert "a repository has no groups" in refusal(LINUX, github=github._replace(group="macs"))


def test_groups_that_were_not_read_are_no_groups():
    with pytest.raises(MacRunnersError, match="whose groups were not read"):
        slots_of("mac-1", pools(LINUX), TOKEN, {}, {}, "arm64")


def test_a_name_that_is_too_long_for_github_is_refused_before_it_is_on_a_mac():
    with pytest.raises(MacRunnersError, match="at most 55 characters"):
        slots_of("m" * 50, pools(LINUX), TOKEN, {URL: [DEFAULT]}, {}, "arm64")


def test_without_a_credential_nothing_registers():
    assert "mac-1, pool linux: field mac_runners_github: got neither token nor app" in refusal(LINUX, github=Github(url=URL))


def test_a_credential_beside_a_weak_isolation_is_accepted_by_name_alone():
    assert "mac-1, pool lint: field isolation" in refusal(LINUX, LINT)
    assert len(slots(LINUX, LINT, github=WEAK, native=VERSION)) == 3
    assert "mac-1, pool lint: field isolation" in refusal(LINT, native=VERSION)


def test_a_native_slot_is_told_its_account_and_its_limits():
    fast = {**LINT, "name": "fast", "isolation": "account", "runner_version": "2.334.0"}
    said = {**VERSION, "keep": ["2.334.0"], "accounts": [{"pool": "fast", "uid_base": 2001}], "homes": "/Volumes/Homes"}
    said.update(limits={"open_files": 512, "qos": "utility"}, pool_limits={"fast": {"qos": "none"}})
    lint, quick = slots({**LINT, "github": {"url": URL}}, fast, github=WEAK, native=said)
    package = "/opt/mac_runners/tools/actions-runner"
    limits = {"open_files": 512, "qos": "utility"}
    account = {"uid": 1701, "home": "/Volumes/Homes/mac-runners-lint-1", "runner_package": f"{package}/current", "limits": limits}
    assert lint["native"] == account and not {"sandbox", "account"} & {*lint, *quick}
    assert lint["github"]["labels"] == ["self-hosted", "macOS", "ARM64", "sandbox", "low-isolation"]
    assert quick["native"]["uid"] == 2001 and quick["native"]["runner_package"] == f"{package}/2.334.0"
    assert quick["native"]["limits"] == {"open_files": 512, "qos": "none"}
    github = {**lint.pop("github"), "token_file": "/var/db/token"}
    read = parse_settings({"slot": lint.pop("name"), "fleet": "acme", "pools": [LINT], "github": github, **lint}, "here")
    assert read.native.where == {"uid": "1701", "home": "/Volumes/Homes/mac-runners-lint-1", "jail": ""}


@pytest.mark.parametrize("said,told", [
    ({}, 'pool "lint", field runner_version: got nothing'),
    ({**VERSION, "pool_limits": {"fast": {}}}, 'field runner_pool_limits: got "fast"; allowed: native pools'),
    ({**VERSION, "accounts": [{"pool": "fast"}]}, 'field accounts[0].pool: got "fast"'),
    ({**VERSION, "uid_base": 501}, 'pool "lint", field uid_base: got 501'),
    ({**VERSION, "limit": {}}, "field places.native.limit"),
    ({**VERSION, "limits": {"open_file": 512}}, 'pool "lint", field limits.open_file: got an unknown field'),
    ({**VERSION, "pool_limits": {"lint": {"qos": "fast"}}}, 'pool "lint", field limits.qos: got "fast"; allowed: one of'),
    ({"runner_version": "2.1.0", "keep": ["2.2.0"]}, 'pool "old", field runner_version: got "2.0.0"; allowed: a version that is on the Mac'),
    ({**VERSION, "homes": "/srv"}, 'pool "jail", field homes: got "/srv"; allowed: /Users'),
])
def test_what_is_wrong_about_native_slots_is_told_with_its_field(said, told):
    old, jail = {**LINT, "name": "old", "runner_version": "2.0.0"}, {**LINT, "name": "jail", "isolation": "chroot"}
    assert told in refusal(LINT, *([old] if '"old"' in told else []), *([jail] if '"jail"' in told else []), github=WEAK, native=said)


def test_what_no_slot_runs_needs_no_runner_but_keeps_its_numbers():
    kept = {**LINT, "name": "kept", "lifecycle": "persistent"}
    assert slots(kept, LINUX, github=WEAK)[0]["name"] == "linux-1"
    assert slots(kept, LINT, github=WEAK, native=VERSION)[0]["native"]["uid"] == 1801


def test_an_app_cannot_serve_an_enterprise():
    github = Github(url="https://github.com/enterprises/acme", app=APP)
    assert "no permission by which an App" in refusal(LINUX, github=github)


def test_a_pool_limits_its_own_jobs():
    made = slots(LINUX, {**LINUX, "name": "never", "job_seconds": 0}, {**LINUX, "name": "soon", "job_seconds": 60})
    assert {slot["name"][:-2]: slot.get("job_seconds") for slot in made} == {"linux": None, "never": 0, "soon": 60}


@pytest.mark.parametrize("more", [{"job_seconds": -1}, {"job_seconds": "soon"}, {"job_seconds": 432001}, {"job_seconds": 1, "lifecycle": "persistent"}])
def test_a_limit_that_means_nothing_is_refused(more):
    _pools, mistakes = parse_pools([{**LINUX, **more}], parse_policy({})[0])
    assert [(mistake.pool, mistake.field) for mistake in mistakes] == [("linux", "job_seconds")]


def test_pools_that_nobody_runs_say_why():
    assert planned_only(pools(LINUX, ROOM), Github()) == [
        "pool linux: neither mac_runners_github.url nor github.url of the pool says where its runners register",
        "pool room: this release does not run the isolation container",
    ]
    kept = [{**IOS, "lifecycle": "persistent"}, {**LINUX, "lifecycle": "persistent"}]
    assert planned_only(pools(*kept), TOKEN) == []
    kept[0]["guest"] = "linux"
    assert planned_only(pools(*kept), TOKEN) == ["pool ios: this release does not register persistent runners of the isolation tart, Linux guests"]
    assert planned_only(pools(kept[1]), Github()) == planned_only(pools(LINUX), Github())
    assert (slots(LINUX, github=Github()), names_of(pools(LINUX), Github()), planned_only(pools(LINUX), TOKEN)) == ([], [], [])


def test_images_are_those_of_pools_that_run():
    assert images_of(pools(LINUX, {**LINUX, "name": "more"}, IOS), TOKEN, "docker") == ["acme/runner:1"]
    assert images_of(pools(LINUX), Github(), "docker") == []


def test_what_was_written_about_github_is_read_whole():
    read = parse_github({"url": URL, "app": {**APP, "installation_id": "7"}, "token": "", "accept_key_beside_weak": "true"})
    assert (read.url, read.app["installation_id"], read.token, read.accepts_weak) == (URL, 7, "", True)
    assert parse_github(None) == parse_github({"url": ""}) == Github()


@pytest.mark.parametrize(
    "raw,told",
    [
        ({"urll": URL}, "did you mean url?"),
        ({"token": "a", "app": APP}, "one of token and app"),
        ({"app": {"client_id": "x"}}, "mac_runners_github.app.key_file: got nothing"),
        ({"token": "a\x07b"}, "mac_runners_github.token: got something else"),
    ],
)
def test_mistakes_about_github_are_named_and_show_no_secret(raw, told):
    with pytest.raises(MacRunnersError) as caught:
        parse_github(raw)
    assert told in str(caught.value) and "\x07" not in str(caught.value) and "a\\x07b" not in str(caught.value)


@pytest.mark.parametrize("isolation,pool,goes", [
    ("docker", LINUX, False),
    ("", LINUX, False),
    ("tart", LINUX, False),
    ("docker", {**LINT, "name": "linux"}, True),
    ("account", {**LINT, "name": "linux"}, True),
    ("chroot", LINUX, True),
    ("sandbox", {**LINT, "name": "linux"}, False),
    ("docker", {**LINUX, "name": "other"}, True),
    ("docker", {**LINUX, "lifecycle": "persistent"}, True),
])
def test_what_no_pool_wants_as_it_is_has_to_go(isolation, pool, goes):
    assert surplus_of(pools(pool), WEAK, [{"name": "linux-1", "isolation": isolation}]) == (["linux-1"] if goes else [])
