# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The accounts that the native pools of a Mac need: one service user a slot, each pool with a block of UIDs of its own."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.account import FIRST_UID, LAST_UID, SHELLS, Account, AccountError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._accounts.volumes import home_on_volume
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.directories import PLAIN, is_plain
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool, distrusted, parse_pools

#: How far apart the blocks of pools begin that name no UID.
BLOCK = 100
_LONGEST_NAME = 31
_FIELDS = frozenset(("pool", "uid_base", "shell", "template", "disk_quota"))
_UIDS = f"a whole number from {FIRST_UID} to {LAST_UID}, below and above are macOS's own users, people and directory services"


class Settings(t.NamedTuple):
    """What a user says of the accounts of one pool."""

    uid_base: int
    shell: str
    template: str
    quota: bool = False


def parse_accounts(pools: t.Any, settings: t.Any, capacity: t.Any, uid_base: int, homes: str) -> t.Tuple[Account, ...]:
    """The accounts of all slots of native pools. Raises :class:`AccountError` with every mistake."""
    policy, mistakes = parse_policy(capacity)
    found, wrong = parse_pools(pools, policy)
    mistakes = [*mistakes, *wrong]
    accounts = accounts_of(found, settings, uid_base, homes, mistakes)
    if mistakes:
        raise AccountError("; ".join(mistake.message for mistake in mistakes))
    return accounts


def accounts_of(pools: t.Sequence[Pool], settings: t.Any, uid_base: int, homes: str, mistakes: t.List[Mistake]) -> t.Tuple[Account, ...]:
    """The same of pools that were read; every mistake is noted."""
    native = [pool for pool in pools if pool.isolation in NATIVE]
    # /Users itself is a top directory.
    if not is_plain(f"{homes}/x"):
        mistakes.append(Mistake("", "homes", show(homes), "an absolute path without . and .."))
    given = _settings(settings, native, uid_base, mistakes)
    accounts = tuple(account for pool in native for account in _of_pool(pool, given[pool.name], homes, mistakes))
    _refuse_overlaps(accounts, mistakes)
    return accounts


def _settings(raw: t.Any, pools: t.Sequence[Pool], uid_base: int, mistakes: t.List[Mistake]) -> t.Dict[str, Settings]:
    defaults = {pool.name: Settings(uid_base + BLOCK * index, SHELLS[0], "") for index, pool in enumerate(pools)}
    found = dict(defaults)
    for index, entry in enumerate(Fields({"accounts": raw or []}, mistakes).items("accounts")):
        fields = Fields(entry, mistakes, path=f"accounts[{index}]")
        name = entry.get("pool") if isinstance(entry, t.Mapping) else None
        if name not in defaults:
            fields.wrong("pool", name, "a pool of isolation sandbox, account or chroot: " + (", ".join(defaults) or "there is none"))
            continue
        fields.pool, fields.path = name, ""
        fields.known(_FIELDS)
        base = fields.whole("uid_base", defaults[name].uid_base, FIRST_UID, LAST_UID)
        shell = fields.choice("shell", SHELLS, SHELLS[0])
        found[name] = Settings(t.cast(int, base), str(shell), _template(fields), fields.truth("disk_quota", False))
    return found


def _template(fields: Fields) -> str:
    template = fields.text("template", "")
    if template and not is_plain(template):
        fields.wrong("template", template, PLAIN)
    return str(template)


def _of_pool(pool: Pool, settings: Settings, homes: str, mistakes: t.List[Mistake]) -> t.Iterator[Account]:
    mistakes.extend(distrusted(pool))
    last = settings.uid_base + pool.count - 1
    if settings.uid_base < FIRST_UID or last > LAST_UID:
        mistakes.append(Mistake(pool.name, "uid_base", f"{settings.uid_base}, so {pool.count} accounts to {last}", _UIDS))
    if len(OWNED_PREFIX + pool.slots[-1] if pool.slots else "") > _LONGEST_NAME:
        longest = _LONGEST_NAME - len(OWNED_PREFIX) - len(f"-{pool.count}")
        mistakes.append(Mistake(pool.name, "name", f"{len(pool.name)} characters", f"at most {longest}, since accounts have at most {_LONGEST_NAME}"))
    if settings.quota and pool.isolation == "chroot":
        mistakes.append(Mistake(pool.name, "disk_quota", "true", "false, since its jobs have their homes in jails"))
    for number, name in enumerate(pool.owned_names):
        home, quota = _home(name, settings.quota, homes), pool.disk if settings.quota else 0
        yield Account(name, settings.uid_base + number, pool.name, home, settings.shell, settings.template, quota)


def _home(name: str, quota: bool, homes: str) -> str:
    return home_on_volume(name) if quota else f"{homes}/{name}"


def homes_of(pools: t.Sequence[Pool], settings: t.Any, homes: str) -> t.Dict[str, str]:
    """The homes of the slots of native pools, for who needs no more of their accounts. What is wrong about settings the module says."""
    entries = [entry for entry in (settings if isinstance(settings, (list, tuple)) else ()) if isinstance(entry, t.Mapping)]
    quota = {str(entry.get("pool")) for entry in entries if entry.get("disk_quota") is True}
    native = [pool for pool in pools if pool.isolation in NATIVE]
    return {slot: _home(OWNED_PREFIX + slot, pool.name in quota, homes) for pool in native for slot in pool.slots}


def _refuse_overlaps(accounts: t.Sequence[Account], mistakes: t.List[Mistake]) -> None:
    holders: t.Dict[int, Account] = {}
    told = set()
    for account in accounts:
        other = holders.setdefault(account.uid, account)
        if other is not account and (other.pool, account.pool) not in told:
            told.add((other.pool, account.pool))
            mistakes.append(Mistake(account.pool, "uid_base", f"a block with {account.uid}", f"numbers that pool {other.pool} does not have"))
