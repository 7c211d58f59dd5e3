# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: its interface may change at any time.

"""A profile that was read and evaluated: its rules in order, what macOS would refuse in it, and what was not understood."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.errors import CompileError
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.forms import SPECIALS
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.machine import Env, ExhaustedError, Limits, Run
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.macros import expand
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.nodes import Form
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.operations import model_of
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.reader import read
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.values import Hole, Problem, Rule
from ansible_collections.action_packer.mac_runners.plugins.module_utils._seatbelt.verbs import statements, world_of

#: The version of macOS that profiles are judged by when none is named.
NEWEST = "26.0"


@dataclasses.dataclass(frozen=True)
class Profile:
    """``model`` is the version of macOS whose tables were used."""

    model: str
    forms: t.Tuple[Form, ...]
    rules: t.Tuple[t.Union[Rule, Hole], ...]
    problems: t.Tuple[Problem, ...]
    versions: t.Tuple[t.Any, ...]
    #: Operation -> rules that name it and have filters, rules that name it and have none; in the order of the text, with the holes.
    filtered: t.Mapping[str, t.Sequence[t.Union[Rule, Hole]]]
    unfiltered: t.Mapping[str, t.Sequence[t.Union[Rule, Hole]]]
    holes: t.Tuple[Hole, ...]
    #: The operations that stand for several, as far as a rule names them.
    starred: t.Tuple[str, ...] = ()

    def refused(self) -> str:
        """The first thing for which macOS would refuse to compile the profile, with its place, or nothing."""
        for problem in self.problems:
            if problem.certain:
                return f"{place_of(problem.form, problem.at)}: {problem.message}"
        return "" if self.versions else f"{self.forms[0].source.name if self.forms else 'profile'}: no version specified"


def load(
    text: str,
    params: t.Optional[t.Mapping[str, str]] = None,
    imports: t.Optional[t.Mapping[str, str]] = None,
    macos: str = NEWEST,
    name: str = "profile",
    limits: Limits = Limits(),
) -> Profile:
    """Read and evaluate a profile. ``imports`` are the texts of files by the names that ``import`` gives them.

    Raises :class:`ReadError` for a text that is no profile, here or in an import, and ValueError for what is no version of macOS.
    """
    model = model_of(macos)
    forms = read(text, name)
    run = Run(model, SPECIALS, expand, Env({}, world_of(model)), params or {}, imports or {}, limits)
    try:
        statements(run, forms)
    except ExhaustedError as error:
        run.hole(f"nothing from here on was evaluated: {error}", run.top or forms[0])
    return _indexed(run, forms)


def compiled(profile: Profile) -> Profile:
    """The profile, or :class:`CompileError` when macOS would refuse it."""
    refused = profile.refused()
    if refused:
        raise CompileError(f"macOS would not compile this profile: {refused}")
    return profile


def place_of(form: Form, at: t.Optional[int] = None) -> str:
    """Where something stands, for people."""
    line, column = form.source.position(form.at if at is None else at)
    return f"{form.source.name}, line {line}, column {column}"


def _indexed(run: Run, forms: t.List[Form]) -> Profile:
    holes = [rule for rule in run.rules if isinstance(rule, Hole)]
    tables: t.Tuple[t.Dict[str, t.List[t.Any]], t.Dict[str, t.List[t.Any]]] = ({}, {})
    for rule in run.rules:
        if isinstance(rule, Rule):
            table = tables[0 if rule.filters else 1]
            for operation in rule.operations:
                table.setdefault(operation, []).append(rule)
    if holes:
        for table in tables:
            for found in table.values():
                found.extend(holes)
                found.sort(key=lambda one: one.index)
    starred = tuple(name for name in {**tables[0], **tables[1]} if name.endswith("*"))
    return Profile(run.model, tuple(forms), tuple(run.rules), tuple(run.problems), tuple(run.versions), *tables, tuple(holes), starred)
