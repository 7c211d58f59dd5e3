# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world for each test of a slot."""

from __future__ import annotations

import pytest

from tests.unit.plugins.module_utils._slot.fakes import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()
