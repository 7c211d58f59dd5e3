# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""From the accounts that are to those that shall be: pure, and refused as a whole where one is somebody else's."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.directory import (
    MARKER,
    NUMBER,
    Directory,
    Record,
    group_attributes,
    user_attributes,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.home import ABSENT, FOREIGN, OPEN, READY
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.volumes import Volume
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import slot_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._resources import ResourcePlan, State, Step
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import format_size

#: A password that lets nobody in; a record that has a way to log in besides is repaired.
LOGIN = "AuthenticationAuthority"

Homes = t.Mapping[str, str]
Volumes = t.Mapping[str, Volume]


class Goal(t.NamedTuple):
    """What shall be: these accounts, with ``purge`` no others of ours; those in ``reset`` as new.

    ``held`` are names of those whose slots are installed: what they run and have is theirs, and nobody else's to end or make anew.
    """

    accounts: t.Tuple[Account, ...]
    purge: bool = False
    reset: t.FrozenSet[str] = frozenset()
    held: t.FrozenSet[str] = frozenset()


def plan_accounts(goal: Goal, directory: Directory, homes: Homes, volumes: t.Optional[Volumes] = None) -> ResourcePlan:
    """``homes``: a word of :mod:`.home` for each wanted account by name; ``volumes`` by account. Raises :class:`AccountError`."""
    there = volumes or {}
    kept = {account.name: account for account in goal.accounts}
    moving = [account.name for account in goal.accounts if _moves(account, directory) or _resizes(account, there)]
    going = [name for name in ours(directory) if (name not in kept and goal.purge) or name in moving]
    _refuse(goal, going, directory, homes, there)
    steps = [Step(name, "remove", _why_removed(name, kept, directory)) for name in going]
    staying = {name for name, volume in there.items() if volume.marked and name not in going}
    for account in goal.accounts:
        home = ABSENT if account.name in going else homes.get(account.name, ABSENT)
        steps += _steps(account, _without(directory, going), home, goal, account.name in staying)
    before = {
        name: state_of(directory.users.get(name), directory.groups.get(name), homes.get(name, READY), there.get(name)) for name in ours(directory)
    }
    after = {name: state for name, state in before.items() if name not in going}
    after.update({account.name: wanted_state(account) for account in goal.accounts})
    return ResourcePlan(before, after, tuple(steps))


def ours(directory: Directory) -> t.List[str]:
    """Names of our accounts, those too of which only the group is left."""
    return sorted({record.name for records in directory for record in records.values() if record.ours})


def _without(directory: Directory, names: t.Container[str]) -> Directory:
    users, groups = ({name: record for name, record in records.items() if name not in names} for records in directory)
    return Directory(users, groups)


def _steps(account: Account, directory: Directory, home: str, goal: Goal, has_volume: bool) -> t.Iterator[Step]:
    user = directory.users.get(account.name)
    wrong = differences(account, directory)
    if user is None or not user.first("UniqueID"):
        yield Step(account.name, "create", f"uid {account.uid}, home {account.home}")
    elif wrong:
        yield Step(account.name, "repair", ", ".join(wrong))
    if account.quota and not has_volume:
        yield Step(account.name, "volume", f"disk quota {format_size(account.quota)}")
    if account.name in goal.reset and user is not None:
        yield Step(account.name, "reset", "asked for")
    elif account.name in goal.held:
        # Its slot makes the home anew for each job, and may be at it.
        return
    elif home == OPEN:
        yield Step(account.name, "close", "its home was open to others")
    elif home != READY:
        yield Step(account.name, "home", "made" if home == ABSENT else "made anew, since it was not finished")


def differences(account: Account, directory: Directory) -> t.List[str]:
    """What the records of an account say that they must not, in words."""
    user, group = directory.users.get(account.name), directory.groups.get(account.name)
    wrong = [*_wrong("group", group, group_attributes(account)), *_wrong("user", user, user_attributes(account))]
    return [*wrong, "user: a way to log in"] if user is not None and user.first(LOGIN) else wrong


def _wrong(kind: str, record: t.Optional[Record], wanted: t.Mapping[str, str]) -> t.List[str]:
    """The attributes that differ, in words."""
    found = {key: record.first(key) if record else "" for key in wanted}
    return [f"{kind} {key}: {found[key] or 'nothing'} -> {value}" for key, value in wanted.items() if found[key] != value]


def _moves(account: Account, directory: Directory) -> bool:
    """Whether the account has to be made anew, since another number or home would leave files behind."""
    user, group = directory.users.get(account.name), directory.groups.get(account.name)
    uid = user.first("UniqueID") if user else ""
    gid = group.first("PrimaryGroupID") if group else ""
    home = user.first("NFSHomeDirectory") if user else ""
    return any(found and found != wanted for found, wanted in ((uid, str(account.uid)), (gid, str(account.uid)), (home, account.home)))


def _why_removed(name: str, kept: t.Mapping[str, Account], directory: Directory) -> str:
    if name not in kept:
        return "no pool has this slot"
    user = directory.users.get(name)
    quota = f", disk quota {format_size(kept[name].quota)}" if kept[name].quota else ""
    return f"uid {user.first('UniqueID') if user else 'none'} -> {kept[name].uid}, home {kept[name].home}{quota}"


