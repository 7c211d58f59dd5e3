# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A container as somebody asked for it: read, checked, and in the words in which engines answer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake, show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX, OWNED_PREFIX, POOL_LABEL

SPEC_LABEL = LABEL_PREFIX + "spec"
LIFECYCLE_LABEL = LABEL_PREFIX + "lifecycle"
SLOT_LABEL = LABEL_PREFIX + "slot"

NETWORKS = ("bridge", "none")
RESTARTS = ("unless-stopped", "no")
STATES = ("present", "absent")
#: The user of the runner images of GitHub.
DEFAULT_USER = "1001:1001"
#: The engine refuses less.
LEAST_MEMORY = 6 * 1024 * 1024

#: What no container of ours can be without, whatever its options.
HARDENING: t.Mapping[str, t.Any] = {
    "privileged": False,
    "cap_add": [],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mounts": [],
    "init": True,
    "log": {"driver": "json-file", "max-size": "10m", "max-file": "3"},
}
#: Fields that an engine changes on a running container; all others need another container.
UPDATABLE = frozenset(("memory", "memory_swap", "cpus", "pids_limit", "restart"))

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}-[1-9][0-9]{0,3}\Z")
_NAME_ALLOWED = "the name of a slot, <pool>-<number>, such as linux-1"
_USER = re.compile(r"[1-9][0-9]{0,9}:[1-9][0-9]{0,9}\Z")
_USER_ALLOWED = "UID:GID in numbers, neither of them 0 (a runner is never root)"
_OPTIONS = (
    "name",
    "state",
    "image",
    "memory",
    "cpus",
    "pids_limit",
    "disk",
    "command",
    "network",
    "user",
    "read_only",
    "restart",
)


class InputError(MacRunnersError):
    """The list of containers is wrong; names each container, field, what was given and what is allowed."""


@dataclasses.dataclass(frozen=True)
class ContainerSpec:
    """A container that shall exist and run, or shall not exist. Sizes in bytes; ``command`` None keeps the image's."""

    slot: str
    present: bool = True
    image: str = ""
    memory: int = 0
    cpus: int = 2
    pids_limit: int = 4096
    disk: t.Optional[int] = None
    command: t.Optional[t.Tuple[str, ...]] = None
    network: str = "bridge"
    user: str = DEFAULT_USER
    read_only: bool = False
    restart: str = "unless-stopped"

    @property
    def name(self) -> str:
        """The container's name."""
        return OWNED_PREFIX + self.slot

    @property
    def pool(self) -> str:
        """The pool whose slot it is."""
        return self.slot.rpartition("-")[0]

    @property
    def fixed(self) -> t.Dict[str, t.Any]:
        """The fields that a container keeps for its life, as :func:`.docker_state.fields_of` gives them."""
        return {
            "image": self.image,
            "user": self.user,
            "network": self.network,
            "read_only": self.read_only,
            **HARDENING,
        }

    @property
    def limits(self) -> t.Dict[str, t.Any]:
        """The fields that can be changed in place."""
        return {
            "memory": self.memory,
            # As much memory and swap together as memory alone: no swap.
            "memory_swap": self.memory,
            "cpus": self.cpus,
            "pids_limit": self.pids_limit,
            "restart": self.restart,
        }

    @property
    def fingerprint(self) -> str:
        """A digest of what a container keeps for its life.

        Held in a label, it tells a command that was given from one that the image brought.
        """
        kept = {**self.fixed, "command": self.command}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    @property
    def fields(self) -> t.Dict[str, t.Any]:
        """All fields of the running container."""
        return {**self.fixed, **self.limits, "spec": self.fingerprint, "status": "running"}

    @property
    def labels(self) -> t.Dict[str, str]:
        """The labels by which it is known as ours."""
        return {
            POOL_LABEL: self.pool,
            SLOT_LABEL: self.slot,
            SPEC_LABEL: self.fingerprint,
            LIFECYCLE_LABEL: "persistent",
        }


def parse_containers(raw: t.Sequence[t.Any]) -> t.Tuple[ContainerSpec, ...]:
    """Read the option C(containers); raises :class:`InputError` with all mistakes."""
    mistakes: t.List[Mistake] = []
    specs = [_spec(entry, index, mistakes) for index, entry in enumerate(raw)]
    messages = [_message(mistake) for mistake in mistakes]
    messages += _twice([spec.slot for spec in specs if spec.slot])
    if messages:
        raise InputError("; ".join(messages))
    return tuple(specs)


def _message(mistake: Mistake) -> str:
    return f"container {mistake.pool}: field {mistake.field}: got {mistake.given}; allowed: {mistake.allowed}"


def _twice(slots: t.Sequence[str]) -> t.List[str]:
    repeated = sorted({slot for slot in slots if slots.count(slot) > 1})
    return [f"container {slot}: field name: got {show(slot)} more than once; allowed: each name once" for slot in repeated]


def _spec(raw: t.Any, index: int, mistakes: t.List[Mistake]) -> ContainerSpec:
    # Options that were not given arrive as None; Fields takes None as not given.
    fields = Fields(raw, mistakes, pool=f"number {index + 1}")
    name = fields.raw.get("name")
    if isinstance(name, str) and _NAME.match(name):
        fields.pool = name
    else:
        fields.wrong("name", name, _NAME_ALLOWED)
        name = ""
    fields.known(_OPTIONS)
    present = fields.choice("state", STATES, "present") == "present"
    return ContainerSpec(
        slot=name,
        present=present,
        image=_image(fields, present),
        memory=_memory(fields, present),
        cpus=fields.whole("cpus", 2, 1, 1024),
        pids_limit=fields.whole("pids_limit", 4096, 16, 4194304),
        disk=fields.size("disk"),
        command=_command(fields),
        network=fields.choice("network", NETWORKS, "bridge"),
        user=_user(fields),
        read_only=fields.truth("read_only", False),
        restart=fields.choice("restart", RESTARTS, "unless-stopped"),
    )


def _image(fields: Fields, needed: bool) -> str:
    image = fields.raw.get("image")
    if image is None and not needed:
        return ""
    if isinstance(image, str) and re.match(r"[^\s-]\S*\Z", image):
        return image
    fields.wrong("image", image, "an image reference without blanks that does not begin with -")
    return ""


def _memory(fields: Fields, needed: bool) -> int:
    if needed and not fields.has("memory"):
        fields.wrong("memory", None, "a size such as 3GiB")
        return 0
    memory = fields.size("memory", LEAST_MEMORY)
    if memory < LEAST_MEMORY:
        fields.wrong("memory", fields.raw["memory"], "at least 6MiB, the least that an engine takes")
    return t.cast(int, memory)


def _command(fields: Fields) -> t.Optional[t.Tuple[str, ...]]:
    words = fields.items("command")
    if not all(isinstance(word, str) for word in words):
        fields.wrong("command", fields.raw["command"], "a list of texts")
        return None
    return tuple(words) or None


def _user(fields: Fields) -> str:
    user = fields.raw.get("user")
    if user is None:
        return DEFAULT_USER
    if isinstance(user, str) and _USER.match(user):
        return user
    fields.wrong("user", user, _USER_ALLOWED)
    return DEFAULT_USER
