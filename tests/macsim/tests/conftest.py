# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the simulated Mac itself. They need root, sudo and an ssh server."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

_PLUGIN = Path(__file__).resolve().parent.parent / "pytest_plugin.py"
if "macsim_pytest_plugin" not in sys.modules:
    _spec = importlib.util.spec_from_file_location("macsim_pytest_plugin", _PLUGIN)
    _module = importlib.util.module_from_spec(_spec)
    sys.modules["macsim_pytest_plugin"] = _module
    _spec.loader.exec_module(_module)
boot_mac_fixture = sys.modules["macsim_pytest_plugin"].boot_mac_fixture
boot_session_mac_fixture = sys.modules["macsim_pytest_plugin"].boot_session_mac_fixture
boot_module_mac_fixture = sys.modules["macsim_pytest_plugin"].boot_module_mac_fixture


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="the simulated Mac needs root"))
