# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Oracle against core, on fleets at random.

Usage: compare.py [--seed S] [--count N] [--jobs J] [--first N]; exit code 0 when they agree on all.
A disagreement is printed with the smallest fleet that still shows it, both opinions, and the command that shows it again.
"""

from __future__ import annotations

import argparse
import copy
import json
import multiprocessing
import pathlib
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".ansible" / "collections")]

from ansible_collections.action_packer.mac_runners.plugins.filter.capacity_plan import capacity_plan  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.runner_versions import parse_answers  # noqa: E402

from ansible_collections.action_packer.mac_runners.plugins.plugin_utils._fleet import plan_data, variables_of  # noqa: E402

from tests.oracle import brute, generator, moves, oracle  # noqa: E402

MISTAKES = {"input", "names"}
# What a Mac whose variables cannot be read does to the others is not said.
OF_THE_FLEET = {"names", "tart-licence"}
Fleet = dict[str, dict[str, Any]]


def planned(fleet: Fleet, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of the code under test; only the module fleet_plan can leave Macs unasked."""
    plan: dict[str, Any]
    if arguments["unasked"]:
        versions = arguments["versions"] and parse_answers(arguments["versions"])
        plan = plan_data({name: variables_of(variables, target=True) for name, variables in fleet.items()}, **{**arguments, "versions": versions})
    else:
        plan = capacity_plan(fleet, **{name: value for name, value in arguments.items() if name != "unasked"})
    return plan


def core_opinion(plan: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"fits": mac["fits"], "free": mac["free"], "checks": {violation["check"] for violation in mac["violations"]}, "ending": ending(mac["warnings"])}
        for name, mac in plan["macs"].items()
    }


def ending(warnings: list[str]) -> dict[str, str]:
    """By pool: from when on its runner is of no use, or that this is not known."""
    found = [re.match(r"pool (\S+): (?:the runner \S+ .* at \S+ from (\S+) on; pin |it is (not known) until when )", line) for line in warnings]
    return {match[1]: match[2] or match[3] for match in found if match}


def differences(fleet: Fleet, arguments: Mapping[str, Any]) -> list[str]:
    """Everything on which oracle and core do not agree, one sentence each."""
    plan = planned(fleet, arguments)
    core = core_opinion(plan)
    mine = oracle.judge(fleet, arguments["now"], arguments["unreachable"], arguments["unasked"], arguments["versions"])
    if set(core) != set(mine):
        return [f"Macs: core has {sorted(core)}, oracle has {sorted(mine)}"]
    if any(only_of_the_fleet(core[name], mine[name]) for name in mine) and oracle.unreadable(fleet):
        return []
    found = []
    for name in mine:
        found += [f"{name}: {sentence}" for sentence in different_verdicts(core[name], mine[name], name in arguments["unreachable"])]
    fits = all(one["fits"] for name, one in mine.items() if name not in arguments["unreachable"])
    fits = fits and not (arguments["refuse_unreachable"] and arguments["unreachable"])
    if plan["fits"] != fits:
        found.append(f"fleet: core says fits {plan['fits']}, oracle {fits}")
    if not found:
        found += different_changes(fleet, arguments, plan, mine)
    return found


