# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One private Docker Engine for all tests; a test begins and ends without containers."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import workbench  # noqa: E402
import engine  # noqa: E402


@pytest.fixture(scope="session")
def socket_path() -> Iterator[str]:
    """The socket of the engine."""
    with engine.private_engine() as path:
        engine.import_image(engine.client(path))
        yield path


@pytest.fixture
def bench(socket_path: str, tmp_path: pathlib.Path) -> Iterator[workbench.Workbench]:
    """The engine without containers, and the module."""
    made = workbench.Workbench(socket_path, tmp_path / "state")
    made.clear()
    yield made
    made.clear()
    made.api.close()
