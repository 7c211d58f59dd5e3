# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pytest -p tests.canary.plugin: watchers beside the session; a test in which they find something fails.

Ansible says all that it can say (-vvvv) into a log that they read, and keeps its facts where they look.
"""

from __future__ import annotations

import collections.abc
import os
import pathlib
import time

import pytest

from tests.canary.watch import ROOT, Watch, complaint

#: Seconds after which everything is looked at once more when a test ends. Between, the watchers look by themselves.
_PAUSE = 5.0
_WATCH = pytest.StashKey[Watch]()
_LOOKED = pytest.StashKey[float]()


def loud_ansible(folder: pathlib.Path) -> dict[str, str]:
    """The environment in which every play tells and keeps the most."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "ansible.log"
    log.write_text("")
    facts = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts")}
    return {"ANSIBLE_LOG_PATH": str(log), "ANSIBLE_VERBOSITY": "4", **facts}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--loud-ansible", metavar="NAME", default="", help="every play says all that it can, into tests/output/canary/NAME")


def pytest_sessionstart(session: pytest.Session) -> None:
    if name := session.config.getoption("--loud-ansible"):
        os.environ.update(loud_ansible(ROOT / "tests" / "output" / "canary" / name))
    session.config.stash[_WATCH] = Watch().__enter__()
    session.config.stash[_LOOKED] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> collections.abc.Generator[None]:
    """While everything is still there of which a test has to do."""
    result = yield
    if time.monotonic() - item.config.stash[_LOOKED] > _PAUSE:
        check(item.config)
    return result


@pytest.fixture(scope="session", autouse=True)
def _last_look(request: pytest.FixtureRequest) -> collections.abc.Iterator[None]:
    yield
    check(request.config)


def check(config: pytest.Config) -> None:
    finds = config.stash[_WATCH].look()
    config.stash[_LOOKED] = time.monotonic()
    if finds:
        pytest.fail(complaint(finds), pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(config.stash[_WATCH].summary())


def pytest_unconfigure(config: pytest.Config) -> None:
    if watch := config.stash.get(_WATCH, None):
        watch.__exit__(None, None, None)
