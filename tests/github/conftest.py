# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A local GitHub for each test; whatever was sent to it or came from it is judged by GitHub's own document afterwards."""

from __future__ import annotations

import json
import pathlib
import sys
import time
import typing as t
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from ansible.module_utils.testing import patch_module_args  # noqa: E402
from double import record  # noqa: E402
from double.judge import Judge  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from double.state import Scope  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github import edge  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import read_token  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.modules import github_runners, github_runners_info, github_withdrawals  # noqa: E402

MODULES = {"github_runners": github_runners, "github_runners_info": github_runners_info, "github_withdrawals": github_withdrawals}
HTTP = {"timeout": 10, "validate_certs": True, "ca_path": None, "use_proxy": True}
Play = t.Callable[..., dict[str, t.Any]]


class Clock:
    """The time of both sides: to sleep costs nothing, here and at the local GitHub."""

    def __init__(self, github: LocalGithub) -> None:
        self._github = github
        self.slept: list[float] = []

    def now(self) -> float:
        return time.time() + self._github.world.offset

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._github.world.offset += seconds


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge()


@pytest.fixture
def github(judge: Judge) -> Iterator[LocalGithub]:
    """A test that sends something wrong on purpose clears ``exchanges``."""
    with LocalGithub() as local:
        yield local
    record.keep(local.exchanges)
    breaches = [breach for exchange in local.exchanges for breach in judge.breaches(exchange)]
    assert breaches == []


@pytest.fixture
def clock(github: LocalGithub) -> Clock:
    return Clock(github)


@pytest.fixture
def acme(github: LocalGithub) -> Scope:
    return github.world.scope("/orgs/acme")


@pytest.fixture
def client(github: LocalGithub, clock: Clock) -> t.Callable[..., Client]:
    """Makes a client of the collection, over its real HTTP."""

    def make(path: str = "/acme", token: str = "", max_wait: float = 300, **http: t.Any) -> Client:
        target = parse_target(github.url + path)
        authority = read_token(token or github.world.token().text, target)
        return Client(target, authority, Exchange(edge._transport({**HTTP, **http}), clock, max_wait))

    return make


@pytest.fixture
def play(github: LocalGithub, clock: Clock, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Play:
    """Runs a module in this process and returns its result; no secret may be in it."""
    monkeypatch.setattr(edge, "SystemClock", lambda: clock)

    def run(name: str, /, **options: t.Any) -> dict[str, t.Any]:
        options.setdefault("url", github.url + "/acme")
        if not options.keys() & {"token", "app"}:
            options["token"] = github.world.token().text
        if name == "github_runners":
            defaults = {"fleet": "acme", "name_prefixes": ["mac-1-"], "offline_file": str(tmp_path / "offline.json")}
            options = {**defaults, **options}
        if name == "github_withdrawals":
            options = {"fleet": "acme", "name_prefixes": ["mac-1-"], **options}
        with patch_module_args({"_ansible_inject_invocation": True, **options}), pytest.raises(SystemExit):
            MODULES[name].main()
        shown = "".join(capsys.readouterr())
        result = json.loads(shown)
        assert [secret for secret in github.world.secrets if secret in json.dumps(result)] == []
        del result["invocation"]
        return result

    return run
