# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Pools: what a user declares for a Mac, read into frozen objects."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import (
    Fields,
    Mistake,
    show,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import MARK
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Cost, Policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._runner_version import read_version
from ansible_collections.action_packer.mac_runners.plugins.module_utils._units import (
    SizeError,
    format_size,
    parse_size,
)

#: Isolation -> how strongly it separates a job from the Mac and from other jobs.
LEVELS: t.Mapping[str, str] = {
    "tart": "strong",
    "docker": "medium",
    "container": "medium",
    "sandbox": "weak",
    "account": "very-weak",
    "chroot": "very-weak",
}
ISOLATIONS = tuple(LEVELS)

#: Isolations whose jobs are processes of the Mac itself, with a port range each.
NATIVE = frozenset(("sandbox", "account", "chroot"))
#: Isolations that start from an image.
IMAGED = frozenset(("tart", "docker", "container"))

LOW_ISOLATION = "low-isolation"

#: Words that messages, lock files and launchd labels of the collection already use.
RESERVED_NAMES = frozenset(
    ("all", "foreign", "golden", "host", "lease", "lock", "none", "template", "ungrouped")
)
#: Labels that we or GitHub's runner add; GitHub compares labels without case.
RESERVED_LABELS = frozenset(
    (
        "self-hosted",
        "macos",
        "linux",
        "windows",
        "x64",
        "arm",
        "arm64",
        LOW_ISOLATION,
    )
)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_NAME_ALLOWED = "a lower-case letter, then at most 30 of a-z, 0-9 and -"
_LABEL_ALLOWED = "a text of 1 to 256 characters without comma or blank, and not one that is added anyway: "
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}\Z")
_FIELDS = frozenset(
    (
        "name",
        "isolation",
        "guest",
        "count",
        "cpus",
        "memory",
        "disk",
        "image",
        "labels",
        "lifecycle",
        "trust",
        "network",
        "port_base",
        "pids_limit",
        "github",
        "runner_version",
        "job_seconds",
    )
)
_GUESTS = {"tart": ("macos", "linux"), "docker": ("linux",), "container": ("linux",)}
_NETWORKS = {"tart": ("nat", "softnet"), "docker": ("bridge", "none"), "container": ("nat",)}
_MOST_RUNNERS = 1000
#: Seconds; GitHub ends any job of a self-hosted runner after five days.
_LONGEST_JOB = 5 * 86400


@dataclasses.dataclass(frozen=True)
class Pool:
    """A set of identical runners of one Mac; sizes in bytes, one runner each."""

    name: str
    isolation: str
    count: int
    memory: int
    cpus: int
    disk: int
    guest: str = ""
    image: str = ""
    labels: t.Tuple[str, ...] = ()
    lifecycle: str = "ephemeral"
    trust: str = "internal"
    network: str = ""
    port_base: t.Optional[int] = None
    pids_limit: int = 4096
    github_url: str = ""
    runner_group: str = ""
    runner_version: str = ""
    job_seconds: t.Optional[int] = None

    @property
    def kind(self) -> str:
        """The key of this pool's cost in the policy."""
        return f"tart-{self.guest}" if self.isolation == "tart" else self.isolation

    @property
    def level(self) -> str:
        """The isolation level: strong, medium, weak or very-weak."""
        return LEVELS[self.isolation]

    @property
    def weak(self) -> bool:
        """Whether its jobs are separated so little that only trusted code may be in them."""
        return self.level in ("weak", "very-weak")

    @property
    def slots(self) -> t.Tuple[str, ...]:
        """The names of its slots, ``<pool>-<n>``."""
        return tuple(f"{self.name}-{n}" for n in range(1, self.count + 1))

    @property
    def owned_names(self) -> t.Tuple[str, ...]:
        """The names of its VMs or containers on the Mac."""
        return tuple(OWNED_PREFIX + slot for slot in self.slots)

    @property
    def pinned(self) -> bool:
        """Whether the image is pinned by digest."""
        return _DIGEST.match(self.image) is not None

    @property
    def runner_labels(self) -> t.Tuple[str, ...]:
        """The labels its runners get beside those that GitHub's runner adds itself."""
        low = (LOW_ISOLATION,) if self.weak else ()
        return self.labels + low


