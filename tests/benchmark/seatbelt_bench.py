# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long sandbox profiles take: written and linted, and read; and whether reading grows with their length alone.

Alone: ``tests/gate/bench seatbelt``.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import lint, policy_read, profile, reader, render

ROUNDS = 30
LINES = 1000
SLOTS = 15

Figure = tuple[str, float, float]


def policy(presets: t.Sequence[str]) -> dict[str, t.Any]:
    """One of fifteen slots on a Mac, with a hundred ports of its own."""
    homes = [f"/Users/mac-runners-ci-{number}" for number in range(1, SLOTS + 1)]
    return {
        "name": "ci-1",
        "home": homes[0],
        "presets": presets,
        "work": [homes[0] + "/work", homes[0] + "/tmp"],
        "others": homes[1:],
        "network": "all",
        "ports": "20000-20099",
    }


def written_and_linted(given: dict[str, t.Any]) -> str:
    text = render.render(policy_read.parse_sandbox(given))
    found = [one for one in lint.lint_text(text) if not one.accepted]
    if found:
        raise RuntimeError(f"the profile of the benchmark is not clean: {found}")
    return text


def long_profile(lines: int) -> str:
    """Rules, functions and filters, one a line."""
    kinds = (
        '(allow file-read* (subpath "/opt/acme/{0}"))',
        '(deny file-write* file-write-unlink (literal "/private/var/acme/{0}") (with no-log))',
        '(allow mach-lookup (global-name "com.acme.service-{0}")) ; {0}',
        '(define (rule-{0} path) (allow file-read* (regex (string-append "^" path "/{0}$"))))',
        '(if (param "P{0}") (rule-{0} (param "P{0}")))',
    )
    return "(version 1)\n" + "\n".join(kinds[number % 5].format(number - number % 5) for number in range(lines)) + "\n"


def milliseconds(work: t.Callable[[], object]) -> float:
    """Processor time of the fastest of some calls: nothing is waited for, and other programs do not count."""
    times = []
    for _round in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1000


def run() -> list[Figure]:
    """(name, figure, limit); a figure above its limit is a failure."""
    usual, mixed = policy(["build"]), policy(["build", "xcode", "node", "strict"])
    short, long = long_profile(LINES), long_profile(10 * LINES)
    parsed, parsed_long = milliseconds(lambda: reader.read(short)), milliseconds(lambda: reader.read(long))
    evaluated = milliseconds(lambda: profile.load(short))
    return [
        ("sandbox profile of preset build, written and linted, ms", milliseconds(lambda: written_and_linted(usual)), 5.0),
        ("sandbox profile of all presets, written and linted, ms", milliseconds(lambda: written_and_linted(mixed)), 7.5),
        (f"sandbox profile parsed, ms for {LINES} lines", parsed, 20.0),
        (f"sandbox profile parsed and evaluated, ms for {LINES} lines", evaluated, 40.0),
        ("sandbox profile parsed, time a line, 10000 : 1000 lines", parsed_long / parsed / 10, 1.5),
    ]
