# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask the Mac, then GitHub, and let runners go that both call idle; documented in the module of the same name."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._fleet_runners import urls_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.names import Ownership
from ansible_collections.action_packer.mac_runners.plugins.module_utils._github.target import parse_target
from ansible_collections.action_packer.mac_runners.plugins.module_utils._slot.install_settings import Github, parse_github
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._controller import run_here
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._pools import pools_of

_ON_MAC = "action_packer.mac_runners.runner_registrations"
_AT_GITHUB = "action_packer.mac_runners.github_withdrawals"
_SPEC: dict[str, dict[str, t.Any]] = {
    "mac": {"type": "str", "required": True},
    "fleet": {"type": "str", "required": True},
    "slots": {"type": "list", "elements": "str"},
    "drain": {"type": "bool", "default": False},
    "forget": {"type": "list", "elements": "str", "default": []},
    "github": {"type": "dict", "default": {}},
    "pools": {"type": "list", "elements": "dict", "default": []},
    "capacity": {"type": "dict", "default": {}},
    "force": {"type": "bool", "default": False},
    "docker_socket": {"type": "path"},
    "runner_dir": {"type": "str", "default": "/home/runner"},
    "isolations": {"type": "list", "elements": "str"},
    "tart": {"type": "dict", "default": {}},
    "guest_timeout": {"type": "int"},
}
#: By which the module on the Mac finds runners.
_PLACE = ("docker_socket", "runner_dir", "isolations", "tart", "guest_timeout")
Json = dict[str, t.Any]


class ActionModule(ActionBase):
    """The action runner_withdrawals."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """Once over all runners that shall go; who waits runs it again."""
        result, task_vars = super().run(tmp, task_vars), task_vars or {}
        _validation, asked = self.validate_argument_spec(argument_spec=_SPEC)
        github, urls = _read(asked)
        on_mac = self._execute_module(_ON_MAC, _marking(asked), task_vars=task_vars)
        if on_mac.get("failed"):
            return {**result, **on_mac, "busy": {}}
        going = [one for one in on_mac["runners"] if asked["slots"] is None or one["name"] in asked["slots"]]
        if not asked["force"]:
            _refuse_strays(going, urls)
        answers = [self._ask(url, github, going, asked, task_vars) for url in urls] if going else []
        return {**result, **_told(on_mac, answers, _busy(going, answers, asked))}

    def _ask(self, url: str, github: Github, going: list[Json], asked: Json, task_vars: Json) -> Json:
        runners = [{"name": f"{asked['mac']}-{one['name']}", "idle": not one["busy"]} for one in going]
        credential = {"token": github.token} if github.token else {"app": {name: value for name, value in github.app.items() if value}} if github.app else {}
        more = {name: value for name, value in (("ca_path", github.ca_path), ("proxy", github.proxy)) if value}
        arguments = {"url": url, **credential, **more, "runners": runners, "name_prefixes": [f"{asked['mac']}-"]}
        arguments.update(fleet=asked["fleet"], force=asked["force"])
        return run_here(self, _AT_GITHUB, arguments, task_vars)


def _read(asked: Json) -> tuple[Github, list[str]]:
    """Where runners may be; what is written wrong is told before anything is marked on the Mac."""
    try:
        Ownership.of(asked["fleet"], [f"{asked['mac']}-"])
        github = parse_github(asked["github"])
        return github, urls_of(pools_of(asked["pools"], asked["capacity"]), github)
    except MacRunnersError as error:
        raise AnsibleActionFail(str(error)) from error


def _marking(asked: Json) -> Json:
    """The options of the module on the Mac."""
    place = {name: asked[name] for name in ("fleet", *_PLACE) if asked[name]}
    if asked["drain"]:
        return {**place, "drain": True, "only": asked["slots"] or []}
    return {**place, "drain": False, "only": asked["forget"]} if asked["forget"] else place


def _refuse_strays(going: list[Json], urls: list[str]) -> None:
    """Whoever cannot be asked about a runner could give it a job any time. A container's word about itself names no place to send a credential."""
    known = {parse_target(url).key for url in urls}
    for one in going:
        try:
            stray = bool(one["id"]) and parse_target(one["url"]).key not in known
        except MacRunnersError:
            stray = True
        if stray:
            raise AnsibleActionFail(
                f"runner {one['name']} is registered at {one['url']}, which neither mac_runners_github nor a pool of this Mac names, so nobody can "
                "keep jobs away from it: name that address until the runner is gone, or say -e mac_runners_force=true, which may lose its job"
            )


def _busy(going: list[Json], answers: list[Json], asked: Json) -> dict[str, str]:
    """Whom somebody waits for, and why. GitHub may have forgotten a runner whose job still runs, so the word of the Mac counts too."""
    here = {one["name"]: "a job runs on its Mac" for one in going if one["busy"] and not asked["force"]}
    there = {name.removeprefix(f"{asked['mac']}-"): why for answer in answers for name, why in answer.get("busy", {}).items()}
    return {**here, **there}


def _told(on_mac: Json, answers: list[Json], busy: dict[str, str]) -> Json:
    """What the Mac and GitHub did, as one result."""
    parts = [on_mac, *answers]
    result: Json = {name: on_mac[name] for name in ("runners", "warnings") if name in on_mac}
    result.update(changed=any(part.get("changed") for part in parts), steps=[step for part in parts for step in part.get("steps", [])])
    result.update(busy=busy, diff=[part["diff"] for part in parts if part.get("diff") and part.get("changed")])
    failed = [str(answer.get("msg")) for answer in answers if answer.get("failed")]
    # Why it failed is not to be taken for a job that somebody could wait for.
    return {**result, "busy": {}, "failed": True, "msg": "; ".join(failed)} if failed else result
