# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the acceptance tests."""

from __future__ import annotations

import typing as t

import pytest

from tests.acceptance.fleet import Engine
from tests.macsim.pytest_plugin import boot_mac_fixture  # a fixture

__all__ = ["boot_mac_fixture"]


@pytest.fixture
def engines() -> t.Iterator[t.Callable[[], Engine]]:
    """Start Docker Engines, each with the image; all end with the test."""
    started: list[Engine] = []

    def start() -> Engine:
        engine = Engine()
        started.append(engine)
        engine.import_image()
        return engine

    yield start
    for engine in started:
        engine.stop()
