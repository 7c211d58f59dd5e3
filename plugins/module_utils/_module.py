# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What every module does at its edge: run commands and turn errors into a failed task."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result, Run


def runner(module: AnsibleModule) -> Run:
    """A command runner over ``module.run_command``, with a fixed locale."""

    def run(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        environment = {"LC_ALL": "C", "LANG": "C", **(env or {})}
        rc, out, err = module.run_command(
            list(argv),
            data=stdin,
            binary_data=True,
            environ_update=environment,
            handle_exceptions=False,
            errors="replace",
        )
        return Result(rc, out, err)

    def guarded(argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = "") -> Result:
        try:
            return run(argv, env, stdin)
        except (OSError, ValueError) as error:
            return Result(127, "", str(error))

    return guarded
