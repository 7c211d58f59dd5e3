# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge a whole fleet on the controller; documented in the module of the same name."""

from __future__ import annotations

import json
import os
import tempfile
import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import VARIABLES
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.report import (
    refusal_report,
    summary_report,
)
from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import Answers, AnswersError, parse_answers
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plain, plan_data, variables_of

_SPEC: dict[str, dict[str, t.Any]] = {
    "hosts": {"type": "list", "elements": "str", "required": True},
    "unreachable": {"type": "list", "elements": "str", "default": []},
    "unasked": {"type": "list", "elements": "str", "default": []},
    "on_unreachable": {"type": "str", "choices": ["leave_out", "refuse"], "default": "leave_out"},
    "versions": {"type": "dict"},
    "plan_file": {"type": "path", "default": ""},
}


class ActionModule(ActionBase):
    """The action fleet_plan."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Plan, report, write the plan file and fail when the plan is refused."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=_SPEC)
        _refuse_play_variables(task_vars, self._templar.template)
        plan = _plan(arguments, task_vars["hostvars"])
        if arguments["plan_file"]:
            _write(arguments["plan_file"], plan)
        Display().display(summary_report(plan))
        if not plan["fits"]:
            raise AnsibleActionFail(refusal_report(plan))
        result.update(changed=False, fits=True, digest=plan["digest"], plan=plan)
        return result


def _plan(arguments: dict[str, t.Any], hostvars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The plan as data; the variables of each Mac are read once."""
    names = [*arguments["hosts"], *arguments["unasked"]]
    answers = _answers(arguments["versions"])
    fleet = {str(name): variables_of(hostvars[name], target=answers is not None) for name in names}
    return plan_data(
        fleet,
        unreachable=arguments["unreachable"],
        unasked=arguments["unasked"],
        refuse_unreachable=arguments["on_unreachable"] == "refuse",
        now=int(time.time()),
        versions=answers,
    )


def _answers(given: t.Any) -> dict[str, Answers] | None:
    try:
        return None if given is None else parse_answers(plain(given))
    except AnswersError as error:
        raise AnsibleActionFail(str(error)) from error


def _refuse_play_variables(task_vars: dict[str, t.Any], rendered: t.Callable[[t.Any], t.Any]) -> None:
    """A fleet is read host by host, where variables of a play or a role are not seen: what they
    would change must not go unseen. A task's variables come as they were written, a host's ``rendered``."""
    host = task_vars["hostvars"][task_vars["inventory_hostname"]]
    for name in VARIABLES:
        if name in task_vars and (name not in host or plain(host[name]) != plain(rendered(task_vars[name]))):
            raise AnsibleActionFail(
                f"{name} is set by the play or a role, where the plan of the whole fleet cannot see it; "
                "set it in the inventory or with -e"
            )


def _write(path: str, plan: dict[str, t.Any]) -> None:
    """Write the plan file as a whole or not at all."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".plan-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(plan, file, indent=2)
                file.write("\n")
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise AnsibleActionFail(f"the plan file {path} cannot be written: {error}") from error
