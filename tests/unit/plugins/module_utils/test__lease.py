# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lease of a Mac on disk, also when its writer is killed, and what it permits."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import socket
import stat
import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._lease import (
    STATES,
    Lease,
    LeaseError,
    Terms,
    building,
    path_of,
    permitted,
    read_lease,
    remove_lease,
    require_holder,
    require_lease,
    write_lease,
)

from tests.unit.plugins.module_utils.leases import OUR_OWN, WRONG, Changes, lease_bytes, lease_state, process

BOOT = "6D0F1E35-2B40-4F59-9A6C-6B1A8C2B9B10"
POOLS = [{"name": "ios", "isolation": "tart", "memory": "12GiB", "image": "x"}]
TERMS = Terms("test", POOLS, {"headroom": "1GiB"}, {"tart": {"fsl_confirmed": True}})
LEASE = Lease("test", TERMS.digest, 1, BOOT, "admitted", 1780970000, ({"name": "ios"},), ({"what": "memory", "bytes": 2**36},))


@pytest.fixture
def state_dir(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "var" / "state")


def put(state_dir: str, content: bytes) -> None:
    os.makedirs(state_dir)
    pathlib.Path(path_of(state_dir)).write_bytes(content)


def as_data(**changes: t.Any) -> t.Dict[str, t.Any]:
    return {"schema": 1, **dataclasses.asdict(LEASE), **changes}


# On disk


