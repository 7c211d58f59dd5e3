# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What a profile decides, by the measured order of its rules.

For an operation: the last of its filtered rules that holds; else its rule without filters, wherever it stands; else, for a terminal
operation, what is built in; else the same for its parent, up to ``default``. Where that leaves more than one answer possible, or
nobody has measured the order, the answer is unknown and names the rules behind it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.matching import matches, rule_matches
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import Operation, below, operations_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.printer import write
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile, compiled
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.question import Question, ask, operation_named
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import ALLOW, DENY, Filter, Hole, Rule

UNKNOWN = "unknown"
Stated = t.Union[Rule, Hole]

#: How well it is known that macOS decides so, the best first.
CONFIDENCE = ("measured", "tables", "derived", "none")


class Decision(t.NamedTuple):
    """``step`` is filtered, unfiltered, implicit, derived or default, ``operation`` the one whose rules decided.

    ``rules`` are the deciding rule, or all that leave the answer open.
    """

    verdict: str
    operation: str
    step: str
    confidence: str
    rules: t.Tuple[Stated, ...]
    why: str


class _Open(t.NamedTuple):
    """A rule or hole that may decide instead of what comes after it."""

    action: str
    rule: Stated


def decide(profile: Profile, operation: str, argument: t.Optional[str] = None) -> Decision:
    """The decision of a profile. Raises :class:`CompileError` and :class:`QuestionError`.

    Of an operation that stands for several, such as ``file-read*``, each is asked, and an answer given only if all agree.
    """
    compiled(profile)
    named = operation_named(operation, profile.model)
    # A process is executed under the name with the star.
    parts = below(profile.model, named.name) if named.name.endswith("*") and named.name != "process-exec*" else ()
    if not parts:
        return decide_one(profile, named, ask(named, argument))
    known = operations_of(profile.model)
    return _agreed(named.name, [decide_one(profile, known[part], ask(known[part], argument)) for part in parts if not part.endswith("*")])


def _agreed(name: str, decisions: t.Sequence[Decision]) -> Decision:
    if len({one.verdict for one in decisions}) == 1:
        return max(decisions, key=lambda one: CONFIDENCE.index(one.confidence))
    rules = tuple(dict((rule.index, rule) for one in decisions for rule in one.rules).values())
    return Decision(UNKNOWN, name, "", "none", rules, f"the operations that {name} stands for are decided differently: ask about one of them")


def decide_one(profile: Profile, operation: Operation, question: Question) -> Decision:
    """The decision on one operation of a profile that compiles."""
    waiting: t.List[_Open] = []
    settled = _settle(profile, operation, question, waiting)
    if settled.verdict == UNKNOWN or not waiting or all(one.action == settled.verdict for one in waiting):
        return settled
    rules = tuple(dict.fromkeys(one.rule.index for one in waiting))
    found = tuple(profile.rules[index] for index in rules) + settled.rules
    return Decision(UNKNOWN, operation.name, "", "none", found, _doubt(waiting))


def _doubt(waiting: t.Sequence[_Open]) -> str:
    for one in waiting:
        if isinstance(one.rule, Hole):
            return f"something that was not understood may decide it: {one.rule.why}"
    if any(isinstance(one.rule, Rule) and not one.rule.certain for one in waiting):
        return "whether one of these rules is reached depends on something that was not understood"
    return "whether one of these rules holds was not asked, or has not been measured on a Mac"


def _settle(profile: Profile, operation: Operation, question: Question, waiting: t.List[_Open]) -> Decision:
    """The decision if nothing in ``waiting``, to which it adds, holds."""
    found = _filtered(profile, operation, question, waiting) or _unfiltered(profile, operation, waiting)
    if found is not None:
        return found
    if operation.name == "default":
        return Decision(DENY, "default", "default", "measured", (), "no rule names default, and macOS then denies")
    if operation.parent == "":
        why = f"without a rule on it, {operation.name} is {'allowed' if operation.implicit == ALLOW else 'denied'}, whatever default says"
        return Decision(operation.implicit, operation.name, "implicit", "tables", (), why)
    known = operations_of(profile.model)
    if operation.parent is None:
        return _derived(profile, operation, question, waiting)
    above = _settle(profile, known[operation.parent], question, waiting)
    return above if operation.sure else _either_way(profile, operation, question, waiting, above)


