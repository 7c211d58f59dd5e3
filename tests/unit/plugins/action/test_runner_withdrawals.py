# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action runner_withdrawals: what the Mac is told, what GitHub is asked, and what makes it refuse."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.action_packer.mac_runners.plugins.action import runner_withdrawals

URL, OTHER = "https://github.com/acme", "https://github.com/other/app"
POOLS = [{"name": "linux", "isolation": "docker", "count": 2, "image": "acme/runner:1", "lifecycle": "persistent", "github": {"url": OTHER}}]
GITHUB = {"url": URL, "token": "secret", "proxy": "http://proxy:3128"}
Play = t.Callable[..., dict[str, t.Any]]


def seen(slot: str = "linux-1", **fields: t.Any) -> dict[str, t.Any]:
    return {"name": slot, "running": True, "busy": False, "drained": False, "runner_name": f"mac-1-{slot}", "url": URL, "id": 7, **fields}


class World:
    """A Mac that tells what it has, and GitHub, of whose answers there is one for each target."""

    def __init__(self, *runners: dict[str, t.Any]) -> None:
        self.runners, self.told, self.asked = list(runners), [], []  # type: ignore[var-annotated]
        self.answers: dict[str, dict[str, t.Any]] = {}

    def on_mac(self, _name: str, arguments: dict[str, t.Any], task_vars: t.Any = None) -> dict[str, t.Any]:
        self.told.append(arguments)
        return {"changed": bool(arguments.get("drain")), "runners": self.runners, "steps": []}

    def at_github(self, _action: t.Any, _name: str, arguments: dict[str, t.Any], _vars: t.Any) -> dict[str, t.Any]:
        self.asked.append(arguments)
        return self.answers.get(arguments["url"], {"changed": False, "busy": {}, "steps": []})


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    def run(world: World, **arguments: t.Any) -> dict[str, t.Any]:
        action = object.__new__(runner_withdrawals.ActionModule)
        given = {"mac": "mac-1", "fleet": "acme", "github": GITHUB, "pools": POOLS, **arguments}
        action._task = type("Task", (), {"args": given})()
        monkeypatch.setattr(runner_withdrawals.ActionBase, "run", lambda self, tmp, task_vars: {})
        monkeypatch.setattr(action, "_execute_module", world.on_mac)
        monkeypatch.setattr(runner_withdrawals, "run_here", world.at_github)
        return action.run(None, {})

    return run


def test_each_target_is_asked_about_those_that_go_with_what_the_mac_saw(play: Play) -> None:
    world = World(seen(), seen("linux-2", busy=True, url=OTHER), seen("linux-3"))
    world.answers[OTHER] = {"changed": True, "busy": {"mac-1-linux-2": "a job runs on its Mac"}, "steps": [{"resource": "mac-1-linux-2"}]}
    result = play(world, slots=["linux-1", "linux-2"])
    assert [arguments["url"] for arguments in world.asked] == [URL, OTHER]
    arguments = world.asked[0]
    assert arguments["runners"] == [{"name": "mac-1-linux-1", "idle": True}, {"name": "mac-1-linux-2", "idle": False}]
    assert (arguments["name_prefixes"], arguments["fleet"], arguments["token"]) == (["mac-1-"], "acme", "secret")
    assert arguments["proxy"] == "http://proxy:3128"
    assert (result["changed"], result["busy"], result["steps"]) == (True, {"linux-2": "a job runs on its Mac"}, [{"resource": "mac-1-linux-2"}])


def test_the_credential_never_goes_to_the_mac(play: Play) -> None:
    world = World(seen())
    play(world, drain=True)
    assert world.told == [{"fleet": "acme", "runner_dir": "/home/runner", "drain": True, "only": []}]
    play(world, slots=["linux-1"], forget=["linux-1"])
    assert world.told[1] == {"fleet": "acme", "runner_dir": "/home/runner", "drain": False, "only": ["linux-1"]}


@pytest.mark.parametrize("url", ["https://evil.example/acme", "https://github.com/acme2", "nonsense"])
def test_the_word_of_a_container_names_no_place_to_send_a_credential(play: Play, url: str) -> None:
    world = World(seen(url=url))
    with pytest.raises(AnsibleActionFail, match="runner linux-1 is registered at .*, which neither mac_runners_github nor a pool"):
        play(world)
    assert world.asked == []
    play(world, force=True)
    assert {arguments["url"] for arguments in world.asked} == {URL, OTHER}


def test_without_runners_nobody_is_asked(play: Play) -> None:
    world = World(seen("linux-9"))
    assert play(world, slots=["linux-1"])["busy"] == {} and world.asked == []


def test_what_github_refuses_fails(play: Play) -> None:
    world = World(seen(busy=True))
    world.answers[URL] = {"failed": True, "msg": "the token is refused"}
    result = play(world)
    assert result["failed"] and result["msg"] == "the token is refused" and result["busy"] == {}


@pytest.mark.parametrize("given", [{}, {"github": {}, "pools": []}], ids=["GitHub has forgotten it", "nobody can be asked"])
def test_a_job_on_the_mac_is_waited_for_whatever_github_says(play: Play, given: dict[str, t.Any]) -> None:
    world = World(seen(busy=True, id=0, url=""), seen("linux-2", id=0, url=""), seen("linux-3", busy=True, id=0, url=""))
    assert play(world, slots=["linux-1", "linux-2"], **given)["busy"] == {"linux-1": "a job runs on its Mac"}
    assert play(world, force=True, **given)["busy"] == {}


def test_what_is_written_wrong_is_told_before_anything_is_marked_on_the_mac(play: Play) -> None:
    world = World(seen())
    with pytest.raises(AnsibleActionFail, match="mac_runners_github.colour"):
        play(world, drain=True, github={**GITHUB, "colour": "red"})
    for fleet in ("acme\n", " "):
        with pytest.raises(AnsibleActionFail, match="fleet: got .*; allowed: a text that is not empty and has no control characters"):
            play(world, drain=True, fleet=fleet)
    assert world.told == []


def test_an_app_whose_installation_is_not_given_looks_it_up(play: Play) -> None:
    world, app = World(seen()), {"client_id": "Iv23liTEST", "key_file": "/app.pem"}
    play(world, github={"url": URL, "app": app})
    assert world.asked[0]["app"] == app and "token" not in world.asked[0]
