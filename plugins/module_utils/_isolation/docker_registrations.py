# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""Persistent runners in containers: what is configured in each, and registering one."""

from __future__ import annotations

import concurrent.futures
import io
import json
import re
import tarfile
import typing as t
import urllib.parse

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_exec import run_in
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_jobs import runs_job
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_spec import LIFECYCLE_LABEL, SLOT_LABEL
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.docker import EngineSocket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._owned import OWNED_PREFIX, owns_container
from ansible_collections.action_packer.mac_runners.plugins.module_utils._registrations import RegistrationError, Seen, Wanted

#: Seconds for each wait on config.sh, which itself waits for GitHub.
_SECONDS = 120.0
_AT_ONCE = 6
#: What is left of a registration that GitHub does not know any more would make config.sh refuse, and the listener that still runs
#: with it would take the new files away when GitHub tells it so. Brackets: the words of this script must not look like it.
_REGISTER = r"""
IFS= read -r ACTIONS_RUNNER_INPUT_TOKEN || exit 64
export ACTIONS_RUNNER_INPUT_TOKEN
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
exec ./config.sh "$@"
"""


def read_runners(engine: EngineSocket, folder: str) -> t.Dict[str, Seen]:
    """The containers of persistent runners of ours, by slot."""
    found = {}
    for entry in engine.get("/containers/json?all=1"):
        labels, names = entry.get("Labels") or {}, [name.lstrip("/") for name in entry.get("Names") or []]
        slot = str(labels.get(SLOT_LABEL, ""))
        name = OWNED_PREFIX + slot
        if name in names and owns_container(name, labels) and labels.get(LIFECYCLE_LABEL) == "persistent":
            found[slot] = _seen(engine, slot, entry, folder)
    return found


def _seen(engine: EngineSocket, slot: str, entry: t.Mapping[str, t.Any], folder: str) -> Seen:
    container = str(entry["Id"])
    configured = _configured(engine, container, folder)
    return Seen(
        slot=slot,
        environment=container,
        running=entry.get("State") == "running",
        busy=entry.get("State") in ("running", "paused") and runs_job(engine.get, container),
        name=_word(configured.get("agentname")),
        url=_word(configured.get("githuburl")),
        id=_number(configured.get("agentid")),
    )


def _number(value: t.Any) -> int:
    """A job can write what it likes there; nothing that is no number of a runner goes on to those who read them all."""
    return int(value) if re.match(r"[0-9]{1,18}\Z", str(value)) else 0


def _word(value: t.Any) -> str:
    return value if isinstance(value, str) and re.match(r"[\x21-\x7e]{1,300}\Z", value) else ""


def _configured(engine: EngineSocket, container: str, folder: str) -> t.Mapping[str, t.Any]:
    """The runner's own file; a half written one counts as none, as do files that are missing beside it."""
    if not all(_file(engine, container, f"{folder}/{name}") for name in (".credentials", ".credentials_rsaparams")):
        return {}
    try:
        settings = json.loads(_file(engine, container, f"{folder}/.runner").decode("utf-8-sig"))
    except ValueError:
        return {}
    # Versions of the runner begin these names with a large or a small letter.
    return {name.lower(): value for name, value in settings.items()} if isinstance(settings, dict) else {}


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


def register(path: str, seen: t.Optional[Seen], one: Wanted, token: str, folder: str) -> None:
    """Register the runner of a container; raises :class:`RegistrationError`, without the token."""
    if seen is None or not seen.running:
        raise RegistrationError("its container does not run")
    argv = ["/bin/sh", "-c", _REGISTER, "register", folder, *one.options()]
    with EngineSocket(path, _SECONDS) as engine:
        code, said = run_in(engine, seen.environment, argv, token, _SECONDS)
    if code:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = " ".join(lines[-3:]).replace(token, "***")
        raise RegistrationError(f"config.sh ended with {code}: {told or 'it said nothing'}")


def register_all(path: str, seen: t.Mapping[str, Seen], wanted: t.Sequence[Wanted], tokens: t.Mapping[str, str], folder: str) -> t.Dict[str, str]:
    """Register all of ``wanted``, several at once; return what failed, by slot."""

    def guarded(one: Wanted) -> str:
        try:
            register(path, seen.get(one.slot), one, tokens[one.url], folder)
        except MacRunnersError as error:
            return str(error)
        return ""

    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        said = zip(wanted, pool.map(guarded, wanted))
        return {one.slot: why for one, why in said if why}
