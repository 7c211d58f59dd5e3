# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The settings of a slot, as whoever installs it wrote them for it: read in a short-lived child, every mistake named."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import Fields, Mistake
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import LONGEST_SLOT
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.signing import OPENSSL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import (
    HARDENING,
    LIFECYCLE_LABEL,
    SLOT_LABEL,
    _user,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._lock import STATE_DIR
from ansible_collections.action_packer.mac_runners.plugins.module_utils._policy import Policy, parse_policy
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import LABEL_PREFIX, OWNED_PREFIX, POOL_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._pools import NATIVE, Pool, distrusted, parse_pools
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.entry import ENTRY
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.record import SETTINGS_NAME

if t.TYPE_CHECKING:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import NativePlace
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import Wanted

_LARGEST = 1024 * 1024
_FIELDS = (
    "slot",
    "fleet",
    "pools",
    "capacity",
    "licences",
    "state_dir",
    "tart_homes",
    "docker_sockets",
    "runner_name",
    "github",
    "docker",
    "tart",
    "native",
    "registration_seconds",
    "job_seconds",
    "grace_seconds",
    "keep_jobs",
    "keep_size",
)
_GITHUB_FIELDS = ("url", "labels", "group", "token_file", "client_id", "key_file", "installation_id", "ca_path", "proxy", "openssl")
_DOCKER_FIELDS = ("socket", "user", "runner_dir")
_TART_FIELDS = ("account", "tart_home", "tart", "runner_dir", "boot_seconds")
#: What of both is written into a slot's record.
_DOCKER_PLACE, _TART_PLACE = ("socket", "user", "runner_dir"), ("account", "tart_home", "tart", "runner_dir")
_ISOLATIONS = ("docker", "tart", *sorted(NATIVE))
_TART = "/opt/mac_runners/tools/tart/current/tart.app/Contents/MacOS/tart"

Json = t.Dict[str, t.Any]


class SettingsError(MacRunnersError):
    """The settings of a slot are missing or wrong."""


@dataclasses.dataclass(frozen=True)
class GithubSettings:
    """Where and with which credential runners register; either ``token_file`` or the App's fields are given."""

    url: str
    labels: t.Tuple[str, ...]
    group: int
    token_file: str
    client_id: str
    key_file: str
    installation: int
    ca_path: str
    proxy: str
    openssl: str


@dataclasses.dataclass(frozen=True)
class DockerPlace:
    """The engine's socket, and what the image has: its user and the folder of its runner."""

    socket: str
    user: str
    runner_dir: str


@dataclasses.dataclass(frozen=True)
class TartPlace:
    """The account that runs the VMs, its TART_HOME, the program; the runner's folder in the guest, absolute or below the
    home of the guest's user; and how long a guest may take to start."""

    account: str
    tart_home: str
    tart: str
    runner_dir: str
    boot: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """A slot, its pool among all of the Mac's as the user wrote them, and where it registers. Times in seconds.

    ``tart_homes`` and ``docker_sockets``: unusual places at which the check of room looks too.
    """

    slot: str
    pool: Pool
    fleet: str
    pools: t.Any
    capacity: t.Any
    licences: t.Any
    state_dir: str
    tart_homes: t.Tuple[str, ...]
    docker_sockets: t.Tuple[str, ...]
    runner_name: str
    github: GithubSettings
    docker: t.Optional[DockerPlace]
    tart: t.Optional[TartPlace]
    native: t.Optional[NativePlace]
    registration: int
    job: int
    grace: int
    keep_jobs: int
    keep_size: int

    @property
    def wanted(self) -> Wanted:
        """What a cycle makes, for the check of room."""
        # Imported here: of the short-lived children only the one that checks must hold the capacity core.
        from ansible_collections.action_packer.mac_runners.plugins.module_utils._room import Wanted

        pool = self.pool
        return Wanted(OWNED_PREFIX + self.slot, pool.isolation, pool.memory, pool.cpus, pool.disk, pool.guest, pool.image)

    @property
    def place(self) -> t.Dict[str, str]:
        """Where environments are made: all that it takes to find one again after the settings have changed."""
        if self.docker:
            return {name: getattr(self.docker, name) for name in _DOCKER_PLACE}
        if self.tart:
            return {name: getattr(self.tart, name) for name in _TART_PLACE}
        return self.native.where if self.native else {}

    def at(self, place: t.Mapping[str, str]) -> Settings:
        """The same for an environment that is at such a place; the own one when that is empty."""
        if not place or place == self.place:
            return self
        nowhere = dataclasses.replace(self, docker=None, tart=None, native=None)
        if "socket" in place:
            return dataclasses.replace(nowhere, docker=DockerPlace(**{name: place[name] for name in _DOCKER_PLACE}))
        if "uid" in place:
            return dataclasses.replace(nowhere, native=_former(self, place))
        if "account" in place:
            # Only what was made by these settings is still to boot.
            boot = self.tart.boot if self.tart else 0
            return dataclasses.replace(nowhere, tart=TartPlace(**{name: place[name] for name in _TART_PLACE}, boot=boot))
        return self

    def for_program(self, place: t.Mapping[str, str]) -> Json:
        """What the program itself needs, ready for use, while its environment is at ``place``."""
        given: Json = {
            "plan": {
                "slot": self.slot,
                "runner": self.runner_name,
                "registration": self.registration,
                "job": self.job,
                "grace": self.grace,
                "target": self.github.url,
                "place": self.place,
            },
            "logs": {"jobs": self.keep_jobs, "size": self.keep_size},
        }
        there = self.at(place)
        if there.docker:
            given["docker"] = self._for_docker(there.docker)
        if there.tart:
            given["tart"] = {"name": OWNED_PREFIX + self.slot, "place": there.place, "boot": there.tart.boot}
        return given

    def _for_docker(self, place: DockerPlace) -> Json:
        owned = {POOL_LABEL: self.pool.name, SLOT_LABEL: self.slot, LIFECYCLE_LABEL: "ephemeral"}
        return {
            "socket": place.socket,
            "name": OWNED_PREFIX + self.slot,
            "owned": owned,
            # Quoted here: the program that waits all day must not hold urllib.
            "filters": urllib.parse.quote(json.dumps({"label": [f"{name}={value}" for name, value in owned.items()]})),
            "cycle": LABEL_PREFIX + "cycle",
            "runner": LABEL_PREFIX + "runner",
            "body": container_body(self.pool, place),
            "diagnostics": urllib.parse.quote(os.path.join(place.runner_dir, "_diag")),
        }


def container_body(pool: Pool, place: DockerPlace) -> Json:
    """What an engine is asked to make: as hardened as every container of ours, its config awaited on standard input."""
    log = dict(HARDENING["log"])
    return {
        "Image": pool.image,
        "User": place.user,
        "Entrypoint": ["/bin/sh", "-c", ENTRY, os.path.join(place.runner_dir, "bin/Runner.Listener")],
        "Cmd": [],
        "WorkingDir": place.runner_dir,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "HostConfig": {
            "Memory": pool.memory,
            "MemorySwap": pool.memory,
            "NanoCpus": pool.cpus * 10**9,
            "PidsLimit": pool.pids_limit,
            "NetworkMode": pool.network or "bridge",
            "RestartPolicy": {"Name": "no"},
            "Privileged": HARDENING["privileged"],
            "CapAdd": HARDENING["cap_add"],
            "CapDrop": HARDENING["cap_drop"],
            "SecurityOpt": HARDENING["security_opt"],
            "Mounts": HARDENING["mounts"],
            "Init": HARDENING["init"],
            "LogConfig": {"Type": log.pop("driver"), "Config": log},
        },
    }


def read_settings(folder: str) -> Settings:
    """The settings in a slot's folder; raises :class:`SettingsError` with all mistakes."""
    return parse_content(read_content(folder), os.path.join(folder, SETTINGS_NAME))


def read_content(folder: str) -> bytes:
    """The file of a slot's settings as it is."""
    path = os.path.join(folder, SETTINGS_NAME)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def parse_content(content: bytes, where: str) -> Settings:
    """Read the file's content; ``where`` is named in messages."""
    try:
        raw = json.loads(content)
    except ValueError as error:
        raise SettingsError(f"{where} is no JSON: {error}") from error
    return parse_settings(raw, where)


def parse_settings(raw: t.Any, where: str) -> Settings:
    """Read settings; ``where`` is named in messages."""
    mistakes: t.List[Mistake] = []
    fields = Fields(raw, mistakes)
    fields.known(_FIELDS)
    policy, wrong = parse_policy(fields.raw.get("capacity"))
    pools, wrong_pools = parse_pools(fields.raw.get("pools"), policy)
    pool = _pool(fields, pools)
    settings = Settings(
        slot=_needed(fields, "slot"),
        pool=pool,
        fleet=_needed(fields, "fleet"),
        pools=fields.raw.get("pools"),
        capacity=fields.raw.get("capacity"),
        licences=fields.raw.get("licences"),
        state_dir=fields.text("state_dir", STATE_DIR),
        tart_homes=_paths(fields, "tart_homes"),
        docker_sockets=_paths(fields, "docker_sockets"),
        runner_name=_needed(fields, "runner_name"),
        github=_github(fields.mapping("github")),
        docker=_docker(fields.mapping("docker")) if pool.isolation == "docker" else None,
        tart=_tart(fields.mapping("tart")) if pool.isolation == "tart" else None,
        native=_native(fields, pool, pools, policy) if pool.isolation in NATIVE else None,
        registration=fields.whole("registration_seconds", 300, 10, 86400),
        job=fields.whole("job_seconds", 0, 0, 5 * 86400),
        grace=fields.whole("grace_seconds", 60, 1, 3600),
        keep_jobs=fields.whole("keep_jobs", 10, 1, 1000),
        keep_size=fields.size("keep_size", 20 * 1024 * 1024),
    )
    if len(settings.runner_name) > LONGEST_SLOT:
        fields.wrong("runner_name", settings.runner_name, f"at most {LONGEST_SLOT} characters, since each runner's name gets 9 more")
    found = [*wrong, *wrong_pools, *mistakes]
    if found:
        raise SettingsError(f"{where}: " + "; ".join(mistake.message for mistake in found))
    return settings


def _needed(fields: Fields, name: str) -> str:
    if not fields.has(name):
        fields.wrong(name, None, "a text that is not empty")
    return str(fields.text(name, ""))


def _paths(fields: Fields, name: str) -> t.Tuple[str, ...]:
    paths = fields.items(name)
    if not all(isinstance(path, str) and path.startswith("/") for path in paths):
        fields.wrong(name, paths, "a list of absolute paths")
        return ()
    return tuple(paths)


def _pool(fields: Fields, pools: t.Sequence[Pool]) -> Pool:
    """The pool of the slot; any pool when it has none, which is a mistake."""
    slot = fields.raw.get("slot")
    found = next((pool for pool in pools if slot in pool.slots), None)
    if found is None or found.isolation not in _ISOLATIONS or found.lifecycle != "ephemeral":
        fields.wrong("slot", slot, f"a slot of an ephemeral pool with isolation {' or '.join(_ISOLATIONS)} among the pools")
    fields.mistakes.extend(distrusted(found) if found else ())
    return found or Pool("", "", 1, 0, 0, 0)


def _github(fields: Fields) -> GithubSettings:
    fields.known(_GITHUB_FIELDS)
    labels = fields.items("labels")
    if not labels or not all(isinstance(label, str) and 0 < len(label) <= 256 and "," not in label for label in labels):
        fields.wrong("labels", labels, "1 to 99 texts of at most 256 characters without commas")
    if fields.has("token_file") == fields.has("key_file") or fields.has("key_file") != fields.has("client_id"):
        fields.wrong("token_file", fields.raw.get("token_file"), "either token_file, or key_file and client_id of an App")
    return GithubSettings(
        url=_needed(fields, "url"),
        labels=tuple(labels),
        group=fields.whole("group", 1, 1),
        token_file=fields.text("token_file", ""),
        client_id=fields.text("client_id", ""),
        key_file=fields.text("key_file", ""),
        installation=fields.whole("installation_id", 0, 0, 2**62),
        ca_path=fields.text("ca_path", ""),
        proxy=fields.text("proxy", ""),
        openssl=fields.text("openssl", OPENSSL),
    )


def _docker(fields: Fields) -> DockerPlace:
    fields.known(_DOCKER_FIELDS)
    return DockerPlace(
        socket=_needed(fields, "socket"),
        user=_user(fields),
        runner_dir=fields.text("runner_dir", "/home/runner"),
    )


def _tart(fields: Fields) -> TartPlace:
    fields.known(_TART_FIELDS)
    place = TartPlace(
        account=_needed(fields, "account"),
        tart_home=fields.text("tart_home", ""),
        tart=fields.text("tart", _TART),
        runner_dir=fields.text("runner_dir", "actions-runner"),
        boot=fields.whole("boot_seconds", 300, 10, 86400),
    )
    for name, path in (("tart_home", place.tart_home or "/"), ("tart", place.tart)):
        if not path.startswith("/"):
            fields.wrong(name, path, "an absolute path")
    return place


def _native(fields: Fields, pool: Pool, pools: t.Sequence[Pool], policy: Policy) -> NativePlace:
    # Imported here, as below: children of other slots do without the capacity core, which knows the ports.
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import read_place

    return read_place(fields.mapping("native"), str(fields.raw.get("slot")), pool, pools, policy)


def _former(given: Settings, place: t.Mapping[str, str]) -> NativePlace:
    from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.native_place import former_place

    return former_place(given.slot, given.pool, place)
