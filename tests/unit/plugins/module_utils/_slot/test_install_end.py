# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What force ends: the VM where it is, or an error that names slot and verb."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import tart_vm
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_end import end_environment
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import InstallError, Slot
from tests.unit.plugins.module_utils._isolation.tart_mac import TART
from tests.unit.plugins.module_utils._slot.test_tart_vm import NAME, SlotMac

PLACE = {"account": "runner", "tart": TART, "tart_home": "", "runner_dir": "actions-runner"}


@pytest.fixture
def mac(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> SlotMac:
    made = SlotMac(str(tmp_path))
    monkeypatch.setattr(tart_vm, "find_account", lambda name: made.place.account)
    made.vm().make(1, "mac-1-lin-1-0000000a")
    return made


def slot(tart: object = None, **status: object) -> Slot:
    return Slot("lin-1", settings=json.dumps({"tart": tart} if tart else {}).encode(), status=status)


@pytest.mark.parametrize("given", [slot(PLACE), slot(None, place=PLACE), slot({**PLACE, "tart_home": "/elsewhere"}, place=PLACE)])
def test_a_vm_is_switched_off_and_deleted_where_it_is(mac: SlotMac, given: Slot) -> None:
    end_environment(mac.run, given, mac.place.state_dir)
    assert os.listdir(mac.place.vms_dir) == []
    end_environment(mac.run, given, mac.place.state_dir)


def test_one_that_does_not_go_is_an_error_of_its_slot(mac: SlotMac, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mac, "tart_delete", lambda *words: Result(1, "", "Error: disk full"))
    with pytest.raises(InstallError, match=r"^slot lin-1: what it runs could not be ended: .*delete.*disk full"):
        end_environment(mac.run, slot(PLACE), mac.place.state_dir)


def test_one_without_our_marker_is_not_touched(mac: SlotMac) -> None:
    os.unlink(mac.path(NAME, ".mac-runners.json"))
    end_environment(mac.run, slot(PLACE), mac.place.state_dir)
    assert os.path.exists(mac.path(NAME))
