# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Jails as they shall be: a module's list read against the pools of the Mac, every mistake told at once."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import pwd
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.directories import PLAIN, is_plain
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import only_root_writes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import Pool, distrusted, parse_pools

_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_NAME_ALLOWED = "the name of a slot, a lower-case letter and at most 40 more of a-z, 0-9 and -: a jail is always in the base"
TEMPLATE = ".template-"
CRYPTEX = "/System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld"


class JailError(MacRunnersError):
    """Jails that cannot become what they shall be, or may not be touched."""


class Content(t.NamedTuple):
    """What of the Mac is in every jail, and where. A path that ends with ``*`` is all that begins so, and its target their directory."""

    path: str
    target: str

    def files(self) -> t.Iterator[t.Tuple[str, str]]:
        """Each path that is there on this Mac, with its target."""
        if not self.path.endswith("*"):
            yield from [(self.path, self.target)] if os.path.lexists(self.path) else []
            return
        for path in sorted(glob.glob(glob.escape(self.path[:-1]) + "*")):
            yield path, os.path.join(self.target, os.path.basename(path))


_USUAL = (
    "/System/Library/Frameworks", "/System/Library/Perl", "/System/Library/CoreServices/SystemVersion.plist",
    "/System/Library/CoreServices/SystemVersionCompat.plist", "/bin", "/sbin", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share",
    "/private/etc/ssl", "/private/etc/passwd", "/private/etc/group", "/private/etc/localtime", "/private/etc/services", "/private/etc/protocols",
    "/private/etc/shells", "/private/var/db/timezone", "/private/var/db/xcode_select_link", "/Library/Developer/CommandLineTools",
)  # fmt: skip


def usual_contents(machine: str) -> t.Tuple[Content, ...]:
    """What programs of macOS need to start, and a runner to work; what a Mac does not have is left out.

    The libraries of macOS are no files but in dyld's cache, which is in a volume of its own, and looked for at the old place as well.
    """
    arch = "arm64e" if machine == "arm64" else "x86_64h"
    return (Content(f"{CRYPTEX}/dyld_shared_cache_{arch}*", "/System/Library/dyld"), *(Content(path, path) for path in _USUAL))


class User(t.NamedTuple):
    """Who works in a jail; without numbers while the account is still to be made, as in check mode."""

    name: str
    uid: int = -1
    gid: int = -1


class Jail(t.NamedTuple):
    """A wanted jail; ``pool`` is for messages."""

    name: str
    pool: str = ""
    present: bool = True
    user: t.Optional[User] = None

    @property
    def field(self) -> str:
        """Where it stands in messages."""
        return f"jails.{self.name}"


class Wanted(t.NamedTuple):
    """All that is wanted. ``template``: the name of the directory that jails are cloned from, of one build of macOS and one list."""

    base: str
    jails: t.Tuple[Jail, ...] = ()
    contents: t.Tuple[Content, ...] = ()
    template: str = ""
    purge: bool = False

    def pool_of(self, name: str) -> str:
        """The pool of a jail, for messages."""
        return next((jail.pool for jail in self.jails if jail.name == name), "")


def refuse(mistakes: t.Sequence[Mistake]) -> None:
    """Raise :class:`JailError` with every mistake, when there is one."""
    if mistakes:
        raise JailError("nothing was changed: " + "; ".join(mistake.message for mistake in mistakes))


def template_name(build: str, contents: t.Sequence[Content]) -> str:
    """A template holds programs that work with the kernel of one build of macOS alone."""
    digest = hashlib.sha256(json.dumps(sorted(contents)).encode()).hexdigest()
    return f"{TEMPLATE}{build}-{digest[:12]}"


def parse_jails(entries: t.Sequence[t.Mapping[str, t.Any]], pools: t.Any, capacity: t.Any, predict: bool) -> t.Tuple[t.List[Jail], t.List[Mistake]]:
    """Read the module's list. ``predict``: accounts may still have to be made."""
    policy, mistakes = parse_policy(capacity)
    declared, wrong = parse_pools(pools, policy)
    mistakes = [*mistakes, *wrong]
    slots = {slot: pool for pool in declared for slot in pool.slots}
    mistakes += [mistake for pool in declared if pool.isolation == "chroot" for mistake in distrusted(pool)]
    jails = [_parse(entry, slots, mistakes, predict) for entry in entries]
    names = [jail.name for jail in jails]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        mistakes.append(Mistake(_pool_name(name, slots), "jails", show(name) + " twice", "one entry a jail", "names"))
    return jails, mistakes


