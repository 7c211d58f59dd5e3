# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Persistent runners in containers: what is configured in each, and registering one."""

from __future__ import annotations

import io
import tarfile
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_exec import run_in
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_jobs import runs_job
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import LIFECYCLE_LABEL, SLOT_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineSocket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX, owns_container
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import RegistrationError, Seen, Wanted, failed, read_settings

#: Seconds for each wait on config.sh, which itself waits for GitHub.
_SECONDS = 120.0
#: What is left of a registration that GitHub does not know any more would make config.sh refuse, and the listener that still runs
#: with it would take the new files away when GitHub tells it so. Brackets: the words of this script must not look like it.
_REGISTER = r"""
IFS= read -r token || exit 64
cd "$1" || exit 65
shift
running() {
    for folder in /proc/[0-9]*; do
        case "$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null)" in *bin/$1) echo "${folder#/proc/}" ;; esac
    done
}
[ -z "$(running '[R]unner.Worker *')" ] || { echo "a job runs in it"; exit 75; }
for number in $(running '[R]unner.Listener run '); do
    kill "$number" 2>/dev/null || continue
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$number" 2>/dev/null && sleep 1; done
done
rm -f .runner .runner_migrated .credentials .credentials_migrated .credentials_rsaparams
ACTIONS_RUNNER_INPUT_TOKEN=$token
export ACTIONS_RUNNER_INPUT_TOKEN
exec ./config.sh "$@"
"""


class DockerRunners:
    """Implements :class:`._registrations.Environments` for the engine at a socket; ``folder`` is where its containers have the runner."""

    at_once = 6

    def __init__(self, path: str, folder: str) -> None:
        self._path, self._folder = path, folder

    def look(self) -> t.Dict[str, Seen]:
        """The containers of persistent runners of ours, by slot."""
        found = {}
        with EngineSocket(self._path) as engine:
            for entry in engine.get("/containers/json?all=1"):
                labels, names = entry.get("Labels") or {}, [name.lstrip("/") for name in entry.get("Names") or []]
                slot = str(labels.get(SLOT_LABEL, ""))
                name = OWNED_PREFIX + slot
                if name in names and owns_container(name, labels) and labels.get(LIFECYCLE_LABEL) == "persistent":
                    found[slot] = _seen(engine, slot, entry, self._folder)
        return found

    def register(self, seen: Seen, one: Wanted, token: str) -> None:
        """Register the runner of a container; raises :class:`RegistrationError`, without the token."""
        if not seen.running:
            raise RegistrationError("its container does not run")
        argv = ["/bin/sh", "-c", _REGISTER, "register", self._folder, *one.options()]
        with EngineSocket(self._path, _SECONDS) as engine:
            code, said = run_in(engine, seen.environment, argv, token, _SECONDS)
        if code:
            raise failed(code, said, token)


def _seen(engine: EngineSocket, slot: str, entry: t.Mapping[str, t.Any], folder: str) -> Seen:
    container = str(entry["Id"])
    return Seen(
        slot=slot,
        environment=container,
        running=entry.get("State") == "running",
        busy=entry.get("State") in ("running", "paused") and runs_job(engine.get, container),
        **read_settings(_configured(engine, container, folder)),
    )


def _configured(engine: EngineSocket, container: str, folder: str) -> str:
    """The runner's own file; files that are missing beside it make it a half written one, which counts as none."""
    if not all(_file(engine, container, f"{folder}/{name}") for name in (".credentials", ".credentials_rsaparams")):
        return ""
    return _file(engine, container, f"{folder}/.runner").decode("utf-8", "replace")


def _file(engine: EngineSocket, container: str, path: str) -> bytes:
    content = engine.archive(container, urllib.parse.quote(path))
    if not content:
        return b""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            member = archive.next()
            read = archive.extractfile(member) if member is not None and member.isreg() else None
            return read.read() if read else b""
    except tarfile.TarError:
        return b""