def only_of_the_fleet(core: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    apart = core["checks"] ^ mine["checks"]
    return not mine["wrong"] and bool(apart) and apart <= OF_THE_FLEET


def different_verdicts(core: Mapping[str, Any], mine: Mapping[str, Any], away: bool) -> Iterator[str]:
    if core["fits"] != mine["fits"]:
        yield f"core says fits {core['fits']} {sorted(core['checks'])}, oracle {mine['fits']} {sorted(mine['checks'])}"
    elif mine["wrong"]:
        if not mine["checks"] & MISTAKES <= core["checks"]:
            yield f"core finds {sorted(core['checks'])}, oracle {sorted(mine['checks'])}"
    elif core["checks"] != mine["checks"]:
        yield f"core finds {sorted(core['checks'])}, oracle {sorted(mine['checks'])}"
    elif core["ending"] != mine.get("ending", {}):
        yield f"core warns of runners {core['ending']}, oracle {mine.get('ending', {})}"
    elif core["free"] != mine["free"] and not away:
        yield f"core has {core['free']} bytes left, oracle {mine['free']}"


def different_changes(fleet: Fleet, arguments: Mapping[str, Any], plan: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name, mac in plan["macs"].items():
        if name in arguments["unreachable"]:
            continue
        if mine[name]["fits"] or mine[name]["hopeless"]:
            if mac["changes"] or mac["moves"]:
                found.append(f"{name}: a change is proposed though none can help: {mac['changes'] + mac['moves']}")
        else:
            found += [f"{name}: {sentence}" for sentence in moves.objections(fleet, name, arguments, mac["moves"], mine)]
            found += [f"{name}: {sentence}" for sentence in brute.objections(fleet, name, arguments, mac["changes"])]
    return found


def check(seed: int) -> list[str]:
    fleet, arguments = generator.generate(seed)
    try:
        return differences(fleet, arguments)
    except Exception as error:  # noqa: BLE001  a traceback is a disagreement like any other
        return [f"{type(error).__name__}: {error}"]


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything that could be left out, the largest first."""
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))[::-1]
        for key in keys:
            yield (*path, key)
        for key in keys:
            yield from parts(value[key], (*path, key))


def without(fleet: Fleet, path: tuple[Any, ...]) -> Fleet:
    smaller = copy.deepcopy(fleet)
    inner: Any = smaller
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return smaller


def theme(found: list[str]) -> str:
    """What kind of disagreement it is, so that shrinking does not wander to another."""
    sentence = re.sub(r"^[^:]*: ", "", found[0]) if found else ""
    lists = [set(re.findall(r"'([a-z-]+)'", text)) for text in re.findall(r"\[([^\]]*)\]", sentence)]
    between = sorted(lists[0] ^ lists[1]) if len(lists) == 2 else []
    return re.sub(r"[-0-9]+|\[.*?\]|\{.*", "", sentence) + str(between)


def minimised(fleet: Fleet, arguments: Mapping[str, Any]) -> Fleet:
    wanted = theme(differences(fleet, arguments))
    shrinking = True
    while shrinking:
        shrinking = False
        for path in list(parts(fleet)):
            smaller = without(fleet, path)
            try:
                same = theme(differences(smaller, arguments)) == wanted
            except Exception:  # noqa: BLE001  what cannot be judged is no smaller example
                same = False
            if same:
                fleet, shrinking = smaller, True
                break
    return fleet


def command(seed: int) -> str:
    return f".venv/bin/python tests/oracle/compare.py --seed {seed} --count 1"


def shown(seed: int) -> str:
    """A disagreement for people: the smallest fleet, both opinions, how to see it again."""
    fleet, arguments = generator.generate(seed)
    try:
        fleet = minimised(fleet, arguments)
        found = differences(fleet, arguments)
    except Exception:  # noqa: BLE001
        found = check(seed)
    lines = [f"seed {seed}", *[f"  {sentence}" for sentence in found], json.dumps(fleet, indent=1), json.dumps(arguments), command(seed)]
    return "\n".join(lines)


def block(seeds: range) -> list[tuple[int, list[str]]]:
    return [(seed, found) for seed in seeds if (found := check(seed))]


def compare(first: int, count: int, jobs: int = 2, most: int = 10**9) -> list[tuple[int, list[str]]]:
    """Seeds on which oracle and core disagree, with what they disagree on; at most about `most` of them."""
    size = 500
    blocks = [range(start, min(start + size, first + count)) for start in range(first, first + count, size)]
    failures: list[tuple[int, list[str]]] = []
    if jobs == 1 or len(blocks) == 1:
        for seeds in blocks:
            failures += block(seeds)
            if len(failures) >= most:
                break
        return failures
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for some in pool.imap_unordered(block, blocks):
            failures += some
            if len(failures) >= most:
                break
    return sorted(failures)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=20_000, help="how many fleets")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, default=3, help="how many disagreements are shown whole")
    given = parser.parse_args(arguments)
    failures = compare(given.seed, given.count, given.jobs)
    for seed, _found in failures[: given.show]:
        print(shown(seed))
    print(f"{given.count} fleets from seed {given.seed}: {len(failures)} disagreements")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
