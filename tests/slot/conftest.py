# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Docker Engine, a local GitHub with jobs, and the slot program, built once and run by the Python of a Mac."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE / "kills"), str(ROOT / "tests" / "integration"), str(ROOT / "tests" / "github"), str(ROOT / "tests" / "runner")]

import engine  # noqa: E402
import image  # noqa: E402
from double.broker import Broker  # noqa: E402
from double.judge import Judge  # noqa: E402
from double.server import LocalGithub  # noqa: E402
from forward import GATEWAY, PORT, forwarding  # noqa: E402
from mac import Mac  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._slot_program import build  # noqa: E402

PYTHON_OF_A_MAC = ROOT / ".venv-py39" / "bin" / "python"


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge()


@pytest.fixture(scope="session")
def socket_path() -> Iterator[str]:
    with engine.private_engine() as path:
        api = engine.client(path)
        image.make(api)
        api.close()
        yield path


@pytest.fixture(scope="session")
def broker_path(socket_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """The unix socket at which a broker is found from inside containers."""
    path = tmp_path_factory.mktemp("broker") / "socket"
    with forwarding(socket_path, str(path)):
        yield path


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory, python: str) -> pathlib.Path:
    """As it is installed: with what the Mac's Python makes of it."""
    path = tmp_path_factory.mktemp("program") / "slot.pyz"
    path.write_bytes(build(ROOT))
    subprocess.run([python, "-I", str(path), "compile"], check=True)
    return path


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter itself, as it is resolved on a Mac once: no venv, nothing installed."""
    found = subprocess.run([PYTHON_OF_A_MAC, "-c", "import sys; print(sys.base_prefix)"], check=True, capture_output=True, text=True).stdout.strip()
    return f"{found}/bin/python3.9"


@pytest.fixture
def github(judge: Judge) -> Iterator[LocalGithub]:
    with LocalGithub() as local:
        yield local
    assert [breach for exchange in local.exchanges for breach in judge.breaches(exchange)] == []


@pytest.fixture
def broker(github: LocalGithub, broker_path: pathlib.Path) -> Iterator[Broker]:
    broker_path.unlink(missing_ok=True)
    made = Broker(github, str(broker_path), f"http://{GATEWAY}:{PORT}")
    yield made
    made.silent = False
    made.close()


@pytest.fixture
def mac(tmp_path: pathlib.Path, python: str, program: pathlib.Path, socket_path: str, github: LocalGithub, broker: Broker) -> Iterator[Mac]:
    made = Mac(tmp_path, python, program, socket_path, github, broker)
    yield made
    made.close()