def _filtered(profile: Profile, operation: Operation, question: Question, waiting: t.List[_Open]) -> t.Optional[Decision]:
    rules = profile.filtered.get(operation.name, profile.holes)
    for rule in reversed(rules):
        if isinstance(rule, Hole):
            waiting.extend(_Open(action, rule) for action in ([rule.action] if rule.action else [ALLOW, DENY]))
            continue
        holds = rule_matches(rule, question)
        if holds and rule.certain:
            return _rivals(rules, rule, operation, question) or Decision(
                rule.action, operation.name, "filtered", "measured", (rule,), f"the last rule with filters on {operation.name} that holds"
            )
        if holds is not False:
            waiting.append(_Open(rule.action, rule))
    return None


def _rivals(rules: t.Sequence[Stated], winner: Rule, operation: Operation, question: Question) -> t.Optional[Decision]:
    """How ``require-not`` competes with other rules nobody has measured."""
    others = [
        rule
        for rule in rules
        if rule.action != winner.action and isinstance(rule, Rule) and (rule.negates or winner.negates) and _involved(rule, question)
    ]
    if not others:
        return None
    why = "a rule with require-not competes with another rule, and nobody has measured which decides"
    return Decision(UNKNOWN, operation.name, "filtered", "none", (winner, *others), why)


def _involved(rule: Rule, question: Question) -> bool:
    """Whether a rule would hold if its ``require-not`` were read in one way or another."""
    if not rule.negates:
        return rule_matches(rule, question) is not False
    return any(_positive(one, question) for one in rule.filters)


def _positive(given: t.Any, question: Question) -> bool:
    if not isinstance(given, Filter) or given.name == "require-not":
        return True
    if given.name == "require-all":
        return all(_positive(one, question) for one in given.values)
    if given.name == "require-any":
        return any(_positive(one, question) for one in given.values)
    return matches(given, question) is not False


def _unfiltered(profile: Profile, operation: Operation, waiting: t.List[_Open]) -> t.Optional[Decision]:
    # The holes are in ``waiting`` already.
    rules = [rule for rule in profile.unfiltered.get(operation.name, ()) if isinstance(rule, Rule)]
    if not rules:
        return None
    certain = [rule for rule in rules if rule.certain]
    waiting.extend(_Open(rule.action, rule) for rule in rules if not rule.certain)
    if not certain:
        return None
    if len({rule.action for rule in certain}) > 1:
        why = f"several rules without filters on {operation.name} contradict each other, and nobody has measured which decides"
        return Decision(UNKNOWN, operation.name, "unfiltered", "none", tuple(certain), why)
    why = f"the rule without filters on {operation.name}, as none with filters holds"
    return Decision(certain[-1].action, operation.name, "unfiltered", "measured", (certain[-1],), why)


def _derived(profile: Profile, operation: Operation, question: Question, waiting: t.List[_Open]) -> Decision:
    """An operation of which only is known what compiled profiles that deny by default do with it."""
    near = [name for name in profile.starred if operation.name.startswith(name[:-1])]
    default = _settle(profile, operations_of(profile.model)["default"], question, waiting)
    rules = tuple(rule for name in near for rule in (*profile.filtered.get(name, ()), *profile.unfiltered.get(name, ())) if isinstance(rule, Rule))
    if rules or default.verdict not in (DENY, operation.derived):
        why = f"nobody knows which operation {operation.name} falls back to"
        return Decision(UNKNOWN, operation.name, "derived", "none", rules + default.rules, why)
    allowed = "allow" if operation.derived == ALLOW else "deny"
    return Decision(operation.derived, operation.name, "derived", "derived", (), f"without a rule on it, compiled profiles of macOS 14.4 {allowed} it")


def _either_way(profile: Profile, operation: Operation, question: Question, waiting: t.List[_Open], above: Decision) -> Decision:
    """The likely parent and default must agree, or nothing is known."""
    default = _settle(profile, operations_of(profile.model)["default"], question, waiting)
    if default.verdict == above.verdict:
        return above._replace(confidence="derived")
    why = f"that {operation.name} falls back to {operation.parent} is likely, and not measured"
    return Decision(UNKNOWN, operation.name, "", "none", above.rules + default.rules, why)


def shown(rule: Stated) -> t.Dict[str, t.Any]:
    """A rule for people: where it stands, and its text. One that a function made also has the place of the call."""
    line, column = rule.form.position()
    data: t.Dict[str, t.Any] = {"file": rule.form.source.name, "line": line, "column": column, "text": write([rule.form]).strip()}
    top = rule.top if isinstance(rule, Rule) else rule.form
    if top is not rule.form:
        data["called_from"] = {"file": top.source.name, "line": top.position()[0], "text": write([top]).strip()}
    return data
