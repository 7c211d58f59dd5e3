# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills the play with SIGKILL after a number of task results, and writes down how many there were."""

from __future__ import annotations

DOCUMENTATION = r"""
name: kill_after
type: notification
short_description: Kill the play after a number of task results
description:
  - For tests. Appends the name of each task that has a result to the file C(KILL_AFTER_FILE); after C(KILL_AFTER) of them the
    whole process group is killed.
author:
  - action_packer contributors (@action-packer)
"""

import os
import signal
import typing as t

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    """Counts results of tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kill_after"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._left = int(os.environ.get("KILL_AFTER", "0"))

    def _count(self, result: t.Any) -> None:
        with open(os.environ["KILL_AFTER_FILE"], "a", encoding="utf-8") as file:
            file.write(f"{result.task.get_name()}\n")
        self._left -= 1
        if self._left == 0:
            os.killpg(os.getpgrp(), signal.SIGKILL)

    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_skipped = _count
