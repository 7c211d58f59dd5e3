# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What force ends: the VM where it is, or an error that names slot and verb."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot import install_end, tart_vm
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


class Ended:
    """Stands in for the account of a slot."""

    calls: t.ClassVar[t.List[t.Tuple[str, int, str, str]]] = []

    def __init__(self, account: t.Any, jail: str, run: object) -> None:
        self.call = (account.name, account.uid, account.home, jail)

    def reset(self) -> None:
        self.calls.append(self.call)


WHERE = {"uid": "1701", "home": "/Users/mac-runners-lint-1", "jail": "/opt/mac_runners/jails/lint-1/root"}
SETTINGS = {
    "slot": "lint-1",
    "fleet": "acme",
    "pools": [{"name": "lint", "isolation": "sandbox", "trust": "trusted"}],
    "runner_name": "mac-1-lint-1",
    "github": {"url": "https://github.com/acme", "labels": ["macOS"], "token_file": "/etc/token"},
    "native": {"uid": 1750},
}


@pytest.mark.parametrize(("status", "settings", "calls"), [
    ({"state": "job", "place": WHERE}, b"nothing", [("mac-runners-lint-1", 1701, WHERE["home"], WHERE["jail"])]),
    ({"state": "waiting", "place": {}}, json.dumps(SETTINGS).encode(), []),
    ({}, json.dumps(SETTINGS).encode(), []),
    ({"state": "damaged"}, json.dumps(SETTINGS).encode(), [("mac-runners-lint-1", 1750, "/Users/mac-runners-lint-1", "")]),
    ({"state": "damaged"}, b"nothing", []),
])
def test_the_account_of_a_native_slot_is_as_new(
    status: t.Dict[str, t.Any], settings: bytes, calls: t.List[t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install_end, "SlotAccount", Ended)
    monkeypatch.setattr(Ended, "calls", [])
    monkeypatch.setattr(install_end, "read_user", lambda run, name: name)
    end_environment(t.cast("t.Any", None), Slot("lint-1", settings=settings, status=status), "/var/db/mac_runners")
    assert Ended.calls == calls


def test_where_somebody_removed_the_account_there_is_nothing_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_end, "SlotAccount", Ended)
    monkeypatch.setattr(install_end, "read_user", lambda run, name: None)
    monkeypatch.setattr(Ended, "calls", [])
    end_environment(t.cast("t.Any", None), Slot("lint-1", status={"state": "job", "place": WHERE}), "/var/db/mac_runners")
    assert Ended.calls == []