def parse_pools(raw: t.Any, policy: Policy) -> t.Tuple[t.Tuple[Pool, ...], t.List[Mistake]]:
    """Read ``mac_runners_pools`` of one Mac; return the good pools and every mistake."""
    mistakes: t.List[Mistake] = []
    entries = Fields({"mac_runners_pools": raw}, mistakes).items("mac_runners_pools")
    pools: t.List[Pool] = []
    for index, entry in enumerate(entries):
        pool, found = parse_pool(entry, policy, index)
        mistakes.extend(found)
        if pool is not None:
            pools.append(pool)
    mistakes.extend(_named_twice(entries))
    return tuple(pools), mistakes


def distrusted(pool: Pool) -> t.Iterator[Mistake]:
    """A mistake when code of a pool may not run in its isolation: the plan says so first, and whoever builds or runs it once more."""
    if pool.weak and pool.trust != "trusted":
        yield Mistake(pool.name, "trust", pool.trust, f"trusted, since {pool.isolation} is {pool.level} isolation", "trust")


def _named_twice(entries: t.Iterable[t.Any]) -> t.Iterator[Mistake]:
    """A mistake for each pool whose name an earlier pool of the Mac already has."""
    names = [entry["name"] for entry in entries if isinstance(entry, t.Mapping) and isinstance(entry.get("name"), str)]
    for name in dict.fromkeys(names):
        if names.count(name) > 1 and _NAME.match(name):
            yield Mistake(str(name), "name", show(name), "a name that no other pool of the Mac has", "names")


