# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated profiles against the naive model, on policies at random.

    .venv/bin/python tests/seatbelt/compare.py --seed 1 --count 10000
    .venv/bin/python tests/seatbelt/compare.py --seed 4711 --count 1     # one Mac again

For each: the profile compiles, the linter finds nothing, every decision is the model's, and no slot reaches what belongs to another.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from typing import Any, Dict, List, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / ".ansible" / "collections")]

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import (
    decision,
    lint,
    policy_read,
    printer,
    profile,
    reader,
    render,
)  # noqa: E402
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import PolicyError  # noqa: E402

from tests.seatbelt import generator, model  # noqa: E402

QUESTIONS = 40
WRITING = ("file-write-data", "file-write-create", "file-write-unlink", "file-write-mode", "file-link", "file-ioctl")
READING = ("file-read-data", "file-read-metadata", "file-read-xattr", "file-clone", "process-exec", "file-map-executable")
CONNECTING = ("network-outbound", "network-bind", "network-inbound")


class Tally(NamedTuple):
    """What was compared: policies that were taken, policies that were refused, decisions by verdict."""

    policies: int
    refused: int
    verdicts: Dict[str, int]
    failures: List[str]


def compare(seed: int, count: int, questions: int = QUESTIONS) -> Tally:
    """Policies from ``seed`` on until ``count`` were taken."""
    taken = refused = 0
    verdicts = {"allow": 0, "deny": 0, "unknown": 0}
    failures: List[str] = []
    while taken < count:
        policies = generator.mac(seed)
        for number, raw in enumerate(policies):
            try:
                text = render.render(policy_read.parse_sandbox(raw))
            except PolicyError:
                refused += 1
                continue
            taken += 1
            found = check(text, policies, number, seed, questions, verdicts)
            failures += [f"seed {seed}, slot {number}: {one}" for one in found]
        seed += 1
    return Tally(taken, refused, verdicts, failures)


def check(text: str, policies: List[Dict[str, Any]], number: int, seed: int, questions: int, verdicts: Dict[str, int]) -> List[str]:
    """What is wrong with the profile of one slot."""
    loaded = profile.load(text)
    if loaded.refused() or loaded.holes:
        return [f"does not compile: {loaded.refused()} {loaded.holes}"]
    failures = [f"lint: {one}" for one in lint.lint(loaded) if not one.accepted]
    if reader.read(printer.write(loaded.forms)) != list(loaded.forms):
        failures.append("it is read otherwise once it is printed")
    for operation, argument in generator.questions(policies, number, seed, questions):
        decided, wanted = decision.decide(loaded, operation, argument), model.judge(policies[number], operation, argument)
        verdicts[wanted] += 1
        if decided.verdict != wanted:
            failures.append(f"{operation} {argument}: the profile says {decided.verdict} ({decided.step} {decided.why}), the model {wanted}")
    return failures + interference(loaded, policies[number])


def interference(loaded: profile.Profile, policy: Dict[str, Any]) -> List[str]:
    """What of other slots is not denied, beside what is shared. The paths are those of ``others``, whatever presets there are."""
    shared = policy.get("shared", [])
    failures = []
    for path in policy.get("others", []):
        for victim in (path, path + "/work/src/main.c", path + "/pub/x", path + "/.ssh/id_ed25519", path + "/Library/Developer/Xcode/x"):
            open_to_all = any(victim == one or victim.startswith(one + "/") for one in shared)
            operations = (*WRITING, *CONNECTING, *(READING[3:] if open_to_all else READING))
            for operation in operations:
                if decision.decide(loaded, operation, victim).verdict != "deny":
                    failures.append(f"{operation} {victim} of another slot is not denied")
    return failures


def main() -> int:
    """Compare as the command line says; the number of failures, at most 1."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--count", type=int, default=10_000, help="policies")
    arguments.add_argument("--questions", type=int, default=QUESTIONS, help="about paths, for each policy")
    given = arguments.parse_args()
    tally = compare(given.seed, given.count, given.questions)
    print("\n".join(tally.failures[:20]))
    print(f"{tally.policies} policies, {tally.refused} more were refused; decisions: {tally.verdicts}; {len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
