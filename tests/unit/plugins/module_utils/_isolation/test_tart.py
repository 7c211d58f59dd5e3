# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of VMs, read from what people wrote."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.tart import (
    Seen,
    TartError,
    Vm,
    find_account,
    guest_of,
    parse_vms,
    tart_gb,
)

GIB = 1024**3
GOOD: t.Dict[str, t.Any] = {
    "name": "ios-1",
    "image": "ghcr.io/acme/macos:1",
    "guest": "macos",
    "cpus": 4,
    "memory": "12GiB",
    "network": "nat",
    "state": "started",
}


def test_a_good_vm() -> None:
    (vm,) = parse_vms([{**GOOD, "disk": "80GB", "space": "20GiB"}])
    assert vm == Vm("ios-1", "ghcr.io/acme/macos:1", "macos", 4, 12 * GIB, 80 * 10**9, 20 * GIB, "nat", "started")
    assert vm.name == "mac-runners-ios-1"


def test_bytes_as_text() -> None:
    assert parse_vms([{**GOOD, "memory": str(12 * GIB)}])[0].memory == 12 * GIB


def test_an_absent_vm_needs_no_more_than_its_name() -> None:
    (vm,) = parse_vms([{"name": "ios-1", "guest": "macos", "network": "nat", "state": "absent"}])
    assert (vm.name, vm.memory) == ("mac-runners-ios-1", 0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "ios", 'VM "ios", field name: got ios; allowed: a slot name such as ios-1'),
        ("name", "../etc-1", 'VM "../etc-1", field name: got ../etc-1; allowed: a slot name such as ios-1'),
        ("name", "-1", 'VM "-1", field name: got -1; allowed: a slot name such as ios-1'),
        ("image", "", 'VM "ios-1", field image: got nothing; allowed: an image reference without blanks that does not begin with -'),
        ("image", "--insecure", 'VM "ios-1", field image: got --insecure; allowed: an image reference without blanks that does not begin with -'),
        ("cpus", 0, 'VM "ios-1", field cpus: got 0; allowed: a whole number from 1 to 1024'),
        ("cpus", 5000, 'VM "ios-1", field cpus: got 5000; allowed: a whole number from 1 to 1024'),
        ("memory", None, 'VM "ios-1", field memory: got nothing; allowed: a size such as 12GiB'),
        ("memory", "12G", 'VM "ios-1", field memory: got 12G; allowed: a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB'),
        ("memory", "12GB", 'VM "ios-1", field memory: got 12GB; allowed: whole MiB, which is how Tart counts: 11444MiB or 11445MiB'),
        ("disk", "much", 'VM "ios-1", field disk: got much; allowed: a size such as 12GiB, 1.5GiB, 500MB or a whole number of bytes, at most 1024TiB'),
    ],
)
def test_a_wrong_field(field: str, value: t.Any, message: str) -> None:
    with pytest.raises(TartError) as caught:
        parse_vms([{**GOOD, field: value}])
    assert str(caught.value) == message


def test_all_mistakes_at_once() -> None:
    with pytest.raises(TartError) as caught:
        parse_vms([{**GOOD, "cpus": 0}, {**GOOD, "memory": "1kB"}])
    assert [part.split(":")[0] for part in str(caught.value).split("; VM ")] == [
        'VM "ios-1", field cpus', '"ios-1", field memory', '"ios-1", field name',
    ]


def test_disks_are_rounded_up_to_what_tart_counts_in() -> None:
    assert [tart_gb(size) for size in (1, 10**9, 10**9 + 1)] == [1, 1, 2]


@pytest.mark.parametrize(("os_name", "guest"), [("darwin", "macos"), (None, "macos"), ("linux", "linux"), ("beos", "")])
def test_guest_names(os_name: t.Optional[str], guest: str) -> None:
    assert guest_of(os_name) == guest


def test_root_is_no_account() -> None:
    with pytest.raises(TartError, match="which is root"):
        find_account("root")


@pytest.mark.parametrize("name", ["", None, "nobody-has-this-name"])
def test_an_account_that_is_none(name: t.Optional[str]) -> None:
    with pytest.raises(TartError, match="allowed"):
        find_account(name)


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (Seen("mac-runners-a-1", "stopped", image="x"), "ours"),
        (Seen("mac-runners-a-1", "stopped", image=""), "ours"),
        (Seen("mac-runners-a-1", "stopped", intent=True), "half_made"),
        (Seen("mac-runners-a-1", "running"), "foreign"),
        (Seen("mac-runners-a-1", "incomplete"), "foreign"),
        (Seen("mac-runners-a-1", "absent", intent=True), None),
    ],
)
def test_whose_a_vm_is(seen: Seen, kind: t.Optional[str]) -> None:
    assert [name for name in ("ours", "half_made", "foreign") if getattr(seen, name)] == ([kind] if kind else [])
