# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The list of wanted runners, read and checked."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.errors import InputError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import LONGEST_SLOT, MARK, Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import Target

STATES = ("present", "absent")
LIFECYCLES = ("ephemeral", "persistent")
TRUSTS = ("untrusted", "internal", "trusted")
_FIELDS = ("name", "state", "lifecycle", "labels", "runner_group", "trust", "idle", "id", "registers")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_NAME_ALLOWED = "1 to 64 of A-Z, a-z, 0-9, . _ and -"
_MOST_LABELS = 100
#: The runner brings these itself; GitHub refuses to change them.
FIXED_LABELS = frozenset(("self-hosted", "macos", "linux", "windows", "x64", "arm", "arm64"))


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A runner that shall be, or a slot whose runners shall be, or not.

    ``idle``: the Mac itself says that no job runs there; only then may an online runner be taken off.
    ``id``: the number with which its Mac has it configured, 0 when it has not, None when nobody asked. ``registers``: whether it may be missing.
    """

    name: str
    present: bool = True
    ephemeral: bool = True
    labels: t.Tuple[str, ...] = ()
    group: str = ""
    trust: str = "internal"
    idle: bool = False
    id: t.Optional[int] = None
    registers: bool = True


def parse_wanted(raw: t.Sequence[t.Any], ownership: Ownership, target: Target) -> t.Tuple[Wanted, ...]:
    """Read the option C(runners); raises :class:`InputError` with all mistakes."""
    mistakes: t.List[Mistake] = []
    wanted = [_wanted(entry, index, ownership, target, mistakes) for index, entry in enumerate(raw)]
    messages = [f"runner {it.pool}: field {it.field}: got {it.given}; allowed: {it.allowed}" for it in mistakes]
    names = [one.name.lower() for one in wanted if one.name]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    messages += [f"runner {name}: field name: got it more than once; allowed: each name once (GitHub ignores case)" for name in twice]
    if messages:
        raise InputError("; ".join(messages))
    return tuple(wanted)


def _wanted(raw: t.Any, index: int, ownership: Ownership, target: Target, mistakes: t.List[Mistake]) -> Wanted:
    fields = Fields(raw, mistakes, pool=f"number {index + 1}")
    fields.known(_FIELDS)
    lifecycle = fields.choice("lifecycle", LIFECYCLES, "ephemeral")
    return Wanted(
        name=_name(fields, lifecycle == "ephemeral", ownership),
        present=fields.choice("state", STATES, "present") == "present",
        ephemeral=lifecycle == "ephemeral",
        labels=_labels(fields),
        group=_group(fields, target),
        trust=fields.choice("trust", TRUSTS, "internal"),
        idle=fields.truth("idle", False),
        id=fields.whole("id", 0, 0, 2**62) if fields.has("id") else None,
        registers=fields.truth("registers", True),
    )


def _name(fields: Fields, ephemeral: bool, ownership: Ownership) -> str:
    name = fields.raw.get("name")
    if not isinstance(name, str) or _NAME.match(name) is None:
        fields.wrong("name", name, _NAME_ALLOWED)
        return ""
    fields.pool = name
    if ephemeral and len(name) > LONGEST_SLOT:
        fields.wrong("name", name, f"at most {LONGEST_SLOT} characters for an ephemeral slot, whose runners add 9 to it")
    if not ownership.fits(name):
        fields.wrong("name", name, "a name that begins with one of name_prefixes: " + ", ".join(ownership.prefixes))
    return name


def _labels(fields: Fields) -> t.Tuple[str, ...]:
    labels: t.List[str] = []
    for index, label in enumerate(fields.items("labels")):
        good = isinstance(label, str) and 1 <= len(label) <= 256 and label.isprintable() and not set(label) & set(", ")
        if not good:
            fields.wrong(f"labels[{index}]", label, "1 to 256 characters without comma or blank")
        elif label.lower() in FIXED_LABELS:
            fields.wrong(f"labels[{index}]", label, "none that the runner brings itself: " + ", ".join(sorted(FIXED_LABELS)))
        elif label.lower().startswith(MARK):
            fields.wrong(f"labels[{index}]", label, f"none that begins with {MARK}, by which the runners of a fleet are known; its own is added")
        elif label.lower() not in (one.lower() for one in labels):
            labels.append(str(label))
    if len(labels) >= _MOST_LABELS:
        fields.wrong("labels", f"{len(labels)} labels", f"at most {_MOST_LABELS - 1}, since the label of the fleet is added")
    return tuple(labels)


def _group(fields: Fields, target: Target) -> str:
    group = fields.text("runner_group", "")
    if group and target.kind == "repository" and group.lower() != "default":
        fields.wrong("runner_group", group, "nothing or Default: the runners of a repository have no groups")
    return "" if target.kind == "repository" else str(group)
