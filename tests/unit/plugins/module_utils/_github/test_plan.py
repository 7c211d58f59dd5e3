# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sweep decides: the table of cases, and what holds for any runners whatever."""

from __future__ import annotations

import random

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import (
    Ownership,
    fleet_label,
    jit_name,
    slot_of,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.plan import Rules, make_plan, resolve_groups
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.runners import Group, Runner
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.wanted import Wanted, parse_wanted

LABEL = "managed-by:acme"
OURS = Ownership.of("acme", ["mac-1-", "mac-2-"])
NOW = 1_790_000_000.0


def runner(name="mac-1-a-1-0000abcd", number=1, online=False, busy=False, labels=(LABEL,), **options):
    return Runner(number, name, online, busy, labels, **options)


def plan(wanted, *runners, since=None, spare=False, groups=None):
    known = {one.id: NOW - 4000 for one in runners} if since is None else since
    return make_plan(wanted, runners, groups or {}, Rules(OURS, 3600, NOW, known, spare))


REMOVED, KEPT, LEFT = "removed", "kept", "left"
ORPHAN, SLOT = "mac-1-a-1-0000abcd", "mac-1-a-1"
CASES = [
    ("an orphan that is offline long enough", [], {}, REMOVED),
    ("an orphan that is online", [], {"online": True}, KEPT),
    ("an orphan that is busy", [], {"busy": True}, KEPT),
    ("an orphan that is busy and online", [], {"busy": True, "online": True}, KEPT),
    ("a leftover of a wanted slot", [Wanted(SLOT)], {}, REMOVED),
    ("the runner of a wanted slot", [Wanted(SLOT)], {"online": True}, LEFT),
    ("a runner of a wanted slot that is busy while it seems offline", [Wanted(SLOT)], {"busy": True}, LEFT),
    ("a slot that is not wanted, offline", [Wanted(SLOT, present=False)], {}, REMOVED),
    ("a slot that is not wanted, online", [Wanted(SLOT, present=False)], {"online": True}, KEPT),
    ("a slot that is not wanted, online, idle on its Mac", [Wanted(SLOT, present=False, idle=True)], {"online": True}, REMOVED),
    ("a slot that is not wanted, busy", [Wanted(SLOT, present=False, idle=True)], {"online": True, "busy": True}, KEPT),
    ("a persistent runner, wanted, offline", [Wanted(ORPHAN, ephemeral=False)], {}, LEFT),
    ("a runner that has the name of a wanted slot", [Wanted(ORPHAN)], {}, REMOVED),
    ("an ephemeral runner beside a wanted persistent one", [Wanted(SLOT, ephemeral=False)], {}, REMOVED),
    ("a foreign name", [], {"name": "other-1-0000abcd"}, LEFT),
    ("a foreign label", [], {"labels": ("managed-by:acme-2",)}, LEFT),
    ("no label", [Wanted(SLOT, present=False, idle=True)], {"labels": ()}, LEFT),
]


@pytest.mark.parametrize(("_what", "wanted", "options", "fate"), CASES, ids=[case[0] for case in CASES])
def test_what_becomes_of_a_runner(_what, wanted, options, fate):
    made = plan(wanted, runner(**options))
    got = REMOVED if made.actions else KEPT if made.kept else LEFT
    assert got == fate


@pytest.mark.parametrize(("since", "goes"), [({}, False), ({1: NOW}, False), ({1: NOW - 3599}, False), ({1: NOW - 3600}, True), ({1: NOW + 99}, False)])
def test_the_grace(since, goes):
    assert bool(plan([], runner(), since=since).actions) is goes


def test_with_little_quota_only_orphans_wait():
    made = plan([Wanted("mac-1-b-1", present=False)], runner(), runner("mac-1-b-1", 2), spare=True)
    assert [action.runner.name for action in made.actions] == ["mac-1-b-1"] and list(made.kept) == [ORPHAN]


def test_labels_are_all_custom_ones_and_compared_without_case():
    wanted = Wanted("mac-1-a-1", ephemeral=False, labels=("Big", "x"))
    same = runner("mac-1-a-1", labels=("X", "MANAGED-BY:acme", "big"), fixed_labels=("self-hosted", "macOS"))
    assert plan([wanted], same).actions == ()
    (action,) = plan([wanted], runner("mac-1-a-1", fixed_labels=("macOS",))).actions
    assert (action.kind, action.labels) == ("labels", ("Big", "x", LABEL))


def test_a_group_that_github_does_not_tell_is_not_changed():
    groups = {"macs": Group(7, "Macs", False, False, "all")}
    wanted = Wanted("mac-1-a-1", ephemeral=False, group="MACS")
    assert plan([wanted], runner("mac-1-a-1"), groups=groups).actions == ()
    (action,) = plan([wanted], runner("mac-1-a-1", group=1), groups=groups).actions
    assert (action.kind, action.group) == ("group", 7)
    assert plan([wanted], runner("mac-1-a-1", group=7), groups=groups).actions == ()


def test_missing_and_conflicting_names():
    wanted = [Wanted("mac-1-a-1", ephemeral=False), Wanted("mac-1-b-1", ephemeral=False), Wanted("mac-1-c-1"), Wanted("mac-1-d-1", False, False)]
    made = plan(wanted, runner("MAC-1-a-1", labels=("x",)))
    assert made.missing == ("mac-1-b-1",) and list(made.conflicts) == ["mac-1-a-1"] and not made.resources.changed


def test_changed_and_diff_come_from_the_steps():
    made = plan([Wanted("mac-1-b-1", ephemeral=False)], runner(), runner("mac-1-b-1", 2, labels=(LABEL, "old")), runner("mac-1-z-1", 3, online=True))
    assert made.resources.changed and [step.action for step in made.resources.steps] == ["remove", "set labels"]
    assert set(made.resources.diff["before"]) == {ORPHAN, "mac-1-b-1"} and set(made.resources.diff["after"]) == {"mac-1-b-1"}
    assert "mac-1-z-1" in made.resources.after


@pytest.mark.parametrize("seed", range(50))
def test_of_any_runners_only_idle_ones_of_ours_go(seed):
    dice = random.Random(seed)
    names = ["mac-1-a-1", "mac-1-a-1-0000abcd", "mac-2-b-7-0000abcd", "mac-3-a-1", "mac-10-a-1", "x"]
    runners = [
        runner(
            f"{dice.choice(names)}{dice.choice(['', '-0000000' + str(n % 10)])}",
            n,
            dice.random() < 0.5,
            dice.random() < 0.3,
            dice.choice([(LABEL,), (), ("managed-by:other",), ("x", LABEL.upper())]),
        )
        for n in range(40)
    ]
    wanted = [Wanted(name, dice.random() < 0.5, dice.random() < 0.5, idle=dice.random() < 0.5) for name in names[:3]]
    made = plan(wanted, *runners, since={n: NOW - dice.choice([0, 9999]) for n in range(40)})
    for action in made.actions:
        one = action.runner
        assert one.name.lower().startswith(("mac-1-", "mac-2-")) and LABEL in [label.lower() for label in one.labels]
        if action.kind == "remove":
            assert not one.busy
            assert not one.online or any(want.idle and not want.present for want in wanted if want.name in (one.name, slot_of(one.name)))


def test_groups_are_resolved_or_refused():
    groups = [Group(1, "Default", False, True, "all"), Group(2, "open", True, False, "all")]
    assert set(resolve_groups([], groups)) == {"default", "open"}
    for one in (Wanted("a", group="open", trust="untrusted"), Wanted("a", present=False, group="gone")):
        resolve_groups([one], groups)
    with pytest.raises(InputError, match='there is no group "gone"; there are: Default, open'):
        resolve_groups([Wanted("a", group="gone"), Wanted("b", group="gone")], groups)
    with pytest.raises(InputError, match="there are: none"):
        resolve_groups([Wanted("a", group="gone")], [])
    with pytest.raises(InputError, match='public repositories may use the group "open"'):
        resolve_groups([Wanted("a", group="open")], groups)


def test_labels_of_fleets_are_plain_and_distinct():
    assert fleet_label("acme") == "managed-by:acme"
    fleets = ["/home/a/inventory", "/home/b/inventory", "-home-a-inventory", "a,b", "a b", "x" * 61, "x" * 62, "\u00e9"]
    labels = [fleet_label(fleet) for fleet in fleets]
    assert len(set(labels)) == len(labels)
    assert all(len(label) <= 256 and label.isascii() and not set(label) & set(", /") for label in labels)


def test_names_of_ephemeral_runners():
    assert jit_name("mac-1-a-1", 0x1_0000_ABCD) == "mac-1-a-1-0000abcd" and slot_of("mac-1-a-1-0000abcd") == "mac-1-a-1"
    for name in ("mac-1-a-1", "mac-1-a-0000ABCD", "mac-1-a-0000abc", "-0000abcd", "0000abcd"):
        assert slot_of(name) is None


def test_without_a_fleet_or_prefixes_nothing_is_ours():
    for ownership in (Ownership.of(None, ["mac-1-"]), Ownership.of("acme", [])):
        assert not ownership.covers("mac-1-a-1", [LABEL, "", "managed-by:"])


def test_the_list_is_read_with_defaults():
    target = parse_target("https://github.com/acme")
    (one,) = parse_wanted([{"name": "mac-1-a-1"}], OURS, target)
    assert one == Wanted("mac-1-a-1")
    given = {
        "name": "mac-1-a-1",
        "state": "absent",
        "lifecycle": "persistent",
        "labels": ["x", "X", "y"],
        "runner_group": "g",
        "trust": "trusted",
        "idle": "yes",
    }
    assert parse_wanted([given], OURS, target) == (Wanted("mac-1-a-1", False, False, ("x", "y"), "g", "trusted", True),)
    with pytest.raises(InputError, match="runner number 1: field name: .*; runner number 2: field itself: got 7; allowed: a mapping"):
        parse_wanted([{"name": "a b"}, 7], OURS, target)
