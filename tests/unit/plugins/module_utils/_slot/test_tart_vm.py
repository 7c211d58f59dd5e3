# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VM of a slot on a small Mac: what is done in which order, killed anywhere, and never a second config."""

from __future__ import annotations

import itertools
import os
import pathlib
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import TartError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart_apply import Tools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.ports import SlotError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import parse_settings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_note import Note, read_note, write_note
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.tart_vm import SlotVm
from tests.unit.plugins.module_utils._isolation.tart_mac import FakeMac, Killed

NAME, CONFIG = "mac-runners-lin-1", "c2VjcmV0IGNvbmZpZw=="
POOL = {"name": "lin", "isolation": "tart", "guest": "linux", "image": "ghcr.io/acme/linux:1", "count": 1, "memory": "4GiB", "cpus": 4, "network": "nat"}
SETTINGS = {
    "slot": "lin-1",
    "fleet": "acme",
    "pools": [POOL],
    "runner_name": "mac-1-lin-1",
    "github": {"url": "https://github.com/acme", "labels": ["Linux"], "token_file": "/etc/token"},
    "tart": {"account": "runner"},
}


class SlotMac(FakeMac):
    """With processes that are started and guests that answer. ``answers`` of exec by its last words, rc 0 otherwise."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.folder = os.path.join(root, "slots", "lin-1")
        os.makedirs(self.folder)
        self.pids = itertools.count(100)
        self.running: t.Dict[int, str] = {}
        self.fails = ""
        self.said: t.Dict[str, Result] = {}
        self.configs: t.List[str] = []
        self.stdin = ""
        self.tart.pull("ghcr.io/acme/linux:1")
        self.calls.clear()
        self.writes = 0

    def run(self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        assert CONFIG not in " ".join(argv)
        self.stdin = stdin
        return super().run(argv, env, stdin)

    def tart_exec(self, *words: str) -> Result:
        if words[0] == "-i":
            assert words[1] == NAME and self.states.get(NAME) == "running"
            self.configs.append(self.stdin)
            return self.said.get("start", Result(0, "", ""))
        if words == (NAME, "true"):
            return Result(0 if self.states.get(NAME) == "running" and self.agents else 1, "", "")
        return self.said["busy" if "echo busy; else" in words[3] else "renew"]

    def spawn(self, argv: t.Sequence[str], log: str) -> int:
        words = self._tart_words(list(argv))
        self.calls.append(words)
        pathlib.Path(log).write_text(self.fails)
        pid = next(self.pids)
        if not self.fails:
            self.states[NAME] = "running"
            self.running[pid] = NAME
        return pid

    def runs(self, pid: int, vm: str) -> bool:
        return self.running.get(pid) == vm

    def kill(self, pid: int) -> None:
        self.end(NAME)
        self.running.pop(pid, None)

    def end(self, name: str) -> None:
        super().end(name)
        self.running.clear()

    def vm(self, **pool: t.Any) -> SlotVm:
        given = parse_settings({**SETTINGS, "pools": [{**POOL, **pool}]}, "here")
        return SlotVm(given, self.folder, Tools(self.run, self.tart, self.place), self)


@pytest.fixture
def mac(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> SlotMac:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return SlotMac(str(tmp_path))


def nothing_is_left(mac: SlotMac) -> bool:
    intents = mac.place.intents_dir
    return (os.listdir(mac.folder), os.listdir(mac.place.vms_dir), os.path.isdir(intents) and os.listdir(intents)) == ([], [], False)


def test_from_the_clone_to_the_end(mac: SlotMac) -> None:
    vm = mac.vm()
    assert vm.observe() == {"state": ""}
    vm.make(7, "mac-1-lin-1-0000000a")
    assert [words for words in mac.writing_calls if words[0] != "list"] == [
        ["clone", "ghcr.io/acme/linux:1", NAME],
        ["set", NAME, "--cpu", "4", "--random-mac"],
        ["run", "--no-graphics", NAME],
    ]
    assert vm.boot(1, 1) and vm.observe() == {"state": "ready", "cycle": 7, "runner": "mac-1-lin-1-0000000a"}
    vm.start(CONFIG)
    assert mac.configs == [CONFIG + "\n"] and vm.observe()["state"] == "running"
    mac.end(NAME)
    assert vm.observe()["state"] == "ended"
    vm.destroy()
    assert nothing_is_left(mac)


def test_softnet_is_asked_for_where_the_pool_has_it(mac: SlotMac) -> None:
    mac.vm(network="softnet").make(1, "a")
    assert ["run", "--no-graphics", "--net-softnet", NAME] in mac.calls


@pytest.mark.parametrize("point", range(1, 13))
def test_killed_anywhere_what_is_left_is_seen_and_goes(mac: SlotMac, point: int) -> None:
    mac.kill_after = point
    vm = mac.vm()
    with pytest.raises(Killed):
        vm.make(1, "a")
        vm.boot(1, 1)
        vm.start(CONFIG)
        vm.destroy()
    mac.kill_after = None
    seen = mac.vm().observe()
    handed = bool(mac.configs)
    assert seen["state"] in (("running", "ended", "") if handed else ("", "ready", "running")), "a VM that got a config looks fresh"
    mac.vm().destroy()
    assert nothing_is_left(mac)


def test_the_config_counts_as_handed_over_before_it_is(mac: SlotMac) -> None:
    vm = mac.vm()
    vm.make(1, "a")
    mac.said["start"] = Result(1, "", f"Error: unavailable {CONFIG}")
    with pytest.raises(TartError, match="could not be started in the guest .1.: Error: unavailable ...$"):
        vm.start(CONFIG)
    assert vm.observe()["state"] == "running"
    with pytest.raises(TartError, match="is no fresh one"):
        vm.start(CONFIG)
    assert len(mac.configs) == 1


def test_a_vm_of_others_is_neither_replaced_nor_touched(mac: SlotMac) -> None:
    mac.make(NAME, os="linux")
    before = os.stat(mac.path(NAME)).st_ino
    vm = mac.vm()
    assert vm.observe() == {"state": ""}
    with pytest.raises(TartError, match="it is not touched"):
        vm.make(1, "a")
    vm.destroy()
    assert os.stat(mac.path(NAME)).st_ino == before and not {"delete", "stop", "clone"} & {words[0] for words in mac.calls}


def test_an_image_that_is_not_there_is_told_and_not_pulled(mac: SlotMac) -> None:
    mac.cached.clear()
    with pytest.raises(TartError, match="the image ghcr.io/acme/linux:1 is not on this Mac; the role action_packer.mac_runners.tart pulls it"):
        mac.vm().make(1, "a")
    assert nothing_is_left(mac) and "pull" not in [words[0] for words in mac.calls]


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ('Error Domain=VZErrorDomain Code=1 "The virtual machine failed to start."', "login keychain unlocked"),
        ("The number of VMs exceeds the system limit", "stop another one"),
        ("", "wrote nothing"),
    ],
)
def test_a_vm_that_does_not_start_says_why(mac: SlotMac, said: str, advice: str) -> None:
    mac.fails = said + "\n"
    vm = mac.vm()
    vm.make(1, "a")
    with pytest.raises(TartError, match=advice):
        vm.boot(1, 30)
    vm.destroy()
    assert nothing_is_left(mac)


def test_a_guest_without_an_agent_is_waited_for_no_longer_than_said(mac: SlotMac, monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(times)))
    mac.agents = False
    vm = mac.vm()
    vm.make(1, "a")
    assert vm.boot(5, 30) is False


@pytest.mark.parametrize(("said", "kept"), [("unused\n", True), ("used\n", False), ("busy\n", False), ("ended\n", False), ("", False)])
def test_a_vm_is_kept_only_when_its_guest_says_that_no_job_ran(mac: SlotMac, said: str, kept: bool) -> None:
    vm = mac.vm()
    vm.make(1, "a")
    vm.start(CONFIG)
    mac.said["renew"] = Result(0, said, "")
    assert vm.renew("b") is kept
    assert (vm.observe()["state"], vm.observe()["runner"]) == (("ready", "b") if kept else ("running", "a"))


def test_whether_it_is_busy_is_known_or_told_to_be_unknown(mac: SlotMac) -> None:
    vm = mac.vm()
    vm.make(1, "a")
    for said, busy in (("busy\n", True), ("idle\n", False)):
        mac.said["busy"] = Result(0, said, "")
        assert vm.busy() is busy
    mac.said["busy"] = Result(1, "", "Error: unavailable")
    with pytest.raises(TartError, match="does not tell"):
        vm.busy()
    mac.end(NAME)
    assert vm.busy() is False


def test_a_run_that_hangs_before_tart_lists_it_is_ended(mac: SlotMac, monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count()
    monkeypatch.setattr("time.monotonic", lambda: float(next(times)))
    vm = mac.vm()
    vm.make(1, "a")
    mac.states.pop(NAME)
    vm.destroy()
    assert nothing_is_left(mac) and mac.running == {}


def test_a_number_that_another_vm_has_by_now_is_not_ended(mac: SlotMac) -> None:
    vm = mac.vm()
    vm.make(1, "a")
    pid = next(iter(mac.running))
    # The Mac was started again, and numbers began anew.
    mac.states[NAME] = "stopped"
    mac.running[pid] = "mac-runners-other-1"
    vm.destroy()
    assert nothing_is_left(mac) and mac.running == {pid: "mac-runners-other-1"}


def test_a_vm_whose_note_cannot_be_read_is_neither_used_nor_destroyed(mac: SlotMac) -> None:
    """A job may run in it."""
    vm = mac.vm()
    vm.make(1, "a")
    (pathlib.Path(mac.folder) / "vm.json").write_text("nonsense")
    for act in (vm.observe, lambda: vm.start(CONFIG), lambda: vm.renew("b")):
        with pytest.raises(SlotError, match="vm.json cannot be understood"):
            act()
    assert mac.configs == [] and mac.running != {}


def test_a_note_comes_back_and_is_for_root_alone(tmp_path: pathlib.Path) -> None:
    write_note(str(tmp_path), Note(3, "a", True, 9))
    assert read_note(str(tmp_path)) == Note(3, "a", True, 9)
    assert (tmp_path / "vm.json").stat().st_mode & 0o777 == 0o600


def test_one_that_got_no_config_is_ready_for_another_runner_unasked(mac: SlotMac) -> None:
    vm = mac.vm()
    vm.make(7, "a")
    assert vm.renew("b") and "renew" not in mac.said
    assert vm.observe() == {"state": "ready", "cycle": 7, "runner": "b"}
    vm.start(CONFIG)
    assert mac.configs == [CONFIG + "\n"]
