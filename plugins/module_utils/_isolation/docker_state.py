# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The containers and images of an engine, as they are."""

from __future__ import annotations

import dataclasses
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import LIFECYCLE_LABEL, SPEC_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineError, EngineSocket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import owns_container

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Container:
    """A container that exists. ``fields``: see :func:`fields_of`. ``persistent``: not one of a slot program."""

    name: str
    id: str
    owned: bool
    persistent: bool
    fields: Json
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0

    @property
    def status(self) -> str:
        """created, running, paused, restarting, removing, exited or dead."""
        return str(self.fields["status"])


def read_containers(engine: EngineSocket, names: t.Collection[str]) -> t.Dict[str, Container]:
    """The containers of ours and those that have one of ``names``, by name."""
    found: t.Dict[str, Container] = {}
    for entry in engine.get("/containers/json?all=1"):
        name = _own_name(entry)
        if name not in names and not owns_container(name, entry.get("Labels") or {}):
            continue
        answer = _find(engine, f"/containers/{entry['Id']}/json")
        # None: it went away since it was listed.
        if answer is not None:
            found[name] = container_of(answer)
    return found


def read_architectures(engine: EngineSocket, images: t.Iterable[str]) -> t.Dict[str, str]:
    """The architecture of each of ``images`` that the engine has, as C(os/architecture)."""
    found = {}
    for image in images:
        answer = _find(engine, f"/images/{urllib.parse.quote(image, safe='/:@')}/json")
        if answer is not None:
            found[image] = platform_of(answer)
    return found


def read_platform(engine: EngineSocket) -> str:
    """The engine's own C(os/architecture), such as C(linux/arm64)."""
    version = engine.get("/version")
    return f"{version.get('Os')}/{version.get('Arch')}"


def platform_of(image: Json) -> str:
    """C(os/architecture) of an image's inspection."""
    return f"{image.get('Os')}/{image.get('Architecture')}"


def container_of(answer: Json) -> Container:
    """Read the inspection of a container."""
    labels = answer["Config"].get("Labels") or {}
    name = str(answer["Name"]).lstrip("/")
    state = answer["State"]
    return Container(
        name=name,
        id=str(answer["Id"]),
        owned=owns_container(name, labels),
        persistent=labels.get(LIFECYCLE_LABEL) == "persistent",
        fields=fields_of(answer),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        restarts=int(answer.get("RestartCount") or 0),
    )


def fields_of(answer: Json) -> t.Dict[str, t.Any]:
    """The fields of a container that we set, with the names of :attr:`.docker_spec.ContainerSpec.fields`."""
    config, host = answer["Config"], answer["HostConfig"]
    return {
        "image": config.get("Image"),
        "user": config.get("User"),
        "network": "bridge" if host.get("NetworkMode") == "default" else host.get("NetworkMode"),
        "read_only": bool(host.get("ReadonlyRootfs")),
        "privileged": bool(host.get("Privileged")),
        "cap_add": list(host.get("CapAdd") or []),
        "cap_drop": list(host.get("CapDrop") or []),
        "security_opt": list(host.get("SecurityOpt") or []),
        "mounts": _mounts(host),
        "init": bool(host.get("Init")),
        "log": _log(host),
        "memory": int(host.get("Memory") or 0),
        "memory_swap": int(host.get("MemorySwap") or 0),
        "cpus": _cpus(host),
        "pids_limit": int(host.get("PidsLimit") or 0),
        "restart": (host.get("RestartPolicy") or {}).get("Name") or "no",
        "spec": (config.get("Labels") or {}).get(SPEC_LABEL, ""),
        "status": answer["State"]["Status"],
    }


def _find(engine: EngineSocket, path: str) -> t.Any:
    """What the engine answers, None when it does not know it."""
    try:
        return engine.get(path)
    except EngineError as error:
        if error.status == 404:
            return None
        raise


def _own_name(entry: Json) -> str:
    # A link gives further names, which hold a second slash.
    names = [name[1:] for name in entry.get("Names") or [] if "/" not in name[1:]]
    return names[0] if names else ""


def _mounts(host: Json) -> t.List[str]:
    return list(host.get("Binds") or []) + [str(mount.get("Source")) for mount in host.get("Mounts") or []]


def _log(host: Json) -> t.Dict[str, str]:
    log = host.get("LogConfig") or {}
    return {"driver": log.get("Type", ""), **(log.get("Config") or {})}


def _cpus(host: Json) -> t.Union[int, float]:
    cpus = int(host.get("NanoCpus") or 0) / 1e9
    return int(cpus) if cpus.is_integer() else cpus
