# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A JIT config whose runner does not update itself."""

from __future__ import annotations

import base64
import json
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.updates import without_updates


def packed(content: bytes) -> str:
    return base64.b64encode(content).decode()


def config(settings: bytes) -> str:
    """As GitHub packs the files of a runner."""
    return packed(json.dumps({".runner": packed(settings), ".credentials": packed(b"{}"), ".credentials_rsaparams": packed(b"key")}).encode())


def files(text: str) -> t.Dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in json.loads(base64.b64decode(text)).items()}


@pytest.mark.parametrize(
    "given",
    [
        b'{"AgentId": "7", "Ephemeral": true}',
        b'\xef\xbb\xbf{"AgentId": "7", "Ephemeral": true}',
        b'{"AgentId": "7", "Ephemeral": true, "disableUpdate": "False"}',
    ],
    ids=["plain", "with a mark of the byte order", "with another word on it"],
)
def test_updates_are_switched_off_and_nothing_else_changes(given: bytes) -> None:
    made = files(without_updates(config(given)))
    assert json.loads(made.pop(".runner")) == {"AgentId": "7", "Ephemeral": True, "DisableUpdate": True}
    assert made == {".credentials": b"{}", ".credentials_rsaparams": b"key"}


@pytest.mark.parametrize(
    "strange",
    [
        "abc123",
        "not base 64",
        "",
        packed(b"not json"),
        packed(b"[1]"),
        packed(b"\xff\xfe"),
        packed(b'{".credentials": "e30="}'),
        packed(b'{".runner": 7}'),
        config(b"no settings"),
        config(b"[]]"),
        config(b'[["AgentId", 7]]'),
    ],
)
def test_what_is_no_config_that_we_know_is_given_on_as_it_is(strange: str) -> None:
    assert without_updates(strange) == strange
