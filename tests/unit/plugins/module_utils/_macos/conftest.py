# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversations with tools, as scripts: a command that the script does not know fails the test."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.action_packer.mac_runners.plugins.module_utils._command import Result

Answer = t.Union[str, Result]


class Script:
    """Answers commands as told; everything else is an error."""

    def __init__(self, answers: t.Mapping[t.Sequence[str], Answer]) -> None:
        self._answers = {tuple(argv): answer for argv, answer in answers.items()}
        self.calls: t.List[t.Tuple[str, ...]] = []

    def __call__(
        self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = ""
    ) -> Result:
        self.calls.append(tuple(argv))
        answer = self._answers[tuple(argv)]
        return answer if isinstance(answer, Result) else Result(0, answer, "")


@pytest.fixture
def script() -> t.Type[Script]:
    return Script