def parse_pool(raw: t.Any, policy: Policy, index: int = 0) -> t.Tuple[t.Optional[Pool], t.List[Mistake]]:
    """Read one pool; return it, or None where a mistake leaves nothing to plan with."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes, path=f"mac_runners_pools[{index}]")
    if mistakes:
        return None, mistakes
    name = _name(fields)
    fields.pool, fields.path = name or fields.path, ""
    fields.known(_FIELDS)
    isolation = fields.choice("isolation", ISOLATIONS)
    if isolation is None:
        if not fields.has("isolation"):
            fields.wrong("isolation", None, "one of " + ", ".join(ISOLATIONS))
        _read_what_needs_no_isolation(fields)
        return None, mistakes
    pool = _pool(fields, name, isolation, policy)
    return (None if mistakes else pool), mistakes


def _name(fields: Fields) -> str:
    name = fields.raw.get("name")
    if not isinstance(name, str) or _NAME.match(name) is None:
        fields.wrong("name", name, _NAME_ALLOWED, "names")
        return name if isinstance(name, str) and name.isprintable() and len(name) <= 60 else ""
    if name in RESERVED_NAMES:
        fields.wrong("name", name, "a name that is not reserved: " + ", ".join(sorted(RESERVED_NAMES)), "names")
    return str(name)


def _pool(fields: Fields, name: str, isolation: str, policy: Policy) -> Pool:
    guest = _guest(fields, isolation)
    kind = f"tart-{guest}" if isolation == "tart" else isolation
    cost = policy.costs[kind]
    github = fields.mapping("github")
    github.known(("url", "runner_group"))
    return Pool(
        name=name,
        isolation=isolation,
        guest=guest,
        count=_count(fields),
        memory=_memory(fields, kind, cost),
        cpus=_cpus(fields, cost.cpus),
        disk=fields.size("disk", cost.disk),
        image=_image(fields, isolation),
        labels=_labels(fields),
        lifecycle=fields.choice("lifecycle", ("ephemeral", "persistent"), "ephemeral"),
        trust=fields.choice("trust", ("untrusted", "internal", "trusted"), "internal"),
        network=_network(fields, isolation),
        port_base=_port_base(fields, isolation),
        pids_limit=_pids_limit(fields, isolation),
        github_url=github.text("url", ""),
        runner_group=github.text("runner_group", ""),
        runner_version=read_version(fields, "runner_version"),
        job_seconds=_job_seconds(fields),
    )


def _job_seconds(fields: Fields) -> t.Optional[int]:
    """How long a job may take, None where whoever runs the slot says it."""
    if fields.raw.get("lifecycle") == "persistent" and fields.has("job_seconds"):
        fields.wrong("job_seconds", fields.raw["job_seconds"], "nothing: only a slot of an ephemeral pool ends jobs")
    return t.cast(t.Optional[int], fields.whole("job_seconds", None, 0, _LONGEST_JOB))


def _read_what_needs_no_isolation(fields: Fields) -> None:
    """Find the mistakes that can be seen although the isolation is not known."""
    _count(fields)
    fields.size("memory")
    fields.size("disk")
    _cpus(fields)
    _labels(fields)


def _count(fields: Fields) -> int:
    return t.cast(int, fields.whole("count", 1, 0, _MOST_RUNNERS))


def _cpus(fields: Fields, default: t.Optional[int] = None) -> int:
    return t.cast(int, fields.whole("cpus", default, 1, 1024))


def _guest(fields: Fields, isolation: str) -> str:
    guests = _GUESTS.get(isolation)
    if guests is None:
        if fields.has("guest"):
            fields.wrong("guest", fields.raw["guest"], f"nothing: {isolation} has no guest system")
        return ""
    return t.cast(str, fields.choice("guest", guests, guests[0]))


def _memory(fields: Fields, kind: str, cost: Cost) -> int:
    given = fields.raw.get("memory")
    if given is None:
        return max(cost.memory, cost.minimum)
    try:
        size = parse_size(given)
    except SizeError as error:
        fields.wrong("memory", given, str(error))
        return cost.memory
    if size < cost.minimum:
        fields.wrong("memory", given, f"at least {format_size(cost.minimum)} for a runner of kind {kind}")
    return size


def _image(fields: Fields, isolation: str) -> str:
    if isolation not in IMAGED:
        if fields.has("image"):
            fields.wrong("image", fields.raw["image"], f"nothing: {isolation} has no image")
        return ""
    image = fields.text("image")
    if not fields.has("image"):
        fields.wrong("image", None, f"an image, which {isolation} needs, such as ghcr.io/acme/image@sha256:...")
    elif image and (image.startswith("-") or any(char.isspace() for char in image)):
        fields.wrong("image", image, "an image reference without blanks that does not begin with -")
    return t.cast(str, image)


def _labels(fields: Fields) -> t.Tuple[str, ...]:
    labels: t.List[str] = []
    allowed = _LABEL_ALLOWED + ", ".join(sorted(RESERVED_LABELS))
    for index, label in enumerate(fields.items("labels")):
        if not _good_label(label):
            fields.wrong(f"labels[{index}]", label, allowed)
        elif label.lower().startswith(MARK):
            fields.wrong(f"labels[{index}]", label, f"none that begins with {MARK}, by which the runners of a fleet are known; its own is added")
        elif label.lower() in [known.lower() for known in labels]:
            fields.wrong(f"labels[{index}]", label, "each label once (GitHub ignores case)")
        else:
            labels.append(str(label))
    return tuple(labels)


def _good_label(label: t.Any) -> bool:
    if not isinstance(label, str) or not 1 <= len(label) <= 256 or not label.isprintable():
        return False
    return not (set(label) & set(", ")) and label.lower() not in RESERVED_LABELS


def _network(fields: Fields, isolation: str) -> str:
    networks = _NETWORKS.get(isolation)
    if networks is None:
        if fields.has("network"):
            fields.wrong("network", fields.raw["network"], f"nothing: {isolation} shares the Mac's network")
        return ""
    return t.cast(str, fields.choice("network", networks, networks[0]))


def _port_base(fields: Fields, isolation: str) -> t.Optional[int]:
    if isolation in NATIVE:
        return t.cast(t.Optional[int], fields.whole("port_base", None, 1024, 65535))
    if fields.has("port_base"):
        fields.wrong("port_base", fields.raw["port_base"], f"nothing: {isolation} has its own network")
    return None


def _pids_limit(fields: Fields, isolation: str) -> int:
    if isolation != "docker" and fields.has("pids_limit"):
        fields.wrong("pids_limit", fields.raw["pids_limit"], "nothing: only docker limits processes this way")
    return t.cast(int, fields.whole("pids_limit", 4096, 16, 4194304))
