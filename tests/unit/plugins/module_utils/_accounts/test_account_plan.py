# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for accounts: what is somebody else's is refused as a whole, what is ours is brought to its state."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts import home
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError, marker_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import Directory, Record, group_attributes, user_attributes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.plan import Goal, plan_accounts
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.spec import parse_accounts


def wanted(count: int = 2, **settings: t.Any) -> t.Tuple[Account, ...]:
    pools = [{"name": "lint", "isolation": "account", "count": count, "memory": "1GiB", "trust": "trusted"}]
    return parse_accounts(pools, [{"pool": "lint", **settings}], {}, 1701, "/Users")


def records(*accounts: Account, **bent: str) -> Directory:
    def made(account: Account, attributes: t.Dict[str, str]) -> Record:
        return Record(account.name, {key: (value,) for key, value in {**attributes, **{key: bent[key] for key in bent if key in attributes}}.items()})

    users = {account.name: made(account, user_attributes(account)) for account in accounts}
    return Directory(users, {account.name: made(account, group_attributes(account)) for account in accounts})


def somebody(name: str, **attributes: str) -> Record:
    return Record(name, {key: (value,) for key, value in attributes.items()})


def ready(*accounts: Account) -> t.Dict[str, str]:
    return {account.name: home.READY for account in accounts}


def steps(goal: Goal, directory: Directory, homes: t.Mapping[str, str]) -> t.List[t.Tuple[str, str]]:
    return [(step.resource, step.action) for step in plan_accounts(goal, directory, homes).steps]


ONE, TWO = wanted()
NOBODY = Directory({}, {})


def test_what_is_as_it_shall_be_needs_nothing() -> None:
    assert steps(Goal((ONE, TWO)), records(ONE, TWO), ready(ONE, TWO)) == []


def test_diff_says_what_is_made_and_what_goes() -> None:
    plan = plan_accounts(Goal((ONE,), purge=True), records(TWO), {})
    assert [(step.resource, step.action) for step in plan.steps] == [(TWO.name, "remove"), (ONE.name, "create"), (ONE.name, "home")]
    assert list(plan.diff["before"]) == [TWO.name] and list(plan.diff["after"]) == [ONE.name]
    assert plan.diff["after"][ONE.name] == {"uid": 1701, "gid": 1701, "home": ONE.home, "shell": "/usr/bin/false", "home_state": "ready"}


@pytest.mark.parametrize(
    ("state", "action"), [(home.ABSENT, ["home"]), (home.UNFINISHED, ["home"]), (home.OPEN, ["close"]), (home.READY, [])],
)
def test_a_home_is_never_made_anew_for_its_mode(state: str, action: t.List[str]) -> None:
    assert [action for _name, action in steps(Goal((ONE,)), records(ONE), {ONE.name: state})] == action


def test_a_reset_makes_any_home_anew_and_a_new_account_needs_none() -> None:
    goal = Goal((ONE, TWO), reset=frozenset((ONE.name, TWO.name)))
    assert steps(goal, records(ONE), {ONE.name: home.OPEN}) == [(ONE.name, "reset"), (TWO.name, "create"), (TWO.name, "home")]


@pytest.mark.parametrize(
    ("users", "groups", "homes", "message"),
    [
        ([somebody("person", UniqueID="1702")], [], {}, 'pool "lint", field uid_base: got a block with 1702; allowed: numbers that nobody has; user person'),
        ([], [somebody("people", PrimaryGroupID="1701")], {}, "group people has this one"),
        ([somebody(ONE.name, UniqueID="4711")], [], {}, f'pool "lint", field name: got "{ONE.name}"; allowed: a name that no user has but one that'),
        ([somebody(ONE.name, Comment=marker_of(TWO.name), UniqueID="1701")], [], {}, "field name: got"),
        ([], [somebody(ONE.name, PrimaryGroupID="1701")], {}, "a name that no group has"),
        ([], [], {ONE.name: home.READY}, f"field homes: got {ONE.home}; allowed: a place where nothing is"),
        ([], [], {ONE.name: home.FOREIGN}, f"field homes: got {ONE.home}"),
    ],
)
def test_what_somebody_else_has_is_refused(users: t.List[Record], groups: t.List[Record], homes: t.Dict[str, str], message: str) -> None:
    directory = Directory({user.name: user for user in users}, {group.name: group for group in groups})
    with pytest.raises(AccountError, match=".*No account was changed$") as refused:
        plan_accounts(Goal((ONE, TWO)), directory, homes)
    assert message in str(refused.value)


