# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The module's arguments, read into what shall be on the Mac; each slot's settings are checked as the slot itself reads them."""

from __future__ import annotations

import json
import os
import re
import sys
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._fields import show
from ansible_collections.action_packer.mac_runners.plugins.module_utils._isolation.docker_find import NoEngineError, find_socket
from ansible_collections.action_packer.mac_runners.plugins.module_utils._macos.tools import only_root_writes
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_plan import Goal, shown_settings
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_read import SETTINGS, SLOT, VERSION, InstallError, Layout, read_file
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.settings import parse_settings

#: What stands in place of a Python of its own in /usr/bin: a shim that asks xcode-select first each time.
_SHIMS = ("/usr/bin/python3", "/usr/bin/python")
_APPLE = "/Library/Developer/CommandLineTools/usr/bin/python3"
_LONGEST_WAIT = 86400
_TERMS = ("fleet", "pools", "capacity", "licences", "state_dir", "tart_homes", "docker_sockets")

Json = t.Dict[str, t.Any]


def goal_of(params: t.Mapping[str, t.Any], layout: Layout) -> Goal:
    """What shall be. Raises :class:`InstallError` or SettingsError with the slot and the field."""
    for name, least in (("start_timeout", 1), ("wait", 0)):
        if not least <= params[name] <= _LONGEST_WAIT:
            raise InstallError(f"field {name}: got {params[name]}; allowed: {least} to {_LONGEST_WAIT} seconds")
    slots = params["slots"]
    wanted, both = bool(slots), sorted({str(slot["name"]) for slot in slots or ()} & set(params["absent"]))
    if both:
        raise InstallError(f"field absent: got {', '.join(both)}; allowed: slots that are not in slots too")
    if wanted and not params["program"]:
        raise InstallError("field program: got nothing; allowed: the program of the slots, which the action plugin of this module brings")
    version = str((params["program"] or {}).get("version") or "") if wanted else ""
    if version and not VERSION.match(version):
        raise InstallError(f"field program.version: got {show(version)}; allowed: a digit, then letters, digits and .+_-")
    return Goal(
        slots=None if slots is None else _settings(slots, params, layout),
        purge=params["purge"],
        absent=tuple(params["absent"]),
        drain=params["drain"],
        only=tuple(params["only"]),
        force=params["force"],
        secrets=None if slots is None else (_secrets(params) if wanted else {}),
        version=version,
        python=resolve_python(params["python"] or "") if wanted else "",
    )


def _settings(slots: t.Sequence[Json], params: t.Mapping[str, t.Any], layout: Layout) -> t.Dict[str, bytes]:
    found: t.Dict[str, bytes] = {}
    engine = _Engine()
    for entry in slots:
        name = str(entry["name"])
        if not SLOT.match(name) or name in found:
            raise InstallError(f"slot {show(name)}, field name: got {show(name)}{' twice' if name in found else ''}; allowed: POOL-NUMBER, each once")
        settings = _of_slot(entry, params)
        if "docker" in settings and not settings["docker"].get("socket"):
            settings["docker"]["socket"] = engine.socket(layout, name)
        parse_settings(settings, f"slot {name}")
        found[name] = (json.dumps(settings, indent=1, sort_keys=True) + "\n").encode()
    return found


def _of_slot(entry: Json, params: t.Mapping[str, t.Any]) -> Json:
    given = {key: value for key, value in entry.items() if value is not None and key != "name"}
    github = {**given.get("github", {}), **_credential(params)}
    place: Json = {key: dict(given[key]) for key in ("docker", "tart", "native") if key in given}
    return {"slot": entry["name"], **{name: params[name] for name in _TERMS if params[name]}, **given, "github": github, **place}


def _credential(params: t.Mapping[str, t.Any]) -> Json:
    """The fields of the settings that name the credential's file."""
    layout, app = Layout(state_dir=params["state_dir"]), params["app"]
    if app:
        found = {"client_id": app["client_id"], "key_file": os.path.join(layout.credentials, "app.pem")}
        found.update({"installation_id": app["installation_id"]} if app["installation_id"] else {})
    else:
        found = {"token_file": os.path.join(layout.credentials, "token")}
    if params["ca"]:
        found["ca_path"] = os.path.join(layout.credentials, "ca.pem")
    return {**found, **({"proxy": params["proxy"]} if params["proxy"] else {})}


def _secrets(params: t.Mapping[str, t.Any]) -> t.Dict[str, bytes]:
    app, token, authority = params["app"], params["token"], params["ca"]
    if bool(app) == bool(token):
        raise InstallError(f"fields token and app: got {'both' if app else 'none'}; allowed: one of them, with which slots register their runners")
    found = {"app.pem": str(app["key"]).strip() + "\n"} if app else {"token": str(token).strip() + "\n"}
    if authority:
        found["ca.pem"] = str(authority).strip() + "\n"
    return {name: text.encode() for name, text in found.items()}


class _Engine:
    """The Mac's engine, looked for at most once."""

    def __init__(self) -> None:
        self._found = ""

    def socket(self, layout: Layout, slot: str) -> str:
        """The path of its socket; where none answers, the one that the slot had."""
        if not self._found:
            try:
                self._found = find_socket()
            except NoEngineError:
                before = shown_settings(read_file(os.path.join(layout.folder(slot), SETTINGS))).get("docker") or {}
                if not before.get("socket"):
                    raise
                return str(before["socket"])
        return self._found


def resolve_python(given: str) -> str:
    """The interpreter itself, which root runs all day: no shim, and nothing that anybody else could replace."""
    path = given or sys.executable
    if path in _SHIMS and os.path.exists(_APPLE):
        path = _APPLE
    # A link in the tools of one version of Xcode or of a framework may vanish with an update; its directory is what stays.
    if not os.access(path, os.X_OK) or not re.match(r"/[^\0]+\Z", path):
        raise InstallError(f"field python: got {show(path)}, which is no program; allowed: a Python 3.9 or later of this Mac")
    if not only_root_writes(path):
        raise InstallError(f"field python: got {show(path)}, which others than root can replace; allowed: a Python that belongs to root")
    return path
