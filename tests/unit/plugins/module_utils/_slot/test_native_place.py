# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of native slots: what is read, what is refused, how a runner enters, where it is found again."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import ENTRY
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import NativePlace
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import Settings, SettingsError, parse_settings

LINT = {"name": "lint", "isolation": "sandbox", "count": 2, "trust": "trusted", "disk": "5GiB"}
ACCT = {"name": "acct", "isolation": "account", "count": 1, "trust": "trusted"}
JAIL = {"name": "jail", "isolation": "chroot", "count": 1, "trust": "trusted"}
LINUX = {"name": "linux", "isolation": "docker", "image": "runner:1"}


def parse(slot: str, native: t.Any = None, **changes: t.Any) -> Settings:
    raw = {
        "slot": slot,
        "fleet": "acme",
        "pools": [LINT, ACCT, JAIL, LINUX],
        "runner_name": f"mac-1-{slot}",
        "github": {"url": "https://github.com/acme", "labels": ["macOS"], "token_file": "/etc/token"},
        "native": {"uid": 1701} if native is None else native,
        "docker": {"socket": "/run/docker.sock"},
        **changes,
    }
    return parse_settings(json.loads(json.dumps(raw)), "here")


def place(slot: str, native: t.Any = None) -> NativePlace:
    found = parse(slot, native).native
    assert found is not None
    return found


def test_a_sandbox_slot_starts_in_its_profile_and_reaches_its_own_home_alone() -> None:
    found = place("lint-2", {"uid": 1702, "parameters": {"WORK": "/Users/x"}, "limits": {"qos": "utility", "umask": "027"}})
    entry = found.job_entry()
    home = "/Users/mac-runners-lint-2"
    profile = "/opt/mac_runners/sandbox/lint-2/current.sb"
    assert entry["argv"][:6] == ["/usr/bin/sandbox-exec", "-f", profile, "-D", "WORK=/Users/x", "--"]
    assert entry["argv"][6:] == ["/bin/sh", "-c", ENTRY, f"{home}/work/runner/bin/Runner.Listener"]
    assert (entry["uid"], entry["gid"], entry["root"], entry["cwd"]) == (1702, 1702, "", f"{home}/work/runner")
    assert (entry["environment"]["HOME"], entry["environment"]["MAC_RUNNERS_UMASK"]) == (home, "027")
    assert (entry["environment"]["MAC_RUNNERS_PORT_FIRST"], entry["environment"]["MAC_RUNNERS_PORT_LAST"]) == ("20100", "20199")
    assert dict(entry["rlimits"])["RLIMIT_FSIZE"] == 5 * 2**30
    assert found.limits.qos_argv == ("/usr/sbin/taskpolicy", "-c", "utility")


def test_an_account_slot_starts_without_a_profile() -> None:
    found = place("acct-1")
    assert found.argv == ["/bin/sh", "-c", ENTRY, "/Users/mac-runners-acct-1/work/runner/bin/Runner.Listener"]
    assert (found.profile, found.jail, found.ports.first) == ("", "", 20200)


def test_a_chroot_slot_has_its_home_in_its_jail() -> None:
    found = place("jail-1")
    home = "/Users/mac-runners-jail-1"
    assert found.job_entry()["root"] == "/opt/mac_runners/jails/jail-1/root"
    assert (found.inside.home, found.outside.home) == (home, f"/opt/mac_runners/jails/jail-1/root{home}")
    ours = found.entry(["/bin/ls"], "work")
    assert (ours["root"], ours["at"], ours["cwd"]) == ("", found.outside.home, "work"), "what we do there needs no program of the jail"
    assert found.job_entry()["at"] == ""


@pytest.mark.parametrize(
    ("slot", "native", "said"),
    [
        ("lint-1", {}, 'pool "lint", field native.uid: got nothing; allowed: the number of the slot\'s account, from 701 to 29999'),
        ("lint-1", {"uid": 501}, 'pool "lint", field native.uid: got 501; allowed: a whole number from 701 to 29999'),
        ("lint-1", {"uid": 1701, "home": "/Users/admin"}, "allowed: a path that ends with /mac-runners-lint-1, the name of the slot's account"),
        ("lint-1", {"uid": 1701, "runner_package": "../runner"}, 'pool "lint", field native.runner_package: got "../runner"; allowed: an absolute path'),
        ("acct-1", {"uid": 1701, "profile": "/p.sb"}, 'pool "acct", field native.profile: got "/p.sb"; allowed: nothing: only the isolation sandbox has one'),
        ("lint-1", {"uid": 1701, "jail": "/j"}, 'pool "lint", field native.jail: got "/j"; allowed: nothing: only the isolation chroot has one'),
        ("lint-1", {"uid": 1701, "parameters": {"A-B": "x"}}, 'field native.parameters: got "A-B"; allowed: a name of letters, digits and _'),
        ("lint-1", {"uid": 1701, "limits": {"rss": 1}}, 'pool "lint", field limits.rss: got 1; allowed: nothing: macOS keeps no limit of resident memory'),
        ("lint-1", {"uid": 1701, "shell": "/bin/zsh"}, "field native.shell: got an unknown field"),
    ],
)
def test_what_is_wrong_is_named(slot: str, native: t.Any, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse(slot, native)
    assert said in str(error.value)


def test_ports_that_overlap_are_refused_for_the_slot_too() -> None:
    with pytest.raises(SettingsError, match="allowed: ports that pool lint does not have"):
        parse("acct-1", pools=[LINT, {**ACCT, "port_base": 20050}])


def test_a_runner_of_earlier_settings_is_found_where_it_is() -> None:
    before = parse("lint-1").place
    assert before == {"uid": "1701", "home": "/Users/mac-runners-lint-1", "jail": ""}
    now = parse("lint-1", {"uid": 1901})
    there = now.at(before).native
    assert there is not None and there.account.uid == 1701
    same = now.at(now.place).native
    assert same == now.native, "what begins is made by the settings of now"
    docker = parse("linux-1")
    assert docker.at(before).docker is None and docker.at(before).native is not None
    assert now.at(docker.place).native is None and now.at(docker.place).docker is not None


def test_slots_of_other_isolations_have_no_native_place() -> None:
    assert parse("linux-1").native is None


@pytest.mark.parametrize("trust", ["internal", "untrusted"])
def test_code_that_is_not_trusted_is_refused_by_the_slot_too(trust: str) -> None:
    with pytest.raises(SettingsError, match=rf'pool "lint", field trust: got {trust}; allowed: trusted, since sandbox is weak isolation'):
        parse("lint-1", pools=[{**LINT, "trust": trust}])
