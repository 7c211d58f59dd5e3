# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""What macOS would refuse, and what was not understood here."""

from __future__ import annotations

import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt import operations, vocabulary
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.findings import Found
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.profile import Profile
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Filter, Hole, Opaque, Problem, Rule

#: Less than what macOS takes, which is 65535.
MOST_PATTERN_BYTES = 60_000
#: Beyond that compiling takes seconds.
MOST_PORTS = 4000


def _problems(profile: Profile) -> t.Iterator[Found]:
    for problem in profile.problems:
        yield Found(_id(problem), problem.form, problem.message, problem.at)


def _id(problem: Problem) -> str:
    if problem.code != "unbound":
        return problem.code
    name = problem.message.rpartition(": ")[2]
    # A name with these beginnings or endings was meant as an operation, even where no version has it.
    if operations.ever_known(name) or name.endswith("*"):
        return "unknown-operation"
    return "unknown-filter" if vocabulary.ever_known(name) else "unbound-name"


def _version(profile: Profile) -> t.Iterator[Found]:
    if not profile.versions and profile.forms:
        yield Found("version", profile.forms[0], "no version specified")
    for form in profile.forms:
        if form.head() == "version" and form.items[1:] != [1]:
            yield Found("version", form, "a version that is not 1")


def _holes(profile: Profile) -> t.Iterator[Found]:
    """What was not understood, but for what cannot be, since it is wrong."""
    wrong = [problem.form for problem in profile.problems]
    for rule in profile.rules:
        if wrong and any(_contains(rule.form, form) for form in wrong):
            continue
        if isinstance(rule, Hole):
            yield Found("not-understood", rule.form, rule.why)
            continue
        for one in flat(rule):
            for value in one.values:
                if isinstance(value, Opaque):
                    yield Found("not-understood", rule.form, value.why)


def _contains(form: Form, wanted: Form) -> bool:
    return form is wanted or any(_contains(item, wanted) for item in form.items if isinstance(item, Form))


def _sizes(profile: Profile) -> t.Iterator[Found]:
    size = ports = 0
    for rule in profile.rules:
        if not isinstance(rule, Rule):
            continue
        before = size, ports
        for one in flat(rule):
            if one.name == "path":
                size += sum([len(value) for value in one.values if isinstance(value, str)])
            elif one.name in ("local", "remote"):
                ports += 1
        if before[0] <= MOST_PATTERN_BYTES < size:
            yield Found("pattern-size", rule.form, f"from here on there are more than {MOST_PATTERN_BYTES} bytes of patterns")
        if before[1] <= MOST_PORTS < ports:
            yield Found("port-count", rule.form, f"from here on there are more than {MOST_PORTS} filters on addresses")


def flat(rule: Rule) -> t.Sequence[Filter]:
    """The filters of a rule, and those inside them."""
    if rule.flat is None:
        found = list(rule.filters)
        for one in found:
            # Grows while it is gone through, by what is inside.
            found += [value for value in one.values if isinstance(value, Filter)]
        rule.flat = tuple(found)
    return rule.flat


CHECKS = (_problems, _version, _holes, _sizes)