def _resizes(account: Account, volumes: Volumes) -> bool:
    """Whether its volume has another quota, which macOS cannot change."""
    volume = volumes.get(account.name)
    return bool(account.quota) and volume is not None and volume.marked and volume.quota != account.quota


def _refuse(goal: Goal, going: t.Sequence[str], directory: Directory, homes: Homes, volumes: Volumes) -> None:
    mistakes = [mistake for account in goal.accounts for mistake in _taken(account, directory, homes.get(account.name, ABSENT), goal)]
    mistakes += _in_use(goal, going, directory)
    for account in goal.accounts:
        volume = volumes.get(account.name)
        if volume is not None and not volume.ours:
            mistakes.append(Mistake(account.pool, "disk_quota", f"an APFS volume {account.name} of somebody else", "one that this collection made and marked"))
    slots = {account.slot for account in goal.accounts}
    names = {account.name for account in goal.accounts}
    unknown = sorted(name for name in goal.reset if name not in names)
    if unknown:
        given, allowed = ", ".join(show(slot_of(name)) for name in unknown), ", ".join(sorted(slots)) or "there are none"
        mistakes.append(Mistake("", "reset", given, f"slots of native pools: {allowed}"))
    if mistakes:
        raise AccountError("; ".join(mistake.message for mistake in mistakes) + ". No account was changed")


def _in_use(goal: Goal, going: t.Sequence[str], directory: Directory) -> t.Iterator[Mistake]:
    """Accounts that would lose what their slots run."""
    kept = {account.name: account for account in goal.accounts}
    for name in going:
        if name in goal.held and name in kept:
            yield _moved(kept[name], directory)
        elif name in goal.held:
            yield Mistake("", "pools", f"none with the slot {slot_of(name)}, which is installed", "accounts whose slots were removed first")
    for name in sorted(goal.reset & goal.held):
        pool = kept[name].pool if name in kept else ""
        yield Mistake(pool, "reset", show(slot_of(name)), "slots that are not installed: an installed one resets its account")


def _moved(account: Account, directory: Directory) -> Mistake:
    """Why an account keeps its home and its number, which by default depends on the pools before its own."""
    user = directory.users.get(account.name)
    uid, home = (user.number("UniqueID") or 0, user.first("NFSHomeDirectory")) if user else (0, "")
    while_there = f"while the slot {account.slot} is installed"
    later = "or another one once the pool was taken away, since its slots are drained then"
    if home and home != account.home:
        return Mistake(account.pool, "homes", f"{account.home}, {while_there}", f"{home}, which it has; {later}")
    if uid == account.uid:
        return Mistake(account.pool, "disk_quota", f"another size of its volume, {while_there}", f"the one that it has; {later}")
    base = uid - int(account.name.rpartition("-")[2]) + 1
    kept = f"{base}, which it has, said by name for this pool in accounts" if base > 0 else "the number that it has"
    return Mistake(account.pool, "uid_base", f"a block with {account.uid}, {while_there}", f"{kept}; {later}")


def _taken(account: Account, directory: Directory, home: str, goal: Goal) -> t.Iterator[Mistake]:
    for kind, records in (("Users", directory.users), ("Groups", directory.groups)):
        record, what = records.get(account.name), kind.lower()[:-1]
        if record is not None and not record.ours and not record.begun(kind):
            yield Mistake(account.pool, "name", show(account.name), f"a name that no {what} has but one that this collection made and marked")
        for holder in _holders(records, NUMBER[kind], account):
            if _makes_way(holder, directory, goal):
                continue
            yield Mistake(account.pool, "uid_base", f"a block with {account.uid}", f"numbers that nobody has; {what} {holder.name} has this one")
    user = directory.users.get(account.name)
    if home == FOREIGN or (home != ABSENT and (user is None or not user.ours)):
        yield Mistake(account.pool, "homes", account.home, "a place where nothing is but a home that this collection made")


def _holders(records: t.Mapping[str, Record], key: str, account: Account) -> t.List[Record]:
    """The others who have the account's number."""
    return [record for record in records.values() if record.first(key) == str(account.uid) and record.name != account.name]


def _makes_way(holder: Record, directory: Directory, goal: Goal) -> bool:
    """Whether the account that has a number is ours and is removed before the number is given again."""
    kept = {account.name: account for account in goal.accounts}
    return holder.ours and (_moves(kept[holder.name], directory) if holder.name in kept else goal.purge)


def wanted_state(account: Account) -> State:
    """An account as diff and result show it."""
    quota = {"disk_quota": account.quota} if account.quota else {}
    return {"uid": account.uid, "gid": account.uid, "home": account.home, "shell": account.shell, "home_state": READY, **quota}


def state_of(user: t.Optional[Record], group: t.Optional[Record], home: str, volume: t.Optional[Volume] = None) -> State:
    """The same of one that is there, whole or not."""
    return {
        "uid": user.number("UniqueID") if user else None,
        "gid": group.number("PrimaryGroupID") if group else None,
        "home": user.first("NFSHomeDirectory") if user else "",
        "shell": user.first("UserShell") if user else "",
        "home_state": home,
        **({"disk_quota": volume.quota} if volume else {}),
        **({} if user and user.first(MARKER) else {"unfinished": True}),
    }
