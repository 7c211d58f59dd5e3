# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what each task returned into a file, for the fixtures of pytest_plugin.py."""

from __future__ import annotations

DOCUMENTATION = r"""
name: macsim_results
type: notification
short_description: Write what each task returned into a file
description:
  - For tests. Appends a line of JSON for each task that was not skipped to the file C(MACSIM_RESULTS).
author:
  - action_packer contributors (@action-packer)
"""

import json
import os
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """One line a result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "macsim_results"

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write(result, failed=False)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._write(result, failed=True)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._write(result, failed=True, unreachable=True)

    def _write(self, result: t.Any, **outcome: bool) -> None:
        row = {**result.result, "task": result.task.get_name(), **outcome}
        with open(os.environ["MACSIM_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")
