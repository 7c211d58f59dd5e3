# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the isolations."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos import reading

from .tart_mac import FakeMac


@pytest.fixture
def mac(tmp_path: pathlib.Path) -> FakeMac:
    """A small Mac without a VM."""
    return FakeMac(str(tmp_path))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits, and the facts of a small Mac are its own."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(reading, "read_facts", lambda run, tart_homes: run.__self__.facts())
