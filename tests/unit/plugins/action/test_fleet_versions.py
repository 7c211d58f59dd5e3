# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action fleet_versions asks, with which credential, and what it makes of the answers."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError

from ansible_collections.action_packer.mac_runners.plugins.action import fleet_versions
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils import _versions

Json = dict[str, t.Any]
ACME, OTHER = "https://github.com/acme", "https://github.com/other"
IMAGE = "ghcr.io/actions/actions-runner:"
TOKEN: Json = {"url": ACME, "token": "one"}


def docker(name: str, version: str, **fields: t.Any) -> Json:
    return {"name": name, "isolation": "docker", "image": IMAGE + version, **fields}


def mac(*pools: Json, github: t.Any = None, **variables: t.Any) -> Json:
    return {"mac_runners_pools": list(pools), **({"mac_runners_github": github} if github else {}), **variables}


def questions(**fleet: t.Any) -> tuple[Json, list[str]]:
    warnings: list[str] = []
    found = fleet_versions._questions(list(fleet), fleet, warnings)
    return found, warnings


def test_once_for_each_target_and_version() -> None:
    asked, warnings = questions(
        a=mac(docker("x", "2.336.0"), docker("y", "2.337.0"), docker("z", "2.336.0"), github=TOKEN),
        b=mac(docker("x", "2.336.0"), docker("y", "2.335.0", github={"url": OTHER}), github={**TOKEN, "token": "two"}),
        c=mac(docker("x", "2.330.0")),
        d=mac(docker("x", "2.331.0"), github={"url": ACME}),
        e=mac(docker("x", "latest"), docker("y", "2.332.0", count=0), github={**TOKEN, "url": "https://github.com/none"}),
        f=mac(docker("x", "2.333.0"), github={"token": "x"}),
    )
    rest = {"runners": False, "downloads": True}
    assert asked == {
        ACME: {"url": ACME, "token": "one", "runner_versions": ["2.336.0", "2.337.0"], **rest},
        OTHER: {"url": OTHER, "token": "two", "runner_versions": ["2.335.0"], **rest},
    }
    assert warnings == []


def test_the_package_is_asked_for_whatever_the_pools_are() -> None:
    asked, _warnings = questions(a=mac(docker("x", "2.336.0"), github=TOKEN, mac_runners_runner_version="2.337.0"))
    assert asked[ACME]["runner_versions"] == ["2.337.0", "2.336.0"]


def test_wrong_pools_are_the_plans_business() -> None:
    asked, warnings = questions(a=mac({"name": "?"}, docker("x", "2.336.0"), github=TOKEN, mac_runners_capacity=[], mac_runners_runner_version="x"))
    assert (asked[ACME]["runner_versions"], warnings) == (["2.336.0"], [])


class Locked(dict[str, t.Any]):
    """Variables with a secret that is not at hand."""

    def __getitem__(self, name: str) -> t.Any:
        if name == "mac_runners_github":
            raise AnsibleError("'vault_token' is undefined")
        return super().__getitem__(name)


def test_a_secret_that_is_not_at_hand_is_a_warning() -> None:
    asked, warnings = questions(a=Locked(mac(docker("x", "2.336.0"), github=TOKEN)), b=mac(docker("x", "2.337.0"), github=TOKEN))
    assert asked[ACME]["runner_versions"] == ["2.337.0"]
    assert warnings == ["GitHub is not asked about versions of the runner, since mac_runners_github cannot be read: 'vault_token' is undefined"]


def test_each_target_is_reached_through_the_proxy_of_the_mac_whose_credential_is_used() -> None:
    fleet = {
        "a": mac(docker("x", "2.336.0"), github={"url": ACME, "proxy": "http://unused:1"}),
        "b": mac(docker("x", "2.336.0"), github={**TOKEN, "proxy": "http://proxy:3128"}),
        "c": mac(docker("x", "2.336.0"), github={"url": OTHER, "token": "two"}),
    }
    asked, _warnings = questions(**fleet)
    assert {url: options.get("proxy") for url, options in asked.items()} == {ACME: "http://proxy:3128", OTHER: None}


APP: Json = {"client_id": "Iv1.x", "key_file": "/keys/app.pem", "installation_id": 7}


@pytest.mark.parametrize(
    ("github", "options"),
    (
        (None, {}),
        ("https://github.com/acme", {}),
        ({"url": ACME, "runner_group": "macs"}, {}),
        ({"url": ACME, "token": "", "app": {}}, {}),
        (
            {"url": ACME, "token": "t", "ca_path": "/ca.pem", "proxy": "http://p", "accept_key_beside_weak": True},
            {"token": "t", "ca_path": "/ca.pem", "proxy": "http://p"},
        ),
        ({"url": ACME, "app": {**APP, "colour": "red"}}, {"app": APP}),
        ({"url": ACME, "app": APP, "token": "t"}, {"app": APP}),
    ),
)
def test_the_credential(github: t.Any, options: Json) -> None:
    assert _versions.credential_of(mac(github=github)) == options


def test_answers() -> None:
    told = [{"version": "2.336.0", "verdict": "good"}]
    downloads = [{"version": "2.99.0"}, {"version": "2.338.0"}, {"version": "2.337.0"}]
    assert _versions.answer_of({"runner_versions": told, "downloads": downloads}) == {"runner_versions": told, "offered": "2.338.0", "error": ""}
    assert _versions.answer_of({"runner_versions": told, "downloads": []})["offered"] == ""
    assert _versions.answer_of({"failed": True, "msg": "no way", "runner_versions": told}) == {"runner_versions": [], "offered": "", "error": "no way"}
    assert _versions.answer_of({})["error"] == "it gave no answer"