def _parse(entry: t.Mapping[str, t.Any], slots: t.Mapping[str, Pool], mistakes: t.List[Mistake], predict: bool) -> Jail:
    name = str(entry.get("name"))
    jail = Jail(name, _pool_name(name, slots), entry.get("state") != "absent")
    if not _NAME.match(name):
        mistakes.append(Mistake(jail.pool, "jails.name", show(name), _NAME_ALLOWED))
    elif jail.present and (name not in slots or slots[name].isolation != "chroot"):
        allowed = ", ".join(slot for slot, pool in slots.items() if pool.isolation == "chroot") or "none, since no pool has this isolation"
        mistakes.append(Mistake(jail.pool, "jails.name", show(name), f"a slot of a pool with the isolation chroot: {allowed}"))
    return jail._replace(user=_user(jail, entry.get("user"), mistakes, predict)) if jail.present else jail


def _pool_name(name: str, slots: t.Mapping[str, Pool]) -> str:
    return slots[name].name if name in slots else ""


def _user(jail: Jail, given: t.Any, mistakes: t.List[Mistake], predict: bool) -> t.Optional[User]:
    if not given:
        return None
    try:
        found = pwd.getpwnam(str(given))
    except (KeyError, ValueError):
        if predict and re.fullmatch(r"[A-Za-z0-9_-]{1,40}", str(given)):
            return User(str(given))
        mistakes.append(Mistake(jail.pool, f"{jail.field}.user", show(given), "an account of this Mac"))
        return None
    if found.pw_uid == 0:
        mistakes.append(Mistake(jail.pool, f"{jail.field}.user", show(given), "an account other than root's, which no jail holds"))
    return User(found.pw_name, found.pw_uid, found.pw_gid)


def parse_contents(entries: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], base: str) -> t.Tuple[t.Tuple[Content, ...], t.List[Mistake]]:
    """Read what is in every jail; the usual when nothing is said."""
    if entries is None:
        return usual_contents(os.uname().machine), []
    contents = tuple(Content(str(entry["path"]), str(entry.get("target") or entry["path"])) for entry in entries)
    mistakes = [mistake for content in contents for mistake in _wrong(content, base)]
    targets = sorted((content.target for content in contents), key=lambda target: target.split("/"))
    for above, below in zip(targets, targets[1:]):
        if within(below, above):
            mistakes.append(Mistake("", "contents.target", show(below), f"a path that is not in another one of the list, {above}"))
    return contents, mistakes


def _wrong(content: Content, base: str) -> t.Iterator[Mistake]:
    for field, path in (("path", content.path), ("target", content.target)):
        if not path.startswith("/") or os.path.normpath(path) != path or path == "/":
            yield Mistake("", f"contents.{field}", show(path), "an absolute path below /, without . and ..")
    if within(base, content.path) or within(content.path, base):
        yield Mistake("", "contents.path", show(content.path), f"a path that has nothing to do with the base, {base}")
    elif not any(content.files()):
        yield Mistake("", "contents.path", show(content.path), "a path that is there on this Mac")
    for path, dummy in content.files():
        if not only_root_writes(path):
            yield Mistake("", "contents.path", show(path), "a path that root alone can write to")


def within(path: str, above: str) -> bool:
    """Whether a path is another one or below it."""
    return path == above or path.startswith(above.rstrip("/") + "/")


def wrong_base(base: str) -> t.List[Mistake]:
    """A base has to be what it says: no link leads elsewhere, and root alone can change it."""
    if not is_plain(base):
        return [Mistake("", "base", show(base), PLAIN)]
    real = os.path.realpath(base)
    if real != base:
        return [Mistake("", "base", show(base), f"a path without a link in it, as {real}")]
    if os.path.lexists(base) and not os.path.isdir(base):
        return [Mistake("", "base", show(base), "a directory")]
    there = base
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    return [] if only_root_writes(there) else [Mistake("", "base", show(base), f"a directory that root alone can write to, and {there} is not")]
