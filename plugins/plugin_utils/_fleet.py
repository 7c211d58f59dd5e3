# Copyright (c) 2026, action_packer contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: its interface may change at any time.

"""From Ansible's variables to the plain data that the core takes."""

from __future__ import annotations

import collections.abc as c
import gc
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.action_packer.mac_runners.plugins.module_utils._capacity.fleet import (
    GITHUB,
    MEASURED,
    VARIABLES,
    as_data,
    github_url,
    plan_fleet,
)

#: Set by the role C(capacity) on a Mac that could not be read.
FAILURE = "capacity_failure"

_SCALARS = (str, int, float, type(None))


def plain(value: t.Any) -> t.Any:
    """Copy ``value`` into dicts and lists of Python's own; Ansible's are templated as they are read."""
    # What most values are is asked first: the general question is a slow one.
    if isinstance(value, (dict, c.Mapping)):
        return {str(key): item if isinstance(item, _SCALARS) else plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if isinstance(item, _SCALARS) else plain(item) for item in value]
    return value


def variables_of(host: t.Mapping[str, t.Any], target: bool = False) -> t.Dict[str, t.Any]:
    """The variables of one host that a plan reads; each is read once, since reading templates it.

    A Mac that could not be read has facts that say why, and so counts as full.
    ``target``: whether it is read too where the Mac's runners register, which is said beside secrets that may not be at hand.
    """
    found = {name: plain(host[name]) for name in VARIABLES if name in host}
    if target:
        found[GITHUB] = {"url": github_url({GITHUB: _github(host)})}
    facts = host.get("ansible_facts", {})
    if FAILURE in host:
        found[MEASURED] = {"unread": [str(host[FAILURE])]}
    elif MEASURED in facts:
        found[MEASURED] = plain(facts[MEASURED])
    elif MEASURED in host:
        found[MEASURED] = plain(host[MEASURED])
    return found


def _github(host: t.Mapping[str, t.Any]) -> t.Any:
    try:
        return host[GITHUB] if GITHUB in host else None
    except AnsibleError:
        return None


def plan_data(fleet: t.Mapping[str, t.Mapping[str, t.Any]], **options: t.Any) -> t.Dict[str, t.Any]:
    """The plan of a fleet as data; ``options`` are those of ``plan_fleet``."""
    # A plan makes no cycles: the collector would only walk the growing result, a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return as_data(plan_fleet(fleet, **options))
    finally:
        if collecting:
            gc.enable()
