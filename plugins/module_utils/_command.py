# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""The seam to the tools of a Mac: a command runner that the edge injects."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._errors import MacRunnersError


class Result(t.NamedTuple):
    """How a command ended and what it printed."""

    rc: int
    stdout: str
    stderr: str


class Run(t.Protocol):
    """Runs ``argv`` without a shell and returns its result, whatever the exit code.

    ``env`` is added to the environment, ``stdin`` is what the command reads (empty by
    default). A command that cannot be started returns rc 127, as a shell would say.
    """

    def __call__(
        self, argv: t.Sequence[str], env: t.Optional[t.Mapping[str, str]] = None, stdin: str = ""
    ) -> Result: ...


class CommandError(MacRunnersError):
    """A command failed where it must not."""

    def __init__(self, argv: t.Sequence[str], result: Result) -> None:
        said = (result.stderr.strip() or result.stdout.strip() or "it said nothing")[-2000:]
        super().__init__(f"{' '.join(argv)} ended with {result.rc}: {said}")
        self.result = result


def must(run: Run, argv: t.Sequence[str], **options: t.Any) -> str:
    """Run a command that has to succeed; return its standard output."""
    result = run(argv, **options)
    if result.rc != 0:
        raise CommandError(argv, result)
    return result.stdout
