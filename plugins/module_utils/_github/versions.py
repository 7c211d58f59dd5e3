# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Which versions of the runner GitHub still takes, and which packages it offers."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import on_one_line, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import BadAnswerError, InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import (
    GOOD,
    REFUSED,
    UNKNOWN,
    VERSION,
    Verdict,
    parse_time,
    parse_version,
    verdict_of,
)

#: The oldest that github.com and ghe.com register; a server of one's own has its own floor.
OLDEST = (2, 329, 0)
#: Days within which GitHub wants every release to be installed.
_DAYS = 30

_FILENAME = re.compile(r"actions-runner-[a-z0-9]+-[a-z0-9]+-([0-9.]+)\.(?:tar\.gz|zip)\Z")


class Download(t.NamedTuple):
    """A package that GitHub offers to the target; ``sha256`` is None where the server does not tell it."""

    os: str
    architecture: str
    version: str
    url: str
    sha256: t.Optional[str]


def judge_versions(client: Client, versions: t.Sequence[str]) -> t.List[Verdict]:
    """The verdict on each version, one request each; raises :class:`InputError` for what is no version."""
    wrong = [version for version in versions if not VERSION.match(version)]
    if wrong:
        raise InputError(f"runner_versions: got {', '.join(map(show, wrong))}; allowed: versions such as 2.337.0")
    return [_judge(client, version) for version in versions]


def list_downloads(client: Client) -> t.List[Download]:
    """What GitHub wants the target to run; new releases come to different targets on different days."""
    what = "list the runner packages"
    answer = client.get("/actions/runners/downloads", what)
    if not isinstance(answer, list):
        raise BadAnswerError(f"{client.target.url}: {what}: the answer is no list")
    try:
        return [_download(entry) for entry in answer]
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswerError(f"{client.target.url}: {what}: GitHub describes a package in a way that is not known here") from error


def _judge(client: Client, version: str) -> Verdict:
    what = f"ask until when the runner {version} is taken"
    response = client.call("GET", f"/actions/runners/deprecations/{version}", what, accept=(404,))
    if response.status == 404:
        return _guess(client, version)
    answer = response.json(f"{client.target.url}: {what}")
    meter = client.exchange.meter
    try:
        ends = [parse_time(answer.get(f"{kind}_deprecates_at")) for kind in ("registration", "runtime")]
    except (AttributeError, TypeError, ValueError) as error:
        raise BadAnswerError(f"{client.target.url}: {what}: the answer has no dates that can be read") from error
    return verdict_of(version, ends[0], ends[1], meter.date or client.exchange.clock.now())


def _guess(client: Client, version: str) -> Verdict:
    """Without a date: by the floor, and by what GitHub offers instead."""
    own_server = client.target.api.endswith("/api/v3")
    if not own_server and parse_version(version) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return Verdict(version, REFUSED, f"the runner {version} cannot register: GitHub takes {oldest} and newer; pin a newer version")
    offered = sorted({one.version for one in list_downloads(client)}, key=parse_version)
    if not offered:
        return Verdict(version, UNKNOWN, f"GitHub tells nothing about the runner {version}")
    if parse_version(version) < parse_version(offered[-1]):
        return Verdict(
            version,
            UNKNOWN,
            f"GitHub names no date for the runner {version} and offers {offered[-1]}; it wants each release to be installed within {_DAYS} days",
        )
    return Verdict(version, GOOD, f"the runner {version} is at least as new as {offered[-1]}, which GitHub offers")


def _download(entry: t.Mapping[str, t.Any]) -> Download:
    match = _FILENAME.match(entry["filename"])
    if match is None or not VERSION.match(match[1]):
        raise ValueError(on_one_line(str(entry["filename"])))
    checksum = entry.get("sha256_checksum")
    return Download(str(entry["os"]), str(entry["architecture"]), match[1], str(entry["download_url"]), str(checksum) if checksum else None)
