# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A JIT config: one registration for one job. Asking for it is not repeatable, so a lost answer is looked into first."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Secret
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import (
    BadAnswerError,
    ConflictError,
    GithubError,
    NoAnswerError,
    ServerError,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import (
    DEFAULT_GROUP,
    Runner,
    delete_runner,
    find_runner,
    runner_of,
)

#: How often a registration is tried when its answer is lost or its name is taken by a leftover of ours.
ROUNDS = 3
#: Seconds in which GitHub's list may not yet show what it has just registered.
_LAG = 2.0


@dataclasses.dataclass(frozen=True)
class Jit:
    """A runner that is registered and not yet started, and what starts it, once."""

    runner: Runner
    config: Secret


def jit_config(client: Client, name: str, labels: t.Sequence[str], marker: str, group: int = DEFAULT_GROUP, work_folder: str = "_work") -> Jit:
    """Register one ephemeral runner; only ``labels`` and ``marker``, the label of the fleet, are given to it.

    When the answer is lost, GitHub may have registered it all the same, with a config that nobody has. Such a leftover,
    known by name and marker and by never having been connected, is removed and the registration is made anew.
    """
    body = {"name": name, "runner_group_id": group, "labels": [*labels, marker], "work_folder": work_folder}
    what = f"register the runner {name}"
    for _round in range(ROUNDS - 1):
        try:
            return _ask(client, what, body)
        except (ServerError, NoAnswerError, ConflictError) as error:
            if isinstance(error, NoAnswerError) and error.lasting:
                raise
            _clear(client, name, marker, error)
    return _ask(client, what, body)


def _ask(client: Client, what: str, body: t.Dict[str, t.Any]) -> Jit:
    answer = client.call("POST", "/actions/runners/generate-jitconfig", what, body).json(f"{client.target.url}: {what}")
    try:
        runner, config = runner_of(answer["runner"]), answer["encoded_jit_config"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError(f"{client.target.url}: {what}: the answer has no runner with a config") from error
    if not isinstance(config, str) or not config:
        raise BadAnswerError(f"{client.target.url}: {what}: the answer has no config")
    return Jit(runner, Secret(config))


def _clear(client: Client, name: str, marker: str, error: GithubError) -> None:
    """Remove what an attempt may have left; raises when somebody else has the name."""
    client.exchange.clock.sleep(_LAG)
    found = find_runner(client, name)
    if found is None:
        return
    if not found.has(marker):
        raise ConflictError(f"{client.target.url}: register the runner {name}: another runner that is not ours has this name") from error
    if found.version is not None or found.online or found.busy or delete_runner(client, found) == "busy":
        raise ConflictError(f"{client.target.url}: register the runner {name}: a runner of ours with this name is already in use") from error
