# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a command line, and the same words in the environment."""

from __future__ import annotations

import os
import typing as t

VALUES = {
    "configure": {"url", "token", "name", "runnergroup", "labels", "work"},
    "remove": {"token"},
    "run": {"jitconfig", "startuptype"},
}
FLAGS = {
    "configure": {"unattended", "replace", "ephemeral", "disableupdate", "no-default-labels"},
    "remove": {"unattended", "local"},
    "run": {"once"},
}
_INPUT = "ACTIONS_RUNNER_INPUT_"


class WordsError(Exception):
    """What was given cannot be done."""


class Words:
    """``values`` and ``flags`` by their names without dashes. A word of the command line wins over the environment, the first over later ones."""

    def __init__(self, command: str, argv: t.Sequence[str]) -> None:
        self._command = command
        self.values: t.Dict[str, str] = {}
        self.flags: t.Set[str] = set()
        given = list(argv)
        while given:
            self._take(given)
        self._read_environment()

    def _take(self, given: t.List[str]) -> None:
        word = given.pop(0)
        name = word[2:].lower()
        if word.startswith("--") and name in FLAGS[self._command]:
            self.flags.add(name)
        elif word.startswith("--") and name in VALUES[self._command] and given and not given[0].startswith("-"):
            self.values.setdefault(name, given.pop(0))
        else:
            # The real runner says so and goes on.
            raise WordsError(
                f"Unrecognized command-line input arguments for command {self._command}: '{word}'. For usage refer to: ./config.sh --help"
            )

    def _read_environment(self) -> None:
        """Each input is taken out of the environment, so that no job finds it there."""
        for key in [key for key in os.environ if key.upper().startswith(_INPUT)]:
            name, text = key[len(_INPUT) :].lower(), os.environ.pop(key)
            if name in VALUES[self._command] and text:
                self.values.setdefault(name, text)
            elif name.replace("_", "-") in FLAGS[self._command] and text.lower() == "true":
                self.flags.add(name.replace("_", "-"))