def test_what_was_written_is_read(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    assert read_lease(state_dir) == LEASE
    assert json.loads(lease_bytes(state_dir)) == json.loads(json.dumps(as_data()))


def test_where_there_is_none(state_dir: str) -> None:
    assert read_lease(state_dir) is None
    os.makedirs(state_dir)
    assert read_lease(state_dir) is None


def test_it_is_for_its_owner_alone_whatever_the_umask_and_what_was_there(state_dir: str) -> None:
    before = os.umask(0)
    try:
        for _turn in range(2):
            write_lease(state_dir, LEASE)
            assert stat.S_IMODE(os.stat(state_dir).st_mode) == 0o700
            assert stat.S_IMODE(os.stat(path_of(state_dir)).st_mode) == 0o600
            os.chmod(path_of(state_dir), 0o666)
    finally:
        os.umask(before)


def test_a_new_one_leaves_nothing_of_a_longer_one(state_dir: str) -> None:
    write_lease(state_dir, dataclasses.replace(LEASE, pools=tuple({"name": f"p{n}"} for n in range(1000))))
    write_lease(state_dir, LEASE)
    assert read_lease(state_dir) == LEASE
    assert os.listdir(state_dir) == ["lease.json"]


def test_it_can_be_removed_twice(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    for _turn in range(2):
        remove_lease(state_dir)
        assert os.listdir(state_dir) == []


DAMAGED: t.Mapping[str, bytes] = {
    "empty": b"",
    "zeros": bytes(4096),
    "half a text": b'{"schema": 1, "fleet": "te',
    "no text": b"\xff\xfe\x00",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "an empty object": b"{}",
    "two objects": json.dumps(as_data()).encode() * 2,
    "nested without end": b"[" * 200000,
    "a field too many": json.dumps(as_data(more=1)).encode(),
    "pools are none": json.dumps(as_data(pools=None)).encode(),
    "ledger is a number": json.dumps(as_data(ledger=1)).encode(),
    "fleet is a number": json.dumps(as_data(fleet=1)).encode(),
    "digest is null": json.dumps(as_data(digest=None)).encode(),
    "generation is a text": json.dumps(as_data(generation="1")).encode(),
    "boot is a number": json.dumps(as_data(boot=1)).encode(),
    "a state that nobody knows": json.dumps(as_data(state="shared")).encode(),
    **{f"without {field}": json.dumps({k: v for k, v in as_data().items() if k != field}).encode() for field in ("fleet", "digest", "state", "schema")},
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_one_is_no_lease_and_not_none(state_dir: str, content: bytes) -> None:
    put(state_dir, content)
    with pytest.raises(LeaseError) as caught:
        read_lease(state_dir)
    assert str(caught.value).startswith(f"the lease {path_of(state_dir)} is damaged (")
    assert str(caught.value).endswith(": mac_runners_takeover: true makes a new one")
    assert lease_bytes(state_dir) == content


def test_one_that_was_cut_off_anywhere_is_damaged(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    content = lease_bytes(state_dir).rstrip()
    for length in range(len(content)):
        pathlib.Path(path_of(state_dir)).write_bytes(content[:length])
        with pytest.raises(LeaseError, match="is damaged"):
            read_lease(state_dir)


@pytest.mark.parametrize("schema", (0, 2, "1", None, [1]))
def test_one_of_another_release(state_dir: str, schema: t.Any) -> None:
    put(state_dir, json.dumps({"schema": schema, "something": "new"}).encode())
    with pytest.raises(LeaseError) as caught:
        read_lease(state_dir)
    assert str(caught.value) == f"the lease {path_of(state_dir)} has schema {schema}, this release knows 1: use the release that wrote it"


def test_a_link_is_not_followed(state_dir: str, tmp_path: pathlib.Path) -> None:
    precious = tmp_path / "precious"
    write_lease(state_dir, LEASE)
    os.rename(path_of(state_dir), precious)
    before = precious.read_bytes()
    os.symlink(precious, path_of(state_dir))
    with pytest.raises(LeaseError, match="^the lease .*/lease.json cannot be read: Too many levels of symbolic links$"):
        read_lease(state_dir)
    write_lease(state_dir, dataclasses.replace(LEASE, generation=2))
    assert not os.path.islink(path_of(state_dir)) and precious.read_bytes() == before


def test_a_link_in_the_place_of_the_draft_is_not_followed(state_dir: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "precious").write_text("as it was")
    os.makedirs(state_dir)
    os.symlink(tmp_path / "precious", os.path.join(state_dir, ".lease.json.new"))
    write_lease(state_dir, LEASE)
    assert (tmp_path / "precious").read_text() == "as it was"
    assert read_lease(state_dir) == LEASE and os.listdir(state_dir) == ["lease.json"]


def test_what_is_no_file_is_said(state_dir: str) -> None:
    os.makedirs(path_of(state_dir))
    with pytest.raises(LeaseError, match="cannot be read: Is a directory$"):
        read_lease(state_dir)


def test_a_pipe_holds_nobody_up(state_dir: str) -> None:
    os.makedirs(state_dir)
    os.mkfifo(path_of(state_dir))
    with pytest.raises(LeaseError, match="is damaged"):
        read_lease(state_dir)


def test_a_socket_holds_nobody_up(tmp_path: pathlib.Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path_of(str(tmp_path)))
        with pytest.raises(LeaseError, match="cannot be read: "):
            read_lease(str(tmp_path))


def test_a_huge_one_is_not_read_to_its_end(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    os.truncate(path_of(state_dir), 2**40)
    with pytest.raises(LeaseError, match="is damaged"):
        read_lease(state_dir)


# Killed writers

KILLED = """
import os, signal, sys
from ansible_collections.action_packer.mac_runners.plugins.module_utils import _lease
lease = _lease.Lease("test", "d", 2, "", "admitted", 0)
real = getattr(os, sys.argv[2])
def kill(*arguments):
    if sys.argv[3] == "after":
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[2], kill)
print("ready", flush=True)
_lease.write_lease(sys.argv[1], lease)
"""


@pytest.mark.parametrize(
    ("call", "when", "there"), (("fsync", "before", 1), ("fsync", "after", 1), ("replace", "before", 1), ("replace", "after", 2))
)
def test_a_killed_writer_leaves_the_one_or_the_other(state_dir: str, call: str, when: str, there: int) -> None:
    write_lease(state_dir, LEASE)
    before = lease_bytes(state_dir)
    with process(KILLED, state_dir, call, when) as writer:
        assert writer.wait(30) == -signal.SIGKILL
    lease = read_lease(state_dir)
    assert lease is not None and lease.generation == there
    assert (lease_bytes(state_dir) == before) is (there == 1)
    write_lease(state_dir, LEASE)
    assert lease_bytes(state_dir) == before and os.listdir(state_dir) == ["lease.json"]


def test_what_a_killed_writer_left_goes_with_the_lease(state_dir: str) -> None:
    with process(KILLED, state_dir, "replace", "before") as writer:
        writer.wait(30)
    assert read_lease(state_dir) is None and os.listdir(state_dir) != []
    remove_lease(state_dir)
    assert os.listdir(state_dir) == []


def test_a_writer_that_fails_leaves_the_earlier_one(state_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lease(state_dir, LEASE)
    before = lease_bytes(state_dir)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_lease(state_dir, dataclasses.replace(LEASE, generation=2))
    assert lease_bytes(state_dir) == before


# Being built

BUILDER = """
import sys, time
from ansible_collections.action_packer.mac_runners.plugins.module_utils import _lease
with _lease.building(sys.argv[1], _lease.read_lease(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_is_being_built_is_said_until_it_is_built(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    with building(state_dir, LEASE):
        assert read_lease(state_dir) == dataclasses.replace(LEASE, state="being built")
    assert read_lease(state_dir) == LEASE


def test_a_refusal_ends_it(state_dir: str) -> None:
    with pytest.raises(LeaseError, match="inside"), building(state_dir, LEASE):
        raise LeaseError("inside")
    assert read_lease(state_dir) == LEASE


def test_it_stays_said_after_an_error(state_dir: str) -> None:
    with pytest.raises(RuntimeError, match="inside"), building(state_dir, LEASE):
        raise RuntimeError("inside")
    assert lease_state(state_dir) == "being built"


def test_it_stays_said_after_a_kill_and_the_next_run_may_build(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    with process(BUILDER, state_dir) as builder:
        builder.kill()
        builder.wait(30)
    assert lease_state(state_dir) == "being built"
    with permitted(state_dir, TERMS, True, lambda: BOOT):
        pass
    assert read_lease(state_dir) == LEASE


# What it permits


def test_nobodys_and_the_own_mac_may_be_changed() -> None:
    require_holder(None, "test")
    for state in STATES:
        require_holder(dataclasses.replace(LEASE, state=state), "test")


@pytest.mark.parametrize("state", STATES)
def test_the_mac_of_another_fleet_is_refused_and_says_what_to_do(state: str) -> None:
    with pytest.raises(LeaseError) as caught:
        require_holder(dataclasses.replace(LEASE, fleet="/srv/theirs", generation=7, state=state), "test")
    assert str(caught.value) == (
        f"this Mac is held by fleet /srv/theirs (generation 7, {state}), and this run is fleet test: nothing was changed; "
        "if both are yours give them one mac_runners_fleet; to take the Mac over run site with mac_runners_takeover: true; "
        "to tear down what is there say mac_runners_fleet: /srv/theirs"
    )


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_to_build_needs_the_right_lease(changes: Changes, message: str) -> None:
    with pytest.raises(LeaseError) as caught:
        require_lease(dataclasses.replace(LEASE, **changes), TERMS, BOOT)
    assert message in str(caught.value)
    if "fleet" not in changes:
        assert str(caught.value).endswith(
            "; run the playbook action_packer.mac_runners.site, or the role capacity with tasks_from: admit"
        )


def test_to_build_needs_a_lease() -> None:
    with pytest.raises(LeaseError, match="^this Mac has no lease: its pools were not admitted; run the playbook action_packer.mac_runners.site"):
        require_lease(None, TERMS, BOOT)


@pytest.mark.parametrize("boots", ((BOOT, BOOT), (BOOT, ""), ("", BOOT), ("", "")), ids=("known", "not known now", "not known then", "never known"))
@pytest.mark.parametrize("state", ("admitted", "being built"))
def test_the_right_lease(boots: t.Tuple[str, str], state: str) -> None:
    lease = dataclasses.replace(LEASE, boot=boots[0], state=state)
    assert require_lease(lease, TERMS, boots[1]) is lease


def never() -> int:
    raise AssertionError("nobody needs to know when the Mac was started")


@pytest.mark.parametrize("changes", OUR_OWN.values(), ids=OUR_OWN)
def test_to_take_away_needs_no_lease_for_these_terms(state_dir: str, changes: Changes) -> None:
    write_lease(state_dir, dataclasses.replace(LEASE, **changes))
    before = lease_bytes(state_dir)
    with permitted(state_dir, TERMS, False, never):
        assert lease_bytes(state_dir) == before
    assert lease_bytes(state_dir) == before


def test_to_take_away_needs_no_lease_at_all(state_dir: str) -> None:
    with permitted(state_dir, TERMS, False, never):
        pass
    assert not os.path.exists(state_dir)


@pytest.mark.parametrize("builds", (False, True))
@pytest.mark.parametrize("content", (b"{", json.dumps(as_data(fleet="theirs")).encode()), ids=("damaged", "another fleet"))
def test_neither_is_permitted_where_somebody_else_may_be(state_dir: str, builds: bool, content: bytes) -> None:
    put(state_dir, content)
    with pytest.raises(LeaseError), permitted(state_dir, TERMS, builds, lambda: BOOT):
        pytest.fail("it was permitted")
    assert lease_bytes(state_dir) == content


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_lease_stays_as_it_is(state_dir: str, changes: Changes, message: str) -> None:
    write_lease(state_dir, dataclasses.replace(LEASE, **changes))
    before = lease_bytes(state_dir)
    with pytest.raises(LeaseError) as caught, permitted(state_dir, TERMS, True, lambda: BOOT):
        pytest.fail("it was permitted")
    assert message in str(caught.value)
    assert lease_bytes(state_dir) == before


def test_what_is_permitted_is_said_to_be_built(state_dir: str) -> None:
    write_lease(state_dir, LEASE)
    with permitted(state_dir, TERMS, True, lambda: BOOT):
        assert lease_state(state_dir) == "being built"
    assert read_lease(state_dir) == LEASE


# Terms

SAME = (Terms("f"), Terms("f", [], {}, {}), Terms("f", None, {}), Terms("f", (), None, {}))
OTHERS = (
    Terms("g"),
    Terms("f", [{}]),
    Terms("f", [{"name": "a"}]),
    Terms("f", [{"name": "b"}]),
    Terms("f", [{"name": "a"}, {"name": "b"}]),
    Terms("f", [{"name": "b"}, {"name": "a"}]),
    Terms("f", [{"name": "a", "count": 1}]),
    Terms("f", [{"name": "a", "count": "1"}]),
    Terms("f", None, {"headroom": 0}),
    Terms("f", None, None, {"headroom": 0}),
)


@pytest.mark.parametrize("terms", SAME)
def test_empty_and_missing_are_the_same_terms(terms: Terms) -> None:
    assert terms.digest == Terms("f").digest


def test_other_terms_have_other_digests() -> None:
    assert len({terms.digest for terms in (SAME[0], *OTHERS)}) == 1 + len(OTHERS)


@pytest.mark.parametrize("fleet", ("", None))
def test_nobodys_terms_are_none(fleet: t.Any) -> None:
    with pytest.raises(LeaseError, match="^field fleet: got nothing; allowed: "):
        Terms(fleet, POOLS)


def test_the_order_of_fields_does_not_matter() -> None:
    one, other = [{"name": "a", "count": 2}], [{"count": 2, "name": "a"}]
    assert Terms("f", one, {"a": 1, "b": {"c": 2, "d": 3}}).digest == Terms("f", tuple(other), {"b": {"d": 3, "c": 2}, "a": 1}).digest
