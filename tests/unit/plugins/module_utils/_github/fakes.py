# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GitHub of scripted answers, and a clock that costs no time."""

from __future__ import annotations

import json

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.client import Client
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.credentials import read_token
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.exchange import Exchange
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.message import Response
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


class Clock:
    def __init__(self, at=1_790_000_000.0):
        self.at, self.slept = at, []

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds


class Script:
    """A transport: notes each request and gives the next answer; an exception is raised."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def said(status=200, body=None, **headers):
    return Response(status, {name.replace("_", "-"): str(value) for name, value in headers.items()}, b"" if body is None else json.dumps(body).encode())


def client_of(*answers, url="https://github.com/acme", max_wait=300.0, token=TOKEN):
    """A client over scripted answers; the script is its attribute ``script``."""
    script, target = Script(*answers), parse_target(url)
    made = Client(target, read_token(token, target), Exchange(script, Clock(), max_wait))
    made.script = script
    return made
