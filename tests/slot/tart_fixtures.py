# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One simulated Mac for all tests of isolation tart; each has a GitHub and slots of its own."""

from __future__ import annotations

import pytest
from double.broker import Broker
from tart_mac import SEED, SHARE, TartMac, provide


@pytest.fixture(scope="session")
def tart_host(boot_session_mac):
    booted = boot_session_mac("slots", memory="256GiB", cores=32, disk_free="900GiB", seed=SEED, share=SHARE)
    provide(booted)
    return booted


@pytest.fixture
def tart(tart_host, program, github):
    broker = Broker(github, ("127.0.0.1", 0))
    made = TartMac(tart_host, program, github, broker)
    yield made
    broker.silent = False
    made.close()
    broker.close()
