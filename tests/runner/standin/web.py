# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP, through the proxy of the environment where there is one."""

from __future__ import annotations

import json
import typing as t
import urllib.error
import urllib.request

AGENT = "GitHubActionsRunner-standin"


def ask(method: str, url: str, body: t.Any, authorization: str, seconds: float = 60.0) -> t.Tuple[int, t.Any]:
    """Status and JSON of the answer, {} when it is none; OSError when there is no answer."""
    headers = {
        "Authorization": authorization,
        "Accept": "application/vnd.github+json",
        "User-Agent": AGENT,
        "X-GitHub-Api-Version": "2022-11-28",
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.status, _json(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read())


def _json(content: bytes) -> t.Any:
    try:
        return json.loads(content)
    except ValueError:
        return {}
