# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask GitHub about the runners of a fleet; documented in the module of the same name."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import variables_of
from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._versions import answer_of, credential_of, versions_of

_SPEC: dict[str, dict[str, t.Any]] = {"hosts": {"type": "list", "elements": "str", "required": True}}
_ASKS = "action_packer.mac_runners.github_runners_info"


class ActionModule(ActionBase):
    """The action fleet_versions."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Ask once for each target; skip when there is nothing to ask."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=_SPEC)
        warnings: list[str] = []
        questions = _questions(arguments["hosts"], task_vars["hostvars"], warnings)
        result["warnings"] = list(dict.fromkeys(warnings))
        if not questions:
            return {**result, "skipped": True, "skip_reason": "no version of a runner is known, or no credential for GitHub"}
        answers = {url: answer_of(self._ask(options, task_vars)) for url, options in questions.items()}
        return {**result, "changed": False, "versions": answers}

    def _ask(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", self._execute_module(module_name=_ASKS, module_args=options, task_vars=task_vars))


def _questions(hosts: list[str], hostvars: t.Mapping[str, t.Any], warnings: list[str]) -> dict[str, dict[str, t.Any]]:
    """By target: the options of the module that asks, with the credential and the proxy of the first Mac that has a credential.

    A Mac without a credential costs one look at one variable: fleets are large.
    """
    questions: dict[str, dict[str, t.Any]] = {}
    for name in hosts:
        host = hostvars[name]
        credential = _credential(host, warnings)
        for url, version in versions_of(variables_of(host, target=True)) if credential else ():
            options = {**credential, "url": url, "runners": False, "runner_versions": [], "downloads": True}
            versions = questions.setdefault(url, options)["runner_versions"]
            if version not in versions:
                versions.append(version)
    return questions


def _credential(host: t.Mapping[str, t.Any], warnings: list[str]) -> dict[str, t.Any]:
    """A plan needs no secret: one that is not at hand leaves out the question."""
    try:
        return credential_of(host)
    except AnsibleError as error:
        warnings.append(f"GitHub is not asked about versions of the runner, since mac_runners_github cannot be read: {error}")
        return {}
