# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook bootstrap on bare simulated Macs: no Command Line Tools, so no Python that a module could run on."""

from __future__ import annotations

import json
import typing as t

import pytest

pytest_plugins = ["tests.macsim.pytest_plugin"]

BOOTSTRAP = "action_packer.mac_runners.bootstrap"
MARKER = "private/tmp/.com.apple.dt.CommandLineTools.installondemand.in-progress"
POOL = {"name": "ios", "isolation": "tart", "count": 2, "memory": "12GiB", "image": "ghcr.io/acme/macos:26", "lifecycle": "persistent"}
PLAN = {"mac_runners_pools": [POOL], "mac_runners_licences": {"tart": {"fsl_confirmed": True}}}


@pytest.fixture(name="mac")
def mac_fixture(boot_mac: t.Callable[..., t.Any]) -> t.Any:
    return boot_mac("bare", bare=True, memory="32GiB")


def installed(mac: t.Any) -> t.List[str]:
    """What softwareupdate was told to install."""
    return [call["argv"][2] for call in mac.calls("softwareupdate", writing=True) if call["argv"][1] == "--install"]


def plan(mac: t.Any) -> t.Tuple[int, str]:
    """Exit code and words of the playbook plan, with the facts that it reads."""
    played = mac.play("action_packer.mac_runners.plan", "-e", json.dumps(PLAN), "-e", "mac_runners_read=always", check=False)
    return played.rc, " ".join(played.text.split())


def test_a_bare_mac_is_made_ready_once_and_can_be_planned(mac: t.Any) -> None:
    before = mac.snapshot()
    code, said = plan(mac)
    assert (code, "a Mac without a usable Python needs the playbook bootstrap first" in said) == (2, True), said
    check = mac.play(BOOTSTRAP, "--check", "--diff")
    assert (check.changed, mac.snapshot(), mac.calls(writing=True)) == (1, before, [])
    assert "The Command Line Tools would be installed." in check.text
    assert mac.play(BOOTSTRAP).changed == 2
    assert installed(mac) == ["Command Line Tools for Xcode-26.1"]
    assert not (mac.root / MARKER).exists()
    calls = len(mac.calls(writing=True))
    again, seen = mac.play(BOOTSTRAP), mac.play(BOOTSTRAP, "--check")
    assert (again.changed, seen.changed, len(mac.calls(writing=True))) == (0, 0, calls)
    code, said = plan(mac)
    assert (code, f"{mac.name} fits 32 GiB 0 GiB" in said) == (0, True), said


def test_a_link_that_somebody_put_in_the_place_of_the_marker_is_not_followed(mac: t.Any) -> None:
    """Everybody can write where the marker is, and root makes it."""
    mac.exec("/bin/ln", "-s", "/private/etc/nologin", f"/{MARKER}", check=True)
    mac.play(BOOTSTRAP)
    assert installed(mac) == ["Command Line Tools for Xcode-26.1"]
    assert not (mac.root / "private" / "etc" / "nologin").exists()
    assert not (mac.root / MARKER).is_symlink()


def test_the_newest_of_several_is_installed_also_after_a_broken_connection(mac: t.Any) -> None:
    labels = [f"* Label: Command Line Tools for Xcode-{version}\n" for version in ("16.2", "26.1", "9.4")]
    offer = {"tool": "softwareupdate", "match": ["--list"], "times": 2, "stdout": "".join(labels)}
    mac.fault([offer, {"tool": "softwareupdate", "match": ["--install"], "effect": "crash", "cut_ssh": True}])
    assert mac.play(BOOTSTRAP, check=False).rc == 4
    assert (mac.root / MARKER).exists()
    assert mac.play(BOOTSTRAP).changed == 2
    assert installed(mac) == ["Command Line Tools for Xcode-26.1"]
    assert not (mac.root / MARKER).exists()


def test_what_cannot_be_done_is_said(mac: t.Any) -> None:
    mac.fault([{"tool": "softwareupdate", "match": ["--list"], "stderr": "No new software available.\n"}])
    refused = mac.play(BOOTSTRAP, check=False)
    assert refused.rc == 2
    said = " ".join(refused.text.split())
    assert f"softwareupdate on {mac.name} offers no Command Line Tools. Check its network and any update server" in said
    assert (installed(mac), (mac.root / MARKER).exists()) == ([], False)
    mac.exec("/bin/sh", "-c", "mkdir /Applications/Xcode.app && xcode-select -s /Applications/Xcode.app", check=True)
    broken = mac.play(BOOTSTRAP, check=False)
    assert broken.rc == 2
    said = " ".join(broken.text.split())
    assert f"/usr/bin/python3 of {mac.name} does not work or is older than 3.9, although the developer tools in /Applications/Xcode.app are there" in said
    assert "No developer tools were found" in said