def test_somebody_with_the_number_of_one_of_ours_is_seen_beside_it() -> None:
    directory = records(ONE)
    users = {**directory.users, "person": somebody("person", UniqueID="1701")}
    with pytest.raises(AccountError, match="user person has this one"):
        plan_accounts(Goal((ONE,)), Directory(users, directory.groups), ready(ONE))


def test_a_name_and_nothing_else_is_what_a_killed_run_left() -> None:
    directory = Directory({}, {ONE.name: somebody(ONE.name)})
    assert steps(Goal((ONE,)), directory, {}) == [(ONE.name, "create"), (ONE.name, "home")]
    assert steps(Goal((), purge=True), directory, {}) == []


def test_numbers_that_move_are_given_again_after_they_were_freed() -> None:
    moved = wanted(uid_base=1702)
    assert steps(Goal(moved), records(ONE, TWO), ready(*moved)) == [
        (ONE.name, "remove"), (TWO.name, "remove"), (ONE.name, "create"), (ONE.name, "home"), (TWO.name, "create"), (TWO.name, "home"),
    ]


def test_a_record_of_ours_that_says_no_number_is_told_and_not_guessed() -> None:
    with pytest.raises(AccountError, match="has UniqueID 17o1, which is no number"):
        plan_accounts(Goal((), purge=True), records(ONE, UniqueID="17o1"), {})


def test_people_are_not_ours_whatever_they_are_called() -> None:
    directory = Directory({"mac-runners-admin": somebody("mac-runners-admin", Comment="action_packer.mac_runners admin", UniqueID="501")}, {})
    assert steps(Goal((), purge=True), directory, {}) == []


def test_blocks_of_pools_are_apart_and_may_be_chosen() -> None:
    pools = [
        {"name": name, "isolation": isolation, "count": 2, "memory": "1GiB", "trust": "trusted"}
        for name, isolation in (("a", "account"), ("b", "sandbox"), ("c", "chroot"))
    ]
    pools.insert(1, {"name": "vms", "isolation": "docker", "count": 2, "memory": "1GiB", "image": "ghcr.io/acme/image@sha256:" + "0" * 64})
    accounts = parse_accounts(pools, [{"pool": "c", "uid_base": 5000, "shell": "/bin/zsh"}], {}, 2000, "/Users")
    assert [(account.slot, account.uid) for account in accounts] == [("a-1", 2000), ("a-2", 2001), ("b-1", 2100), ("b-2", 2101), ("c-1", 5000), ("c-2", 5001)]
    assert {account.shell for account in accounts if account.pool == "c"} == {"/bin/zsh"} and accounts[0].home == "/Users/mac-runners-a-1"


def test_what_an_installed_slot_has_is_not_touched() -> None:
    held = frozenset((ONE.name, TWO.name))
    bent = records(ONE, TWO, UserShell="/bin/zsh")
    homes = {ONE.name: home.UNFINISHED, TWO.name: home.OPEN}
    assert steps(Goal((ONE, TWO), held=held), bent, homes) == [(ONE.name, "repair"), (TWO.name, "repair")]
    assert steps(Goal((ONE, TWO), held=frozenset((ONE.name,))), records(ONE, TWO), homes) == [(TWO.name, "close")]


@pytest.mark.parametrize(("goal", "told"), [
    (Goal((ONE,), purge=True), "none with the slot lint-2, which is installed"),
    (Goal((ONE, TWO), reset=frozenset((TWO.name,))), 'field reset: got "lint-2"'),
    (Goal((ONE, TWO._replace(uid=1900))), "field uid_base: got a block with 1900, while the slot lint-2 is installed; allowed: 1701, which it"),
    (Goal((ONE, TWO._replace(home="/srv/mac-runners-lint-2"))), "field homes: got /srv/mac-runners-lint-2, while the slot lint-2 is installed"),
])
def test_what_would_end_the_job_of_an_installed_slot_is_refused(goal: Goal, told: str) -> None:
    with pytest.raises(AccountError, match="No account was changed") as caught:
        plan_accounts(goal._replace(held=frozenset((TWO.name,))), records(ONE, TWO), ready(ONE, TWO))
    assert told in str(caught.value)
    assert plan_accounts(goal, records(ONE, TWO), ready(ONE, TWO)).changed
