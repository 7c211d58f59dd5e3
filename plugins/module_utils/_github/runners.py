# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Runners and runner groups at GitHub: what they are, and each single thing that can be done to them."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client, Json
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import Secret
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError, RefusedError

_RUNNERS = "/actions/runners"
_GROUPS = "/actions/runner-groups"
#: The only group of a repository, and the one that every organisation and enterprise has.
DEFAULT_GROUP = 1


@dataclasses.dataclass(frozen=True)
class Runner:
    """A runner as GitHub lists it. ``busy`` may be stale; ``version`` is None until it was connected once."""

    id: int
    name: str
    online: bool
    busy: bool
    labels: t.Tuple[str, ...] = ()
    fixed_labels: t.Tuple[str, ...] = ()
    group: t.Optional[int] = None
    os: str = ""
    version: t.Optional[str] = None
    ephemeral: t.Optional[bool] = None

    @property
    def all_labels(self) -> t.Tuple[str, ...]:
        """Those that can be changed and those that cannot."""
        return self.labels + self.fixed_labels

    def has(self, label: str) -> bool:
        """Whether it carries a label; GitHub ignores case."""
        return label.lower() in (one.lower() for one in self.all_labels)


@dataclasses.dataclass(frozen=True)
class Group:
    """A runner group; ``public`` when public repositories may use it."""

    id: int
    name: str
    public: bool
    default: bool
    visibility: str


def list_runners(client: Client) -> t.List[Runner]:
    """All runners of the target, 100 a request."""
    what = "list the runners"
    return [_runner(entry, client, what) for entry in client.all_of(_RUNNERS, "runners", what)]


def find_runner(client: Client, name: str) -> t.Optional[Runner]:
    """The runner of exactly this name, as a rule with one request."""
    what = f"find the runner {name}"
    entries = client.some_of(_RUNNERS, "runners", what, name=name)
    found = _named(name, entries, client, what)
    # Whether GitHub compares the whole name, and what it counts then, is not documented. Others were listed: so it need not be among the first.
    return _named(name, client.all_of(_RUNNERS, "runners", what, name=name), client, what) if entries and not found else found


def _named(name: str, entries: t.Sequence[Json], client: Client, what: str) -> t.Optional[Runner]:
    runners = (_runner(entry, client, what) for entry in entries)
    return next((runner for runner in runners if runner.name.lower() == name.lower()), None)


def get_runner(client: Client, number: int) -> t.Optional[Runner]:
    """The runner with this id, None when there is none."""
    what = f"look at runner {number}"
    response = client.call("GET", f"{_RUNNERS}/{number}", what, accept=(404,))
    return None if response.status == 404 else _runner(response.json(f"{client.target.url}: {what}"), client, what)


def delete_runner(client: Client, runner: Runner) -> str:
    """Take a runner off GitHub, which decides: ``removed``, ``gone`` (it was not there any more) or ``busy`` (it runs a job)."""
    response = client.call("DELETE", f"{_RUNNERS}/{runner.id}", f"remove the runner {runner.name}", accept=(404, 422))
    if response.status == 404:
        return "gone"
    if response.status != 422:
        return "removed"
    if "running a job" in response.message.lower():
        return "busy"
    raise RefusedError(f"{client.target.url}: remove the runner {runner.name}: GitHub answered 422 ({response.message[:200]})")


def set_labels(client: Client, runner: Runner, labels: t.Sequence[str]) -> None:
    """Give a runner these labels beside the fixed ones, in place of its others."""
    client.call("PUT", f"{_RUNNERS}/{runner.id}/labels", f"set the labels of the runner {runner.name}", {"labels": list(labels)})


def set_group(client: Client, runner: Runner, group: int) -> None:
    """Move a runner into a group."""
    client.call("PUT", f"{_GROUPS}/{group}/runners/{runner.id}", f"move the runner {runner.name} into another group")


def list_groups(client: Client) -> t.List[Group]:
    """The runner groups of an organisation or enterprise; a repository has none to choose from."""
    if client.target.kind == "repository":
        return []
    what = "list the runner groups"
    return [_group(entry, client, what) for entry in client.all_of(_GROUPS, "runner_groups", what)]


def registration_token(client: Client) -> t.Tuple[Secret, str]:
    """A token with which any number of runners can register within the hour, and its end as GitHub writes it."""
    what = "get a registration token"
    # It changes nothing at GitHub, and one whose answer is lost is worth nothing to anybody.
    answer = client.call("POST", f"{_RUNNERS}/registration-token", what, repeatable=True).json(f"{client.target.url}: {what}")
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise BadAnswerError(f"{client.target.url}: {what}: the answer has no token")
    return Secret(token), str(answer.get("expires_at"))


def runner_of(entry: Json) -> Runner:
    """Read one runner; raises KeyError, TypeError or ValueError when it is none."""
    labels = [(str(label["name"]), label.get("type") == "read-only") for label in entry["labels"]]
    group, version, ephemeral = entry.get("runner_group_id"), entry.get("version"), entry.get("ephemeral")
    if not isinstance(entry["name"], str) or not isinstance(entry["busy"], bool) or entry["status"] not in ("online", "offline"):
        raise ValueError("name, busy or status")
    return Runner(
        id=int(entry["id"]),
        name=entry["name"],
        online=entry["status"] == "online",
        busy=entry["busy"],
        labels=tuple(name for name, fixed in labels if not fixed),
        fixed_labels=tuple(name for name, fixed in labels if fixed),
        group=group if isinstance(group, int) else None,
        os=str(entry.get("os") or ""),
        version=version if isinstance(version, str) else None,
        ephemeral=ephemeral if isinstance(ephemeral, bool) else None,
    )


def _runner(entry: Json, client: Client, what: str) -> Runner:
    try:
        return runner_of(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # A runner that cannot be read could be one that is busy.
        raise BadAnswerError(f"{client.target.url}: {what}: GitHub describes a runner in a way that is not known here ({error})") from error


def _group(entry: Json, client: Client, what: str) -> Group:
    try:
        return Group(
            id=int(entry["id"]),
            name=str(entry["name"]),
            public=bool(entry["allows_public_repositories"]),
            default=bool(entry["default"]),
            visibility=str(entry["visibility"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError(f"{client.target.url}: {what}: GitHub describes a group in a way that is not known here ({error})") from error
